use std::time::Duration;

use common::media::{Codec, EncodedFrame};
use common::time::{MediaTime, MonoTime};
use proptest::prelude::*;

use super::*;

mod audio;

/// SPS (Baseline, 640x480), PPS, and the start of an IDR slice.
pub(in crate::segment) const IDR: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a, 0, 0, 0, 1, 0x68,
    0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88, 0x84,
];
pub(in crate::segment) const SLICE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x02];
const START: i64 = 1_763_722_800_000_000;

/// Feeds a segmenter.
pub(crate) struct Feed {
    pub(crate) segmenter: Segmenter,
    ticks: u64,
}

impl Feed {
    pub(crate) fn new(settings: SegmentSettings) -> Self {
        Self { segmenter: Segmenter::new(settings), ticks: 0 }
    }

    /// Uses segments of this duration and one-frame parts.
    pub(crate) fn of(segment_ms: u64) -> Self {
        let segment = Duration::from_millis(segment_ms);
        Self::new(SegmentSettings { segment, part: PartLength::Frame, ..SegmentSettings::default() })
    }

    /// Pushes `count` frames at 30 fps; every `gop`th is a key frame, starting with the first.
    pub(crate) fn frames(mut self, count: usize, gop: usize) -> Self {
        for number in 0..count {
            self.frame(number % gop == 0, 3_000);
        }
        self
    }

    /// Pushes a frame this many ticks before the next. Returns whether a key frame is wanted.
    pub(crate) fn frame(&mut self, key: bool, ticks: u64) -> bool {
        self.data(if key { IDR } else { SLICE }, key, ticks)
    }

    fn data(&mut self, data: &[u8], key: bool, ticks: u64) -> bool {
        let micros = self.ticks * 100 / 9;
        let frame = Frame {
            encoded: EncodedFrame {
                codec: Codec::H264,
                data: data.to_vec(),
                is_key: key,
                time: MediaTime::from_ticks(self.ticks as u32),
            },
            starts_decoding: key,
            arrived: MonoTime::from_origin(Duration::from_micros(micros)),
        };
        self.ticks += ticks;
        let taken = WallTime::from_micros(START + micros as i64);
        self.segmenter.push(&frame, taken, taken.offset(5_000)).expect("it can be cut")
    }

    /// Pushes a key frame with new parameter sets.
    pub(crate) fn other_track(&mut self) {
        let other = [&IDR[..23], &[0xcf], &IDR[24..]].concat();
        self.data(&other, true, 3_000);
    }

    pub(crate) fn window(&self) -> &Window {
        self.segmenter.window()
    }
}

fn numbers_and_frames(window: &Window) -> Vec<(u64, usize)> {
    window.segments().map(|segment| (segment.number, segment.fragments().len())).collect()
}

#[test]
fn a_segment_ends_at_the_first_key_frame_after_its_duration() {
    assert_eq!(numbers_and_frames(Feed::of(1_000).frames(75, 15).window()), [(0, 30), (1, 30), (2, 15)]);
    assert_eq!(numbers_and_frames(Feed::of(500).frames(31, 15).window()), [(0, 15), (1, 15), (2, 1)]);
    assert_eq!(numbers_and_frames(Feed::of(500).frames(61, 30).window()), [(0, 30), (1, 30), (2, 1)]);
    let feed = Feed::of(1_000).frames(31, 15);
    let (first, second) = (feed.window().segment(0).expect("it"), feed.window().segment(1).expect("it"));
    assert!(first.complete && !second.complete && second.is_independent());
    assert_eq!((first.duration(), second.start, second.wall.as_micros()), (90_000, 90_000, START + 1_000_000));
}

#[test]
fn a_key_frame_is_wanted_once_the_segment_is_long_enough() {
    let mut feed = Feed::of(1_000);
    let wanted: Vec<bool> = (0..40).map(|number| feed.frame(number == 0, 3_000)).collect();
    assert_eq!(wanted.iter().position(|wanted| *wanted), Some(30));
    assert!(wanted[30..].iter().all(|wanted| *wanted));
    assert!(!feed.frame(true, 3_000));
    assert!(!feed.frame(false, 3_000));
}

#[test]
fn a_segment_that_no_key_frame_ends_is_ended_all_the_same() {
    let feed = Feed::of(1_000).frames(600, 1_000);
    let segments: Vec<_> = feed.window().segments().map(|segment| (segment.number, segment.is_independent())).collect();
    assert_eq!(segments, [(0, true), (1, false)]);
    assert!(feed.window().target() >= 10);
}

