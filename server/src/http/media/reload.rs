//! Delivery directives of a playlist request (draft-pantos-hls-rfc8216bis section 6.2.5).

use crate::segment::{TICKS_PER_SECOND, Window, can_be_joined};

/// Most segments by which a request may be ahead of the one that comes next: two after the last complete one …
const SEGMENTS_AHEAD: u64 = 1;
/// … and most ticks and parts by which it may be ahead of the newest part.
const PARTS_AHEAD: (u64, u64) = (3 * TICKS_PER_SECOND, 3);

/// The query of a playlist URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reload {
    /// Segment, and optionally part, that the playlist must contain.
    from: Option<(u64, Option<usize>)>,
    /// Whether a delta update is acceptable.
    pub(super) skip: bool,
}

/// Whether a playlist contains the requested position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Ready,
    NotYet,
    /// The position is too far in the future.
    Never(&'static str),
}

impl Reload {
    /// Parses `query`, the part of a URL after the question mark. Ignores parameters that the draft does not define.
    pub(super) fn parse(query: &str) -> Result<Self, &'static str> {
        let (mut msn, mut part, mut skip) = (None, None, false);
        for (name, value) in query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
            match name {
                "_HLS_msn" => msn = Some(value.parse::<u64>().map_err(|_| "_HLS_msn is not a number")?),
                "_HLS_part" => part = Some(value.parse::<usize>().map_err(|_| "_HLS_part is not a number")?),
                "_HLS_skip" if matches!(value, "YES" | "v2") => skip = true,
                "_HLS_skip" => return Err("_HLS_skip is neither YES nor v2"),
                _ => {}
            }
        }
        match (msn, part) {
            (None, Some(_)) => Err("_HLS_part needs _HLS_msn"),
            (msn, part) => Ok(Self { from: msn.map(|msn| (msn, part)), skip }),
        }
    }

    /// Whether the playlist of `window` satisfies the request. Without directives it may be that of a player that starts.
    pub(super) fn wait(&self, window: &Window) -> Wait {
        let ready = |ready| if ready { Wait::Ready } else { Wait::NotYet };
        if window.has_ended() {
            return Wait::Ready;
        }
        let Some((msn, part)) = self.from else {
            return ready(can_be_joined(window));
        };
        let next = window.next_number();
        if msn > next.saturating_add(SEGMENTS_AHEAD) {
            return Wait::Never("_HLS_msn is too far in the future");
        }
        // Something later is there instead of what is gone, or was never there before a publisher came back.
        let has_segment_after = || window.segments().any(|segment| segment.number > msn && segment.complete);
        let has_part_after = || window.segments().any(|segment| segment.number > msn && !segment.parts().is_empty());
        let known = window.segment(msn);
        let Some(part) = part else {
            return ready(known.is_some_and(|segment| segment.complete) || has_segment_after());
        };
        let parts = known.map_or(0, |segment| segment.parts().len());
        let is_open = msn >= next && known.is_none_or(|segment| !segment.complete);
        if part < parts || has_part_after() {
            Wait::Ready
        } else if is_open && part as u64 >= parts as u64 + parts_ahead(window) {
            Wait::Never("_HLS_part is too far in the future")
        } else {
            Wait::NotYet
        }
    }
}

