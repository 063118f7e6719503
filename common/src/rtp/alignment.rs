//! Maps audio times to the media clock of the accompanying video.
//!
//! Each track has a random offset and a clock of its own (RFC 3550 section 5.1). Sender reports of both tracks relate
//! their times to a common wall clock (section 6.4.1). Until both have sent one, or if reports contradict the
//! arrivals by more than a sender's buffer explains, media that arrives together is assumed to be simultaneous.

use super::timeline::SenderClock;
use crate::time::{MEDIA_CLOCK_HZ, MediaTime, MonoTime};

/// Once placed, audio follows its own clock until sender reports disagree by more than this …
const REPORTS_OFF_MAX: i64 = MEDIA_CLOCK_HZ as i64 / 25;
/// … or, without reports, arrivals disagree by more than this: networks and senders deliver unevenly.
const ARRIVALS_OFF_MAX: i64 = MEDIA_CLOCK_HZ as i64 / 4;
/// Reports that place audio this far from video of the same arrival come from unrelated clocks.
const REPORTS_BELIEVED: i64 = 10 * MEDIA_CLOCK_HZ as i64;

/// Maps audio times to the video's clock.
#[derive(Clone, Debug)]
pub struct Alignment {
    hz: u32,
    video: Option<SenderClock>,
    audio: Option<SenderClock>,
    /// Time of the newest video frame.
    newest: Option<(MediaTime, MonoTime)>,
    /// An audio time and its position on the video's clock.
    anchor: Option<(u32, MediaTime)>,
}

impl Alignment {
    /// Creates an alignment for audio with a clock of `hz`.
    pub const fn new(hz: u32) -> Self {
        Self { hz, video: None, audio: None, newest: None, anchor: None }
    }

    /// Takes a sender report of the video.
    pub fn handle_video_report(&mut self, clock: SenderClock) {
        self.video = Some(clock);
    }

    /// Takes a sender report of the audio.
    pub fn handle_audio_report(&mut self, clock: SenderClock) {
        self.audio = Some(clock);
    }

    /// Takes the time of a video frame that arrived at `now`.
    pub fn handle_video(&mut self, now: MonoTime, time: MediaTime) {
        self.newest = Some((time, now));
    }

    /// Returns the video time of audio at `ticks` that arrived at `now`; `None` before the first video.
    pub fn place(&mut self, now: MonoTime, ticks: u32) -> Option<MediaTime> {
        let (newest, arrived) = self.newest?;
        let by_arrival = newest.advance(now - arrived);
        let by_reports = self.by_reports(ticks).filter(|time| off(*time, by_arrival) <= REPORTS_BELIEVED);
        let (wanted, tolerance) = match by_reports {
            Some(time) => (time, REPORTS_OFF_MAX),
            None => (by_arrival, ARRIVALS_OFF_MAX),
        };
        let expected = self.anchor.map(|(from, time)| self.advance(time, from, ticks));
        let placed = expected.filter(|time| off(*time, wanted) <= tolerance).unwrap_or(wanted);
        if expected != Some(placed) || self.anchor.is_some_and(|(from, _)| ticks.wrapping_sub(from) > 1 << 30) {
            self.anchor = Some((ticks, placed));
        }
        Some(placed)
    }

    fn by_reports(&self, ticks: u32) -> Option<MediaTime> {
        let sampled = self.audio?.sampled_at(ticks, self.hz);
        Some(self.video?.time_at(sampled))
    }

    /// Extrapolates `time` of `from` to `ticks`.
    fn advance(&self, time: MediaTime, from: u32, ticks: u32) -> MediaTime {
        let steps = i64::from(ticks.wrapping_sub(from) as i32) * i64::from(MEDIA_CLOCK_HZ);
        MediaTime::from_ticks(time.ticks().wrapping_add(steps.div_euclid(i64::from(self.hz.max(1))) as u32))
    }
}

