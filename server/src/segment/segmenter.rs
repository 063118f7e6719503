//! Builds the window of segments from frames.

use std::sync::Arc;

use common::audio::{AudioFormat, AudioFrame};
use common::rtp::Frame;
use common::time::{MEDIA_CLOCK_HZ, MediaTime, WallTime};

use super::audio::Waiting;
use super::mp4::{Sample, Track, audio_fragment};
use super::pieces::{Begin, Fragment, Init, Segment};
use super::settings::{PartLength, SegmentSettings, in_ticks};
use super::timeline::Timeline;
use super::window::{BYTES_MAX, Window};

/// A segment without a following key frame is ended at this many bytes …
const SEGMENT_BYTES_MAX: usize = BYTES_MAX / 3;
/// … fragments …
const SEGMENT_FRAGMENTS_MAX: usize = 8_000;
/// … or multiples of its nominal duration, but not before …
const OVERDUE: u64 = 8;
/// … this many ticks.
const OVERDUE_MIN: u64 = 10 * MEDIA_CLOCK_HZ as u64;

/// A stamp older than this on arrival comes from another clock.
const STAMP_AGE_MAX_US: i64 = 1_000_000;

/// Segments the frames of one stream.
#[derive(Debug)]
pub(crate) struct Segmenter {
    timeline: Timeline,
    track: Option<(Track, Arc<Init>)>,
    audio: Option<Waiting>,
    window: Window,
    fragments: u32,
    inits: u64,
}

/// Why a stream cannot be segmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// The first frame has no usable parameter sets.
    #[error("no usable parameter sets")]
    ParameterSets,
}

impl Segmenter {
    pub(crate) fn new(settings: SegmentSettings) -> Self {
        let window = Window::new(settings);
        Self { timeline: Timeline::default(), track: None, audio: None, window, fragments: 0, inits: 0 }
    }

    /// Adds an audio track.
    pub(crate) fn with_audio(mut self, format: Option<&AudioFormat>) -> Self {
        self.audio = format.cloned().map(Waiting::new);
        self
    }

    /// Continues the stream at the path of `previous` with other settings or another publisher.
    pub(crate) fn after(settings: SegmentSettings, previous: &Self) -> Self {
        Self {
            timeline: Timeline::after(&previous.timeline),
            window: Window::after(settings, &previous.window),
            inits: previous.inits,
            ..Self::new(settings)
        }
    }

    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// Lets go of all segments; the next one begins at the next key frame.
    pub(crate) fn drop_segments(&mut self) {
        self.window.clear();
    }

    /// Ends the stream.
    pub(crate) fn end(&mut self) {
        self.window.end();
    }

    /// Adds an audio frame to be played at `time` on the video's clock. It is sent with the next video frame.
    pub(crate) fn push_audio(&mut self, frame: &AudioFrame, time: MediaTime) {
        if let (Some(audio), Some(position)) = (&mut self.audio, self.timeline.position(time)) {
            audio.push(frame, position);
        }
    }

