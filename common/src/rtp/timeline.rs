//! What a sender report makes of media time: the sender's wall time at which each frame was sampled (RFC 3550 section
//! 6.4.1).
//!
//! Both clocks wrap, media time after 13 h 15 m and NTP time in February 2036. Everything here is a difference the shorter
//! way round, so that neither wrap is seen.

use crate::time::{MEDIA_CLOCK_HZ, MediaTime, WallTime};

/// NTP's fractions of a second per second, as a power of two.
const FRACTION_BITS: u32 = 32;

/// A sender report's two clocks, read at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderClock {
    ntp: u64,
    time: MediaTime,
}

impl SenderClock {
    /// From the fields of a report; `None` where the sender has no wall clock, which 0 stands for.
    pub const fn new(ntp: u64, time: MediaTime) -> Option<Self> {
        if ntp == 0 { None } else { Some(Self { ntp, time }) }
    }

    /// When, by the sender's wall clock, the frame with media time `time` was sampled: before the report or after it.
    pub const fn sampled(&self, time: MediaTime) -> SenderTime {
        self.sampled_at(time.ticks(), MEDIA_CLOCK_HZ)
    }

    /// Like [`SenderClock::sampled`], for a track with a media clock of `hz`, at least 1.
    pub(super) const fn sampled_at(&self, ticks: u32, hz: u32) -> SenderTime {
        let ticks = MediaTime::from_ticks(ticks).ticks_since(self.time) as i128;
        let fractions = (ticks << FRACTION_BITS).div_euclid(hz as i128);
        SenderTime(self.ntp.wrapping_add(fractions as u64))
    }

    /// Returns the media time, at 90 kHz, of the moment `time`.
    pub(super) const fn time_at(&self, time: SenderTime) -> MediaTime {
        let fractions = time.0.wrapping_sub(self.ntp) as i64 as i128;
        let ticks = (fractions * MEDIA_CLOCK_HZ as i128 + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
        MediaTime::from_ticks(self.time.ticks().wrapping_add(ticks as u32))
    }
}

/// A sender's wall time, in NTP's units and modulo its era of 136 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderTime(u64);

impl SenderTime {
    /// `self − time` in µs, in whichever eras the two lie nearest to each other.
    pub const fn micros_since(self, time: WallTime) -> i64 {
        let fractions = self.0.wrapping_sub(time.to_ntp()) as i64;
        ((fractions as i128 * 1_000_000 + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS) as i64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-24T17:00:00Z.
    const NOW: WallTime = WallTime::from_micros(1_795_539_600_000_000);

    /// The last second of NTP era 0: 2036-02-07T06:28:15Z.
    const END_OF_ERA: WallTime = WallTime::from_micros(2_085_978_495_000_000);

    fn clock(wall: WallTime, ticks: u32) -> SenderClock {
        SenderClock::new(wall.to_ntp(), MediaTime::from_ticks(ticks)).expect("not the year 1900")
    }

    fn off(clock: SenderClock, ticks: u32, expected: WallTime) -> i64 {
        clock.sampled(MediaTime::from_ticks(ticks)).micros_since(expected)
    }

    #[test]
    fn frames_before_and_after_the_report_have_their_wall_time() {
        let clock = clock(NOW, 900_000);
        assert_eq!(off(clock, 900_000, NOW), 0);
        assert_eq!(off(clock, 990_000, NOW.offset(1_000_000)), 0);
        assert_eq!(off(clock, 899_991, NOW.offset(-100)), 0);
        assert_eq!(off(clock, 990_000, NOW), 1_000_000);
        assert_eq!(off(clock, 900_000, NOW.offset(250)), -250);
    }

    #[test]
    fn the_wrap_of_media_time_is_not_seen_from_either_side() {
        let before = clock(NOW, u32::MAX - 89_999);
        assert_eq!(off(before, 90_000, NOW.offset(2_000_000)), 0);
        let after = clock(NOW, 45_000);
        assert_eq!(off(after, u32::MAX - 44_999, NOW.offset(-1_000_000)), 0);
    }

    #[test]
    fn the_end_of_the_ntp_era_is_not_seen_from_either_side() {
        for report in [END_OF_ERA, END_OF_ERA.offset(1_500_000)] {
            let clock = clock(report, 7_000_000);
            assert_eq!(off(clock, 7_000_000 + 180_000, report.offset(2_000_000)), 0, "{report}");
            assert_eq!(off(clock, 7_000_000 - 180_000, report.offset(-2_000_000)), 0, "{report}");
        }
    }

    #[test]
    fn a_sender_without_a_wall_clock_says_nothing() {
        assert_eq!(SenderClock::new(0, MediaTime::from_ticks(5)), None);
    }

    proptest! {
        #[test]
        fn a_frame_is_where_the_sender_sampled_it(report: u32, ticks in -1_000_000_000_i32..1_000_000_000, error in -5_000_000_i64..5_000_000) {
            let clock = clock(NOW, report);
            let micros = i64::from(ticks) * 1_000_000 / i64::from(MEDIA_CLOCK_HZ);
            let found = off(clock, report.wrapping_add(ticks as u32), NOW.offset(micros - error));
            prop_assert!((found - error).abs() <= 1, "{} for {}", found, error);
        }

        #[test]
        fn any_report_is_survived(ntp: u64, report: u32, frame: u32, wall: i64) {
            if let Some(clock) = SenderClock::new(ntp, MediaTime::from_ticks(report)) {
                off(clock, frame, WallTime::from_micros(wall));
            }
        }
    }
}
