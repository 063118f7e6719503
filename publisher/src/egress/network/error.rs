//! Why a stream does not get to its server.

use std::io;

use common::stream_url::StreamUrl;

/// One line that names the URL, without secrets, and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server does not take the stream, or its URL cannot be published to.
    #[error("cannot publish to {url}: {why}")]
    Publish {
        /// The URL.
        url: String,
        /// What is wrong, and what to do.
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
    /// The connection broke.
    #[error("lost the connection to {url}: {why}")]
    Lost {
        /// The URL.
        url: String,
        /// The system's words.
        why: String,
    },
    /// The system cannot start a thread.
    #[error("cannot start the sending thread: {0}")]
    Thread(String),
}

impl Error {
    /// [`Error::Publish`].
    pub(in crate::egress) fn publish(url: &StreamUrl, why: impl ToString) -> Self {
        Self::Publish { url: url.to_string(), why: why.to_string() }
    }

    /// [`Error::Lost`]: the server closed the connection, or `error` broke it.
    pub(in crate::egress) fn lost(url: &StreamUrl, error: Option<&io::Error>) -> Self {
        let why = match error.map(|error| (error, error.kind())) {
            None => "the server closed the connection".to_owned(),
            Some((_, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)) => "the server stopped reading".to_owned(),
            Some((error, _)) => error.to_string(),
        };
        Self::Lost { url: url.to_string(), why }
    }
}
