//! What a run is asked to do, checked: made from [`Args`] once, before anything is opened.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use common::host::credentials::load;
pub use common::sync::ClockChoice;
use common::sync::Endpoint;
pub use common::transport::Transport;
use report::run::Settings;
use report::{Assertion, Place};

use crate::args::Args;
use crate::ingress::Options;
use crate::metrics::collector::Collector;
use crate::via;

mod error;
mod input;

pub use error::{Error, MAX_INPUTS};
pub use input::Input;

/// A run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Streams to play; at least one, unless a browser plays.
    pub inputs: Vec<Input>,
    /// How RTP packets travel.
    pub transport: Transport,
    /// No window.
    pub headless: bool,
    /// From the first picture to the end; `None` for ever.
    pub duration: Option<Duration>,
    /// From the first picture to the first that counts.
    pub warmup: Duration,
    /// Where the report goes.
    pub report: Option<PathBuf>,
    /// What must hold at the end.
    pub assertions: Vec<Assertion>,
    /// The calibration to quote; `None` for the one of this machine, if there is one.
    pub calibration: Option<PathBuf>,
    /// Where the last picture goes.
    pub snapshot: Option<PathBuf>,
    /// Where decoded pictures go.
    pub pictures: Option<Pictures>,
    /// How the clocks of two hosts are compared.
    pub clock: ClockChoice,
    /// Where live metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Where live metrics are sent.
    pub otlp: Option<Collector>,
    /// JSON lines on standard output.
    pub json: bool,
    /// What a browser plays, instead of the receiver itself.
    pub via: Option<via::Config>,
}

/// Decoded pictures that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// Where.
    pub file: PathBuf,
    /// One in so many.
    pub every: u32,
}

impl TryFrom<Args> for Config {
    type Error = Error;

    fn try_from(args: Args) -> Result<Self, Error> {
        let duration_after_warmup = args.duration.map(|duration| duration.saturating_sub(args.warmup));
        if let (Some(duration), Some(Duration::ZERO)) = (args.duration, duration_after_warmup) {
            return Err(Error::WarmupTooLong { warmup: args.warmup, duration });
        }
        if let Some(file) = args.snapshot.as_ref().filter(|file| file.extension().is_none_or(|e| e != "png")) {
            return Err(Error::NotPng(file.clone()));
        }
        if let Some(exposed) = args.metrics.filter(|at| !args.insecure && !at.ip().to_canonical().is_loopback()) {
            return Err(Error::Exposed(exposed));
        }
        if args.pictures.is_some() && args.urls.len() > 1 {
            return Err(Error::PicturesOfSeveral(args.urls.len()));
        }
        let via = via(&args)?;
        let urls = if via.is_some() { &[][..] } else { &args.urls };
        let credentials = load(args.credentials.as_deref(), std::env::var_os)?;
        let options = Options {
            credentials: credentials.as_ref(),
            transport: args.transport,
            wait: args.wait,
            count: args.urls.len(),
        };
        Ok(Self {
            inputs: input::all(urls, &options)?,
            transport: args.transport,
            headless: args.headless,
            duration: args.duration,
            warmup: args.warmup,
            report: args.report,
            assertions: args.assertions,
            calibration: args.calibration,
            snapshot: args.snapshot,
            pictures: args.pictures.map(|file| Pictures { file, every: args.pictures_every }),
            clock: args.clock,
            metrics: args.metrics,
            otlp: args.otlp.as_deref().map(Collector::parse).transpose()?,
            json: args.json,
            via,
        })
    }
}

/// Resolves what a browser plays, if one does.
fn via(args: &Args) -> Result<Option<via::Config>, Error> {
    let Some(via) = args.via.via else { return Ok(None) };
    let flags = [
        ("--snapshot", args.snapshot.is_some()),
        ("--pictures", args.pictures.is_some()),
        ("--metrics", args.metrics.is_some()),
        ("--otlp", args.otlp.is_some()),
        ("--credentials", args.credentials.is_some()),
        ("--transport", args.transport != Transport::Tcp),
    ];
    if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
        return Err(via::config::Error::Flag(flag).into());
    }
    let is_same_host = match &args.clock {
        ClockChoice::SameHost => true,
        ClockChoice::Auto => false,
        other => return Err(via::config::Error::Clock(other.to_string()).into()),
    };
    Ok(Some(via::Config::new(via, args, is_same_host)?))
}

