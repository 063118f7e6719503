//! `framelag impair`: the proxy alone.

use std::process::ExitCode;
use std::time::Duration;

use common::host::Stop;
use common::host::signals::{self, SecondSignal};
use common::impair::{Conditions, Counts};
use common::units::{parse_rate, parse_share};
use framelag::proxy::{Direction, Endpoint, Error, Network, Protocol, Proxy, delay};

use common::host::command_line::USAGE;

/// Proxies TCP or UDP with added delay, jitter, loss, reordering, duplication or a bandwidth limit.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag impair --listen tcp://127.0.0.1:9554 --to tcp://127.0.0.1:8554 --back-delay 50ms --delay 5ms
      receiver rtsp://127.0.0.1:9554/cam then sees pictures 50 ms later
  framelag impair --listen tcp://127.0.0.1:9554 --to tcp://127.0.0.1:8554 --delay 20ms --jitter 10ms --rate 2M
  framelag impair --listen udp://127.0.0.1:9123 --to udp://127.0.0.1:8123 --loss 1% --reorder 0.5% --seed 7
      datagrams to one port and their answers; the ports that RTSP negotiates for RTP are not proxied

Forward is from client to server, back is from server to client. A flag without back- applies to both
directions unless its back- counterpart is given too.

TCP loses nothing: a lost segment arrives 200 ms late, and so does everything behind it. A writer blocks
once 8 MiB are in flight, or --queue bytes wait for the bottleneck of --rate.

The same --seed with the same traffic at the same times is reproducible byte for byte.
Exit codes: 0 stopped by Ctrl-C, 1 cannot listen, 2 usage error.")]
pub struct Args {
    /// Where clients connect.
    #[arg(long, value_name = "tcp://HOST:PORT|udp://HOST:PORT")]
    listen: Endpoint,
    /// The server behind it.
    #[arg(long, value_name = "tcp://HOST:PORT|udp://HOST:PORT")]
    to: Endpoint,
    /// Delay added to everything.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = delay)]
    delay: Duration,
    /// Maximum random delay added on top, uniformly distributed; order is kept.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = delay)]
    jitter: Duration,
    /// Share that is lost; less than 100% for TCP.
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = parse_share)]
    loss: f64,
    /// Share that is held back and overtaken by others (UDP).
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = parse_share)]
    reorder: f64,
    /// How long reordered datagrams are held back at most.
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = delay)]
    hold: Duration,
    /// Share that is duplicated (UDP).
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = parse_share)]
    duplicate: f64,
    /// Bandwidth limit in bits per second [default: none].
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    rate: Option<u64>,
    /// Bytes that may queue at the bandwidth limit.
    #[arg(long, value_name = "BYTES", default_value_t = Conditions::default().queue_bytes)]
    queue: usize,
    /// --delay from server to client.
    #[arg(long, value_name = "TIME", value_parser = delay)]
    back_delay: Option<Duration>,
    /// --jitter from server to client.
    #[arg(long, value_name = "TIME", value_parser = delay)]
    back_jitter: Option<Duration>,
    /// --loss from server to client.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    back_loss: Option<f64>,
    /// --rate from server to client.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    back_rate: Option<u64>,
    /// Seed of the random number generator.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Passes on until Ctrl-C or SIGTERM.
pub fn run(args: &Args) -> ExitCode {
    if let Err(wrong) = args.check() {
        eprintln!("error: {wrong}");
        return ExitCode::from(USAGE);
    }
    let stop = Stop::new();
    if let Err(error) = signals::watch(&stop, SecondSignal::Ignored) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let proxy = match Proxy::start(args.listen, args.to, args.network(), args.seed) {
        Ok(proxy) => proxy,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(if matches!(error, Error::Mixed(..)) { USAGE } else { 1 });
        }
    };
    let protocol = args.listen.protocol;
    eprintln!("forwarding {} to {}; press Ctrl-C to stop.", Endpoint { protocol, address: proxy.address() }, args.to);
    stop.wait();
    eprintln!("{} connections, {} refused", proxy.opened(), proxy.refused());
    if protocol == Protocol::Udp {
        eprintln!("forward: {}", counts_text(&proxy.counts(Direction::Forward)));
        eprintln!("back:    {}", counts_text(&proxy.counts(Direction::Back)));
    }
    ExitCode::SUCCESS
}

