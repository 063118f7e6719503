//! How streams are cut.

use std::ops::RangeInclusive;
use std::time::Duration;

use common::time::MEDIA_CLOCK_HZ;

/// Segments of this length can be asked for.
const SEGMENT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
/// Parts may not be shorter.
const PART_MIN: Duration = Duration::from_millis(5);
/// Complete segments that a playlist may list.
const PLAYLIST: RangeInclusive<usize> = 3..=100;

/// How streams are cut for viewers over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSettings {
    /// A segment ends at the first key frame after each multiple of this; 100 ms to 60 s. Default 1 s.
    pub segment: Duration,
    /// Length of a part. Default 33 ms.
    pub part: PartLength,
    /// Complete segments that a playlist lists; 3 to 100. Default 6.
    pub playlist: usize,
}

/// How long the parts of a segment are (draft-pantos-hls-rfc8216bis section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartLength {
    /// One frame.
    Frame,
    /// As many frames as fit in this, at least one.
    UpTo(Duration),
}

/// Settings that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Segments of 200 ms in parts of 50 ms. Leaves the letter of RFC 8216: the playlist is shorter than three target
    /// durations, which cannot be below 1 s.
    Ultra,
    /// Three segments of 500 ms, for players that load whole segments. Leaves the letter of RFC 8216 as [`Preset::Ultra`] does.
    RealTime,
    /// Three segments of 2 s.
    Safe,
    /// Parts of one frame. Leaves the letter of RFC 8216bis where timestamps jitter: parts are then of unequal length.
    Frame,
}

/// A setting that is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {right}")]
pub struct SettingsError {
    /// Its name.
    pub field: String,
    /// What would be right.
    pub right: String,
}

impl Default for SegmentSettings {
    fn default() -> Self {
        Self { segment: Duration::from_secs(1), part: PartLength::UpTo(Duration::from_millis(33)), playlist: 6 }
    }
}

impl SegmentSettings {
    /// Whether all are in range.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |field: &str, right: &str| Err(SettingsError { field: field.to_owned(), right: right.to_owned() });
        if !SEGMENT.contains(&self.segment) {
            return wrong("segment", "the duration is 100ms to 60s");
        }
        if let PartLength::UpTo(part) = self.part
            && !(PART_MIN..=self.segment).contains(&part)
        {
            return wrong("part", "the duration is 5ms to that of a segment, or \"frame\"");
        }
        if !PLAYLIST.contains(&self.playlist) {
            return wrong("playlist", "the number of segments is 3 to 100");
        }
        Ok(())
    }
}

/// `duration` in ticks of 90 kHz.
pub(super) fn in_ticks(duration: Duration) -> u64 {
    (duration.as_micros() * u128::from(MEDIA_CLOCK_HZ) / 1_000_000) as u64
}

impl Preset {
    /// Every preset with its name.
    pub const NAMES: [(&'static str, Self); 4] =
        [("ultra", Self::Ultra), ("real-time", Self::RealTime), ("safe", Self::Safe), ("frame", Self::Frame)];

    /// What it stands for.
    pub const fn settings(self) -> SegmentSettings {
        let part = PartLength::UpTo(Duration::from_millis(33));
        match self {
            Self::Ultra => SegmentSettings {
                segment: Duration::from_millis(200),
                part: PartLength::UpTo(Duration::from_millis(50)),
                playlist: 6,
            },
            Self::RealTime => SegmentSettings { segment: Duration::from_millis(500), part, playlist: 3 },
            Self::Safe => SegmentSettings { segment: Duration::from_secs(2), part, playlist: 3 },
            Self::Frame => SegmentSettings { segment: Duration::from_secs(1), part: PartLength::Frame, playlist: 6 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_the_default_are_in_range() {
        assert_eq!(SegmentSettings::default().check(), Ok(()));
        for (name, preset) in Preset::NAMES {
            assert_eq!(preset.settings().check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn the_field_out_of_range_is_named() {
        let default = SegmentSettings::default();
        let part = |ms| PartLength::UpTo(Duration::from_millis(ms));
        for (settings, field) in [
            (SegmentSettings { segment: Duration::ZERO, ..default }, "segment"),
            (SegmentSettings { segment: Duration::from_secs(61), ..default }, "segment"),
            (SegmentSettings { part: part(0), ..default }, "part"),
            (SegmentSettings { part: part(1_001), ..default }, "part"),
            (SegmentSettings { playlist: 2, ..default }, "playlist"),
            (SegmentSettings { playlist: 101, ..default }, "playlist"),
        ] {
            assert_eq!(settings.check().expect_err(field).field, field);
        }
    }
}
