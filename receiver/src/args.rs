//! The flags as typed. [`crate::config`] makes sense of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use common::sync::{Endpoint, EndpointError};
use common::units::parse_duration;
use reports::Assertion;

const URL_HELP: &str = "What to play: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, env:NAME for a URL in that variable of \
    the environment, or - for raw y4m on standard input. Several make a grid";

const CLOCK_HELP: &str = "How to know how far this host's clock is from the publisher's, where that is on another host: \
    auto (asks the server over UDP), same-host (there is one clock, whatever the address says), udp://HOST:PORT of a \
    framelag server, or ntp://HOST[:PORT], the same as the publisher's";

const EXAMPLES: &str = "\
Examples:
  receiver                                        watch rtsp://127.0.0.1:8554/cam
  receiver rtsp://user:secret@camera:554/stream   any RTSP server, with credentials
  receiver --credentials FILE rtsp://camera/stream
                                                  the same, with user:password in a file
  receiver --transport udp rtsp://host:8554/cam   packets over UDP
  receiver --headless --duration 30s --report run --assert 'p99<150ms' --assert 'frames.lost<0.1%'
                                                  keep a report, exit with 99 if it is too slow
  receiver --clock ntp://time.local rtsp://host/cam
                                                  compare clocks by way of an NTP server, with the publisher's too
  publisher --to - | ffmpeg -i - … -f yuv4mpegpipe - | receiver -
                                                  measure anything that reads and writes y4m
  receiver --metrics 9464 --otlp http://127.0.0.1:4318
                                                  let Prometheus watch, or tell an OpenTelemetry collector
  receiver --headless --duration 30s --pictures decoded.y4m
                                                  keep every 15th picture, to compare with publisher --pictures
  receiver rtsp://a:8554/cam rtsp://b:8554/cam    two streams side by side, each measured for itself

Keys in the window: q or Esc quits, s saves a snapshot.

LAT is the time from the moment the publisher stamped a picture to the moment it was handed to the window (headless: to \
the moment its code was read, which leaves out converting and drawing). The camera's own delay before the stamp and the screen's after the window are not in it.

A stream that stops is waited for and played again; the gap is in the report. Several streams end together, and --duration \
counts from the first picture of any.

Exit codes: 0 done, 1 failed at run time, 2 wrong usage, 3 inconclusive (no samples, no readable code), 99 an assertion \
was broken. With several URLs the worst stream decides: 1, then 99, then 3.";

/// Plays a stamped live stream and says how old each picture is.
#[derive(Clone, Parser)]
#[command(name = "receiver", version, after_help = EXAMPLES, max_term_width = 120)]
pub struct Args {
    /// What to play.
    #[arg(value_name = "URL", default_value = "rtsp://127.0.0.1:8554/cam", help = URL_HELP)]
    pub urls: Vec<String>,

    /// Transport of the RTP packets.
    #[arg(long, value_enum, default_value_t = Transport::Tcp)]
    pub transport: Transport,

    /// User and password, in a file with one line of user:password, for URLs without their own. Else those in
    /// $FRAMELAG_USER and $FRAMELAG_PASSWORD. On a command line other users of the host can read them.
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,

    /// Open no window. The default where there is no display.
    #[arg(long)]
    pub headless: bool,

    /// Stop this long after the first picture. Without it: at q, Ctrl-C or the end of the input.
    #[arg(long, value_name = "TIME", value_parser = positive)]
    pub duration: Option<Duration>,

    /// Exclude this long after the first picture from every statistic.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    pub warmup: Duration,

    /// Retry the first connection for this long, so that publisher and receiver can start in any order.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub wait: Duration,

    /// How the clocks of two hosts are compared.
    #[arg(long, value_name = "HOW", default_value = "auto", help = CLOCK_HELP)]
    pub clock: ClockChoice,

    /// Write a report into this folder. With several URLs each gets a folder of its own inside, named after its path.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,

    /// Exit with 99 unless this holds at the end, as in 'p99<150ms', 'frames.lost<0.1%' or 'fps>=29'. May be repeated.
    #[arg(long = "assert", value_name = "METRIC OP VALUE")]
    pub assertions: Vec<Assertion>,

