//! Ways into this process: each brings pictures, encoded or bare, into the queue before the decoder.
//!
//! Another one is a file beside [`rtsp`] and a variant of [`Source`]; no other file tells sources apart.

use std::fmt;
use std::io;
use std::time::Duration;

use common::credentials::Credentials;
use common::host::{Stop, SystemClock};
use common::stream_url::{Error as UrlError, StreamUrl};
use common::sync::Endpoint;
use common::transport::Transport;
use measure::Clocks;

use crate::queue::Sender;

pub mod rtsp;
pub(crate) mod y4m;

/// Where pictures come from, and how.
#[derive(Clone, Debug)]
pub enum Source {
    /// An RTSP server.
    Rtsp(rtsp::Config),
    /// y4m on standard input.
    Stdin,
}

/// What sources are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// For URLs without their own.
    pub(crate) credentials: Option<&'a Credentials>,
    /// How RTP packets travel.
    pub(crate) transport: Transport,
    /// How long to keep trying for the first connection.
    pub(crate) wait: Duration,
    /// Sources in this process.
    pub(crate) count: usize,
}

impl Source {
    /// The source that `text` names on the command line.
    ///
    /// # Errors
    /// If it names none.
    pub(crate) fn parse(text: &str, options: &Options<'_>) -> Result<Self, UrlError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let url = StreamUrl::typed(text, &[common::rtsp::SCHEME], |name| std::env::var_os(name))?;
        Ok(Self::Rtsp(rtsp::Config {
            url: url.or_credentials(options.credentials.cloned()),
            transport: options.transport,
            wait: options.wait,
            limits: rtsp::Limits::of_one_in(options.count),
        }))
    }

    /// Fills `queue` until the input ends, `stop` is requested, or nobody takes what arrives. Blocks.
    ///
    /// # Errors
    /// What stopped it, in one line.
    pub(crate) fn receive(&self, clock: &SystemClock, stop: &Stop, queue: &mut Sender) -> Result<(), String> {
        match self {
            Self::Rtsp(config) => rtsp::run(config, clock, stop, queue).map_err(|error| error.to_string()),
            Self::Stdin => y4m::run(io::stdin(), clock, queue),
        }
    }

    /// Whether it can be opened only once.
    pub(crate) const fn is_exclusive(&self) -> bool {
        matches!(self, Self::Stdin)
    }

    /// Whether it ends soon after a [stop](Stop::request): a blocking read of standard input does not.
    pub(crate) const fn is_interruptible(&self) -> bool {
        matches!(self, Self::Rtsp(_))
    }

    /// How pictures come: `tcp`, `udp` or `pipe`.
    pub(crate) const fn transport(&self) -> &'static str {
        match self {
            Self::Rtsp(config) => config.transport.name(),
            Self::Stdin => "pipe",
        }
    }

    /// The path of its URL, or a name.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Rtsp(config) => config.url.shown_path(),
            Self::Stdin => "stdin".to_owned(),
        }
    }

    /// The clock of the server, which says how far this host's is from the publisher's.
    pub(crate) fn clock(&self) -> Option<Endpoint> {
        match self {
            Self::Rtsp(config) => Some(Endpoint::framelag(&config.url.host_in_zone(), config.url.port())),
            Self::Stdin => None,
        }
    }

    /// What is assumed of the publisher's clock before it says anything.
    pub(crate) fn clocks(&self) -> Clocks {
        match self {
            Self::Rtsp(config) if !config.url.is_loopback() => Clocks::Unknown,
            Self::Rtsp(_) | Self::Stdin => Clocks::Assumed,
        }
    }

    /// Why it may be connected and bring no video; `None` if it is there before anything was asked for.
    pub(crate) fn no_video_hint(&self) -> Option<String> {
        match self {
            Self::Rtsp(config) => Some(rtsp::no_video_hint(config.transport)),
            Self::Stdin => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(config) => config.url.fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}