impl Config {
    /// Where the report of `input` goes: into the folder itself, or one of its own inside if there are several inputs.
    pub fn report_place(&self, input: &Input) -> Option<Place> {
        let folder = self.report.clone()?;
        Some(if self.inputs.len() > 1 { Place::Inside(folder, input.name.clone()) } else { Place::Folder(folder) })
    }

    /// The clock to ask how far this host's is from that of the publisher of `input`.
    pub fn clock_to_ask(&self, input: &Input) -> Option<Endpoint> {
        match &self.clock {
            ClockChoice::Ask(endpoint) => Some(endpoint.clone()),
            ClockChoice::Auto => input.source.clock(),
            ClockChoice::Off | ClockChoice::SameHost => None,
        }
    }

    /// What is kept of this in `run.json`: every setting that changes what is measured, and no password.
    pub fn describe(&self, input: &Input) -> Settings {
        Settings {
            url: Some(input.source.to_string()),
            transport: Some(input.source.transport().to_owned()),
            clock: Some(self.clock.to_string()),
            headless: Some(self.headless),
            duration_s: Some(self.duration.map(|duration| duration.as_secs_f64())),
            warmup_s: Some(self.warmup.as_secs_f64()),
            ..Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use common::stream_url::StreamUrl;

    use super::*;
    use crate::ingress::Source;

    fn config(arguments: &[&str]) -> Result<Config, Error> {
        let args = Args::try_parse_from([&["receiver"], arguments].concat()).expect("the flags parse");
        Config::try_from(args)
    }

    fn url(config: &Config) -> &StreamUrl {
        match &config.inputs[0].source {
            Source::Rtsp(config) => &config.url,
            Source::Stdin => panic!("not a URL"),
        }
    }

    #[test]
    fn credentials_leave_the_url_and_are_never_shown() {
        let config = config(&["rtsp://us%40er:p%3Ass@host/cam"]).expect("a good URL");
        let url = url(&config);
        let credentials = url.credentials().expect("they were given");
        assert_eq!((credentials.user(), credentials.password()), ("us@er", "p:ss"));
        assert_eq!(url.url().as_str(), "rtsp://host/cam");
        assert_eq!(url.host_and_port(), "host:554");
        for shown in [format!("{config:?}"), config.describe(&config.inputs[0]).to_json().to_string()] {
            assert!(!shown.contains("ss@") && !shown.contains("p:ss") && !shown.contains("p%3A"), "{shown}");
        }
    }

    #[test]
    fn the_clock_to_ask_is_the_servers_unless_another_is_named() {
        let asked = |arguments: &[&str]| {
            let config = config(arguments).expect("good flags");
            config.clock_to_ask(&config.inputs[0]).map(|endpoint| endpoint.to_string())
        };
        assert_eq!(asked(&["rtsp://u:p@Server:9000/cam"]).as_deref(), Some("udp://server:9000"));
        assert_eq!(asked(&["rtsp://[::1]/cam"]).as_deref(), Some("udp://[::1]:554"));
        assert_eq!(asked(&["rtsp://[fe80::1%25lo]/cam"]).as_deref(), Some("udp://[fe80::1%lo]:554"));
        assert_eq!(asked(&["--clock", "ntp://t", "rtsp://server/cam"]).as_deref(), Some("ntp://t:123"));
        assert_eq!((asked(&["--clock", "same-host", "rtsp://server/cam"]), asked(&["-"])), (None, None));
    }

    #[test]
    fn a_query_is_played_and_never_shown() {
        let config = config(&["rtsp://host/cam?user=me&password=secret#part"]).expect("a good URL");
        assert_eq!(url(&config).url().query(), Some("user=me&password=secret"));
        let source = &config.inputs[0].source;
        assert_eq!(source.to_string(), "rtsp://host/cam?…");
        assert_eq!(config.describe(&config.inputs[0]).url.as_deref(), Some("rtsp://host/cam?…"));
    }

    #[test]
    fn what_cannot_be_played_is_named_without_its_password() {
        for (arguments, word) in [
            (vec!["http://host/cam"], "http://host/cam is not a stream"),
            (vec!["http://host/cam"], "--via ll-hls|hls|dash|mse plays http://"),
            (vec!["cam"], "cam is not a stream"),
            (vec!["http://user:secret@host/"], "http://…@host/"),
            (vec!["rtsp://user:secret@:99999/"], "…@"),
            (vec!["rtsp://user:se/cret@host/cam"], "/ as %2F"),
            (vec!["--credentials", "/nowhere", "rtsp://host/cam"], "--credentials /nowhere: "),
            (vec!["user:secret@host/cam"], "…@host/cam is not"),
            (vec!["rtsp:/user:secret@host/cam?x@y"], "rtsp://HOST"),
            (vec!["http://host/cam?token=secret"], "?… is not"),
            (vec!["rtsps://host/cam"], "TLS"),
            (vec!["rtsp:///cam"], "host"),
            (vec!["-", "-"], "once"),
            (vec!["--duration", "2s"], "leaves nothing"),
            (vec!["--snapshot", "shot.jpg"], ".png"),
            (vec!["--metrics", "0.0.0.0:9464"], "--metrics 9464 for this host alone, or add --insecure"),
            (vec!["--otlp", "https://user:secret@host:4318"], "--otlp https://…@host:4318"),
        ] {
            let error = config(&arguments).expect_err("refused").to_string();
            assert!(error.contains(word) && !error.contains("secret"), "{arguments:?}: {error}");
        }
        assert_eq!(config(&["rtsp://h/a"; 17]).expect_err("refused"), Error::TooMany(17));
    }

    #[test]
    fn a_file_of_credentials_is_for_urls_without_their_own() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "bob:s3cret\n").expect("it can be written");
        let flag = file.path().display().to_string();
        let config = config(&["--credentials", &flag, "rtsp://a/cam", "rtsp://ann:x@b/cam"]).expect("good flags");
        let users = config.inputs.iter().map(|input| match &input.source {
            Source::Rtsp(config) => config.url.credentials().expect("both have some").user(),
            Source::Stdin => panic!("not a URL"),
        });
        assert_eq!(users.collect::<Vec<_>>(), ["bob", "ann"]);
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn folders_are_not_named_after_a_password() {
        let config = config(&["--report", "out", "rtsp://a/user=me&password=s3cret", "rtsp://b/x?s3cret"]);
        let config = config.expect("good URLs");
        let names: Vec<_> = config.inputs.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(names, ["user-me-password--", "x"]);
    }

    #[test]
    fn other_hosts_see_metrics_only_where_that_is_said() {
        let metrics = |arguments: &[&str]| config(arguments).expect("good flags").metrics.map(|at| at.to_string());
        assert_eq!(metrics(&["--metrics", "9464"]).as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(metrics(&["--metrics", "[::1]:0"]).as_deref(), Some("[::1]:0"));
        assert_eq!(metrics(&["--metrics", "0.0.0.0:9464", "--insecure"]).as_deref(), Some("0.0.0.0:9464"));
    }

    #[test]
    fn reports_of_a_grid_go_into_folders_of_their_own() {
        let config = config(&["--report", "out", "rtsp://a/cam", "rtsp://b/cam", "rtsp://c/../x y", "rtsp://d"]);
        let config = config.expect("good URLs");
        let folders: Vec<_> =
            config.inputs.iter().filter_map(|input| Some(config.report_place(input)?.path())).collect();
        assert_eq!(folders, ["out/cam", "out/cam-2", "out/x-20y", "out/stream"].map(PathBuf::from));
    }
}