    /// Quote this calibration instead of the one that `framelag calibrate` saved on this machine.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,

    /// Save the last picture, with its overlays, when the run ends.
    #[arg(long, value_name = "FILE.png")]
    pub snapshot: Option<PathBuf>,

    /// Serve live metrics as OpenMetrics at http://127.0.0.1:PORT/metrics, or at another address.
    #[arg(long, value_name = "[IP:]PORT", value_parser = listen_address)]
    pub metrics: Option<SocketAddr>,

    /// Serve --metrics to other hosts, which need no password.
    #[arg(long, requires = "metrics")]
    pub insecure: bool,

    /// Send the same metrics to this OpenTelemetry collector, by OTLP over HTTP, every 5 s and at the end.
    #[arg(long, value_name = "http://HOST:4318")]
    pub otlp: Option<String>,

    /// Keep decoded pictures in this file, to compare them with those that the publisher kept: see docs/quality.md.
    #[arg(long, value_name = "FILE.y4m")]
    pub pictures: Option<PathBuf>,

    /// Keep every Nth picture by sequence number. Give the publisher the same N.
    #[arg(long, value_name = "N", default_value_t = common::pictures::EVERY, requires = "pictures",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pictures_every: u32,

    /// Print JSON lines, and nothing else, to standard output.
    #[arg(long)]
    pub json: bool,
}

/// Says nothing of them: any may be a URL with a password.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}

/// How the clocks of two hosts are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockChoice {
    /// By asking the server that is played from.
    Auto,
    /// Not at all: there is one host, as the user says.
    SameHost,
    /// By asking this clock.
    Ask(Endpoint),
}

impl FromStr for ClockChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "same-host" => Ok(Self::SameHost),
            url => url.parse().map(Self::Ask).map_err(|error: EndpointError| format!("{error}, auto, or same-host")),
        }
    }
}

impl std::fmt::Display for ClockChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::SameHost => f.write_str("same-host"),
            Self::Ask(endpoint) => endpoint.fmt(f),
        }
    }
}

/// How RTP packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Inside the RTSP connection.
    #[default]
    Tcp,
    /// As datagrams; lost or reordered ones are not asked for again.
    Udp,
}

impl Transport {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The one to try when this one is refused.
    pub const fn other(self) -> &'static str {
        match self {
            Self::Tcp => Self::Udp.name(),
            Self::Udp => Self::Tcp.name(),
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

fn positive(text: &str) -> Result<Duration, String> {
    match parse_duration(text).map_err(|error| error.to_string())? {
        Duration::ZERO => Err("a run of no time measures nothing: give a duration such as 10s".to_owned()),
        duration => Ok(duration),
    }
}

/// A port alone is one of this host only.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.trim_start_matches(':').parse().ok();
    let own = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    own.or_else(|| text.parse().ok()).ok_or_else(|| "write PORT or IP:PORT, such as 9464 or 127.0.0.1:9464".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_two_terminals() {
        let args = Args::try_parse_from(["receiver"]).expect("no flag is required");
        assert_eq!(args.urls, ["rtsp://127.0.0.1:8554/cam"]);
        assert_eq!((args.transport, args.warmup, args.duration), (Transport::Tcp, Duration::from_secs(2), None));
    }

    #[test]
    fn wrong_values_are_named() {
        for (arguments, word) in [
            (["receiver", "--duration", "0s"], "no time"),
            (["receiver", "--duration", "10"], "not a duration"),
            (["receiver", "--transport", "quic"], "quic"),
            (["receiver", "--assert", "p98<5ms"], "p98"),
            (["receiver", "--clock", "udp://host"], "udp://HOST:PORT"),
            (["receiver", "--clock", "yes"], "same-host"),
            (["receiver", "--metrics", "host:9464"], "127.0.0.1:9464"),
            (["receiver", "--metrics", "66000"], "PORT"),
        ] {
            let error = Args::try_parse_from(arguments).expect_err("refused");
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
