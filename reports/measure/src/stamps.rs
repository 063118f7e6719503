//! Checks the times that come with a frame against each other: the corner code's PUB, the SEI's, the sender reports', and
//! the capture time. Over the whole run, the warm-up too: whoever rewrites time does so from the first frame on.

use common::frame::CaptureClock;

use crate::figures::{CaptureFigures, DifferenceUs, StampFigures};
use crate::latency::Distribution;

/// Two times of one frame that differ by more than this contradict each other. Two ends that read one clock one after the
/// other, round to RTP ticks of 11 µs and slew stay far below.
pub const MAX_DIFFERENCE_US: i64 = 1_000;

/// A sender report that is further off than a year is of a sender without wall clock, which may count from anywhere (RFC 3550
/// section 6.4.1): it is not compared.
const MAX_SENDER_DIFFERENCE_US: u64 = 365 * 86_400 * 1_000_000;

/// What came beside a corner code that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sei {
    /// The picture came without an access unit, which could hold one.
    NoPlace,
    /// None in its access unit.
    Missing,
    /// One of another frame.
    OtherFrame,
    /// That of the frame.
    SameFrame {
        /// The SEI's PUB − the code's, µs.
        difference_us: i64,
    },
}

impl Sei {
    /// It speaks of another frame, or of another time.
    pub const fn contradicts(self) -> bool {
        match self {
            Self::NoPlace | Self::Missing => false,
            Self::OtherFrame => true,
            Self::SameFrame { difference_us } => difference_us.unsigned_abs() > MAX_DIFFERENCE_US.unsigned_abs(),
        }
    }
}

/// What was found so far.
#[derive(Clone, Debug, Default)]
pub struct Stamps {
    /// Without what `sender` says.
    figures: StampFigures,
    capture: CaptureFigures,
    /// Sampling times by the sender reports − PUB, µs.
    sender: Distribution,
}

impl Stamps {
    /// A code was read, with this beside it.
    pub fn code(&mut self, sei: Sei, capture: CaptureClock) {
        let figures = &mut self.figures;
        match sei {
            Sei::NoPlace => {}
            Sei::Missing => figures.missing_sei += 1,
            _ if sei.contradicts() => figures.contradicted += 1,
            _ => figures.agreeing += 1,
        }
        if let Sei::SameFrame { difference_us } = sei {
            figures.largest_difference_us = larger(figures.largest_difference_us, difference_us);
        }
        match capture {
            CaptureClock::None => {}
            CaptureClock::Monotonic => self.capture.clock = Some("monotonic".into()),
            CaptureClock::Implausible => self.capture.implausible += 1,
        }
    }

    /// A sender report puts the frame after it this many µs after its PUB.
    pub fn sender_report(&mut self, difference_us: i64) {
        if difference_us.unsigned_abs() <= MAX_SENDER_DIFFERENCE_US {
            self.sender.record(difference_us);
            let off = difference_us.unsigned_abs() > MAX_DIFFERENCE_US.unsigned_abs();
            self.figures.sender_reports_off += u64::from(off);
        }
    }

    /// The stamps, for `run.json`.
    pub fn figures(&self) -> StampFigures {
        let largest = self.sender.max_us().and_then(|max| larger(self.sender.min_us(), max));
        let differences = self.sender.quantile_us(0.5).zip(largest);
        StampFigures {
            sender_reports: self.sender.count(),
            sender_report_difference_us: differences.map(|(median, largest)| DifferenceUs { median, largest }),
            ..self.figures
        }
    }

    /// The capture times, for `run.json`.
    pub fn capture(&self) -> CaptureFigures {
        self.capture.clone()
    }
}

/// The one of greater magnitude.
fn larger(one: Option<i64>, other: i64) -> Option<i64> {
    Some(one.filter(|one| one.unsigned_abs() >= other.unsigned_abs()).unwrap_or(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_millisecond_is_tolerated_and_more_contradicts() {
        let mut stamps = Stamps::default();
        for difference_us in [0, 1_000, -1_000, 1_001, -90_000] {
            stamps.code(Sei::SameFrame { difference_us }, CaptureClock::None);
        }
        stamps.code(Sei::OtherFrame, CaptureClock::None);
        stamps.code(Sei::Missing, CaptureClock::None);
        stamps.code(Sei::NoPlace, CaptureClock::None);
        let figures = stamps.figures();
        assert_eq!((figures.agreeing, figures.contradicted, figures.missing_sei), (3, 3, 1));
        assert_eq!(figures.largest_difference_us, Some(-90_000));
        assert_eq!((figures.sender_reports, figures.sender_report_difference_us), (0, None));
    }

    #[test]
    fn sender_reports_have_a_median_and_one_that_is_furthest_off() {
        let mut stamps = Stamps::default();
        [-5, 3, 4, -1_500, 1_000].into_iter().for_each(|us| stamps.sender_report(us));
        // Of a sender that counts from its start.
        [i64::MIN, -1_795_539_600_000_000, i64::MAX].into_iter().for_each(|us| stamps.sender_report(us));
        let figures = stamps.figures();
        assert_eq!((figures.sender_reports, figures.sender_reports_off), (5, 1));
        assert_eq!(figures.sender_report_difference_us, Some(DifferenceUs { median: 3, largest: -1_500 }));
    }

    #[test]
    fn capture_times_are_counted_by_their_clock() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.capture(), CaptureFigures { clock: None, implausible: 0 });
        for clock in [CaptureClock::None, CaptureClock::Implausible, CaptureClock::Monotonic] {
            stamps.code(Sei::Missing, clock);
        }
        assert_eq!(stamps.capture(), CaptureFigures { clock: Some("monotonic".into()), implausible: 1 });
    }
}