    /// Adds the next frame, stamped at `wall` (or received then, without a stamp) and received at `arrived`. Returns whether a
    /// key frame is wanted, because the segment is long enough or a new one can begin.
    ///
    /// # Errors
    /// Fails if the first frame cannot be decoded.
    pub(crate) fn push(&mut self, frame: &Frame, wall: WallTime, arrived: WallTime) -> Result<bool, Unusable> {
        let data = &frame.encoded.data;
        let changed = frame.starts_decoding && self.take_track(frame);
        let Some((track, init)) = &self.track else {
            return if frame.starts_decoding { Err(Unusable::ParameterSets) } else { Ok(false) };
        };
        let placed = self.timeline.place(frame.encoded.time, frame.arrived);
        let interval = self.timeline.interval().unsigned_abs();
        let segment = self.window.segment_ticks();
        if self.window.open().is_none() && !frame.starts_decoding {
            // Audio of pictures that are left out.
            self.audio.iter_mut().for_each(|audio| drop(audio.take()));
            return Ok(true);
        }
        // Segment boundaries lie on a grid, so a late key frame does not delay the next boundary. A key frame up to half an
        // interval early belongs to its boundary.
        let grid = (placed.decode + interval / 2) / segment;
        let due = |open: &Segment| grid > open.grid;
        let ends = self.window.open().is_none_or(|open| {
            changed || (frame.starts_decoding && due(open)) || is_too_long(open, placed.decode, segment)
        });
        if ends {
            let discontinuity = changed && self.inits > 1;
            let per_part = fragments_per_part(self.window.settings().part, interval);
            let next = self.window.next_number() + u64::from(self.window.open().is_some());
            self.window.begin_epoch(|| epoch(wall, arrived));
            let begin = Begin { start: placed.decode, grid, wall, discontinuity, fragments_per_part: per_part };
            self.window.begin(Segment::new(next, init.clone(), begin));
        }
        let waited = take_audio(self.audio.as_mut(), track, &mut self.fragments);
        self.fragments = self.fragments.wrapping_add(1);
        let sample = Sample {
            number: self.fragments,
            decode: placed.decode,
            duration: placed.duration,
            offset: placed.offset,
            sync: frame.starts_decoding,
            wall,
        };
        // Cannot fail: a frame's boxes never exceed the size limit.
        if let Ok(bytes) = track.fragment(&sample, data) {
            let Sample { decode: start, duration, sync, .. } = sample;
            let (audio, bytes) =
                (waited.len(), if waited.is_empty() { bytes } else { [waited, bytes.into()].concat().into() });
            self.window.push(Fragment { bytes, audio, start, duration, sync }, interval, placed.after_hole);
        }
        Ok(!frame.starts_decoding && self.window.open().is_some_and(due))
    }

    /// Updates the track from a key frame. Returns whether the track changed.
    fn take_track(&mut self, frame: &Frame) -> bool {
        let audio = self.audio.as_mut().and_then(|audio| audio.format(frame.arrived));
        let Some(track) = Track::of(frame.encoded.codec, &frame.encoded.data, audio) else { return false };
        if self.track.as_ref().is_some_and(|(known, _)| *known == track) {
            return false;
        }
        let Ok(init) = track.initialization(self.inits) else { return false };
        self.inits += 1;
        self.track = Some((track, Arc::new(init)));
        true
    }
}

/// Returns the queued audio as boxes numbered by `fragments`; drops it if `track` has no audio.
fn take_audio(waiting: Option<&mut Waiting>, track: &Track, fragments: &mut u32) -> Vec<u8> {
    let runs = waiting.map(Waiting::take).unwrap_or_default();
    let mut bytes = Vec::new();
    for run in runs.iter().filter(|_| track.audio().is_some()) {
        *fragments = fragments.wrapping_add(1);
        // Cannot fail: these boxes never exceed the size limit.
        if let Ok(fragment) = audio_fragment(*fragments, run) {
            bytes.extend_from_slice(&fragment);
        }
    }
    bytes
}

/// Returns when media time 0 was stamped, by this host's clock; a remote publisher's clock may differ.
fn epoch(wall: WallTime, arrived: WallTime) -> WallTime {
    if (0..=STAMP_AGE_MAX_US).contains(&arrived.micros_since(wall)) { wall } else { arrived }
}

fn is_too_long(open: &Segment, now: u64, segment: u64) -> bool {
    open.held() > SEGMENT_BYTES_MAX
        || open.fragments().len() >= SEGMENT_FRAGMENTS_MAX
        || now - open.start > (OVERDUE * segment).max(OVERDUE_MIN)
}

/// Converts a part length to frames at this frame interval, in ticks.
fn fragments_per_part(part: PartLength, interval: u64) -> usize {
    match part {
        PartLength::Frame => 1,
        // 33 ms is meant to hold one frame at 30 fps.
        PartLength::UpTo(part) => (in_ticks(part) * 21 / 20 / interval).max(1) as usize,
    }
}

#[cfg(test)]
pub(crate) mod tests;
