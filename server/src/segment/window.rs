//! The newest segments of a stream, as far as their bytes are held.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use common::time::WallTime;

use super::settings::SegmentSettings;

/// Complete segments that are held beyond those that a playlist lists: a player loads what it read in an older playlist.
const BEYOND_PLAYLIST: usize = 3;
/// Bytes of a stream's segments that are held: older segments go sooner then.
pub(crate) const BYTES_MAX: usize = 48 << 20;

/// An initialization segment, shared by the segments that need it.
#[derive(Debug)]
pub(crate) struct Init {
    /// Counts those of the stream, from 0.
    pub(crate) number: u64,
    pub(crate) bytes: Bytes,
    /// RFC 6381 section 3.4.
    pub(crate) codecs: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// One frame: `prft`, `moof`, `mdat`. Times are ticks of 90 kHz since the first frame.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    pub(crate) bytes: Bytes,
    pub(crate) start: u64,
    pub(crate) duration: u32,
    /// Decoding can begin here.
    pub(crate) sync: bool,
}

/// A part that is complete.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    fragments: Range<usize>,
    /// In ticks.
    pub(crate) duration: u64,
    /// There is a frame in it that decoding can begin with.
    pub(crate) independent: bool,
}

/// A segment; the last one of a stream is open.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Counts those of the stream, from 0: its media sequence number.
    pub(crate) number: u64,
    pub(crate) init: Arc<Init>,
    /// In ticks.
    pub(crate) start: u64,
    /// How many times the duration asked for fits before it: what DASH counts.
    pub(crate) grid: u64,
    /// When its first picture was taken.
    pub(crate) wall: WallTime,
    /// Its initialization segment is another one than that of the segment before.
    pub(crate) discontinuity: bool,
    /// No frame follows any more.
    pub(crate) complete: bool,
    fragments: Vec<Fragment>,
    parts: Vec<Part>,
    /// Fragments that are in parts.
    in_parts: usize,
    fragments_per_part: usize,
    bytes: usize,
    /// All fragments side by side, once it is complete.
    whole: Bytes,
}

/// How a segment begins.
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
            bytes: 0,
            whole: Bytes::new(),
        }
    }

    pub(crate) fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Decoding can begin with its first frame.
    pub(crate) fn is_independent(&self) -> bool {
        self.fragments.first().is_some_and(|first| first.sync)
    }

    /// In ticks, so far.
    pub(crate) fn duration(&self) -> u64 {
        self.fragments.last().map_or(0, |last| last.start + u64::from(last.duration) - self.start)
    }

    /// All of it; empty before it is complete.
    pub(crate) fn whole(&self) -> Bytes {
        self.whole.clone()
    }

    /// Part `number`, from 0.
    pub(crate) fn part(&self, number: usize) -> Option<Bytes> {
        let fragments = self.parts.get(number)?.fragments.clone();
        if !self.complete {
            return Some(joined(&self.fragments[fragments]));
        }
        let length = |fragments: Range<usize>| self.fragments[fragments].iter().map(|f| f.bytes.len()).sum::<usize>();
        let begin = length(0..fragments.start);
        Some(self.whole.slice(begin..begin + length(fragments)))
    }

    /// Bytes that it takes in memory.
    pub(super) fn held(&self) -> usize {
        self.bytes
    }

    /// `hole`: nothing is decoded for a while before `fragment`.
    fn push(&mut self, fragment: Fragment, hole: bool) {
        if hole {
            self.end_part();
        }
        self.bytes += held_for(&fragment);
        self.fragments.push(fragment);
        if self.fragments.len() - self.in_parts >= self.fragments_per_part {
            self.end_part();
        }
    }

    fn end_part(&mut self) {
        let open = &self.fragments[self.in_parts..];
        if let [first, .., last] | [first @ last] = open {
            let duration = last.start + u64::from(last.duration) - first.start;
            let independent = open.iter().any(|fragment| fragment.sync);
            let fragments = self.in_parts..self.fragments.len();
            self.parts.push(Part { fragments, duration, independent });
            self.in_parts = self.fragments.len();
        }
    }

    /// Puts its fragments side by side, so that it can be sent in one piece.
    fn complete(&mut self) {
        self.end_part();
        self.complete = true;
        self.whole = joined(&self.fragments);
        let mut whole = self.whole.clone();
        for fragment in &mut self.fragments {
            fragment.bytes = whole.split_to(fragment.bytes.len());
        }
    }
}

/// The bytes of neighbours; without copying where there is one.
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

fn held_for(fragment: &Fragment) -> usize {
    fragment.bytes.len() + 2 * size_of::<Fragment>()
}

/// Where a viewer is in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    segment: u64,
    fragment: usize,
}

impl Cursor {
    /// At the first fragment of segment `segment`.
    pub(crate) const fn at_start(segment: u64) -> Self {
        Self { segment, fragment: 0 }
    }
}

/// The newest segments of a stream.
#[derive(Debug)]
pub(crate) struct Window {
    settings: SegmentSettings,
    /// Oldest first.
    segments: VecDeque<Segment>,
    bytes: usize,
    /// Discontinuities of segments that are gone (RFC 8216 section 4.3.3.3).
    discontinuities_gone: u64,
    /// When the first picture was taken: media time 0.
    epoch: WallTime,
    /// Between frames, in ticks.
    interval: u64,
    /// Seconds that no segment so far was longer than, rounded.
    target: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(settings: SegmentSettings) -> Self {
        let target = settings.segment.as_secs() + u64::from(settings.segment.subsec_nanos() > 0);
        Self {
            settings,
            segments: VecDeque::new(),
            bytes: 0,
            discontinuities_gone: 0,
            epoch: WallTime::default(),
            interval: 0,
            target: target.max(1),
            ended: false,
        }
    }

