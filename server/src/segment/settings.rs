//! Segment settings.

use std::ops::RangeInclusive;
use std::time::Duration;

use common::time::MEDIA_CLOCK_HZ;

/// Allowed segment durations.
const SEGMENT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
/// Shortest part.
const PART_MIN: Duration = Duration::from_millis(5);
/// Allowed number of complete segments in a playlist.
const PLAYLIST: RangeInclusive<usize> = 3..=100;

/// How streams are segmented for HTTP viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSettings {
    /// Nominal segment duration: a segment ends at the first key frame after each multiple of it. 100 ms to 60 s, default 1
    /// s.
    pub segment: Duration,
    /// Part duration. Default 33 ms.
    pub part: PartLength,
    /// Number of complete segments in the playlist, 3 to 100. Default 6.
    pub playlist: usize,
}

/// Duration of parts (draft-pantos-hls-rfc8216bis section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartLength {
    /// One frame.
    Frame,
    /// As many frames as fit in this duration, at least one.
    UpTo(Duration),
}

/// Named combinations of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Segments of 200 ms in parts of 50 ms. Deviates from RFC 8216: the playlist is shorter than three target durations,
    /// which are at least 1 s each. From RFC 8216bis in PART-HOLD-BACK, which is 2.5 parts instead of the recommended 3.
    Ultra,
    /// Three segments of 500 ms, for players that load whole segments. Deviates from RFC 8216 like [`Preset::Ultra`].
    RealTime,
    /// Three segments of 2 s.
    Safe,
    /// Parts of one frame. Deviates from RFC 8216bis if timestamps jitter: parts then have unequal durations.
    Frame,
}

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {right}")]
pub struct SettingsError {
    /// Name of the setting.
    pub field: String,
    /// What a valid value looks like.
    pub right: String,
}

impl Default for SegmentSettings {
    fn default() -> Self {
        Self { segment: Duration::from_secs(1), part: PartLength::UpTo(Duration::from_millis(33)), playlist: 6 }
    }
}

impl SegmentSettings {
    /// Checks that all settings are in range.
    ///
    /// # Errors
    /// Fails with the first setting that is out of range.
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

/// Media time is counted in ticks of 90 kHz.
pub(crate) const TICKS_PER_SECOND: u64 = MEDIA_CLOCK_HZ as u64;

/// Converts `duration` to ticks.
pub(super) fn in_ticks(duration: Duration) -> u64 {
    (duration.as_micros() * u128::from(TICKS_PER_SECOND) / 1_000_000) as u64
}

impl Preset {
    /// All presets with their names.
    pub const NAMES: [(&'static str, Self); 4] =
        [("ultra", Self::Ultra), ("real-time", Self::RealTime), ("safe", Self::Safe), ("frame", Self::Frame)];

    /// Returns the preset's settings.
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
    use crate::segment::duration_text;

    #[test]
    fn presets_and_the_default_are_in_range() {
        assert_eq!(SegmentSettings::default().check(), Ok(()));
        for (name, preset) in Preset::NAMES {
            assert_eq!(preset.settings().check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn presets_are_what_their_names_promise() {
        let found = Preset::NAMES.map(|(name, preset)| {
            let SegmentSettings { segment, part, playlist } = preset.settings();
            format!("{name}: {} {part} {playlist}", duration_text(segment))
        });
        assert_eq!(found, ["ultra: 200ms 50ms 6", "real-time: 500ms 33ms 3", "safe: 2s 33ms 3", "frame: 1s frame 6"]);
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
