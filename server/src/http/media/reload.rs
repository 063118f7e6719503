//! What a player says of the playlist that it wants (draft-pantos-hls-rfc8216bis section 6.2.5).

use crate::segment::Window;

/// A playlist is not waited for whose newest segment is so many further on …
const SEGMENTS_AHEAD: u64 = 2;
/// … or its newest part so many ticks, and so many parts.
const PARTS_AHEAD: (u64, u64) = (3 * 90_000, 3);

/// The query of a playlist's URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reload {
    /// Segment, and part of it, that the playlist is to have.
    from: Option<(u64, Option<usize>)>,
    /// A delta update will do.
    pub(super) skip: bool,
}

/// Whether a playlist has what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Ready,
    NotYet,
    /// It is too far in the future.
    Never(&'static str),
}

impl Reload {
    /// Parses `query`, the part of a URL behind its question mark. Other names than those of the draft are let pass.
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

    /// Whether the playlist of `window` is the one asked for. Who asks for none in particular gets one with a whole segment.
    pub(super) fn wait(&self, window: &Window) -> Wait {
        let ready = |ready| if ready { Wait::Ready } else { Wait::NotYet };
        if window.has_ended() {
            return Wait::Ready;
        }
        let Some((msn, part)) = self.from else {
            return ready(window.segments().any(|segment| segment.complete));
        };
        let next = window.next_number();
        if msn > next.saturating_add(SEGMENTS_AHEAD) {
            return Wait::Never("_HLS_msn is too far in the future");
        }
        let has_parts = |msn: u64| window.segment(msn).is_some_and(|segment| !segment.parts().is_empty());
        match (window.segment(msn), part) {
            (None, _) => ready(msn < next),
            (Some(segment), None) => ready(segment.complete),
            (Some(segment), Some(part)) if part < segment.parts().len() => Wait::Ready,
            // Behind the last part of a segment comes the first one of the next.
            (Some(segment), Some(_)) if segment.complete => ready(has_parts(msn + 1) || msn + 1 < next),
            (Some(segment), Some(part)) if part as u64 > segment.parts().len() as u64 + parts_ahead(window) => {
                Wait::Never("_HLS_part is too far in the future")
            }
            (Some(_), Some(_)) => Wait::NotYet,
        }
    }
}

/// The advance part limit.
fn parts_ahead(window: &Window) -> u64 {
    let (ticks, parts) = PARTS_AHEAD;
    let longest = window.listed().flat_map(|segment| segment.parts()).map(|part| part.duration).max();
    longest.map_or(parts, |longest| ticks.div_ceil(longest.max(1)).max(parts))
}
