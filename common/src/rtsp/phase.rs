//! The parameter `phase`, by which a server has a publisher shift when its pictures are due (SET_PARAMETER, RFC 2326 section 10.9).
//!
//! The request says `phase: 0.2`: a fifth of the time between two pictures later than when publishing began. The answer says
//! `phase_us: 6667`: what that is.

use std::time::Duration;

/// The type of both bodies.
pub const CONTENT_TYPE: &str = "text/parameters";

/// A fraction of the time between two pictures: from 0 to below 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase(f64);

impl Phase {
    /// `None` outside of the range.
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..1.0).contains(&fraction).then_some(Self(fraction))
    }

    /// As it was given.
    pub const fn fraction(self) -> f64 {
        self.0
    }

    /// The body of the request.
    pub fn to_body(self) -> String {
        format!("phase: {}\r\n", self.0)
    }

    /// Reads the body of a request; `None` where it sets anything else.
    pub fn parse(body: &[u8]) -> Option<Self> {
        Self::new(value(body, "phase")?.parse().ok()?)
    }

    /// What it is where pictures are `interval` apart.
    pub fn of(self, interval: Duration) -> Duration {
        interval.mul_f64(self.0)
    }
}

/// The body of the answer of a publisher that shifts its pictures by `shift`.
pub(super) fn answer(shift: Duration) -> String {
    format!("phase_us: {}\r\n", shift.as_micros())
}

/// Reads the body of an answer: µs.
pub fn parse_answer(body: &[u8]) -> Option<u64> {
    value(body, "phase_us")?.parse().ok()
}

/// The value of the only parameter, where that is `name`.
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
