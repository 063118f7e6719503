//! Why a stream does not get to its server.

use std::io;

use common::rtsp::{push, redirect};
use common::stream_url::StreamUrl;

/// One line that names the URL, without secrets, and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL is not one to publish to.
    #[error("cannot publish to {url}: {why}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The host's name has no address.
    #[error("cannot publish to {url}: unknown host ({why})")]
    Unresolvable {
        /// The URL.
        url: String,
        /// The resolver's words.
        why: String,
    },
    /// No connection came about.
    #[error("cannot connect to {url}: {why}")]
    Connect {
        /// The URL.
        url: String,
        /// The system's words, and what to do.
        why: String,
    },
    /// Server and session did not agree.
    #[error("cannot publish to {url}: {error}")]
    Session {
        /// The URL.
        url: String,
        /// Where and why.
        error: push::Error,
    },
    /// The server's redirect is not followed.
    #[error("cannot publish to {url}: {error}")]
    Redirect {
        /// The URL.
        url: String,
        /// Why not.
        error: redirect::Error,
    },
    /// The connection broke.
    #[error("lost the connection to {url}: {why}")]
    Lost {
        /// The URL.
        url: String,
        /// The system's words.
        why: String,
    },
    /// No two neighbouring UDP ports could be bound, or used.
    #[error("cannot send to {url} by UDP: {why}: try --transport tcp")]
    Udp {
        /// The URL.
        url: String,
        /// The system's words.
        why: String,
    },
    /// The first IDR picture came without SPS or PPS.
    #[error("cannot publish to {url}: the encoder's first IDR picture has no parameter sets")]
    NoParameterSets {
        /// The URL.
        url: String,
    },
    /// The system cannot start a thread.
    #[error("cannot start the sending thread: {0}")]
    Thread(String),
}

impl Error {
    pub(super) fn thread(error: io::Error) -> Self {
        Self::Thread(error.to_string())
    }

    pub(super) fn lost(url: &StreamUrl, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the server stopped reading".to_owned(),
            _ => error.to_string(),
        };
        Self::Lost { url: url.to_string(), why }
    }
}
