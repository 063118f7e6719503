use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::segmenter::tests::Feed;
use super::super::settings::{PartLength, SegmentSettings};
use super::*;

#[test]
fn a_low_latency_playlist() {
    let text = write(Feed::of(200).frames(20, 6).window(), false);
    let expected = "#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=3.0,PART-HOLD-BACK=0.08335
#EXT-X-PART-INF:PART-TARGET=0.03334
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI=\"init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2025-11-21T11:00:00.000Z
#EXT-X-PART:DURATION=0.033331,URI=\"part-0-0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.033333,URI=\"part-0-1.m4s\"
#EXT-X-PART:DURATION=0.033334,URI=\"part-0-2.m4s\"
#EXT-X-PART:DURATION=0.033333,URI=\"part-0-3.m4s\"
#EXT-X-PART:DURATION=0.033333,URI=\"part-0-4.m4s\"
#EXT-X-PART:DURATION=0.033334,URI=\"part-0-5.m4s\"
#EXTINF:0.199998,
segment-0.m4s
#EXT-X-PROGRAM-DATE-TIME:2025-11-21T11:00:00.200Z
#EXT-X-PART:DURATION=0.033331,URI=\"part-1-0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.033333,URI=\"part-1-1.m4s\"
#EXT-X-PART:DURATION=0.033334,URI=\"part-1-2.m4s\"
#EXT-X-PART:DURATION=0.033333,URI=\"part-1-3.m4s\"
#EXT-X-PART:DURATION=0.033333,URI=\"part-1-4.m4s\"
#EXT-X-PART:DURATION=0.033334,URI=\"part-1-5.m4s\"
#EXTINF:0.199998,
segment-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2025-11-21T11:00:00.400Z
#EXT-X-PART:DURATION=0.033331,URI=\"part-2-0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.033333,URI=\"part-2-1.m4s\"
#EXT-X-PART:DURATION=0.033334,URI=\"part-2-2.m4s\"
#EXT-X-PART:DURATION=0.033333,URI=\"part-2-3.m4s\"
#EXT-X-PART:DURATION=0.033333,URI=\"part-2-4.m4s\"
#EXT-X-PART:DURATION=0.033334,URI=\"part-2-5.m4s\"
#EXTINF:0.199998,
segment-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2025-11-21T11:00:00.600Z
#EXT-X-PART:DURATION=0.033331,URI=\"part-3-0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.033333,URI=\"part-3-1.m4s\"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-3-2.m4s\"
";
    assert_eq!(text, expected);
}

#[test]
fn a_long_playlist_lists_its_newest_segments_and_parts_of_the_last_three() {
    let text = write(Feed::of(1_000).frames(12 * 30 + 1, 30).window(), false);
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:6\n"), "{text}");
    let segments: Vec<&str> = text.lines().filter(|line| line.starts_with("segment")).collect();
    assert_eq!(segments, (6..12).map(|number| format!("segment-{number}.m4s")).collect::<Vec<_>>());
    assert!(!text.contains("part-9-") && text.contains("part-10-0.m4s") && text.contains("part-12-0.m4s"), "{text}");
    assert!(text.ends_with("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-12-1.m4s\"\n"), "{text}");
}

#[test]
fn a_delta_update_leaves_out_what_is_before_the_skip_boundary() {
    let settings = SegmentSettings { playlist: 10, part: PartLength::Frame, ..SegmentSettings::default() };
    let feed = Feed::new(settings).frames(12 * 30 + 1, 30);
    let (full, delta) = (write(feed.window(), false), write(feed.window(), true));
    assert!(delta.contains("#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n"));
    let (_, rest) = delta.split_once("SKIPPED-SEGMENTS=4\n").expect("it skips");
    assert!(full.ends_with(rest) && rest.starts_with("#EXT-X-PROGRAM-DATE-TIME") && rest.contains("segment-6.m4s"));
    let short = Feed::of(1_000).frames(100, 30);
    assert_eq!(write(short.window(), false), write(short.window(), true));
}

#[test]
fn the_part_that_is_hinted_at_is_that_of_the_next_segment_where_this_one_ends() {
    for (frames, hint) in [(29, "part-0-29"), (30, "part-1-0"), (31, "part-1-1"), (59, "part-1-29"), (60, "part-2-0")] {
        let text = write(Feed::of(1_000).frames(frames, 30).window(), false);
        assert!(text.ends_with(&format!("URI=\"{hint}.m4s\"\n")), "{frames}: {text}");
    }
    let overdue = write(Feed::of(1_000).frames(31, 60).window(), false);
    assert!(overdue.ends_with("URI=\"part-0-31.m4s\"\n"), "{overdue}");
}

#[test]
fn another_track_is_a_discontinuity_that_stays_counted() {
    let mut feed = Feed::of(1_000).frames(10, 30);
    feed.other_track();
    feed.frame(false, 3_000);
    let text = write(feed.window(), false);
    assert!(text.contains("segment-0.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-1.mp4\"\n"), "{text}");
    assert!(!text.contains("DISCONTINUITY-SEQUENCE"), "{text}");
    for number in 0..20 * 30 {
        feed.frame(number % 30 == 0, 3_000);
    }
    let text = write(feed.window(), false);
    // The last key frames belong to the first track again.
    assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:2\n") && text.contains("URI=\"init-2.mp4\""), "{text}");
}