fn off(a: MediaTime, b: MediaTime) -> i64 {
    i64::from(a.ticks_since(b)).abs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::time::WallTime;

    const NOW: WallTime = WallTime::from_micros(1_795_539_600_000_000);

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    fn report(wall: WallTime, ticks: u32) -> SenderClock {
        SenderClock::new(wall.to_ntp(), MediaTime::from_ticks(ticks)).expect("not the year 1900")
    }

    /// Returns the position of audio, in ticks after the video time `video`.
    fn placed(alignment: &mut Alignment, ms: u64, ticks: u32, video: u32) -> i32 {
        alignment.place(at(ms), ticks).expect("there is video").ticks_since(MediaTime::from_ticks(video))
    }

    #[test]
    fn sender_reports_decide() {
        let mut alignment = Alignment::new(48_000);
        assert_eq!(alignment.place(at(0), 0), None, "before the first video");
        alignment.handle_video(at(0), MediaTime::from_ticks(1_000));
        // Video time 91,000 and audio time 500 are the same moment.
        alignment.handle_video_report(report(NOW, 1_000));
        alignment.handle_audio_report(report(NOW.offset(1_000_000), 500));
        for (ms, ticks, expected) in [(1_050, 500, 90_000), (1_200, 500 + 4_800, 99_000), (1_000, 500 - 480, 89_100)] {
            assert_eq!(placed(&mut alignment, ms, ticks, 1_000), expected, "{ms}");
        }
    }

    #[test]
    fn without_reports_what_comes_together_belongs_together_and_jitter_does_not_show() {
        let mut alignment = Alignment::new(44_100);
        for frame in 0..200_u32 {
            alignment.handle_video(at(u64::from(frame) * 33), MediaTime::from_ticks(7 + frame * 2_970));
            let late = u64::from(frame * 37 % 50);
            let found = placed(&mut alignment, u64::from(frame) * 33 + late, 9 + frame * 44_100 * 33 / 1_000, 7);
            assert!((found - frame as i32 * 2_970).abs() <= 2, "{frame}: {found}");
        }
    }

    #[test]
    fn reports_that_come_later_move_it_once() {
        let mut alignment = Alignment::new(48_000);
        alignment.handle_video(at(0), MediaTime::from_ticks(0));
        assert_eq!(placed(&mut alignment, 200, 0, 0), 18_000, "by arrival");
        alignment.handle_video_report(report(NOW, 0));
        assert_eq!(placed(&mut alignment, 220, 960, 0), 19_800, "one report says nothing");
        alignment.handle_audio_report(report(NOW, 0));
        assert_eq!(placed(&mut alignment, 240, 1_920, 0), 3_600);
        // A report that is slightly off moves nothing.
        alignment.handle_audio_report(report(NOW.offset(20_000), 0));
        assert_eq!(placed(&mut alignment, 260, 2_880, 0), 5_400);
    }

    #[test]
    fn reports_of_unrelated_clocks_are_not_believed() {
        let mut alignment = Alignment::new(48_000);
        alignment.handle_video(at(0), MediaTime::from_ticks(0));
        alignment.handle_video_report(report(NOW, 0));
        alignment.handle_audio_report(report(NOW.offset(3_600_000_000), 0));
        assert_eq!(placed(&mut alignment, 10, 5, 0), 900);
    }

    #[test]
    fn audio_whose_clock_jumps_is_placed_anew() {
        let mut alignment = Alignment::new(48_000);
        alignment.handle_video(at(0), MediaTime::from_ticks(0));
        assert_eq!(placed(&mut alignment, 0, 0, 0), 0);
        assert_eq!(placed(&mut alignment, 20, 3_000_000_000, 0), 1_800);
        assert_eq!(placed(&mut alignment, 40, 3_000_000_960, 0), 3_600);
    }

    proptest! {
        #[test]
        fn whatever_comes_it_is_near_what_arrives_at_the_same_time(
            steps in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u64>(), 0_u64..5_000), 1..50),
            hz in 1_u32..200_000,
        ) {
            let (mut alignment, mut ms) = (Alignment::new(hz), 0);
            for (video, audio, ntp, wait) in steps {
                ms += wait;
                alignment.handle_video(at(ms), MediaTime::from_ticks(video));
                if let Some(clock) = SenderClock::new(ntp, MediaTime::from_ticks(audio)) {
                    alignment.handle_audio_report(clock);
                    alignment.handle_video_report(clock);
                }
                prop_assert!(i64::from(placed(&mut alignment, ms, audio, video)).abs() <= REPORTS_BELIEVED + REPORTS_OFF_MAX);
            }
        }
    }
}
