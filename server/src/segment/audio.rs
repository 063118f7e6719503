//! Queues audio for the next video frame. Video never waits for audio.

use std::collections::VecDeque;
use std::time::Duration;

use common::audio::{AudioFormat, AudioFrame};
use common::time::{MEDIA_CLOCK_HZ, MonoTime};

use super::mp4::AudioRun;

/// Silence after which an announced audio track is dropped: players of two tracks wait for both.
const SILENCE_MAX: Duration = Duration::from_secs(2);
/// Most frames and bytes queued; the oldest are dropped while no video arrives.
const FRAMES_MAX: usize = 128;
const BYTES_MAX: usize = 256 << 10;

/// Audio queued for the next video frame.
#[derive(Debug)]
pub(super) struct Waiting {
    format: AudioFormat,
    heard: Option<MonoTime>,
    /// Decode time of the next frame, in ticks of the track's clock.
    next: u64,
    frames: VecDeque<Placed>,
    bytes: usize,
}

#[derive(Debug)]
struct Placed {
    decode: u64,
    duration: u32,
    data: Vec<u8>,
}

impl Waiting {
    pub(super) fn new(format: AudioFormat) -> Self {
        Self { format, heard: None, next: 0, frames: VecDeque::new(), bytes: 0 }
    }

    /// Returns the track's format, or `None` if no audio has arrived recently. Audio is expected at first.
    pub(super) fn format(&mut self, now: MonoTime) -> Option<&AudioFormat> {
        let heard = *self.heard.get_or_insert(now);
        (now - heard < SILENCE_MAX).then_some(&self.format)
    }

    /// Queues a frame at `position` on the video's timeline, in ticks of 90 kHz. A frame less than half a frame off follows
    /// the previous one without a gap; frames before that, or before the timeline's start, are dropped.
    pub(super) fn push(&mut self, frame: &AudioFrame, position: i64) {
        self.heard = Some(frame.arrived);
        let (hz, half) = (i64::from(self.format.clock_hz), u64::from(frame.duration / 2));
        let ticks = i128::from(position) * i128::from(hz) / i128::from(MEDIA_CLOCK_HZ);
        let Ok(wanted) = u64::try_from(ticks) else { return };
        if self.next > wanted.saturating_add(half) {
            return;
        }
        let decode = if self.next > 0 && wanted - self.next.min(wanted) <= half { self.next } else { wanted };
        self.next = decode + u64::from(frame.duration);
        self.bytes += frame.data.len();
        self.frames.push_back(Placed { decode, duration: frame.duration, data: frame.data.clone() });
        while self.frames.len() > FRAMES_MAX || self.bytes > BYTES_MAX {
            self.bytes -= self.frames.pop_front().map_or(0, |oldest| oldest.data.len());
        }
    }

    /// Takes everything queued.
    pub(super) fn take(&mut self) -> Vec<AudioRun> {
        let mut runs: Vec<AudioRun> = Vec::new();
        let mut end = None;
        for frame in self.frames.drain(..) {
            if end != Some(frame.decode) {
                runs.push(AudioRun { decode: frame.decode, ..AudioRun::default() });
            }
            end = Some(frame.decode + u64::from(frame.duration));
            if let Some(run) = runs.last_mut() {
                run.samples.push((frame.data.len() as u32, frame.duration));
                run.data.extend_from_slice(&frame.data);
            }
        }
        self.bytes = 0;
        runs
    }
}

#[cfg(test)]
mod tests {
    use common::audio::AudioCodec;
    use proptest::prelude::*;

    use super::*;

    fn waiting() -> Waiting {
        Waiting::new(AudioFormat { codec: AudioCodec::Opus, clock_hz: 48_000, channels: 2 })
    }

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    fn frame(byte: u8) -> AudioFrame {
        AudioFrame { data: vec![byte; 3], ticks: 0, duration: 960, arrived: at(0) }
    }

    /// Returns the start of each run and its number of frames.
    fn runs(waiting: &mut Waiting) -> Vec<(u64, usize)> {
        waiting.take().iter().map(|run| (run.decode, run.samples.len())).collect()
    }

    #[test]
    fn frames_follow_each_other_and_what_is_lost_leaves_a_gap() {
        let mut waiting = waiting();
        // 20 ms are 1,800 ticks of the video; small deviations are jitter.
        for (number, position) in [900, 2_705, 4_490, 9_900, 11_700].into_iter().enumerate() {
            waiting.push(&frame(number as u8), position);
        }
        let taken = waiting.take();
        assert_eq!(taken.iter().map(|run| (run.decode, run.samples.len())).collect::<Vec<_>>(), [(480, 3), (5_280, 2)]);
        assert_eq!((taken[0].samples[0], &taken[1].data[..]), ((3, 960), &[3, 3, 3, 4, 4, 4][..]));
        assert_eq!(runs(&mut waiting), []);
        waiting.push(&frame(0), 13_500);
        assert_eq!(runs(&mut waiting), [(7_200, 1)], "it goes on");
    }

    #[test]
    fn what_comes_twice_or_from_before_the_beginning_is_left_out() {
        let mut waiting = waiting();
        for position in [-1_800, 0, 1_800, 0, 900, 3_600] {
            waiting.push(&frame(0), position);
        }
        assert_eq!(runs(&mut waiting), [(0, 3)]);
    }

    #[test]
    fn audio_is_expected_at_first_and_missed_after_two_seconds() {
        let mut waiting = waiting();
        assert!(waiting.format(at(10_000)).is_some() && waiting.format(at(11_999)).is_some());
        assert!(waiting.format(at(12_000)).is_none());
        waiting.push(&AudioFrame { arrived: at(12_500), ..frame(0) }, 0);
        assert!(waiting.format(at(12_600)).is_some());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut waiting = waiting();
        for number in 0..1_000 {
            waiting.push(&frame(number as u8), number * 1_800);
        }
        assert_eq!(runs(&mut waiting), [((1_000 - FRAMES_MAX as u64) * 960, FRAMES_MAX)]);
        waiting.push(&AudioFrame { data: vec![0; BYTES_MAX + 1], ..frame(0) }, 1_800_000);
        assert_eq!(runs(&mut waiting), []);
    }

    proptest! {
        #[test]
        fn decode_times_never_go_back(positions in prop::collection::vec((any::<i32>(), 1_u32..6_000), 1..60)) {
            let mut waiting = waiting();
            positions.iter().for_each(|(at, duration)| waiting.push(&AudioFrame { duration: *duration, ..frame(0) }, (*at).into()));
            let mut end = 0;
            for run in waiting.take() {
                prop_assert!(run.decode >= end && !run.samples.is_empty());
                end = run.decode + run.samples.iter().map(|(_, duration)| u64::from(*duration)).sum::<u64>();
            }
        }
    }
}
