//! Decode times and durations of frames.
//!
//! A frame's duration is needed before the next frame arrives, so it is predicted from earlier intervals. Later durations
//! correct each prediction error, so the timeline follows media time, which is kept in pace with this host's clock. This
//! also smooths jitter in a camera's timestamps.

use std::collections::VecDeque;

use common::time::{MEDIA_CLOCK_HZ, MediaTime, MonoTime};

use super::drift::Drift;

const HZ: i64 = MEDIA_CLOCK_HZ as i64;
/// Interval assumed until two frames are known.
const FIRST_INTERVAL: i64 = HZ / 30;
/// Number of intervals averaged.
const INTERVALS: usize = 64;
const INTERVAL_MIN: i64 = HZ / 1_000;
const INTERVAL_MAX: i64 = 10 * HZ;
/// Smaller errors are never holes: such frames were skipped, not lost.
const HOLE_MIN: i64 = HZ / 4;
/// Audio is moved along with the video's time by whole steps of this: each leaves a gap or drops a frame.
const AUDIO_STEP: i64 = HZ / 25;
/// A media time this far ahead of the frames' arrival, or this far back, means that the clock was reset.
const STEP: i64 = HZ;

/// Assigns decode times to frames.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    last: Option<Last>,
    /// End of the last frame of an earlier timeline that this one continues, that frame's time, and its arrival.
    before: Option<(i64, i64, MonoTime)>,
    intervals: VecDeque<i64>,
    drift: Drift,
    /// How far `drift` has moved the video's time, and the audio's, in ticks.
    moved: (i64, i64),
    /// Arrival and time of a frame, against which delays are measured.
    origin: Option<(MonoTime, i64)>,
    /// Whether presentation order differs from decoding order.
    reorders: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    media: MediaTime,
    arrived: MonoTime,
    /// Media time without wraps and steps, from 0 at the first frame.
    time: i64,
    /// The highest `time`, and the number of frames since.
    highest: i64,
    since: i64,
    /// Decode time of the next frame.
    next: i64,
}

/// Position of a frame on the timeline, in ticks of 90 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) decode: u64,
    pub(super) duration: u32,
    /// Presentation time − decoding time.
    pub(super) offset: i32,
    /// Whether a gap in the timeline precedes this frame.
    pub(super) after_hole: bool,
}

impl Timeline {
    /// Continues `previous`: the time between its last frame and the first of this one is the time between their arrivals.
    pub(super) fn after(previous: &Self) -> Self {
        let before = previous.last.map(|last| (last.next, last.highest, last.arrived)).or(previous.before);
        Self { before, ..Self::default() }
    }

    /// Assigns a position to the next frame.
    pub(super) fn place(&mut self, media: MediaTime, arrived: MonoTime) -> Placed {
        let mut last = match self.last {
            Some(last) => self.follow(last, media, arrived),
            None => {
                let time = self.before.map_or(0, |(end, time, at)| (time + ticks(at, arrived)).max(end));
                Last { media, arrived, time, highest: time, since: 0, next: time }
            }
        };
        let interval = self.interval();
        let (first, start) = *self.origin.get_or_insert((arrived, last.time));
        let late = ticks(first, arrived) - (last.time - start);
        let correction = self.drift.correction(late, arrived, interval);
        last.time += correction;
        self.moved.0 += correction;
        let after_hole = last.time - last.next > (8 * interval).max(HOLE_MIN);
        if after_hole {
            last.next = last.time;
        }
        let decode = last.next;
        let error = last.time - decode;
        let correction = match error {
            _ if self.reorders => error / 16,
            // A frame was skipped or inserted.
            _ if error.abs() > interval * 3 / 4 => error,
            _ => error / 8,
        };
        let duration = (interval + correction).max(interval / 4).max(1);
        last.next += duration;
        self.last = Some(last);
        Placed {
            decode: decode as u64,
            duration: duration.min(i64::from(u32::MAX)) as u32,
            offset: if self.reorders { error.clamp(i32::MIN.into(), i32::MAX.into()) as i32 } else { 0 },
            after_hole,
        }
    }

    /// Converts the time of audio to a position on the timeline, in ticks; `None` before the first frame, negative before
    /// the start.
    pub(super) fn position(&mut self, media: MediaTime) -> Option<i64> {
        let last = self.last?;
        let (video, audio) = self.moved;
        if (video - audio).abs() > AUDIO_STEP {
            self.moved.1 = video;
        }
        Some(last.time - video + self.moved.1 + i64::from(media.ticks_since(last.media)))
    }

