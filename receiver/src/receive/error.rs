//! Why a stream does not play, in one line for the user.

use std::time::Duration;

use common::frame::Size;
use url::Url;

use crate::config;

/// Longest line of an error that a server had a say in.
const MAX_REASON_CHARS: usize = 200;

/// Why a stream does not play. Each is one line and names the address; none shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No TCP connection.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// A request was not answered in time.
    #[error("{address} does not answer {request} within {limit:?}")]
    NoAnswer {
        /// Host and port.
        address: String,
        /// [`Limits::answer`](super::Limits::answer).
        limit: Duration,
        /// The request's method.
        request: &'static str,
    },
    /// The other side speaks something else.
    #[error("{address} is not an RTSP server: what it says is not RTSP")]
    NotRtsp {
        /// Host and port.
        address: String,
    },
    /// 401 without credentials.
    #[error("{url} needs a user name and a password: write them as rtsp://USER:PASSWORD@HOST… (401 Unauthorized)")]
    CredentialsNeeded {
        /// Without user info.
        url: Url,
    },
    /// 401 with credentials.
    #[error("{url} refuses this user name or password (401 Unauthorized)")]
    CredentialsRefused {
        /// Without user info.
        url: Url,
    },
    /// 404.
    #[error("nothing is published at {url} (404 Not Found)")]
    NotFound {
        /// Without user info.
        url: Url,
    },
    /// 461.
    #[error("{url} does not play over {transport} (461 Unsupported Transport): try --transport {}", transport.other())]
    TransportRefused {
        /// Without user info.
        url: Url,
        /// The one that was asked for.
        transport: config::Transport,
    },
    /// Any other refusal.
    #[error("{url} refuses to play: {reason}")]
    Refused {
        /// Without user info.
        url: Url,
        /// Of the response.
        status: u16,
        /// Status and request.
        reason: String,
    },
    /// Bytes without end that make no picture.
    #[error("{address} sends more than {} MB that make no picture", limit >> 20)]
    Flood {
        /// Host and port.
        address: String,
        /// [`Limits::unit_bytes`](super::Limits::unit_bytes) or [`Limits::growth_bytes`](super::Limits::growth_bytes).
        limit: u64,
    },
    /// Video, but not H.264.
    #[error("the video at {url} is {codec}, not H.264")]
    NotH264 {
        /// Without user info.
        url: Url,
        /// The encoding name of its SDP.
        codec: String,
    },
    /// No video at all.
    #[error("{url} has no video")]
    NoVideo {
        /// Without user info.
        url: Url,
    },
    /// Larger than any part of framelag takes.
    #[error("the video at {url} is {width}x{height}, larger than {max}x{max}", max = Size::MAX_SIDE)]
    TooLarge {
        /// Without user info.
        url: Url,
        /// Luma samples in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It played, and nothing came.
    #[error("{url} plays, but no picture came for {limit:?}")]
    Silence {
        /// Without user info.
        url: Url,
        /// [`Limits::silence`](super::Limits::silence).
        limit: Duration,
    },
    /// The server closed the connection.
    #[error("the server closed the connection to {url}")]
    Closed {
        /// Without user info.
        url: Url,
    },
    /// The connection was reset or closed before there was a picture: a proxy whose server is not up yet does so, and a server that
    /// starts over.
    #[error("{address} hung up before a picture came: {reason}")]
    HungUp {
        /// Host and port.
        address: String,
        /// What the system or retina says.
        reason: String,
    },
    /// The stream broke off with an error.
    #[error("the stream from {url} broke: {reason}")]
    Broken {
        /// Without user info.
        url: Url,
        /// What retina says.
        reason: String,
    },
    /// No runtime.
    #[error("cannot start receiving: {0}")]
    Runtime(String),
}

impl Error {
    /// It may go away by itself, when the publisher or server has come up.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::NoAnswer { .. }
                | Self::NotFound { .. }
                | Self::Silence { .. }
                | Self::Closed { .. }
                | Self::HungUp { .. }
        )
    }
}

/// An error of the system without its number, which says nothing that the words do not.
pub(super) fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or(text)
}

/// An error of retina without the number of the request, which a user did not make.
pub(super) fn without_count(text: &str) -> &str {
    text.split(" CSeq").next().unwrap_or(text)
}

/// The first line of `text`, without control characters and not too long: parts of it come from the other side.
pub(super) fn one_line(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default().trim();
    let mut line: String = first.chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect();
    if first.chars().count() > MAX_REASON_CHARS {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_becomes_one_harmless_line() {
        assert_eq!(one_line("404 Not \x1b[31mFound\n\nconn: …"), "404 Not [31mFound");
        assert_eq!(one_line(&"x".repeat(1000)).chars().count(), MAX_REASON_CHARS + 1);
        assert_eq!(one_line(""), "");
        assert_eq!(without_number("Connection refused (os error 111)"), "Connection refused");
    }
}