#[test]
fn a_stream_that_has_ended_says_so() {
    let mut feed = Feed::of(1_000).frames(40, 30);
    feed.segmenter.end();
    let text = write(feed.window(), false);
    assert!(text.ends_with("#EXTINF:0.333331,\nsegment-1.m4s\n#EXT-X-ENDLIST\n") && !text.contains("HINT"), "{text}");
}

/// Returns the attributes of the line that begins with `tag`.
fn attributes<'a>(text: &'a str, tag: &str) -> BTreeMap<&'a str, &'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(tag)).expect("the tag is there");
    line.split(',').filter_map(|pair| pair.split_once('=')).collect()
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

proptest! {
    #[test]
    fn what_is_promised_holds(
        jitter in prop::collection::vec(1_000_u64..5_000, 60..300),
        gop in 1_usize..80,
        segment_ms in 100_u64..3_000,
    ) {
        let mut feed = Feed::of(segment_ms);
        for (number, ticks) in jitter.iter().enumerate() {
            feed.frame(number % gop == 0, *ticks);
        }
        let text = write(feed.window(), false);
        let target = number(text.lines().find_map(|l| l.strip_prefix("#EXT-X-TARGETDURATION:")).expect("it"));
        prop_assert!(target >= 1.0);
        for duration in text.lines().filter_map(|line| line.strip_prefix("#EXTINF:")) {
            prop_assert!(number(duration.trim_end_matches(',')).round() <= target);
        }
        let part_target = number(attributes(&text, "#EXT-X-PART-INF:")["PART-TARGET"]);
        let parts: Vec<f64> = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXT-X-PART:DURATION="))
            .map(|line| number(line.split(',').next().unwrap_or_default()))
            .collect();
        prop_assert!(parts.iter().all(|part| *part <= part_target), "{part_target} {parts:?}");
        let control = attributes(&text, "#EXT-X-SERVER-CONTROL:");
        prop_assert!(number(control["PART-HOLD-BACK"]) >= 2.0 * part_target);
        prop_assert!(number(control["HOLD-BACK"]) >= 3.0 * target);
        prop_assert!(number(control["CAN-SKIP-UNTIL"]) >= 6.0 * target);
    }
}

/// Durations that a playlist gives, in µs: of each complete segment, and the sum of its parts.
fn durations(text: &str) -> Vec<[u64; 2]> {
    let micros = |value: &str| value.split(',').next().and_then(|it| it.replace('.', "").parse::<u64>().ok());
    let (mut all, mut parts) = (Vec::new(), 0);
    for line in text.lines() {
        if let Some(part) = line.strip_prefix("#EXT-X-PART:DURATION=") {
            parts += micros(part).expect("six decimals");
        } else if let Some(segment) = line.strip_prefix("#EXTINF:") {
            all.push([micros(segment).expect("six decimals"), std::mem::take(&mut parts)]);
        }
    }
    all
}

proptest! {
    /// hls.js loads a segment again whose end in the playlist lies beyond that of the buffer, which is up to 2 µs early.
    #[test]
    fn segments_and_the_sums_of_their_parts_end_just_before_the_buffer(
        ticks in prop::collection::vec(2_000_u64..4_000, 61..200),
        part_ms in 33_u64..200,
    ) {
        let part = PartLength::UpTo(Duration::from_millis(part_ms));
        let mut feed = Feed::new(SegmentSettings { part, ..SegmentSettings::default() });
        for (number, ticks) in ticks.iter().enumerate() {
            feed.frame(number % 20 == 0, *ticks);
        }
        let given = durations(&write(feed.window(), false));
        let real: Vec<u64> = feed.window().listed().filter(|it| it.complete).map(Segment::duration).collect();
        prop_assert!(!real.is_empty() && given.len() == real.len());
        for ([segment, parts], ticks) in given.iter().zip(&real) {
            let early_us = *ticks as f64 / HZ * 1e6 - *segment as f64;
            prop_assert!((2.0..3.0).contains(&early_us), "{segment} {ticks}");
            // Parts of older segments are not listed.
            prop_assert!(*parts == 0 || parts == segment, "{segment} {parts}");
        }
        prop_assert!(given.last().is_some_and(|[_, parts]| *parts > 0));
    }
}

#[test]
fn a_playlist_is_written_again_after_each_change() {
    let mut feed = Feed::of(200).frames(20, 6);
    for change in 0..12 {
        for skip in [false, true, false, true] {
            assert_eq!(playlist(feed.window(), skip), write(feed.window(), skip), "{change}");
        }
        if change < 11 {
            feed.frame(change % 6 == 0, 3_000);
        } else {
            feed.segmenter.end();
        }
    }
    assert_eq!(playlist(feed.window(), false), write(feed.window(), false));
    assert!(playlist(feed.window(), false).ends_with(b"#EXT-X-ENDLIST\n"));
}

#[test]
fn short_segments_lower_the_hold_back() {
    for (segment_ms, hold_back) in [(200, 0.08335), (499, 0.08335), (500, 0.2), (6_000, 0.2)] {
        let text = write(Feed::of(segment_ms).frames(60, 6).window(), false);
        let control = attributes(&text, "#EXT-X-SERVER-CONTROL:");
        assert!((number(control["PART-HOLD-BACK"]) - hold_back).abs() < 1e-9, "{segment_ms}: {control:?}");
    }
}
