//! Names and times in playlists and manifests.

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

/// Returns the name of initialization segment `number`.
pub(super) fn init_name(number: u64, tracks: Tracks) -> String {
    match (tracks, number) {
        (Tracks::Both, 0) => "init.mp4".to_owned(),
        (Tracks::Both, _) => format!("init-{number}.mp4"),
        (Tracks::Video, _) => format!("init-video-{number}.mp4"),
        (Tracks::Audio, _) => format!("init-audio-{number}.mp4"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_beyond_any_calendar_do_no_harm() {
        for micros in [i64::MIN, i64::MAX] {
            assert_eq!(date_time(WallTime::from_micros(micros)), "1970-01-01T00:00:00.000Z");
        }
    }
}