    pub(crate) fn settings(&self) -> &SegmentSettings {
        &self.settings
    }

    /// The target duration (RFC 8216 section 4.3.3.1), in seconds; at least 1. It grows only where segments are longer than was
    /// asked for.
    pub(crate) fn target(&self) -> u64 {
        self.target
    }

    /// When the first picture was taken: wall time of media time 0.
    pub(crate) fn epoch(&self) -> WallTime {
        self.epoch
    }

    /// Between frames, in ticks; at least 1.
    pub(crate) fn interval(&self) -> u64 {
        self.interval.max(1)
    }

    /// Of what is held, in bits per second; at least 1.
    pub(crate) fn bit_rate(&self) -> u64 {
        let bytes: usize = self.segments.iter().flat_map(|s| &s.fragments).map(|fragment| fragment.bytes.len()).sum();
        let ticks: u64 = self.segments.iter().map(Segment::duration).sum();
        (bytes as u64 * 8 * 90_000 / ticks.max(1)).max(1)
    }

    /// The stream has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// The segments that a playlist has: complete ones, and the open one.
    pub(crate) fn listed(&self) -> impl DoubleEndedIterator<Item = &Segment> + Clone {
        let open = self.segments.back().is_some_and(|segment| !segment.complete);
        let listed = self.settings.playlist + usize::from(open);
        self.segments.iter().skip(self.segments.len().saturating_sub(listed))
    }

    /// Discontinuities before the first segment listed.
    pub(crate) fn discontinuities_before(&self) -> u64 {
        let first = self.listed().next().map_or(0, |segment| segment.number);
        let unlisted = self.segments.iter().take_while(|segment| segment.number < first);
        self.discontinuities_gone + unlisted.filter(|segment| segment.discontinuity).count() as u64
    }

    pub(crate) fn open(&self) -> Option<&Segment> {
        self.segments.back().filter(|segment| !segment.complete)
    }

    pub(crate) fn segment(&self, number: u64) -> Option<&Segment> {
        let first = self.segments.front()?.number;
        self.segments.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// The segment at this place of the grid (see [`Segment::grid`]).
    pub(crate) fn on_grid(&self, place: u64) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.grid == place)
    }

    /// Number of the segment that has come last or, where that is complete, comes next.
    pub(crate) fn next_number(&self) -> u64 {
        self.segments.back().map_or(0, |last| last.number + u64::from(last.complete))
    }

    /// The newest frame that decoding can begin with.
    pub(crate) fn newest_sync(&self) -> Option<Cursor> {
        self.segments.iter().rev().find_map(|segment| {
            let fragment = segment.fragments.iter().rposition(|fragment| fragment.sync)?;
            Some(Cursor { segment: segment.number, fragment })
        })
    }

    /// The fragment at `cursor` or, where that is behind its segment's last one, of the next; with the segment that it is in, and
    /// the cursor behind it. `None` where it is not there yet, or no longer.
    pub(crate) fn read(&self, cursor: Cursor) -> Option<(&Segment, &Fragment, Cursor)> {
        let segment = self.segment(cursor.segment)?;
        match segment.fragments.get(cursor.fragment) {
            Some(fragment) => Some((segment, fragment, Cursor { fragment: cursor.fragment + 1, ..cursor })),
            None if segment.complete => {
                let segment = self.segment(cursor.segment + 1)?;
                let next = Cursor { segment: segment.number, fragment: 1 };
                segment.fragments.first().map(|fragment| (segment, fragment, next))
            }
            None => None,
        }
    }

    /// Whether what is at `cursor` is gone, or so old that a viewer should go on at [`Window::newest_sync`].
    pub(crate) fn is_behind(&self, cursor: Cursor) -> bool {
        let oldest = self.segments.len().checked_sub(3).and_then(|index| self.segments.get(index));
        oldest.is_some_and(|oldest| cursor.segment < oldest.number)
    }

    /// Completes the open segment, and begins `segment`.
    pub(super) fn begin(&mut self, segment: Segment) {
        if segment.number == 0 {
            self.epoch = segment.wall;
        }
        self.complete();
        self.segments.push_back(segment);
    }

    /// `interval` is that between frames, in ticks; with `hole`, nothing is decoded for a while before `fragment`.
    pub(super) fn push(&mut self, fragment: Fragment, interval: u64, hole: bool) {
        self.interval = interval;
        let Some(open) = self.segments.back_mut() else { return };
        self.bytes += held_for(&fragment);
        open.push(fragment, hole);
        while self.bytes > BYTES_MAX && self.segments.len() > 1 {
            self.drop_oldest();
        }
    }

    pub(super) fn end(&mut self) {
        self.complete();
        self.ended = true;
    }

    fn complete(&mut self) {
        let Some(open) = self.segments.back_mut().filter(|segment| !segment.complete) else { return };
        open.complete();
        self.target = self.target.max((open.duration() + 45_000) / 90_000);
        while self.segments.len() > self.settings.playlist + BEYOND_PLAYLIST {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(gone) = self.segments.pop_front() {
            self.bytes -= gone.bytes;
            self.discontinuities_gone += u64::from(gone.discontinuity);
        }
    }
}
