//! Which name a misspelled one probably stands for.

use strsim::jaro_winkler;

/// Likeness, up to 1, below which two words have little in common.
const NEAR: f64 = 0.75;

/// Returns the one of `names` that was probably meant; `None` if none is close. The last word of a dotted name, such as
/// `delay` of `player.delay`, stands for the whole name.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |name: &str| {
        let own = name.rsplit_once('.').map_or(name, |(_, own)| own);
        jaro_winkler(typed, name).max(if typed.contains('.') { 0.0 } else { jaro_winkler(typed, own) })
    };
    let near = names.into_iter().map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= NEAR);
    near.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_no_far_one() {
        let names = [
            "publisher.bitrate",
            "publisher.gop",
            "receiver.transport",
            "server",
            "segment",
            "hls.js.liveSyncDuration",
            "hls.js.liveSyncDurationCount",
        ];
        for (typed, meant) in [
            ("publisher.bitrat", Some("publisher.bitrate")),
            ("bitrate", Some("publisher.bitrate")),
            ("receiver.transprot", Some("receiver.transport")),
            ("sever", Some("server")),
            ("liveSyncDurationCont", Some("hls.js.liveSyncDurationCount")),
            ("segmnt", Some("segment")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }
}
