//! The header values that a session depends on: CSeq, Session, Transport, Range and RTP-Info.
//!
//! rtsp-types has parsers for most of them, but some of those panic on hostile values (a lone quotation mark as a
//! parameter), so these are our own. Each takes the text of one value, which the framer has limited to
//! [`HEADER_VALUE_MAX`](super::message::HEADER_VALUE_MAX) bytes.

use std::fmt;
use std::time::Duration;

mod transport;

pub use transport::{Lower, Mode, Transport};

/// Longest session identifier that is taken, in bytes. RFC 2326 asks for at least 8 and knows no end.
pub const SESSION_ID_MAX: usize = 128;
/// The time after which a silent session ends where the Session header does not say (RFC 2326 section 12.37).
pub const SESSION_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Most entries in a Transport or RTP-Info list.
pub const LIST_MAX: usize = 16;

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
    /// How long the server waits for a sign of life; `None` is [`SESSION_TIMEOUT_DEFAULT`].
    pub timeout: Option<Duration>,
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
        let timeout = seconds.filter(|&s| s > 0).map(|s| Duration::from_secs(s.into()));
        Ok(Self { id: id.to_owned(), timeout })
    }

    /// The timeout that holds.
    pub fn timeout_or_default(&self) -> Duration {
        self.timeout.unwrap_or(SESSION_TIMEOUT_DEFAULT)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match self.timeout {
            Some(timeout) => write!(f, ";timeout={}", timeout.as_secs()),
            None => Ok(()),
        }
    }
}

/// A Range header (RFC 2326 section 12.29). A live stream can only be played from now on, so other clocks than
/// normal play time are recognised, not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// `npt=now-`.
    Now,
    /// `npt=START-` or `npt=START-END`; START is 0 where only an end is given.
    Npt {
        /// Where to begin.
        start: Duration,
        /// Where to end, if anywhere.
        end: Option<Duration>,
    },
    /// `clock=` or `smpte…=`.
    Other,
}

impl Range {
    /// Parses a Range header's value.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let error = |why| Error::new("Range", value, why);
        let (unit, span) = value.split(';').next().and_then(|v| v.split_once('=')).ok_or(error("no unit"))?;
        let unit = unit.trim();
        if unit.eq_ignore_ascii_case("clock") || unit.to_ascii_lowercase().starts_with("smpte") {
            return Ok(Self::Other);
        }
        if !unit.eq_ignore_ascii_case("npt") {
            return Err(error("neither npt, smpte nor clock"));
        }
        let (start, end) = span.split_once('-').ok_or(error("no `-`"))?;
        let (start, end) = (start.trim(), end.trim());
        let time = |text: &str| parse_npt(text).ok_or(error("not a normal play time"));
        let end = if end.is_empty() { None } else { Some(time(end)?) };
        match start {
            "now" => Ok(Self::Now),
            "" if end.is_none() => Err(error("neither start nor end")),
            "" => Ok(Self::Npt { start: Duration::ZERO, end }),
            start => Ok(Self::Npt { start: time(start)?, end }),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("npt=now-"),
            Self::Npt { start, end: None } => write!(f, "npt={:.3}-", start.as_secs_f64()),
            Self::Npt { start, end: Some(end) } => {
                write!(f, "npt={:.3}-{:.3}", start.as_secs_f64(), end.as_secs_f64())
            }
            Self::Other => f.write_str("clock=-"),
        }
    }
}

/// `12.345` or `1:02:03.4` (RFC 2326 section 3.6).
fn parse_npt(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut seconds: u64 = 0;
    for (place, part) in whole.split(':').enumerate() {
        let part: u32 = number(part)?;
        if place > 2 || (place > 0 && part > 59) {
            return None;
        }
        seconds = if place == 0 { part.into() } else { seconds * 60 + u64::from(part) };
    }
    let digits = fraction.get(..fraction.len().min(9))?;
    let nanos: u32 = if digits.is_empty() { 0 } else { number::<u32>(digits)? * 10_u32.pow(9 - digits.len() as u32) };
    Some(Duration::new(seconds, nanos))
}

/// One entry of an RTP-Info header (RFC 2326 section 12.33): where in sequence and media time playing begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpInfo {
    /// The track's control URL.
    pub url: String,
    /// Sequence number of the first packet.
    pub sequence: Option<u16>,
    /// Media time that corresponds to the start of the range.
    pub rtp_time: Option<u32>,
}

