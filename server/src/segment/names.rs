//! Names and times in playlists and manifests.

use std::fmt;

use chrono::{DateTime, SecondsFormat};
use common::time::WallTime;

/// Formats `wall` in UTC with ms precision (RFC 3339, XML Schema); returns the epoch if out of the calendar's range.
pub(crate) fn date_time(wall: WallTime) -> String {
    DateTime::from_timestamp_micros(wall.as_micros()).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A selection of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracks {
    /// The video, and the audio if present.
    Both,
    Video,
    Audio,
}

/// A file of a stream. Numbers in names have no sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
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
    pub(crate) fn parse(name: &str) -> Option<Self> {
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

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Playlist => f.write_str("index.m3u8"),
            Self::Init(Tracks::Both, 0) => f.write_str("init.mp4"),
            Self::Init(tracks, number) => write!(f, "init-{}{number}.mp4", prefix(*tracks)),
            Self::Segment(number) => write!(f, "segment-{number}.m4s"),
            Self::Part(segment, number) => write!(f, "part-{segment}-{number}.m4s"),
            Self::Mse => f.write_str("mse"),
            Self::Manifest => f.write_str("manifest.mpd"),
            Self::Marks => f.write_str("marks"),
            Self::Grid(tracks, place) => f.write_str(&grid_name(*tracks, place)),
        }
    }
}

/// Returns the name of the segment at `place` on the grid, which may be a placeholder.
pub(super) fn grid_name(tracks: Tracks, place: impl fmt::Display) -> String {
    format!("dash-{}{place}.m4s", prefix(tracks))
}

/// Precedes the number of a file with some tracks only.
fn prefix(tracks: Tracks) -> &'static str {
    match tracks {
        Tracks::Both => "",
        Tracks::Video => "video-",
        Tracks::Audio => "audio-",
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
    fn dates_beyond_any_calendar_do_no_harm() {
        for micros in [i64::MIN, i64::MAX] {
            assert_eq!(date_time(WallTime::from_micros(micros)), "1970-01-01T00:00:00.000Z");
        }
    }

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
            assert_eq!((File::parse(name), file.to_string().as_str()), (Some(file), name));
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
        fn what_is_written_is_read_again(segment in any::<u64>(), part in any::<usize>(), kind in 0..8_u8) {
            let tracks = [Tracks::Both, Tracks::Video, Tracks::Audio][part % 3];
            let file = match kind {
                0 => File::Playlist,
                1 => File::Init(tracks, segment),
                2 => File::Segment(segment),
                3 => File::Part(segment, part),
                4 => File::Mse,
                5 => File::Manifest,
                6 => File::Marks,
                _ => File::Grid(tracks, segment),
            };
            prop_assert_eq!(File::parse(&file.to_string()), Some(file));
        }

        #[test]
        fn any_name_is_one_or_none(name in "(part|segment|dash|init)?[-0-9a-z.\\PC]{0,30}") {
            File::parse(&name);
        }
    }
}
