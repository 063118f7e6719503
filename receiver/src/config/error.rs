//! Why a command line cannot be run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use common::host::credentials::LoadError;
use common::stream_url::Error as UrlError;

use crate::metrics::collector::NotACollector;
use crate::via;

/// Most streams in one grid: 4 × 4.
pub const MAX_INPUTS: usize = 16;

/// What cannot be run as typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a URL of ours. Shows no more of it than its scheme, because the rest may hold a password.
    #[error(
        "{0} is not a stream: write rtsp://HOST[:PORT]/PATH, or - for y4m on standard input; --via ll-hls|hls|dash|mse plays http://"
    )]
    NotAUrl(String),
    /// One that cannot be played.
    #[error(transparent)]
    Url(UrlError),
    /// `--credentials`, or the environment in its place.
    #[error("{0}")]
    Credentials(String),
    /// `-` twice.
    #[error("standard input (-) can be given only once")]
    StdinTwice,
    /// More than [`MAX_INPUTS`].
    #[error("too many streams for one grid ({0}): the maximum is {MAX_INPUTS}")]
    TooMany(usize),
    /// The warm-up takes it all.
    #[error("--warmup {warmup:?} leaves nothing of --duration {duration:?} to measure: shorten it")]
    WarmupTooLong {
        /// As given.
        warmup: Duration,
        /// As given.
        duration: Duration,
    },
    /// Pictures of several streams in one file.
    #[error("--pictures works with one stream, not {0}: run one receiver per stream")]
    PicturesOfSeveral(usize),
    /// `--snapshot` without `.png`.
    #[error("--snapshot {} must end in .png", .0.display())]
    NotPng(PathBuf),
    /// Metrics for everybody.
    #[error(
        "--metrics {0} can be reached from other hosts without a password: use --metrics {port} for this host alone, or \
         add --insecure to allow it",
        port = .0.port()
    )]
    Exposed(SocketAddr),
    /// `--via`.
    #[error(transparent)]
    Via(#[from] via::config::Error),
    /// `--otlp`.
    #[error(transparent)]
    Otlp(#[from] NotACollector),
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        Self::Credentials(error.to_string())
    }
}
