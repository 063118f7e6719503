//! Fragments, parts and segments.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use common::time::WallTime;

use super::names::Tracks;

/// An initialization segment, shared by the segments that need it.
#[derive(Debug)]
pub(crate) struct Init {
    /// Index within the stream, from 0.
    pub(crate) number: u64,
    pub(crate) bytes: Bytes,
    /// RFC 6381 section 3.4.
    pub(crate) codecs: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Present if the stream has audio.
    pub(crate) separate: Option<Separate>,
}

/// Initialization data for players that load video and audio separately.
#[derive(Debug)]
pub(crate) struct Separate {
    /// Initialization segment and codecs (RFC 6381 section 3.3).
    pub(crate) video: (Bytes, String),
    pub(crate) audio: (Bytes, String),
    /// Sample rate of the audio, in Hz.
    pub(crate) sample_rate: u32,
    pub(crate) channels: u8,
}

impl Init {
    /// Returns the initialization segment of `tracks`; `None` for a single track of a stream without audio.
    pub(crate) fn of(&self, tracks: Tracks) -> Option<&Bytes> {
        match tracks {
            Tracks::Both => Some(&self.bytes),
            Tracks::Video => Some(&self.separate.as_ref()?.video.0),
            Tracks::Audio => Some(&self.separate.as_ref()?.audio.0),
        }
    }

    /// Bytes held in memory.
    fn held(&self) -> usize {
        let separate = self.separate.as_ref().map_or(0, |separate| separate.video.0.len() + separate.audio.0.len());
        self.bytes.len() + separate
    }
}

/// One frame: `prft`, `moof`, `mdat`. Queued audio precedes it in a `moof` and `mdat` of its own. Times are in ticks of 90
/// kHz since the first frame.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    pub(crate) bytes: Bytes,
    /// Length in bytes of the audio at the front.
    pub(crate) audio: usize,
    pub(crate) start: u64,
    pub(crate) duration: u32,
    /// Whether decoding can start here.
    pub(crate) sync: bool,
}

impl Fragment {
    /// Returns the bytes of `tracks`; may be empty.
    pub(crate) fn of(&self, tracks: Tracks) -> Bytes {
        match tracks {
            Tracks::Both => self.bytes.clone(),
            Tracks::Video => self.bytes.slice(self.audio..),
            Tracks::Audio => self.bytes.slice(..self.audio),
        }
    }
}

/// A complete part.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    fragments: Range<usize>,
    /// In ticks.
    pub(crate) start: u64,
    /// In ticks.
    pub(crate) duration: u64,
    /// Whether it contains a frame at which decoding can start.
    pub(crate) independent: bool,
}

/// A segment; the newest one of a stream is open.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Index within the stream, from 0: its media sequence number.
    pub(crate) number: u64,
    pub(crate) init: Arc<Init>,
    /// In ticks.
    pub(crate) start: u64,
    /// Position on the grid of nominal segment durations, used as the DASH segment number.
    pub(crate) grid: u64,
    /// PUB of its first picture, or when it was received.
    pub(crate) wall: WallTime,
    /// Whether its initialization segment differs from the previous segment's.
    pub(crate) discontinuity: bool,
    /// Whether no more frames follow.
    pub(crate) complete: bool,
    fragments: Vec<Fragment>,
    parts: Vec<Part>,
    /// Number of fragments that belong to complete parts.
    in_parts: usize,
    fragments_per_part: usize,
    bytes: usize,
    /// All fragments, contiguous once the segment is complete.
    whole: Bytes,
}

/// Start of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) start: u64,
    pub(super) grid: u64,
    pub(super) wall: WallTime,
    pub(super) discontinuity: bool,
    pub(super) fragments_per_part: usize,
}

impl Segment {
    pub(super) fn new(number: u64, init: Arc<Init>, begin: Begin) -> Self {
        let Begin { start, grid, wall, discontinuity, fragments_per_part } = begin;
        Self {
            number,
            bytes: init.held(),
            init,
            start,
            grid,
            wall,
            discontinuity,
            complete: false,
            fragments: Vec::new(),
            parts: Vec::new(),
            in_parts: 0,
            fragments_per_part,
            whole: Bytes::new(),
        }
    }

    pub(crate) fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether decoding can start at its first frame.
    pub(crate) fn is_independent(&self) -> bool {
        self.fragments.first().is_some_and(|first| first.sync)
    }

    /// Whether every fragment belongs to a complete part.
    pub(crate) fn is_all_in_parts(&self) -> bool {
        self.in_parts == self.fragments.len()
    }

    /// Duration so far, in ticks.
    pub(crate) fn duration(&self) -> u64 {
        self.fragments.last().map_or(0, |last| last.start + u64::from(last.duration) - self.start)
    }

    /// Returns the whole segment; empty until it is complete.
    pub(crate) fn whole(&self) -> Bytes {
        self.whole.clone()
    }

    /// Returns part `number`, from 0.
    pub(crate) fn part(&self, number: usize) -> Option<Bytes> {
        let fragments = self.parts.get(number)?.fragments.clone();
        if !self.complete {
            return Some(joined(&self.fragments[fragments]));
        }
        let length = |fragments: Range<usize>| self.fragments[fragments].iter().map(|f| f.bytes.len()).sum::<usize>();
        let begin = length(0..fragments.start);
        Some(self.whole.slice(begin..begin + length(fragments)))
    }

    /// Bytes held in memory, with those of the initialization segment.
    pub(super) fn held(&self) -> usize {
        self.bytes
    }

    /// Appends `fragment`; with `hole`, a gap in the timeline precedes it. Returns the bytes it takes in memory.
    pub(super) fn push(&mut self, fragment: Fragment, hole: bool) -> usize {
        if hole {
            self.end_part();
        }
        let held = fragment.bytes.len() + 2 * size_of::<Fragment>();
        self.bytes += held;
        self.fragments.push(fragment);
        if self.fragments.len() - self.in_parts >= self.fragments_per_part {
            self.end_part();
        }
        held
    }

    fn end_part(&mut self) {
        let open = &self.fragments[self.in_parts..];
        if let [first, .., last] | [first @ last] = open {
            let duration = last.start + u64::from(last.duration) - first.start;
            let independent = open.iter().any(|fragment| fragment.sync);
            let fragments = self.in_parts..self.fragments.len();
            self.parts.push(Part { fragments, start: first.start, duration, independent });
            self.in_parts = self.fragments.len();
        }
    }

    /// Joins the fragments so that the segment can be sent in one piece.
    pub(super) fn complete(&mut self) {
        self.end_part();
        self.complete = true;
        self.whole = joined(&self.fragments);
        let mut whole = self.whole.clone();
        for fragment in &mut self.fragments {
            fragment.bytes = whole.split_to(fragment.bytes.len());
        }
    }
}

/// Joins adjacent fragments; does not copy a single one.
fn joined(fragments: &[Fragment]) -> Bytes {
    match fragments {
        [] => Bytes::new(),
        [one] => one.bytes.clone(),
        [..] => {
            let bytes: Vec<&[u8]> = fragments.iter().map(|fragment| &fragment.bytes[..]).collect();
            bytes.concat().into()
        }
    }
}
