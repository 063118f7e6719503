//! Media playlists (RFC 8216) with the low-latency extensions of draft-pantos-hls-rfc8216bis.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

use super::names::{File, Tracks, date_time};
use super::pieces::Segment;
use super::settings::TICKS_PER_SECOND;
use super::window::Window;

/// Parts are listed for segments that begin within this many target durations of the end (section 4.4.4.9).
const PARTS_WITHIN: u64 = 3;
/// Segments shorter than this ask for the lowest latency.
const SHORT_SEGMENT: Duration = Duration::from_millis(500);
/// PART-HOLD-BACK with short segments, in part target durations: between the minimum of 2 and the 3 that the draft recommends
/// (section 4.4.3.8). hls.js starts about a part later than that, and never catches up.
const PART_HOLD_BACK_SHORT: f64 = 2.5;
/// Its lower bound with short segments, in seconds.
const PART_HOLD_BACK_SHORT_MIN: f64 = 0.08;
/// PART-HOLD-BACK otherwise, in part target durations.
const PART_HOLD_BACK: f64 = 3.0;
/// Its lower bound, in seconds: three one-frame parts are little for a network between server and player.
const PART_HOLD_BACK_MIN: f64 = 0.2;
/// HOLD-BACK in target durations: the minimum allowed.
const HOLD_BACK: u64 = 3;
/// CAN-SKIP-UNTIL in target durations: the minimum allowed.
const SKIP_UNTIL: u64 = 6;
/// The most by which Chromium's buffer ends before its media, in µs: start and duration of a frame are rounded down.
const BUFFER_SHORT_US: u64 = 2;
/// The most by which the times written end before the media, in ticks.
const WRITTEN_SHORT: u64 = 1;
/// Complete segments that are enough even if PART-HOLD-BACK is longer than they are.
const ENOUGH_SEGMENTS: usize = 3;
const HZ: f64 = TICKS_PER_SECOND as f64;

/// Returns the current playlist. With `skip`, it is a delta update (section 6.2.5.1) if that omits anything.
pub(crate) fn playlist(window: &Window, skip: bool) -> Bytes {
    window.playlist(skip).get_or_init(|| write(window, skip).into()).clone()
}

fn write(window: &Window, skip: bool) -> String {
    let listed: Vec<&Segment> = window.listed().collect();
    let target = window.target();
    let part_target = part_target(window);
    let skipped = if skip { skippable(&listed, target) } else { 0 };
    let first = listed.first().map_or_else(|| window.next_number(), |segment| segment.number);
    let mut text = String::with_capacity(4_096);
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = text.write_fmt(args);
        text.push('\n');
    };
    line(format_args!("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{target}"));
    line(format_args!(
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={:.1},HOLD-BACK={:.1},PART-HOLD-BACK={:.5}",
        (SKIP_UNTIL * target) as f64,
        (HOLD_BACK * target) as f64,
        part_hold_back(window, part_target),
    ));
    line(format_args!("#EXT-X-PART-INF:PART-TARGET={part_target:.5}\n#EXT-X-MEDIA-SEQUENCE:{first}"));
    let discontinuities = window.discontinuities_before();
    if discontinuities > 0 {
        line(format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}"));
    }
    if listed.iter().all(|segment| segment.is_independent()) {
        line(format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    }
    if skipped > 0 {
        line(format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"));
    }
    let end = listed.last().map_or(0, |last| last.start + last.duration());
    let mut init = skipped.checked_sub(1).map(|last| listed[last].init.number);
    for segment in &listed[skipped..] {
        if segment.discontinuity {
            line(format_args!("#EXT-X-DISCONTINUITY"));
        }
        if init != Some(segment.init.number) {
            line(format_args!("#EXT-X-MAP:URI=\"{}\"", File::Init(Tracks::Both, segment.init.number)));
            init = Some(segment.init.number);
        }
        line(format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", date_time(segment.wall)));
        if end - segment.start <= PARTS_WITHIN * target * TICKS_PER_SECOND || !segment.complete {
            for (number, part) in segment.parts().iter().enumerate() {
                line(format_args!(
                    "#EXT-X-PART:DURATION={},URI=\"{}\"{}",
                    duration(part.start - segment.start, part.duration),
                    File::Part(segment.number, number),
                    if part.independent { ",INDEPENDENT=YES" } else { "" },
                ));
            }
        }
        if segment.complete {
            line(format_args!("#EXTINF:{},\n{}", duration(0, segment.duration()), File::Segment(segment.number)));
        }
    }
    if window.has_ended() {
        line(format_args!("#EXT-X-ENDLIST"));
    } else {
        let (segment, part) = hinted(window);
        line(format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", File::Part(segment, part)));
    }
    text
}

/// Whether PART-HOLD-BACK before the end lies after the first segment. hls.js starts there, but in a first segment often at
/// second 0 instead, and then stays late.
pub(crate) fn can_be_joined(window: &Window) -> bool {
    if window.listed().filter(|segment| segment.complete).count() >= ENOUGH_SEGMENTS {
        return true;
    }
    let Some(second) = window.listed().nth(1) else { return false };
    let end = window.listed().flat_map(Segment::parts).next_back().map_or(0, |part| part.start + part.duration);
    let hold_back = (part_hold_back(window, part_target(window)) * HZ).ceil() as u64;
    end >= second.start + hold_back + WRITTEN_SHORT
}

/// Writes a duration, in seconds, of what begins `begin` ticks after the start of its segment. By these, segments and parts
/// end 2 to 3 µs before their media, because hls.js loads a segment again and again that ends after Chromium's buffer.
fn duration(begin: u64, ticks: u64) -> String {
    let end_us = |ticks: u64| (ticks * 1_000_000 / TICKS_PER_SECOND).saturating_sub(BUFFER_SHORT_US);
    let us = end_us(begin + ticks) - end_us(begin);
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// Returns segment and number of the expected next part. Only the next frame tells whether the open segment ends.
pub(crate) fn hinted(window: &Window) -> (u64, usize) {
    if window.ends_next() { (window.next_number() + 1, 0) } else { next_part(window) }
}

/// Returns segment and number of the next part if the open segment continues.
pub(crate) fn next_part(window: &Window) -> (u64, usize) {
    (window.next_number(), window.open().map_or(0, |open| open.parts().len()))
}

/// Returns PART-TARGET: the longest part listed in seconds, rounded up to the last digit written.
fn part_target(window: &Window) -> f64 {
    (window.longest_part() as f64 / HZ * 1e5).ceil() / 1e5
}

/// Returns PART-HOLD-BACK in seconds.
fn part_hold_back(window: &Window, part_target: f64) -> f64 {
    if window.settings().segment < SHORT_SEGMENT {
        (PART_HOLD_BACK_SHORT * part_target).max(PART_HOLD_BACK_SHORT_MIN)
    } else {
        (PART_HOLD_BACK * part_target).max(PART_HOLD_BACK_MIN)
    }
}

/// Number of segments before the skip boundary.
fn skippable(listed: &[&Segment], target: u64) -> usize {
    let end = listed.last().map_or(0, |last| last.start + last.duration());
    let boundary = end.saturating_sub(SKIP_UNTIL * target * TICKS_PER_SECOND);
    listed.iter().take_while(|segment| segment.complete && segment.start + segment.duration() <= boundary).count()
}

#[cfg(test)]
mod tests;