    /// Returns the estimated frame interval, in ticks.
    pub(super) fn interval(&self) -> i64 {
        let mut sorted: Vec<_> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        let Some(&median) = sorted.get(sorted.len() / 2) else { return FIRST_INTERVAL };
        // A trimmed mean: better than the median for jittering intervals. Trims as many of the shortest as of the longest,
        // because an early-seeming frame follows each late one.
        let long = sorted.iter().rev().take_while(|interval| **interval > median * 7 / 4).count();
        let usual = &sorted[long.min(sorted.len() - long - 1)..sorted.len() - long];
        let count = usual.len() as i64;
        ((usual.iter().sum::<i64>() + count / 2) / count).clamp(INTERVAL_MIN, INTERVAL_MAX)
    }

    fn follow(&mut self, last: Last, media: MediaTime, arrived: MonoTime) -> Last {
        let step = i64::from(media.ticks_since(last.media));
        let elapsed = ticks(last.arrived, arrived);
        let was_set = step < -STEP || step > elapsed.saturating_add(STEP);
        if was_set {
            (self.drift, self.origin) = (Drift::default(), None);
        }
        let time = if was_set { last.highest + self.interval().max(elapsed) } else { last.time + step };
        self.reorders |= time < last.time;
        let (mut highest, mut since) = (last.highest, last.since + 1);
        if time > highest {
            if !was_set {
                self.intervals.push_back((time - highest) / since);
                if self.intervals.len() > INTERVALS {
                    self.intervals.pop_front();
                }
            }
            (highest, since) = (time, 0);
        }
        Last { media, arrived, time, highest, since, next: last.next }
    }
}

