//! Why a stream does not play, in one line for the user.

use std::fmt::Display;

use common::printable::excerpt;
use common::stream_url::StreamUrl;

/// Longest line of an error that a server had a say in, in characters.
const MAX_REASON_CHARS: usize = 200;

/// Why a stream does not play: one line that names the address and shows no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Permanent,
    Transient,
    Flood,
}

impl Error {
    /// One that stays until somebody does something about it.
    pub(super) fn permanent(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: Kind::Permanent }
    }

    /// One that may go away by itself, when the publisher or server has come up.
    pub(super) fn transient(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: Kind::Transient }
    }

    /// There is no TCP connection.
    pub(super) fn connect(address: &str, reason: &str) -> Self {
        Self::transient(format!("cannot connect to {address}: {reason}"))
    }

    /// The server's answer is of no use.
    pub(super) fn unusable(url: &StreamUrl, why: impl Display, help: &str) -> Self {
        Self::permanent(format!("{url} cannot be played: {why}: {help}"))
    }

    /// The connection was reset or closed before there was a picture: a proxy whose server is not up yet does so, and a
    /// server that restarts.
    pub(super) fn hung_up(address: &str, reason: &str) -> Self {
        Self::transient(format!("{address} hung up before a picture came: {reason}"))
    }

    /// The stream broke off.
    pub(super) fn broken(url: &StreamUrl, reason: &str) -> Self {
        Self::permanent(format!("the stream from {url} broke: {reason}"))
    }

    /// The source has said goodbye.
    pub(super) fn left(url: &StreamUrl) -> Self {
        Self::transient(format!("the stream from {url} ended: its source said goodbye (RTCP BYE)"))
    }

    /// More bytes than `limit` came and made no picture.
    pub(super) fn flood(address: &str, limit: u64) -> Self {
        let text = format!("{address} sends more than {} MB that make no picture", limit >> 20);
        Self { text, kind: Kind::Flood }
    }

    pub(super) fn is_transient(&self) -> bool {
        self.kind == Kind::Transient
    }

    pub(super) fn is_flood(&self) -> bool {
        self.kind == Kind::Flood
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
pub(super) fn first_line(text: &str) -> String {
    excerpt(text.lines().next().unwrap_or_default().trim(), MAX_REASON_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_becomes_one_harmless_line() {
        assert_eq!(first_line("404 Not \x1b[31mFound\n\nconn: …"), "404 Not \\u{1b}[31mFound");
        assert_eq!(first_line(&"x".repeat(1000)).chars().count(), MAX_REASON_CHARS + 1);
        assert_eq!(first_line(""), "");
        assert_eq!(without_number("Connection refused (os error 111)"), "Connection refused");
    }
}
