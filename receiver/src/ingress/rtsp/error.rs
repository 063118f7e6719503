//! Why a stream does not play, in one line for the user.

use std::time::Duration;

use common::frame::Size;
use common::printable::excerpt;
use common::rtsp::redirect;
use common::stream_url::StreamUrl;
use common::units::seconds;

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
    #[error("{address} does not answer {request} within {}", seconds(*limit))]
    NoAnswer {
        /// Host and port.
        address: String,
        /// [`Limits::answer`](super::Limits::answer).
        limit: Duration,
        /// The request's method.
        request: &'static str,
    },
    /// The other side speaks something else.
    #[error("{address} is not an RTSP server: {why}")]
    NotRtsp {
        /// Host and port.
        address: String,
        /// What it says, and what it may be.
        why: String,
    },
    /// 401 without credentials.
    #[error(
        "{url} needs a user name and a password: write them as rtsp://USER:PASSWORD@HOST…, or use --credentials FILE (401 Unauthorized)"
    )]
    CredentialsNeeded {
        /// The stream.
        url: StreamUrl,
    },
    /// 401 with credentials.
    #[error("{url} refuses this user name or password (401 Unauthorized)")]
    CredentialsRefused {
        /// The stream.
        url: StreamUrl,
    },
    /// 401 that does not say how.
    #[error("{url} refuses the request and does not say what authentication it wants (401 without WWW-Authenticate)")]
    NoChallenge {
        /// The stream.
        url: StreamUrl,
    },
    /// 401 with challenges that are not known.
    #[error("{url} wants authentication by {schemes}, but only Basic and Digest (MD5, SHA-256) are known")]
    UnknownScheme {
        /// The stream.
        url: StreamUrl,
        /// The schemes it offered, escaped and shortened.
        schemes: String,
    },
    /// A link-local address over UDP.
    #[error("{url} has a zone, with which it is played over TCP only: try --transport tcp")]
    ZoneOverUdp {
        /// The stream.
        url: StreamUrl,
    },
    /// The stream is elsewhere, and cannot be had there.
    #[error("{url} does not play: {error}")]
    Redirected {
        /// Where it was asked for last.
        url: StreamUrl,
        /// Why not.
        error: redirect::Error,
    },
    /// A good answer, but one cannot go on from it.
    #[error("{url} cannot be played: {why}{}: {help}", request.as_ref().map(|request| format!(" (in answer to {request})")).unwrap_or_default())]
    Unusable {
        /// The stream.
        url: StreamUrl,
        /// The method of the request, where it is known.
        request: Option<String>,
        /// What is wrong with the answer.
        why: String,
        /// What would help.
        help: String,
    },
    /// 404.
    #[error("nothing is published at {url} (404 Not Found)")]
    NotFound {
        /// The stream.
        url: StreamUrl,
    },
    /// 461.
    #[error("{url} does not play over {transport} (461 Unsupported Transport): try --transport {}", transport.other())]
    TransportRefused {
        /// The stream.
        url: StreamUrl,
        /// The one that was asked for.
        transport: config::Transport,
    },
    /// Any other refusal.
    #[error("{url} refuses to play: {status} {words}{} in answer to {request}{hint}", if words.is_empty() { "came" } else { "" })]
    Refused {
        /// The stream.
        url: StreamUrl,
        /// Of the response.
        status: u16,
        /// The server's own words for it, escaped and shortened.
        words: String,
        /// The method of the request.
        request: String,
        /// What to do, led by a colon; empty where nobody knows.
        hint: &'static str,
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
        /// The stream.
        url: StreamUrl,
        /// The encoding name of its SDP.
        codec: String,
    },
    /// No video at all.
    #[error("{url} has no video")]
    NoVideo {
        /// The stream.
        url: StreamUrl,
    },
    /// Larger than any part of framelag takes.
    #[error("the video at {url} is {width}x{height}, larger than {max}x{max}", max = Size::MAX_SIDE)]
    TooLarge {
        /// The stream.
        url: StreamUrl,
        /// Luma samples in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It plays, and no access unit came.
    #[error("{url} plays, but no picture came for {}: {why}", seconds(*waited))]
    Silence {
        /// The stream.
        url: StreamUrl,
        /// How long it was.
        waited: Duration,
        /// What came instead, and what would help.
        why: Box<str>,
    },
    /// It played, and nothing came any more.
    #[error("the stream from {url} fell silent: nothing came for {}", seconds(*waited))]
    Stopped {
        /// The stream.
        url: StreamUrl,
        /// How long it was.
        waited: Duration,
    },
    /// The source has said goodbye.
    #[error("the stream from {url} ended: its source said goodbye (RTCP BYE)")]
    Left {
        /// The stream.
        url: StreamUrl,
    },
    /// The server closed the connection.
    #[error("the server closed the connection to {url}")]
    Closed {
        /// The stream.
        url: StreamUrl,
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
        /// The stream.
        url: StreamUrl,
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
                | Self::Stopped { .. }
                | Self::Left { .. }
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

/// The first line of `text`, printable and not too long: parts of it come from the other side.
pub(super) fn one_line(text: &str) -> String {
    excerpt(text.lines().next().unwrap_or_default().trim(), MAX_REASON_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_seconds() {
        let url: StreamUrl = "rtsp://127.0.0.1/cam".parse().expect("a URL");
        let waited = Duration::from_micros(12_000_137);
        let stopped = Error::Stopped { url: url.clone(), waited }.to_string();
        assert!(stopped.ends_with("fell silent: nothing came for 12.0 s"), "{stopped}");
        let silence = Error::Silence { url, waited, why: "why".into() }.to_string();
        assert!(silence.ends_with("no picture came for 12.0 s: why"), "{silence}");
    }

    #[test]
    fn what_a_server_says_becomes_one_harmless_line() {
        assert_eq!(one_line("404 Not \x1b[31mFound\n\nconn: …"), "404 Not \\u{1b}[31mFound");
        assert_eq!(one_line(&"x".repeat(1000)).chars().count(), MAX_REASON_CHARS + 1);
        assert_eq!(one_line(""), "");
        assert_eq!(without_number("Connection refused (os error 111)"), "Connection refused");
    }
}
