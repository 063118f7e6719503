//! What a run is asked to do, checked: made from [`Args`] once, before anything is opened.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use common::redact;
use common::sync::Endpoint;
use percent_encoding::percent_decode_str;
use reports::Assertion;
use serde_json::json;
use url::Url;

use crate::args::Args;
pub use crate::args::{ClockChoice, Transport};

/// Most streams in one grid: 4 × 4.
pub const MAX_INPUTS: usize = 16;

/// A run.
#[derive(Clone, Debug)]
pub struct Config {
    /// What to play; at least one.
    pub inputs: Vec<Input>,
    /// How RTP packets travel.
    pub transport: Transport,
    /// No window.
    pub headless: bool,
    /// From the first picture to the end; `None` for ever.
    pub duration: Option<Duration>,
    /// From the first picture to the first that counts.
    pub warmup: Duration,
    /// How long to keep trying for the first connection.
    pub wait: Duration,
    /// Where the report goes.
    pub report: Option<PathBuf>,
    /// What must hold at the end.
    pub assertions: Vec<Assertion>,
    /// The calibration to quote; `None` for the one of this machine, where there is one.
    pub calibration: Option<PathBuf>,
    /// Where the last picture goes.
    pub snapshot: Option<PathBuf>,
    /// Where decoded pictures go.
    pub pictures: Option<Pictures>,
    /// How the clocks of two hosts are compared.
    pub clock: ClockChoice,
    /// JSON lines on standard output.
    pub json: bool,
}

/// Decoded pictures that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// Where.
    pub file: PathBuf,
    /// One in so many.
    pub every: u32,
}

/// One stream.
#[derive(Clone, Debug)]
pub struct Input {
    /// A short name, different from that of every other input: of its folder in a report, and in messages of a grid.
    pub name: String,
    /// Where its pictures come from.
    pub source: Source,
}

/// Where pictures come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// An RTSP server.
    Rtsp(Address),
    /// y4m on standard input.
    Stdin,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(address) => address.shown().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// An RTSP URL, taken apart so that its password cannot be printed by accident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without user info. To be played; what is shown is [`Address::shown`].
    pub url: Url,
    /// The user info, decoded.
    pub credentials: Option<Credentials>,
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Address {
    /// The port of `rtsp://` URLs that name none.
    pub const DEFAULT_PORT: u16 = 554;

    /// The URL as it may be shown: its query, which may hold secrets, is left out.
    pub fn shown(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url
    }

    /// `HOST:PORT`, as errors name it.
    pub fn host_and_port(&self) -> String {
        let port = self.url.port().unwrap_or(Self::DEFAULT_PORT);
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }
}

/// What cannot be run as typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a URL of ours. Shows no more of it than its scheme, because the rest may hold a password.
    #[error("{0} is not something to play: write rtsp://HOST[:PORT]/PATH, or - for y4m on standard input")]
    NotAUrl(String),
    /// `rtsps://`.
    #[error("rtsps:// (RTSP over TLS) cannot be played: write rtsp://HOST[:PORT]/PATH")]
    Tls,
    /// No host.
    #[error("the URL {0} has no host: write rtsp://HOST[:PORT]/PATH")]
    NoHost(String),
    /// `-` twice.
    #[error("standard input (-) can be played once only")]
    StdinTwice,
    /// More than [`MAX_INPUTS`].
    #[error("{0} streams are too many for one grid: at most {MAX_INPUTS}")]
    TooMany(usize),
    /// The warm-up takes it all.
    #[error("--warmup {warmup:?} leaves nothing of --duration {duration:?} to measure")]
    WarmupTooLong {
        /// As given.
        warmup: Duration,
        /// As given.
        duration: Duration,
    },
    /// Pictures of several streams in one file.
    #[error("--pictures can keep those of one stream only, not of {0}")]
    PicturesOfSeveral(usize),
    /// `--snapshot` without `.png`.
    #[error("--snapshot {} must end in .png", .0.display())]
    NotPng(PathBuf),
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
        if args.pictures.is_some() && args.urls.len() > 1 {
            return Err(Error::PicturesOfSeveral(args.urls.len()));
        }
        Ok(Self {
            inputs: inputs(&args.urls)?,
            transport: args.transport,
            headless: args.headless,
            duration: args.duration,
            warmup: args.warmup,
            wait: args.wait,
            report: args.report,
            assertions: args.assertions,
            calibration: args.calibration,
            snapshot: args.snapshot,
            pictures: args.pictures.map(|file| Pictures { file, every: args.pictures_every }),
            clock: args.clock,
            json: args.json,
        })
    }
}

impl Config {
    /// Where the report of `input` goes: into the folder itself, or one of its own inside where there are several inputs.
    pub fn report_folder(&self, input: &Input) -> Option<PathBuf> {
        let folder = self.report.as_ref()?;
        Some(if self.inputs.len() > 1 { folder.join(&input.name) } else { folder.clone() })
    }

    /// The clock to ask how far this host's is from that of the publisher of `input`.
    pub fn clock_to_ask(&self, input: &Input) -> Option<Endpoint> {
        match (&self.clock, &input.source) {
            (ClockChoice::Ask(endpoint), _) => Some(endpoint.clone()),
            (ClockChoice::Auto, Source::Rtsp(address)) => {
                let host = address.url.host_str().unwrap_or_default();
                Some(Endpoint::framelag(host, address.url.port().unwrap_or(Address::DEFAULT_PORT)))
            }
            (ClockChoice::SameHost, _) | (ClockChoice::Auto, Source::Stdin) => None,
        }
    }