/// Returns the ticks between two arrivals.
fn ticks(from: MonoTime, to: MonoTime) -> i64 {
    i64::try_from((to - from).as_micros()).unwrap_or(i64::MAX / HZ) * 9 / 100
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// Places frames with these media times, in ticks; each arrives at its presentation time.
    fn place(times: impl IntoIterator<Item = i64>) -> Vec<Placed> {
        let mut timeline = Timeline::default();
        let place = |ticks: i64| {
            let arrived = MonoTime::from_origin(Duration::from_micros((ticks.max(0) as u64) * 100 / 9));
            timeline.place(MediaTime::from_ticks((4_294_000_000 + ticks) as u32), arrived)
        };
        times.into_iter().map(place).collect()
    }

    #[test]
    fn even_frames_lie_where_their_media_time_is() {
        for (number, placed) in place((0..100).map(|n| n * 3_000)).into_iter().enumerate() {
            let expected = Placed { decode: number as u64 * 3_000, duration: 3_000, offset: 0, after_hole: false };
            assert_eq!(placed, expected, "{number}");
        }
        let slow = place((0..100).map(|n| n * 1_500));
        assert!(slow[99].decode.abs_diff(99 * 1_500) < 8, "no more than the correction is rounded by");
    }

    #[test]
    fn media_time_keeps_pace_with_this_hosts_clock() {
        for ppm in [-100_i64, -20, 0, 20, 100] {
            let mut timeline = Timeline::default();
            let (mut worst, mut shortest, mut longest) = (0, u32::MAX, 0);
            let (mut heard, mut moves) = (None, 0);
            for frame in 0..2 * 3_600 * 30_i64 {
                let now_us = frame * 1_000_000 / 30;
                // By a clock that is faster or slower; the network takes up to 8 ms.
                let media = (now_us + now_us * ppm / 1_000_000) * 9 / 100;
                let arrived_us = now_us + 2_000 + frame * 7_919 % 6_000;
                let arrived = MonoTime::from_origin(Duration::from_micros(arrived_us as u64));
                let placed = timeline.place(MediaTime::from_ticks(media as u32), arrived);
                worst = worst.max((placed.decode as i64 - now_us * 9 / 100).abs());
                (shortest, longest) = (shortest.min(placed.duration), longest.max(placed.duration));
                assert!(!placed.after_hole);
                let audio = timeline.position(MediaTime::from_ticks(media as u32)).expect("there is video");
                assert!((audio - placed.decode as i64).abs() <= AUDIO_STEP + 3_000, "{ppm} ppm: audio is off");
                let offset = audio - media;
                moves += u32::from(heard.replace(offset).is_some_and(|before| before != offset));
            }
            // 100 ppm are 720 ms in two hours.
            assert!(moves <= 720 / 40, "{ppm} ppm: audio is moved {moves} times");
            assert!(worst < 90 * 10, "{ppm} ppm: {} ms off", worst / 90);
            assert!(shortest > 2_990 && longest < 3_010, "{ppm} ppm: {shortest} to {longest}");
        }
    }

    #[test]
    fn a_skipped_frame_is_made_up_for_at_once() {
        let placed = place((0..60).filter(|n| *n != 30).map(|n| n * 3_000));
        assert_eq!((placed[29].duration, placed[30].duration, placed[31].duration), (3_000, 6_000, 3_000));
        assert_eq!((placed[30].decode, placed[31].decode), (30 * 3_000, 32 * 3_000));
    }

    #[test]
    fn what_is_no_frame_has_a_place_before_and_behind_the_newest() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.position(MediaTime::default()), None);
        for ticks in [u32::MAX - 999, 2_000] {
            timeline.place(MediaTime::from_ticks(ticks), MonoTime::default());
        }
        for (ticks, position) in [(2_000, 3_000), (2_090, 3_090), (u32::MAX - 999, 0), (u32::MAX - 1_089, -90)] {
            assert_eq!(timeline.position(MediaTime::from_ticks(ticks)), Some(position));
        }
    }

    #[test]
    fn a_long_gap_is_a_hole() {
        let placed = place((0..60).filter(|n| !(20..40).contains(n)).map(|n| n * 3_000));
        assert_eq!(placed.iter().filter(|placed| placed.after_hole).count(), 1);
        assert_eq!((placed[20].decode, placed[20].duration, placed[20].after_hole), (120_000, 3_000, true));
    }

    #[test]
    fn media_time_that_is_set_anew_goes_on() {
        for jump in [1_000_000_000, -1_000_000_000, -100_000] {
            let mut timeline = Timeline::default();
            for number in 0..40_i64 {
                let ticks = number * 3_000 + if number < 20 { 0 } else { jump };
                let arrived = MonoTime::from_origin(Duration::from_micros(number as u64 * 33_333));
                let placed = timeline.place(MediaTime::from_ticks(ticks as u32), arrived);
                let expected = (number as u64 * 3_000, 3_000, 0);
                assert_eq!((placed.decode, placed.duration, placed.offset), expected, "{jump} {number}");
            }
        }
    }

    #[test]
    fn media_time_that_is_set_anew_after_a_pause_goes_on_by_the_arrival() {
        let place = |timeline: &mut Timeline, ticks: u32, ms| {
            timeline.place(MediaTime::from_ticks(ticks), MonoTime::from_origin(Duration::from_millis(ms)))
        };
        let mut timeline = Timeline::default();
        place(&mut timeline, 7_000, 0);
        let placed = place(&mut timeline, 2_000_000_000, 5_000);
        assert_eq!((placed.decode, placed.after_hole), (450_000, true));
        // Of another publisher, which has just begun.
        let mut next = Timeline::after(&Timeline::after(&timeline));
        assert_eq!(next.position(MediaTime::from_ticks(1)), None, "its media time is not known yet");
        assert_eq!(place(&mut next, 1, 7_000).decode, 630_000);
        assert_eq!(place(&mut Timeline::after(&timeline), 1, 5_000).decode, 453_000, "not before the end");
    }

    #[test]
    fn reordered_pictures_keep_their_time() {
        // I P B B P B B in decoding order.
        let shown = (0..100).flat_map(|gop: i64| [3, 1, 2].map(|place| (gop * 3 + place) * 3_000));
        let times: Vec<_> = std::iter::once(0).chain(shown).collect();
        let placed = place(times.clone());
        for (time, placed) in times.iter().zip(&placed).skip(3) {
            assert_eq!(placed.decode as i64 + i64::from(placed.offset), *time);
        }
        assert!(placed[200..].iter().all(|placed| placed.duration.abs_diff(3_000) < 700), "{placed:?}");
    }

    proptest! {
        #[test]
        fn jitter_neither_adds_up_nor_stretches_frames(jitter in prop::collection::vec(-900_i64..900, 300)) {
            let times: Vec<_> = jitter.iter().enumerate().map(|(n, jitter)| n as i64 * 3_000 + 3_000 + jitter).collect();
            let placed = place(times.iter().map(|time| time - times[0]));
            for (placed, time) in placed.iter().zip(&times).skip(40) {
                let error = placed.decode as i64 - (time - times[0]);
                prop_assert!(error.abs() < 2_600, "{error}");
                prop_assert!(placed.duration.abs_diff(3_000) < 450, "{}", placed.duration);
            }
        }

        #[test]
        fn whatever_comes_time_goes_on(frames in prop::collection::vec((any::<u32>(), 0_u64..2_000_000), 1..200)) {
            let (mut timeline, mut now, mut end) = (Timeline::default(), 0, 0);
            for (ticks, wait) in frames {
                now += wait;
                let arrived = MonoTime::from_origin(Duration::from_micros(now));
                let placed = timeline.place(MediaTime::from_ticks(ticks), arrived);
                prop_assert!(placed.decode >= end && placed.duration > 0);
                prop_assert!(placed.decode == end || placed.after_hole);
                end = placed.decode + u64::from(placed.duration);
            }
        }
    }
}
