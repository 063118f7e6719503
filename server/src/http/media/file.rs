//! File names within a stream.

use crate::segment::Tracks;

/// A file requested from a stream. Numbers in names have no sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Playlist,
    Init(Tracks, u64),
    Segment(u64),
    Part(u64, usize),
    Mse,
    Manifest,
    Marks,
    /// A segment by its position on the segment grid.
    Grid(Tracks, u64),
}

impl File {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let number = |text: &str| {
            let canonical = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            if canonical { text.parse().ok() } else { None }
        };
        if let Some(numbers) = name.strip_prefix("part-").and_then(|rest| rest.strip_suffix(".m4s")) {
            let (segment, part) = numbers.split_once('-')?;
            return Some(Self::Part(number(segment)?, usize::try_from(number(part)?).ok()?));
        }
        if let Some(text) = name.strip_prefix("segment-").and_then(|rest| rest.strip_suffix(".m4s")) {
            return number(text).map(Self::Segment);
        }
        if let Some(text) = name.strip_prefix("dash-").and_then(|rest| rest.strip_suffix(".m4s")) {
            let (tracks, text) = tracks(text);
            return number(text).map(|number| Self::Grid(tracks, number));
        }
        if let Some(text) = name.strip_prefix("init-").and_then(|rest| rest.strip_suffix(".mp4")) {
            let (tracks, text) = tracks(text);
            return number(text).map(|number| Self::Init(tracks, number));
        }
        match name {
            "index.m3u8" => Some(Self::Playlist),
            "init.mp4" => Some(Self::Init(Tracks::Both, 0)),
            "mse" => Some(Self::Mse),
            "manifest.mpd" => Some(Self::Manifest),
            "marks" => Some(Self::Marks),
            _ => None,
        }
    }
}

/// Returns the tracks whose name `text` begins with, and the rest.
fn tracks(text: &str) -> (Tracks, &str) {
    match text.split_once('-') {
        Some(("video", rest)) => (Tracks::Video, rest),
        Some(("audio", rest)) => (Tracks::Audio, rest),
        _ => (Tracks::Both, text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_what_looks_like_them() {
        for (name, file) in [
            ("index.m3u8", File::Playlist),
            ("manifest.mpd", File::Manifest),
            ("mse", File::Mse),
            ("marks", File::Marks),
            ("init.mp4", File::Init(Tracks::Both, 0)),
            ("init-2.mp4", File::Init(Tracks::Both, 2)),
            ("init-audio-0.mp4", File::Init(Tracks::Audio, 0)),
            ("segment-0.m4s", File::Segment(0)),
            ("dash-17.m4s", File::Grid(Tracks::Both, 17)),
            ("dash-video-17.m4s", File::Grid(Tracks::Video, 17)),
            ("part-3-29.m4s", File::Part(3, 29)),
        ] {
            assert_eq!(File::parse(name), Some(file), "{name}");
        }
        for other in [
            "",
            "index.m3u8x",
            "init-.mp4",
            "segment-.m4s",
            "segment-+1.m4s",
            "segment--1.m4s",
            "segment-18446744073709551616.m4s",
            "part-1.m4s",
            "part-1-.m4s",
            "part-1-2-3.m4s",
            "MSE",
            "dash-text-1.m4s",
            "init-video.mp4",
        ] {
            assert_eq!(File::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_or_none(name in "(part|segment|dash|init)?[-0-9a-z.\\PC]{0,30}") {
            File::parse(&name);
        }
    }
}