impl Args {
    fn check(&self) -> Result<(), String> {
        let udp_only = [("--reorder", self.reorder), ("--duplicate", self.duplicate)];
        if let (Protocol::Tcp, Some((flag, _))) =
            (self.listen.protocol, udp_only.into_iter().find(|(_, share)| *share > 0.0))
        {
            return Err(format!("{flag} has no effect on TCP, which repairs it: use udp:// addresses"));
        }
        let network = self.network();
        let lossy = [("--loss", network.forward.loss), ("--back-loss", network.back.loss)];
        if let (Protocol::Tcp, Some((flag, _))) =
            (self.listen.protocol, lossy.into_iter().find(|(_, share)| *share >= 1.0))
        {
            return Err(format!("{flag} 100% blocks a TCP connection for ever: lower it, or use udp:// addresses"));
        }
        if self.leads_to_itself() {
            return Err(format!(
                "--to {} is the proxy's own address: give the server's address, and another port to --listen",
                self.to
            ));
        }
        if self.queue == 0 {
            return Err("--queue 0 blocks everything: give at least the size of a packet, as in 65536".to_owned());
        }
        Ok(())
    }

    /// Whether the server is the proxy. Which addresses are this host's is not asked: those that say so themselves count.
    fn leads_to_itself(&self) -> bool {
        let (at, to) = (self.listen.address, self.to.address);
        let everywhere = at.ip().is_unspecified() && (to.ip().is_loopback() || to.ip().is_unspecified());
        at.port() != 0 && at.port() == to.port() && (at.ip() == to.ip() || everywhere)
    }

    fn network(&self) -> Network {
        let forward = Conditions {
            delay: self.delay,
            jitter: self.jitter,
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
            hold: self.hold,
            rate_bps: self.rate.unwrap_or(0),
            queue_bytes: self.queue,
        };
        let back = Conditions {
            delay: self.back_delay.unwrap_or(self.delay),
            jitter: self.back_jitter.unwrap_or(self.jitter),
            loss: self.back_loss.unwrap_or(self.loss),
            rate_bps: self.back_rate.or(self.rate).unwrap_or(0),
            ..forward.clone()
        };
        Network { forward, back }
    }
}

fn counts_text(counts: &Counts) -> String {
    let Counts { sent, delivered, lost, dropped, duplicated, reordered } = counts;
    format!(
        "{sent} datagrams, {delivered} delivered, {lost} lost, {dropped} dropped by a full queue, \
         {duplicated} duplicated, {reordered} held back"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn args(flags: &str) -> Result<Args, String> {
        let all = format!("impair --listen tcp://127.0.0.1:0 --to tcp://127.0.0.1:1 {flags}");
        let command = Command::try_parse_from(all.split_whitespace()).map_err(|error| error.to_string())?;
        command.args.check().map(|()| command.args)
    }

    #[test]
    fn a_flag_holds_for_both_ways_unless_one_is_for_the_way_back() {
        let network = args("--delay 20ms --jitter 3ms --loss 1% --rate 2M --back-delay 5ms").expect("good").network();
        assert_eq!((network.forward.delay, network.back.delay), (Duration::from_millis(20), Duration::from_millis(5)));
        assert_eq!(network.back, Conditions { delay: network.back.delay, ..network.forward.clone() });
        assert_eq!((network.forward.loss, network.forward.rate_bps), (0.01, 2_000_000));
    }

    #[test]
    fn a_proxy_that_leads_to_itself_is_refused() {
        let check = |listen: &str, to: &str| {
            let all = ["impair", "--listen", listen, "--to", to];
            Command::try_parse_from(all).expect("addresses").args.check()
        };
        for (listen, to) in [
            ("tcp://127.0.0.1:9", "tcp://127.0.0.1:9"),
            ("udp://0.0.0.0:9", "udp://127.0.0.1:9"),
            ("tcp://[::]:9", "tcp://[::1]:9"),
        ] {
            let why = check(listen, to).expect_err(to);
            assert!(why.contains("--to") && why.contains("--listen"), "{why}");
        }
        assert_eq!(check("tcp://127.0.0.1:9", "tcp://127.0.0.1:10"), Ok(()));
        assert_eq!(check("tcp://127.0.0.2:9", "tcp://127.0.0.1:9"), Ok(()));
        assert_eq!(check("tcp://0.0.0.0:9", "tcp://192.0.2.1:9"), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (flags, name) in [
            ("--delay 20", "200ms"),
            ("--delay 2m", "60s"),
            ("--loss 1", "1%"),
            ("--rate 0", "out of range"),
            ("--reorder 1%", "--reorder"),
            ("--duplicate 1%", "--duplicate"),
            ("--queue 0", "--queue"),
            ("--loss 100%", "--loss"),
            ("--back-loss 100%", "--back-loss"),
        ] {
            let why = args(flags).err().unwrap_or_else(|| panic!("{flags} is refused"));
            assert!(why.contains(name), "{flags}: {why}");
        }
    }
}