impl RtpInfo {
    /// Parses an RTP-Info header's value: a list of up to [`LIST_MAX`] entries.
    pub fn parse(value: &str) -> Result<Vec<Self>, Error> {
        let entries: Vec<&str> = value.split(',').take(LIST_MAX + 1).collect();
        if entries.len() > LIST_MAX {
            return Err(Error::new("RTP-Info", value, "more than 16 entries"));
        }
        entries.into_iter().map(|entry| Self::parse_entry(entry, value)).collect()
    }

    fn parse_entry(entry: &str, whole: &str) -> Result<Self, Error> {
        let error = |why| Error::new("RTP-Info", whole, why);
        let mut info = Self { url: String::new(), sequence: None, rtp_time: None };
        for part in entry.split(';') {
            let Some((name, value)) = part.trim().split_once('=') else { continue };
            match name {
                "url" => info.url = value.trim_matches('"').to_owned(),
                "seq" => info.sequence = Some(number(value).ok_or(error("seq is not a 16-bit number"))?),
                "rtptime" => info.rtp_time = Some(number(value).ok_or(error("rtptime is not a 32-bit number"))?),
                _ => {}
            }
        }
        if info.url.is_empty() { Err(error("an entry without url")) } else { Ok(info) }
    }
}

impl fmt::Display for RtpInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "url={}", self.url)?;
        if let Some(sequence) = self.sequence {
            write!(f, ";seq={sequence}")?;
        }
        match self.rtp_time {
            Some(time) => write!(f, ";rtptime={time}"),
            None => Ok(()),
        }
    }
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
        assert_eq!((session.id.as_str(), session.timeout_or_default()), ("12345678", Duration::from_secs(30)));
        assert_eq!(session.to_string(), "12345678;timeout=30");
        for unsaid in ["abc", "abc; timeout=", "abc;timeout=0", "abc;timeout=-3", "abc;x=y"] {
            let session = Session::parse(unsaid).expect(unsaid);
            assert_eq!((session.id.as_str(), session.timeout_or_default()), ("abc", SESSION_TIMEOUT_DEFAULT));
        }
        for bad in ["", ";timeout=3", "a b", "a,b", "a\0b"] {
            assert!(Session::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Session::parse(&"x".repeat(SESSION_ID_MAX + 1)).is_err());
    }

    #[test]
    fn ranges_parse_and_print() {
        let npt = |start, end: Option<u64>| Range::Npt {
            start: Duration::from_millis(start),
            end: end.map(Duration::from_millis),
        };
        for (text, range, printed) in [
            ("npt=now-", Range::Now, "npt=now-"),
            ("npt=0.000-", npt(0, None), "npt=0.000-"),
            ("npt = 1:02:03.5 - 2:00:00", npt(3_723_500, Some(7_200_000)), "npt=3723.500-7200.000"),
            ("npt=-5", npt(0, Some(5_000)), "npt=0.000-5.000"),
        ] {
            assert_eq!(Range::parse(text), Ok(range), "{text}");
            assert_eq!(range.to_string(), printed);
        }
        assert_eq!(Range::parse("clock=19961108T143720.25Z-"), Ok(Range::Other));
        for bad in ["", "npt", "npt=", "npt=-", "npt=x-", "npt=1:99-", "npt=1:2:3:4-", "npt=99999999999-", "bytes=0-"] {
            assert!(Range::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn rtp_info_round_trips() {
        let info = RtpInfo { url: "rtsp://h/cam/trackID=0".into(), sequence: Some(7), rtp_time: Some(u32::MAX) };
        assert_eq!(RtpInfo::parse(&info.to_string()), Ok(vec![info.clone()]));
        assert_eq!(RtpInfo::parse(&format!("{info},{info}")).expect("two entries").len(), 2);
        for bad in ["", "seq=1", "url=x;seq=65536", "url=x;rtptime=-1"] {
            assert!(RtpInfo::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn errors_are_short_and_escaped() {
        let error = Range::parse(&format!("npt=\u{1b}[2J\n{}", "x".repeat(2000))).expect_err("not a range").to_string();
        assert!(error.len() < 200 && !error.contains(['\n', '\u{1b}']), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic(value in "\\PC*") {
            let _ = (parse_cseq(&value), Session::parse(&value), Range::parse(&value), RtpInfo::parse(&value));
            let _ = Transport::parse(&value);
        }

        #[test]
        fn values_near_the_grammar_never_panic(value in r#"(npt|RTP/AVP|url|[;=,\-"0-9:.a-z ]|interleaved|port|ssrc)*"#) {
            let _ = (parse_cseq(&value), Session::parse(&value), Range::parse(&value), RtpInfo::parse(&value));
            let _ = Transport::parse(&value);
        }
    }
}
