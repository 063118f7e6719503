//! The parameter `phase`, with which a server asks a publisher to shift its picture times (SET_PARAMETER, RFC 2326
//! section 10.9).
//!
//! The request `phase: 0.2` asks for a delay of a fifth of the frame interval, relative to the original schedule. The
//! answer `phase_us: 6667` states the delay.

use std::time::Duration;

/// Content type of both bodies.
pub const CONTENT_TYPE: &str = "text/parameters";

/// A fraction of the frame interval, in the range [0, 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase(f64);

impl Phase {
    /// Returns `None` if the value is out of range.
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..1.0).contains(&fraction).then_some(Self(fraction))
    }

    /// Returns the fraction.
    pub const fn fraction(self) -> f64 {
        self.0
    }

    /// Writes the body of the request.
    pub fn to_body(self) -> String {
        format!("phase: {}\r\n", self.0)
    }

    /// Parses the body of a request; `None` if it sets anything else.
    pub fn parse(body: &[u8]) -> Option<Self> {
        Self::new(value(body, "phase")?.parse().ok()?)
    }

    /// Returns the delay for a frame interval of `interval`.
    pub fn of(self, interval: Duration) -> Duration {
        interval.mul_f64(self.0)
    }
}

/// Writes the answer of a publisher that shifts its pictures by `shift`.
pub(super) fn answer(shift: Duration) -> String {
    format!("phase_us: {}\r\n", shift.as_micros())
}

/// Parses the body of an answer, in µs.
pub fn parse_answer(body: &[u8]) -> Option<u64> {
    value(body, "phase_us")?.parse().ok()
}

/// Returns the value of the only parameter if it is called `name`.
fn value<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let (found, value) = std::str::from_utf8(body).ok()?.trim().split_once(':')?;
    (found.trim() == name).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_read_as_it_is_written() {
        for fraction in [0.0, 0.2, 0.999, 1.0 / 3.0] {
            let phase = Phase::new(fraction).expect("in the range");
            assert_eq!(Phase::parse(phase.to_body().as_bytes()), Some(phase));
        }
        let shift = Phase::new(0.2).expect("in the range").of(Duration::from_nanos(33_333_333));
        assert_eq!(parse_answer(answer(shift).as_bytes()), Some(6_666));
    }

    #[test]
    fn anything_else_is_no_phase() {
        for body in [
            "",
            "phase",
            "phase:",
            "phase: x",
            "phase: 1",
            "phase: -0.1",
            "phase: NaN",
            "phase: 0.1\r\nx: 1",
            "x: 0.1",
            "\u{ff}",
        ] {
            assert_eq!(Phase::parse(body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(Phase::parse(&[0xff]), None);
        assert_eq!(parse_answer(b"phase_us: -1"), None);
    }
}