#[test]
fn parts_are_of_so_many_frames_and_together_the_segment() {
    for (part_ms, per_part) in [(33, 1), (34, 1), (50, 1), (66, 2), (100, 3), (1_000, 30)] {
        let part = PartLength::UpTo(Duration::from_millis(part_ms));
        let feed = Feed::new(SegmentSettings { part, ..SegmentSettings::default() }).frames(45, 30);
        let (whole, open) = (feed.window().segment(0).expect("it"), feed.window().open().expect("it"));
        assert_eq!(whole.parts().len(), 30_usize.div_ceil(per_part), "{part_ms} ms");
        assert_eq!(open.parts().len(), 15 / per_part, "{part_ms} ms");
        let parts: Vec<u8> = (0..whole.parts().len()).flat_map(|number| whole.part(number).expect("it")).collect();
        assert_eq!(parts, whole.whole(), "{part_ms} ms");
        assert!(whole.parts()[0].independent && whole.parts()[1..].iter().all(|part| !part.independent));
        assert_eq!(whole.part(whole.parts().len()), None);
    }
}

#[test]
fn other_parameter_sets_begin_a_segment_with_another_track() {
    let mut feed = Feed::of(1_000).frames(10, 30);
    feed.other_track();
    feed.data(IDR, true, 3_000);
    let segments: Vec<_> =
        feed.window().segments().map(|segment| (segment.number, segment.init.number, segment.discontinuity)).collect();
    assert!(segments.len() >= 2 && segments[0] == (0, 0, false), "{segments:?}");
    assert!(segments[1..].iter().all(|(number, init, discontinuity)| number == init && *discontinuity), "{segments:?}");
}

#[test]
fn without_parameter_sets_nothing_begins() {
    let mut feed = Feed::of(1_000);
    assert!(!feed.data(SLICE, false, 3_000));
    assert_eq!(feed.window().segments().count(), 0);
    let frame = Frame {
        encoded: EncodedFrame {
            codec: Codec::H264,
            data: vec![0, 0, 1, 0x65, 0x88],
            is_key: true,
            time: MediaTime::default(),
        },
        starts_decoding: true,
        arrived: MonoTime::default(),
    };
    assert_eq!(feed.segmenter.push(&frame, WallTime::default(), WallTime::default()), Err(Unusable::ParameterSets));
}

#[test]
fn a_viewer_reads_frame_by_frame_and_begins_at_the_newest_key_frame() {
    let mut feed = Feed::of(1_000).frames(50, 15);
    let mut cursor = feed.window().newest_sync().expect("there is one");
    let mut read = Vec::new();
    while let Some((_, fragment, next)) = feed.window().read(cursor) {
        read.push((fragment.start / 3_000, fragment.sync));
        cursor = next;
    }
    assert_eq!(read, (45..50).map(|number| (number, number == 45)).collect::<Vec<_>>());
    feed.frame(false, 3_000);
    feed.segmenter.end();
    assert!(feed.window().read(cursor).is_some_and(|(_, fragment, _)| fragment.start == 50 * 3_000));
    assert!(!feed.window().is_behind(cursor));
}

#[test]
fn memory_is_bounded_in_bytes() {
    let mut feed = Feed::of(1_000);
    let big = [IDR, &vec![0x55; 4 << 20]].concat();
    for number in 0..60 {
        feed.data(if number % 2 == 0 { &big } else { SLICE }, number % 2 == 0, 45_000);
        let held: usize = feed.window().segments().map(Segment::held).sum();
        assert!(held <= BYTES_MAX, "{held}");
    }
    assert!(feed.window().segments().count() >= 4);
    let few = Feed::of(100).frames(3_000, 3);
    assert_eq!(few.window().segments().count(), 6 + 3 + 1, "those listed, some that were before, and the open one");
}

#[test]
fn initialization_segments_count_and_parameter_sets_are_bounded() {
    let mut feed = Feed::new(SegmentSettings { playlist: 100, ..SegmentSettings::default() });
    for number in 0..100_u8 {
        // 31 further PPSs of 60 KB in front of the slice, others in each frame.
        let further =
            (0..31_u8).flat_map(|pps| [&[0, 0, 0, 1, 0x68, number | 0x80, pps | 0x80][..], &[0x55; 60_000]].concat());
        let data: Vec<u8> = IDR[..26].iter().copied().chain(further).chain(IDR[26..].iter().copied()).collect();
        feed.data(&data, true, 3_000);
        let inits: usize = feed.window().segments().map(|segment| segment.init.bytes.len()).sum();
        let fragments: usize =
            feed.window().segments().flat_map(Segment::fragments).map(|fragment| fragment.bytes.len()).sum();
        assert!(inits + fragments <= feed.window().held() && feed.window().held() <= BYTES_MAX);
    }
    let init = &feed.window().open().expect("it").init;
    assert!((60_000..70_000).contains(&init.bytes.len()), "{}", init.bytes.len());
}