    /// What is kept of this in `run.json`: every setting that changes what is measured, and no password.
    pub fn describe(&self, input: &Input) -> serde_json::Value {
        json!({
            "url": input.source.to_string(),
            "transport": match input.source {
                Source::Rtsp(_) => self.transport.name(),
                Source::Stdin => "pipe",
            },
            "clock": self.clock.to_string(),
            "headless": self.headless,
            "duration_s": self.duration.map(|duration| duration.as_secs_f64()),
            "warmup_s": self.warmup.as_secs_f64(),
        })
    }
}

fn inputs(urls: &[String]) -> Result<Vec<Input>, Error> {
    if urls.len() > MAX_INPUTS {
        return Err(Error::TooMany(urls.len()));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for text in urls {
        let source = source(text)?;
        if matches!(source, Source::Stdin) && inputs.iter().any(|input| matches!(input.source, Source::Stdin)) {
            return Err(Error::StdinTwice);
        }
        let wanted = short_name(&source);
        let taken = |name: &str| inputs.iter().any(|input| input.name == name);
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let name = std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wanted);
        inputs.push(Input { name, source });
    }
    Ok(inputs)
}

fn source(text: &str) -> Result<Source, Error> {
    if text == "-" {
        return Ok(Source::Stdin);
    }
    let Ok(mut url) = Url::parse(text) else {
        return Err(Error::NotAUrl(redact::url(text)));
    };
    match url.scheme() {
        "rtsp" => {}
        "rtsps" => return Err(Error::Tls),
        _ => return Err(Error::NotAUrl(redact::url(text))),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Error::NoHost(redact::url(text)));
    }
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let credentials = (!url.username().is_empty() || url.password().is_some())
        .then(|| Credentials { user: decode(url.username()), password: decode(url.password().unwrap_or_default()) });
    // Both fail only for URLs without a host, which were refused above.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    Ok(Source::Rtsp(Address { url, credentials }))
}

/// The path's letters and digits, as a folder may be named anywhere.
fn short_name(source: &Source) -> String {
    const MAX_CHARS: usize = 60;
    let path = match source {
        Source::Rtsp(address) => address.url.path(),
        Source::Stdin => "stdin",
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = path.trim_matches('/').chars().map(plain).take(MAX_CHARS).collect();
    if name.is_empty() { "stream".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, Error> {
        let args = Args::try_parse_from([&["receiver"], arguments].concat()).expect("the flags parse");
        Config::try_from(args)
    }

    fn address(config: &Config) -> &Address {
        match &config.inputs[0].source {
            Source::Rtsp(address) => address,
            Source::Stdin => panic!("not a URL"),
        }
    }

    #[test]
    fn credentials_leave_the_url_and_are_never_shown() {
        let config = config(&["rtsp://us%40er:p%3Ass@host/cam"]).expect("a good URL");
        let address = address(&config);
        let credentials = address.credentials.as_ref().expect("they were given");
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("us@er", "p:ss"));
        assert_eq!(address.url.as_str(), "rtsp://host/cam");
        assert_eq!(address.host_and_port(), "host:554");
        for shown in [format!("{config:?}"), config.describe(&config.inputs[0]).to_string()] {
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
        assert_eq!(asked(&["--clock", "ntp://t", "rtsp://server/cam"]).as_deref(), Some("ntp://t:123"));
        assert_eq!((asked(&["--clock", "same-host", "rtsp://server/cam"]), asked(&["-"])), (None, None));
    }

    #[test]
    fn a_query_is_played_and_never_shown() {
        let config = config(&["rtsp://host/cam?user=me&password=secret#part"]).expect("a good URL");
        assert_eq!(address(&config).url.query(), Some("user=me&password=secret"));
        let source = &config.inputs[0].source;
        assert_eq!(source.to_string(), "rtsp://host/cam");
        assert_eq!(config.describe(&config.inputs[0])["url"], "rtsp://host/cam");
    }

    #[test]
    fn what_cannot_be_played_is_named_without_its_password() {
        for (arguments, word) in [
            (vec!["http://host/cam"], "http://host/cam is not something to play"),
            (vec!["cam"], "cam is not something to play"),
            (vec!["http://user:secret@host/"], "http://…@host/"),
            (vec!["rtsp://user:secret@:99999/"], "…@"),
            (vec!["user:secret@host/cam"], "…@host/cam is not"),
            (vec!["rtsp:/user:secret@host/cam?x@y"], "URL"),
            (vec!["http://host/cam?token=secret"], "?token=… is not"),
            (vec!["rtsps://host/cam"], "TLS"),
            (vec!["rtsp:///cam"], "host"),
            (vec!["-", "-"], "once"),
            (vec!["--duration", "2s"], "leaves nothing"),
            (vec!["--snapshot", "shot.jpg"], ".png"),
        ] {
            let error = config(&arguments).expect_err("refused").to_string();
            assert!(error.contains(word) && !error.contains("secret"), "{arguments:?}: {error}");
        }
        assert_eq!(config(&["rtsp://h/a"; 17]).expect_err("refused"), Error::TooMany(17));
    }

    #[test]
    fn reports_of_a_grid_go_into_folders_of_their_own() {
        let config = config(&["--report", "out", "rtsp://a/cam", "rtsp://b/cam", "rtsp://c/../x y", "rtsp://d"]);
        let config = config.expect("good URLs");
        let folders: Vec<_> = config.inputs.iter().filter_map(|input| config.report_folder(input)).collect();
        assert_eq!(folders, ["out/cam", "out/cam-2", "out/x-20y", "out/stream"].map(PathBuf::from));
    }
}
