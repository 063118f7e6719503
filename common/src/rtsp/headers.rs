//! The header values that a session depends on: CSeq, Session, Transport and Range.
//!
//! rtsp-types has parsers for most of them, but some of those panic on hostile values (a lone quotation mark as a
//! parameter), so these are our own. Each takes the text of one value, which the framer has limited to
//! `HEADER_VALUE_MAX` bytes.

use std::fmt;
use std::time::Duration;

mod transport;

pub use transport::{Lower, Mode, Transport};

/// Longest session identifier that is taken, in bytes. RFC 2326 asks for at least 8 and knows no end.
const SESSION_ID_MAX: usize = 128;
/// The time after which a silent session ends where the Session header does not say (RFC 2326 section 12.37).
pub(super) const SESSION_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Most entries in a Transport list.
const LIST_MAX: usize = 16;

/// A header value that does not follow its grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{header} {value}: {why}")]
pub struct Error {
    /// The header's name.
    pub header: &'static str,
    /// Its value, quoted, escaped and shortened.
    pub value: String,
    /// What is wrong.
    pub why: &'static str,
}

impl Error {
    fn new(header: &'static str, value: &str, why: &'static str) -> Self {
        const LONGEST: usize = 60;
        let short: String = value.chars().take(LONGEST).collect();
        Self { header, value: format!("\"{}\"", short.escape_debug()), why }
    }
}

/// Parses a CSeq (RFC 2326 section 12.17): one plain number.
pub fn parse_cseq(value: &str) -> Result<u32, Error> {
    number(value).ok_or_else(|| Error::new("CSeq", value, "not one number below 2^32"))
}

/// A Session header (RFC 2326 section 12.37).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Opaque: visible ASCII without `;` or `,`.
    pub id: String,
    /// How long the server waits for a sign of life.
    pub timeout: Duration,
}

impl Session {
    /// Parses a Session header's value. A timeout that is no number, or zero, counts as not given, because cameras
    /// send such and mean nothing by it.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let mut parts = value.split(';').map(str::trim);
        let id = parts.next().unwrap_or_default();
        if id.is_empty() || id.len() > SESSION_ID_MAX {
            return Err(Error::new("Session", value, "no identifier of 1 to 128 bytes"));
        }
        if !id.bytes().all(|b| b.is_ascii_graphic() && b != b',') {
            return Err(Error::new("Session", value, "the identifier is not one word of visible ASCII"));
        }
        let seconds = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("timeout").then(|| number::<u32>(value.trim()))?
        });
        let timeout = seconds.filter(|&s| s > 0).map_or(SESSION_TIMEOUT_DEFAULT, |s| Duration::from_secs(s.into()));
        Ok(Self { id: id.to_owned(), timeout })
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};timeout={}", self.id, self.timeout.as_secs())
    }
}

/// Checks a Range header (RFC 2326 section 12.29) for a unit that RTSP has. The times in it do not matter: a live stream can
/// only be played from now on.
pub fn check_range(value: &str) -> Result<(), Error> {
    let unit = value.split_once('=').map_or("", |(unit, _)| unit.trim()).to_ascii_lowercase();
    if matches!(&*unit, "npt" | "clock") || unit.starts_with("smpte") {
        return Ok(());
    }
    Err(Error::new("Range", value, "neither npt, smpte nor clock"))
}

/// Digits only: `from_str` would take a sign as well.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cseq_is_one_plain_number() {
        assert_eq!(parse_cseq(" 17 "), Ok(17));
        for bad in ["", "-1", "+1", "1, 1", "4294967296", "1\0", "x"] {
            assert!(parse_cseq(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sessions_parse_with_and_without_a_timeout() {
        let session = Session::parse("12345678;timeout=30").expect("a good header");
        assert_eq!((session.id.as_str(), session.timeout), ("12345678", Duration::from_secs(30)));
        assert_eq!(session.to_string(), "12345678;timeout=30");
        for unsaid in ["abc", "abc; timeout=", "abc;timeout=0", "abc;timeout=-3", "abc;x=y"] {
            let session = Session::parse(unsaid).expect(unsaid);
            assert_eq!((session.id.as_str(), session.timeout), ("abc", SESSION_TIMEOUT_DEFAULT));
        }
        for bad in ["", ";timeout=3", "a b", "a,b", "a\0b"] {
            assert!(Session::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Session::parse(&"x".repeat(SESSION_ID_MAX + 1)).is_err());
    }

    #[test]
    fn ranges_have_a_unit_of_rtsp() {
        for good in ["npt=now-", "npt = 1:02:03.5 - 2:00:00", "clock=19961108T143720.25Z-", "smpte-25=10:07:00-"] {
            assert_eq!(check_range(good), Ok(()), "{good}");
        }
        for bad in ["", "npt", "bytes=0-"] {
            assert!(check_range(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn errors_are_short_and_escaped() {
        let error = check_range(&format!("x=\u{1b}[2J\n{}", "x".repeat(2000))).expect_err("not a range").to_string();
        assert!(error.len() < 200 && !error.contains(['\n', '\u{1b}']), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic(value in "\\PC*") {
            let _ = (parse_cseq(&value), Session::parse(&value), check_range(&value));
            let _ = Transport::parse(&value);
        }

        #[test]
        fn values_near_the_grammar_never_panic(value in r#"(npt|RTP/AVP|url|[;=,\-"0-9:.a-z ]|interleaved|port|ssrc)*"#) {
            let _ = (parse_cseq(&value), Session::parse(&value), check_range(&value));
            let _ = Transport::parse(&value);
        }
    }
}