proptest! {
    #[test]
    fn segments_and_parts_follow_each_other(
        frames in prop::collection::vec((any::<bool>(), prop_oneof![2_000_u64..4_000, 0_u64..200_000]), 1..400),
        part_ms in 5_u64..500,
    ) {
        let part = PartLength::UpTo(Duration::from_millis(part_ms));
        let segment = Duration::from_millis(500);
        let mut feed = Feed::new(SegmentSettings { segment, part, playlist: 100 });
        feed.frame(true, 3_000);
        for (key, ticks) in &frames {
            feed.frame(*key, *ticks);
        }
        let mut end = 0;
        let (first, newest) = (feed.window().segments().next().map(|s| s.number), feed.window().next_number());
        for (index, segment) in feed.window().segments().enumerate() {
            prop_assert_eq!(Some(segment.number), first.map(|first| first + index as u64));
            prop_assert!(segment.start >= end && segment.duration() > 0);
            end = segment.start + segment.duration();
            prop_assert!((segment.duration() + 45_000) / 90_000 <= feed.window().target() || !segment.complete);
            prop_assert_eq!(segment.complete, segment.number < newest);
            let parts: u64 = segment.parts().iter().map(|part| part.duration).sum();
            prop_assert!(parts <= segment.duration());
        }
    }
}

#[test]
fn media_time_begins_when_the_picture_was_taken_by_this_hosts_clock() {
    let at = WallTime::from_micros;
    for (taken, arrived, expected) in
        [(0, 5_000, 0), (0, 1_000_001, 1_000_001), (5_000, 0, 0), (i64::MIN, i64::MAX, i64::MAX)]
    {
        assert_eq!(epoch(at(taken), at(arrived)), at(expected), "{taken} {arrived}");
    }
}

#[test]
fn key_frames_that_are_too_rare_for_the_segments_show() {
    // Preset ultra with one key frame per second.
    let rare = Feed::of(200).frames(4 * 30 + 1, 30);
    assert!(rare.window().are_overlong(3) && !rare.window().are_overlong(5));
    assert_eq!(rare.window().frames_per_segment(), 6);
    assert!(!Feed::of(200).frames(4 * 30 + 1, 6).window().are_overlong(3));
    assert!(!Feed::of(1_000).frames(4 * 30 + 1, 30).window().are_overlong(3));
}

#[test]
fn where_segments_were_dropped_the_next_key_frame_counts_on() {
    let mut feed = Feed::of(1_000).frames(40, 30);
    feed.segmenter.drop_segments();
    assert_eq!((feed.window().held(), numbers_and_frames(feed.window())), (0, vec![]));
    assert!(feed.frame(false, 3_000), "a key frame is wanted");
    let again = feed.frames(31, 30);
    let segments: Vec<_> =
        again.window().segments().map(|s| (s.number, s.init.number, s.discontinuity, s.start)).collect();
    assert_eq!(segments, [(2, 0, false, 41 * 3_000), (3, 0, false, 71 * 3_000)]);
    assert!(!again.window().has_ended());
}

#[test]
fn what_follows_counts_on() {
    let mut first = Feed::of(1_000).frames(40, 30);
    let after = Segmenter::after(SegmentSettings::default(), &first.segmenter);
    assert_eq!((first.window().next_number(), after.window().next_number()), (1, 2), "the open one is over");
    assert_eq!(after.window().discontinuities_before(), 0);
    let epoch = first.window().epoch();
    first.segmenter = after;
    let again = first.frames(40, 30);
    let segments: Vec<_> = again.window().segments().map(|s| (s.number, s.init.number, s.discontinuity)).collect();
    assert_eq!(segments, [(2, 1, true), (3, 1, false)]);
    let places: Vec<_> = again.window().segments().map(|segment| (segment.start, segment.grid)).collect();
    assert_eq!((places, again.window().epoch()), (vec![(120_000, 1), (210_000, 2)], epoch), "and so does media time");
    let third = Segmenter::after(SegmentSettings::default(), &again.segmenter);
    assert_eq!((third.window().next_number(), third.window().discontinuities_before()), (4, 1));
}
