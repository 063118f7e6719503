//! The flags as typed. [`crate::config`] makes sense of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use common::sync::ClockChoice;
use common::transport::Transport;
use common::units::parse_duration;
use report::Assertion;

use crate::via;
use crate::via::args::ViaArgs;

const URL_HELP: &str = "What to play: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, http(s)://… with --via \
    (default: the same stream at 127.0.0.1:8080), env:NAME for a URL in that variable of the environment, or - for y4m on \
    standard input. Several URLs play in a grid";

const CLOCK_HELP: &str = "How to find the offset between this host's clock and that of a publisher on another host: \
    auto (ask the server over UDP), same-host (publisher and receiver share a clock, whatever the URL says), \
    udp://HOST:PORT of a framelag server, or ntp://HOST[:PORT], the same as the publisher's";

const EXAMPLES: &str = "\
Examples:
  receiver                                        play rtsp://127.0.0.1:8554/cam
  receiver rtsp://user:secret@camera:554/stream   any RTSP server, with credentials
  receiver --credentials FILE rtsp://camera/stream
                                                  the same, with user:password in a file
  receiver --transport udp rtsp://host:8554/cam   packets over UDP
  receiver --headless --duration 30s --report run --assert 'p99<150ms' --assert 'frames.lost<0.1%'
                                                  save a report, exit with 99 if an assertion fails
  receiver --clock ntp://time.local rtsp://host/cam
                                                  compare clocks through an NTP server that the publisher uses too
  publisher --to - | ffmpeg -i - … -f yuv4mpegpipe - | receiver -
                                                  measure anything that can read and write y4m
  receiver --metrics 9464 --otlp http://127.0.0.1:4318
                                                  metrics for Prometheus, and for an OpenTelemetry collector
  receiver --headless --duration 30s --pictures decoded.y4m
                                                  save every 15th picture, to compare with publisher --pictures
  receiver rtsp://a:8554/cam rtsp://b:8554/cam    two streams side by side, measured separately
  receiver --via hls http://127.0.0.1:8080/cam/index.m3u8 --report run
                                                  play in a browser five times, and measure there

Keys in the window: q or Esc quits, s saves a snapshot.

LAT is the time from the publisher stamping a picture to the receiver handing it to the window. With --headless it ends when \
the code is read, before conversion and drawing. It does not include the delay of the camera before the stamp, nor that of \
the screen after the window.

The receiver reconnects to a stream that stops, and reports the gap. Several streams end together; --duration counts from \
the first picture of any of them.

Exit codes: 0 success, 1 runtime error, 2 usage error, 3 inconclusive (no samples, no readable code), 99 a failed \
assertion. With several URLs the worst stream decides: 1, then 99, then 3.";

/// Play a stamped live stream and measure how old each picture is.
#[derive(Clone, Parser)]
#[command(name = "receiver", version, after_help = EXAMPLES, max_term_width = 120)]
pub struct Args {
    /// What to play.
    #[arg(value_name = "URL", default_value = "rtsp://127.0.0.1:8554/cam", default_value_ifs = via::args::DEFAULT_URLS,
          help = URL_HELP)]
    pub urls: Vec<String>,

    /// How RTP travels from the server.
    #[arg(long, value_enum, default_value_t = Transport::Tcp)]
    pub transport: Transport,

    /// Read user and password for URLs without them from a file with one line user:password. Default: $FRAMELAG_USER and
    /// $FRAMELAG_PASSWORD. On the command line other users of the host could read them.
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,

    /// Open no window. The default, with a warning, if there is no display.
    #[arg(long)]
    pub headless: bool,

    /// Stop this long after the first picture, such as 30s. Default: at q, Ctrl-C or the end of the input.
    #[arg(long, value_name = "TIME", value_parser = positive)]
    pub duration: Option<Duration>,

    /// Exclude this long after the first picture from all statistics.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    pub warmup: Duration,

    /// Keep trying to connect for this long, so that receiver and publisher can start in any order.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub wait: Duration,

    /// How the clocks of two hosts are compared.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = parse_clock, help = CLOCK_HELP)]
    pub clock: ClockChoice,

    /// Write a report to this folder. With several URLs, each has a subfolder named after its path.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,

    /// Exit with 99 unless this holds at the end, such as 'p99<150ms', 'frames.lost<0.1%' or 'fps>=29'. Repeatable.
    #[arg(long = "assert", value_name = "METRIC OP VALUE")]
    pub assertions: Vec<Assertion>,

    /// Quote this calibration in the report. Default: the one that `framelag calibrate` saved on this machine, if any.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,

    /// Save the last picture with its overlays at the end.
    #[arg(long, value_name = "FILE.png")]
    pub snapshot: Option<PathBuf>,

    /// Serve OpenMetrics at http://127.0.0.1:PORT/metrics, or at another address.
    #[arg(long, value_name = "[IP:]PORT", value_parser = listen_address)]
    pub metrics: Option<SocketAddr>,

    /// Allow --metrics on an address that other hosts can reach, without a password.
    #[arg(long, requires = "metrics")]
    pub insecure: bool,

    /// Send metrics to this OpenTelemetry collector (OTLP over HTTP) every 5 s and at the end.
    #[arg(long, value_name = "http://HOST:4318")]
    pub otlp: Option<String>,

    /// Save decoded pictures to this file, to compare them with those the publisher saved: see docs/quality.md.
    #[arg(long, value_name = "FILE.y4m")]
    pub pictures: Option<PathBuf>,

    /// Save every Nth picture, by sequence number. The publisher needs the same N.
    #[arg(long, value_name = "N", default_value_t = common::host::pictures::EVERY, requires = "pictures",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pictures_every: u32,

    /// Print JSON lines, and nothing else, to standard output.
    #[arg(long)]
    pub json: bool,

    /// Measuring in a browser.
    #[command(flatten)]
    pub via: ViaArgs,
}

/// Says nothing of them: any may be a URL with a password.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}

fn parse_clock(text: &str) -> Result<ClockChoice, String> {
    ClockChoice::parse(text, ClockChoice::SameHost)
}

fn positive(text: &str) -> Result<Duration, String> {
    match parse_duration(text).map_err(|error| error.to_string())? {
        Duration::ZERO => Err("it must be longer than zero, such as 10s".to_owned()),
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
    use clap::{CommandFactory, ValueEnum};

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
        for via in via::args::Via::value_variants() {
            let args = Args::try_parse_from(["receiver", "--via", via.name()]).expect("no URL is required");
            assert_eq!(args.urls, [format!("http://127.0.0.1:8080/cam/{}", via.file())]);
        }
    }

    #[test]
    fn wrong_values_are_named() {
        for (arguments, word) in [
            (["receiver", "--duration", "0s"], "longer than zero"),
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