/// The advance part limit.
fn parts_ahead(window: &Window) -> u64 {
    let (ticks, parts) = PARTS_AHEAD;
    ticks.div_ceil(window.longest_part().max(1)).max(parts)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::segment::{Feed, PartLength, SegmentSettings};

    fn wait(query: &str, feed: &Feed) -> Wait {
        Reload::parse(query).expect(query).wait(feed.window())
    }

    #[test]
    fn queries_of_players_and_of_others() {
        for (query, from, skip) in [
            ("", None, false),
            ("other=1&x", None, false),
            ("_HLS_skip=YES", None, true),
            ("_HLS_msn=7", Some((7, None)), false),
            ("a=b&_HLS_part=3&_HLS_msn=7&_HLS_skip=v2", Some((7, Some(3))), true),
        ] {
            assert_eq!(Reload::parse(query), Ok(Reload { from, skip }), "{query}");
        }
        for bad in [
            "_HLS_msn",
            "_HLS_msn=",
            "_HLS_msn=-1",
            "_HLS_msn=1.5",
            "_HLS_part=1",
            "_HLS_msn=1&_HLS_part=x",
            "_HLS_skip=",
        ] {
            assert!(Reload::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_playlist_waits_for_what_is_asked_for() {
        // Segment 0 has parts 0 to 29, segment 1 has parts 0 to 9 so far.
        let feed = Feed::of(1_000).frames(40, 30);
        for (query, ready) in [
            ("", true),
            ("_HLS_msn=0", true),
            ("_HLS_msn=1", false),
            ("_HLS_msn=0&_HLS_part=29", true),
            ("_HLS_msn=0&_HLS_part=30", true),
            ("_HLS_msn=1&_HLS_part=9", true),
            ("_HLS_msn=1&_HLS_part=10", false),
            ("_HLS_msn=1&_HLS_part=99", false),
            ("_HLS_msn=2&_HLS_part=0", false),
            ("_HLS_msn=2", false),
        ] {
            assert_eq!(wait(query, &feed), if ready { Wait::Ready } else { Wait::NotYet }, "{query}");
        }
        for far in [
            "_HLS_msn=3",
            "_HLS_msn=18446744073709551615",
            "_HLS_msn=1&_HLS_part=1000",
            "_HLS_msn=2&_HLS_part=1000",
            "_HLS_msn=2&_HLS_part=18446744073709551615",
        ] {
            assert!(matches!(wait(far, &feed), Wait::Never(_)), "{far}");
        }
    }

    #[test]
    fn at_the_start_and_at_the_end() {
        let start = Feed::of(1_000).frames(5, 30);
        assert_eq!(wait("", &start), Wait::NotYet, "no whole segment yet");
        assert_eq!(wait("_HLS_msn=0&_HLS_part=4", &start), Wait::Ready);
        assert_eq!(wait("_HLS_msn=0&_HLS_part=0", &Feed::of(1_000)), Wait::NotYet);
        let mut end = Feed::of(1_000).frames(5, 30);
        end.segmenter.end();
        assert_eq!(wait("_HLS_msn=9", &end), Wait::Ready);
        let gone = Feed::of(1_000).frames(20 * 30, 30);
        assert_eq!(wait("_HLS_msn=0", &gone), Wait::Ready, "it is over");
    }

    #[test]
    fn a_player_that_starts_does_so_after_the_first_segment() {
        // Segments in ms, frames per part, the frames that it takes.
        for (segment_ms, per_part, enough) in [
            // 0.2 s are six frames; the durations written end a little early.
            (1_000, 1, 30 + 7),
            // PART-HOLD-BACK is 0.3 s, and then 1.5 s.
            (1_000, 3, 30 + 12),
            (1_000, 15, 30 + 60),
            // It is 0.5 s, and there are three segments before.
            (200, 6, 3 * 6 + 1),
        ] {
            let settings = SegmentSettings {
                segment: Duration::from_millis(segment_ms),
                part: PartLength::UpTo(Duration::from_millis((per_part * 100_u64).div_ceil(3))),
                ..SegmentSettings::default()
            };
            let ready = |frames| wait("", &Feed::new(settings).frames(frames, segment_ms as usize * 30 / 1_000));
            assert_eq!(ready(enough - 1), Wait::NotYet, "{segment_ms} {per_part}");
            assert_eq!(ready(enough), Wait::Ready, "{segment_ms} {per_part}");
        }
    }

    #[test]
    fn what_went_before_it_was_complete_is_not_too_far_in_the_future() {
        let mut dropped = Feed::of(6_000).frames(150, 300);
        dropped.segmenter.drop_segments();
        assert_eq!(wait("_HLS_msn=0&_HLS_part=120", &dropped), Wait::NotYet);
        assert_eq!(wait("_HLS_msn=0", &dropped), Wait::NotYet);
        let again = dropped.frames(1, 300);
        assert_eq!(wait("_HLS_msn=0&_HLS_part=120", &again), Wait::Ready);
        assert_eq!(wait("_HLS_msn=0", &again), Wait::NotYet, "no segment is complete");
    }

    proptest! {
        #[test]
        fn any_query_is_answered(query in "((_HLS_(msn|part|skip)|\\PC{0,4})=([0-9]{0,21}|YES|\\PC{0,4})&?){0,5}") {
            let feed = Feed::of(1_000).frames(40, 30);
            let _ = Reload::parse(&query).map(|reload| reload.wait(feed.window()));
        }
    }
}
