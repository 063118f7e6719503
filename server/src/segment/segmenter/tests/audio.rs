//! Tests of audio beside the video.

use super::*;
use crate::segment::mp4::tests::{formats, runs};
use crate::segment::names::Tracks;

impl Feed {
    /// Pushes `count` frames at 30 fps, every `gop`th a key frame, with 20 ms Opus packets beside the frames in
    /// `heard`.
    pub(crate) fn with_opus(
        settings: SegmentSettings,
        count: usize,
        gop: usize,
        heard: std::ops::Range<usize>,
    ) -> Self {
        let format = formats()[1].clone();
        let segmenter = Segmenter::new(settings).with_audio(Some(&format));
        let mut feed = Self { segmenter, ticks: 0 };
        let mut next = 0;
        for number in 0..count {
            feed.frame(number % gop == 0, 3_000);
            while next < feed.ticks {
                if heard.contains(&number) {
                    feed.opus(next);
                }
                next += 1_800;
            }
        }
        feed
    }

    /// Returns 20 ms of Opus at this time.
    fn opus(&mut self, ticks: u64) {
        let arrived = MonoTime::from_origin(Duration::from_micros(ticks * 100 / 9));
        let frame = AudioFrame { data: vec![0xfc, ticks as u8], ticks: 0, duration: 960, arrived };
        self.segmenter.push_audio(&frame, MediaTime::from_ticks(ticks as u32));
    }
}

fn one_frame_parts(segment_ms: u64) -> SegmentSettings {
    let segment = Duration::from_millis(segment_ms);
    SegmentSettings { segment, part: PartLength::Frame, ..SegmentSettings::default() }
}

#[test]
fn audio_comes_with_the_next_picture_and_on_the_same_timeline() {
    let feed = Feed::with_opus(one_frame_parts(1_000), 61, 30, 0..61);
    let segments: Vec<_> = feed.window().segments().collect();
    assert_eq!(numbers_and_frames(feed.window()), [(0, 30), (1, 30), (2, 1)], "as without audio");
    assert!(segments.iter().all(|segment| !segment.discontinuity && segment.init.number == 0));
    assert_eq!(segments[0].init.codecs, "avc1.42C01E,opus");
    let all: Vec<u8> = segments[..2].iter().flat_map(|segment| segment.whole()).collect();
    let (audio, video): (Vec<_>, Vec<_>) = runs(&all).into_iter().partition(|(track, ..)| *track == 2);
    assert!(video.iter().enumerate().all(|(number, run)| *run == (1, number as u64 * 3_000, vec![3_000])), "{video:?}");
    let mut end = 0;
    for (_, decode, durations) in &audio {
        assert_eq!(*decode, end, "no gap");
        end += durations.iter().map(|duration| u64::from(*duration)).sum::<u64>();
    }
    // Audio that arrived before the last picture of the two seconds: no picture waits for it.
    assert_eq!(end, (59 * 3_000_u64).div_ceil(1_800) * 960);
}

#[test]
fn parts_are_both_tracks_and_each_track_is_there_alone() {
    let feed = Feed::with_opus(one_frame_parts(1_000), 45, 30, 0..45);
    for segment in feed.window().segments() {
        let parts: Vec<u8> = (0..segment.parts().len()).flat_map(|number| segment.part(number).expect("it")).collect();
        let both: Vec<u8> = segment.fragments().iter().flat_map(|fragment| fragment.of(Tracks::Both)).collect();
        assert!(parts == both && (!segment.complete || segment.whole() == parts));
        for (tracks, id) in [(Tracks::Video, 1), (Tracks::Audio, 2)] {
            let alone: Vec<u8> = segment.fragments().iter().flat_map(|fragment| fragment.of(tracks)).collect();
            let expected: Vec<_> = runs(&both).into_iter().filter(|(track, ..)| *track == id).collect();
            assert!(!expected.is_empty() && runs(&alone) == expected, "{tracks:?}");
        }
        assert!(segment.fragments().iter().all(|fragment| &fragment.of(Tracks::Video)[4..8] == b"prft"));
    }
    let window = feed.window();
    assert!(
        window.bit_rate(Tracks::Both).abs_diff(window.bit_rate(Tracks::Video) + window.bit_rate(Tracks::Audio)) <= 1
    );
}

#[test]
fn a_stream_whose_audio_stops_goes_on_without_it_and_with_it_again() {
    let settings = SegmentSettings { playlist: 100, ..one_frame_parts(1_000) };
    let feed = Feed::with_opus(settings, 300, 30, 0..300);
    assert!(feed.window().segments().all(|segment| segment.init.number == 0));
    let mut feed = Feed::with_opus(settings, 180, 30, 0..45);
    for _ in 0..6 {
        feed.opus(feed.ticks);
        for number in 0..30 {
            let _ = feed.frame(number == 0, 3_000);
        }
    }
    let codecs: Vec<_> =
        feed.window().segments().map(|segment| (segment.init.codecs.contains("opus"), segment.discontinuity)).collect();
    let [with, without] = [(true, false), (false, false)];
    assert_eq!(codecs[..7], [with, with, with, with, (false, true), without, (true, true)], "{codecs:?}");
    assert!(codecs[7..].iter().all(|found| *found == with));
    let back = feed.window().segments().nth(6).expect("it");
    let first = &runs(&back.fragments()[0].of(Tracks::Audio))[0];
    assert!(first.1.abs_diff(back.start * 48 / 90) <= 960, "nothing of what came meanwhile: {first:?}");
}

#[test]
fn audio_that_was_announced_and_never_comes_is_waited_for_two_seconds() {
    let feed = Feed::with_opus(one_frame_parts(1_000), 100, 30, 0..0);
    let codecs: Vec<_> = feed.window().segments().map(|segment| segment.init.codecs.contains("opus")).collect();
    assert_eq!(codecs, [true, true, false, false]);
    assert!(feed.window().segments().all(|segment| segment.fragments().iter().all(|fragment| fragment.audio == 0)));
}
