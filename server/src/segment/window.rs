//! The newest segments of a stream, limited by memory.

use std::cell::OnceCell;
use std::collections::VecDeque;

use bytes::Bytes;
use common::time::WallTime;

use super::names::Tracks;
use super::pieces::{Fragment, Segment};
use super::settings::{SegmentSettings, TICKS_PER_SECOND, in_ticks};

/// Complete segments kept beyond the playlist, for players that still use an older playlist.
const BEYOND_PLAYLIST: usize = 3;
/// A viewer not within this many of the newest segments is behind.
const BEHIND: usize = 3;
/// Most bytes held per stream; beyond that, old segments are dropped early.
pub(crate) const BYTES_MAX: usize = 48 << 20;

/// Position of a viewer in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    segment: u64,
    fragment: usize,
}

impl Cursor {
    /// Creates a cursor at the first fragment of segment `segment`.
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
    /// Number of discontinuities in dropped segments (RFC 8216 section 4.3.3.3).
    discontinuities_gone: u64,
    /// PUB of the first picture: media time 0.
    epoch: Option<WallTime>,
    /// Frame interval, in ticks.
    interval: u64,
    /// Longest segment duration so far, in rounded seconds.
    target: u64,
    ended: bool,
    /// The playlist as it is now and its delta update, once written: all viewers ask at the same moment.
    playlists: [OnceCell<Bytes>; 2],
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
            epoch: None,
            interval: 0,
            target: target.max(1),
            ended: false,
            playlists: Default::default(),
        }
    }

    /// Continues `previous` and its media time: keeps counting media sequence numbers and discontinuities (RFC 8216 section
    /// 6.2.2). With the same settings, the target duration stays as well.
    pub(super) fn after(settings: SegmentSettings, previous: &Self) -> Self {
        let new = Self::new(settings);
        Self {
            first: previous.number_after(),
            discontinuities_gone: previous.discontinuities_gone + previous.discontinuities(),
            epoch: previous.epoch,
            target: if settings == previous.settings { previous.target } else { new.target },
            ..new
        }
    }

    /// Drops all segments, the open one too.
    pub(super) fn clear(&mut self) {
        self.discontinuities_gone += self.discontinuities();
        self.first = self.number_after();
        self.segments.clear();
        self.bytes = 0;
        self.playlists = Default::default();
    }

    /// Returns the number of the segment after all that have begun.
    fn number_after(&self) -> u64 {
        self.next_number() + u64::from(self.open().is_some())
    }

    fn discontinuities(&self) -> u64 {
        self.segments.iter().filter(|segment| segment.discontinuity).count() as u64
    }

    pub(crate) fn settings(&self) -> &SegmentSettings {
        &self.settings
    }

    /// Returns the target duration (RFC 8216 section 4.3.3.1) in seconds, at least 1. It only grows when segments exceed
    /// their nominal duration.
    pub(crate) fn target(&self) -> u64 {
        self.target
    }

    /// Returns PUB of the first picture, by this host's clock: the wall time of media time 0.
    pub(crate) fn epoch(&self) -> WallTime {
        self.epoch.unwrap_or_default()
    }

    /// Returns the duration of the longest part listed, in ticks; a frame at 30 fps if there is none.
    pub(crate) fn longest_part(&self) -> u64 {
        let longest = self.listed().flat_map(Segment::parts).map(|part| part.duration).max();
        longest.unwrap_or(TICKS_PER_SECOND / 30)
    }

    /// Returns the frame interval in ticks, at least 1.
    pub(crate) fn interval(&self) -> u64 {
        self.interval.max(1)
    }

    /// Returns the nominal segment duration, in ticks.
    pub(crate) fn segment_ticks(&self) -> u64 {
        in_ticks(self.settings.segment)
    }

    /// Whether the open segment may end at the next frame and all of its fragments are in parts.
    pub(crate) fn ends_next(&self) -> bool {
        self.open().is_some_and(|open| {
            let place = |time: u64| (time + self.interval() / 2) / self.segment_ticks();
            let last = open.fragments().last().map_or(open.start, |last| last.start);
            open.is_all_in_parts() && place(last) == open.grid && place(open.start + open.duration()) > open.grid
        })
    }

    /// Returns the number of frames in a segment of nominal duration, at least 1.
    pub(crate) fn frames_per_segment(&self) -> u64 {
        (self.segment_ticks() / self.interval()).max(1)
    }

    /// Whether each of the newest `count` complete segments is at least 1.5 times its nominal duration.
    pub(crate) fn are_overlong(&self, count: usize) -> bool {
        let complete = self.segments.iter().rev().filter(|segment| segment.complete).take(count);
        let overlong = |segment: &Segment| 2 * segment.duration() >= 3 * self.segment_ticks();
        complete.filter(|segment| overlong(segment)).count() == count
    }

    /// Returns the bit rate of `tracks` over the held segments, in bits per second, at least 1.
    pub(crate) fn bit_rate(&self, tracks: Tracks) -> u64 {
        let length = |fragment: &Fragment| match tracks {
            Tracks::Both => fragment.bytes.len(),
            Tracks::Video => fragment.bytes.len() - fragment.audio,
            Tracks::Audio => fragment.audio,
        };
        let bytes: usize = self.segments.iter().flat_map(Segment::fragments).map(length).sum();
        let ticks: u64 = self.segments.iter().map(Segment::duration).sum();
        (bytes as u64 * 8 * TICKS_PER_SECOND / ticks.max(1)).max(1)
    }

    /// Whether the stream has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns the place of the playlist, or with `skip` of its delta update. It is empty after each change.
    pub(super) fn playlist(&self, skip: bool) -> &OnceCell<Bytes> {
        &self.playlists[usize::from(skip)]
    }

    /// Returns the bytes held in memory.
    pub(crate) fn held(&self) -> usize {
        self.bytes
    }

    pub(crate) fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Returns the segments in the playlist: complete ones and the open one.
    pub(crate) fn listed(&self) -> impl DoubleEndedIterator<Item = &Segment> + Clone {
        let open = self.segments.back().is_some_and(|segment| !segment.complete);
        let listed = self.settings.playlist + usize::from(open);
        self.segments.iter().skip(self.segments.len().saturating_sub(listed))
    }

    /// Number of discontinuities before the first listed segment.
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

    /// Returns the segment at this grid position (see [`Segment::grid`]).
    pub(crate) fn on_grid(&self, place: u64) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.grid == place)
    }

    /// Returns the number of the newest segment or, if that is complete, of the next.
    pub(crate) fn next_number(&self) -> u64 {
        self.segments.back().map_or(self.first, |last| last.number + u64::from(last.complete))
    }

    /// Returns the newest position at which decoding can start.
    pub(crate) fn newest_sync(&self) -> Option<Cursor> {
        self.segments.iter().rev().find_map(|segment| {
            let fragment = segment.fragments().iter().rposition(|fragment| fragment.sync)?;
            Some(Cursor { segment: segment.number, fragment })
        })
    }

    /// Returns the fragment at `cursor`, moving on to the next segment at a segment's end, with its segment and the cursor
    /// after it. `None` if it does not exist yet or has been dropped.
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

    /// Whether the position `cursor` is gone, or so old that a viewer should skip to [`Window::newest_sync`].
    pub(crate) fn is_behind(&self, cursor: Cursor) -> bool {
        let oldest = self.segments.get(self.segments.len().saturating_sub(BEHIND));
        oldest.is_some_and(|oldest| cursor.segment < oldest.number)
    }

    /// Sets the epoch if there is none yet.
    pub(super) fn begin_epoch(&mut self, epoch: impl FnOnce() -> WallTime) {
        self.epoch.get_or_insert_with(epoch);
    }

    /// Completes the open segment and begins `segment`.
    pub(super) fn begin(&mut self, segment: Segment) {
        self.complete();
        self.playlists = Default::default();
        self.bytes += segment.held();
        self.segments.push_back(segment);
    }

    /// Appends `fragment`. `interval` is the frame interval in ticks; with `hole`, a gap in the timeline precedes it.
    pub(super) fn push(&mut self, fragment: Fragment, interval: u64, hole: bool) {
        self.interval = interval;
        self.playlists = Default::default();
        let Some(open) = self.segments.back_mut() else { return };
        self.bytes += open.push(fragment, hole);
        while self.bytes > BYTES_MAX && self.segments.len() > 1 {
            self.drop_oldest();
        }
    }

    pub(super) fn end(&mut self) {
        self.complete();
        self.ended = true;
        self.playlists = Default::default();
    }

    fn complete(&mut self) {
        let Some(open) = self.segments.back_mut().filter(|segment| !segment.complete) else { return };
        open.complete();
        self.target = self.target.max((open.duration() + TICKS_PER_SECOND / 2) / TICKS_PER_SECOND);
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
