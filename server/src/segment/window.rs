//! The newest segments of a stream, as far as their bytes are held.

use std::collections::VecDeque;

use common::time::WallTime;

use super::names::Tracks;
use super::pieces::{Fragment, Segment};
use super::settings::{SegmentSettings, in_ticks};

/// Complete segments that are held beyond those that a playlist lists: a player loads what it read in an older playlist.
const BEYOND_PLAYLIST: usize = 3;
/// A viewer who is not within the newest segments, so many, is behind.
const BEHIND: usize = 3;
/// Bytes of a stream's segments that are held: older segments go sooner then.
pub(crate) const BYTES_MAX: usize = 48 << 20;

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
    /// Number of the first segment.
    first: u64,
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
            first: 0,
            discontinuities_gone: 0,
            epoch: WallTime::default(),
            interval: 0,
            target: target.max(1),
            ended: false,
        }
    }

    /// Follows `previous`: media sequence numbers and discontinuities are counted on (RFC 8216 section 6.2.2).
    pub(super) fn after(settings: SegmentSettings, previous: &Self) -> Self {
        let discontinuities = previous.segments.iter().filter(|segment| segment.discontinuity).count() as u64;
        Self {
            first: previous.next_number() + u64::from(previous.open().is_some()),
            discontinuities_gone: previous.discontinuities_gone + discontinuities,
            ..Self::new(settings)
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

    /// When the first picture was taken, by this host's clock: wall time of media time 0.
    pub(crate) fn epoch(&self) -> WallTime {
        self.epoch
    }

    /// Between frames, in ticks; at least 1.
    pub(crate) fn interval(&self) -> u64 {
        self.interval.max(1)
    }

    /// The duration of segments that was asked for, in ticks.
    pub(crate) fn segment_ticks(&self) -> u64 {
        in_ticks(self.settings.segment)
    }

    /// Whether the next frame is the first that the open segment may end at, where all of it is in parts.
    pub(crate) fn ends_next(&self) -> bool {
        self.open().is_some_and(|open| {
            let place = |time: u64| (time + self.interval() / 2) / self.segment_ticks();
            let last = open.fragments().last().map_or(open.start, |last| last.start);
            open.is_all_in_parts() && place(last) == open.grid && place(open.start + open.duration()) > open.grid
        })
    }

    /// Frames that a segment of the duration asked for has; at least 1.
    pub(crate) fn frames_per_segment(&self) -> u64 {
        (self.segment_ticks() / self.interval()).max(1)
    }

    /// Whether each of the newest `count` complete segments is half as long again as was asked for, or longer.
    pub(crate) fn are_overlong(&self, count: usize) -> bool {
        let complete = self.segments.iter().rev().filter(|segment| segment.complete).take(count);
        let overlong = |segment: &Segment| 2 * segment.duration() >= 3 * self.segment_ticks();
        complete.filter(|segment| overlong(segment)).count() == count
    }

    /// Of what is held of `tracks`, in bits per second; at least 1.
    pub(crate) fn bit_rate(&self, tracks: Tracks) -> u64 {
        let length = |fragment: &Fragment| match tracks {
            Tracks::Both => fragment.bytes.len(),
            Tracks::Video => fragment.bytes.len() - fragment.audio,
            Tracks::Audio => fragment.audio,
        };
        let bytes: usize = self.segments.iter().flat_map(Segment::fragments).map(length).sum();
        let ticks: u64 = self.segments.iter().map(Segment::duration).sum();
        (bytes as u64 * 8 * 90_000 / ticks.max(1)).max(1)
    }

    /// The stream has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Bytes that it takes in memory.
    pub(crate) fn held(&self) -> usize {
        self.bytes
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
        self.segments.back().map_or(self.first, |last| last.number + u64::from(last.complete))
    }

    /// The newest frame that decoding can begin with.
    pub(crate) fn newest_sync(&self) -> Option<Cursor> {
        self.segments.iter().rev().find_map(|segment| {
            let fragment = segment.fragments().iter().rposition(|fragment| fragment.sync)?;
            Some(Cursor { segment: segment.number, fragment })
        })
    }

    /// The fragment at `cursor` or, where that is behind its segment's last one, of the next; with the segment that it is in, and
    /// the cursor behind it. `None` where it is not there yet, or no longer.
    pub(crate) fn read(&self, cursor: Cursor) -> Option<(&Segment, &Fragment, Cursor)> {
        let segment = self.segment(cursor.segment)?;
        match segment.fragments().get(cursor.fragment) {
            Some(fragment) => Some((segment, fragment, Cursor { fragment: cursor.fragment + 1, ..cursor })),
            None if segment.complete => {
                let segment = self.segment(cursor.segment + 1)?;
                let next = Cursor { segment: segment.number, fragment: 1 };
                segment.fragments().first().map(|fragment| (segment, fragment, next))
            }
            None => None,
        }
    }

    /// Whether what is at `cursor` is gone, or so old that a viewer should go on at [`Window::newest_sync`].
    pub(crate) fn is_behind(&self, cursor: Cursor) -> bool {
        let oldest = self.segments.get(self.segments.len().saturating_sub(BEHIND));
        oldest.is_some_and(|oldest| cursor.segment < oldest.number)
    }

    pub(super) fn set_epoch(&mut self, epoch: WallTime) {
        self.epoch = epoch;
    }

    /// Completes the open segment, and begins `segment`.
    pub(super) fn begin(&mut self, segment: Segment) {
        self.complete();
        self.segments.push_back(segment);
    }

    /// `interval` is that between frames, in ticks; with `hole`, nothing is decoded for a while before `fragment`.
    pub(super) fn push(&mut self, fragment: Fragment, interval: u64, hole: bool) {
        self.interval = interval;
        let Some(open) = self.segments.back_mut() else { return };
        self.bytes += open.push(fragment, hole);
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
            self.bytes -= gone.held();
            self.discontinuities_gone += u64::from(gone.discontinuity);
        }
    }
}
