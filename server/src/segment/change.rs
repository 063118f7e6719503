//! Settings by name, as given by flags, files and the API.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use common::printable::escaped;
use common::units::parse_duration;

use super::settings::{PartLength, Preset, SegmentSettings, SettingsError};

/// Most characters of an unknown name repeated in an error.
const NAME_MAX: usize = 40;

/// Changes to [`SegmentSettings`]; `None` keeps a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// Replaces all settings; the other fields then override the preset.
    pub preset: Option<Preset>,
    /// See [`SegmentSettings::segment`].
    pub segment: Option<Duration>,
    /// See [`SegmentSettings::part`].
    pub part: Option<PartLength>,
    /// See [`SegmentSettings::playlist`].
    pub playlist: Option<usize>,
}

impl SettingsChange {
    /// The names of the fields.
    pub const NAMES: [&str; 4] = ["preset", "segment", "part", "playlist"];

    /// Sets the field `name` from its text form.
    ///
    /// # Errors
    /// Fails if there is no such field or `value` does not parse. [`SegmentSettings::check`] checks ranges.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
        let wrong = |right: String| SettingsError { field: name.to_owned(), right };
        match name {
            "preset" => self.preset = Some(value.parse().map_err(wrong)?),
            "segment" => self.segment = Some(parse_duration(value).map_err(|error| wrong(error.to_string()))?),
            "part" => self.part = Some(value.parse().map_err(wrong)?),
            "playlist" => {
                let number =
                    value.parse().map_err(|_| wrong("write a whole number of segments, as in 6".to_owned()))?;
                self.playlist = Some(number);
            }
            _ => {
                let name: String = name.chars().take(NAME_MAX).collect();
                let right = format!("no such setting: the settings are {}", Self::NAMES.join(", "));
                return Err(SettingsError { field: escaped(&name).into_owned(), right });
            }
        }
        Ok(())
    }

    /// Applies the changes to `base`.
    pub fn of(self, base: SegmentSettings) -> SegmentSettings {
        let base = self.preset.map_or(base, Preset::settings);
        SegmentSettings {
            segment: self.segment.unwrap_or(base.segment),
            part: self.part.unwrap_or(base.part),
            playlist: self.playlist.unwrap_or(base.playlist),
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        known
            .map(|(_, preset)| preset)
            .ok_or_else(|| format!("the presets are {}", Self::NAMES.map(|(name, _)| name).join(", ")))
    }
}

impl FromStr for PartLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "frame" {
            return Ok(Self::Frame);
        }
        parse_duration(text).map(Self::UpTo).map_err(|error| format!("{error}, or \"frame\""))
    }
}

impl fmt::Display for PartLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame => f.write_str("frame"),
            Self::UpTo(part) => f.write_str(&duration_text(*part)),
        }
    }
}

/// Formats `duration` with µs precision, in the form that [`parse_duration`] reads.
pub(crate) fn duration_text(duration: Duration) -> String {
    match duration.as_micros() {
        us if us.is_multiple_of(1_000_000) => format!("{}s", us / 1_000_000),
        us if us.is_multiple_of(1_000) => format!("{}ms", us / 1_000),
        us => format!("{us}us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(fields: &[(&str, &str)]) -> Result<SettingsChange, SettingsError> {
        let mut change = SettingsChange::default();
        fields.iter().try_for_each(|(name, value)| change.set(name, value)).map(|()| change)
    }

    #[test]
    fn a_preset_replaces_everything_and_other_fields_change_it_in_any_order() {
        let base = SegmentSettings { playlist: 50, ..SegmentSettings::default() };
        for fields in [[("preset", "ultra"), ("part", "frame")], [("part", "frame"), ("preset", "ultra")]] {
            let settings = change(&fields).expect("good").of(base);
            assert_eq!(settings, SegmentSettings { part: PartLength::Frame, ..Preset::Ultra.settings() });
        }
        let settings = change(&[("segment", "2s")]).expect("good").of(base);
        assert_eq!(settings, SegmentSettings { segment: Duration::from_secs(2), ..base });
        assert_eq!(SettingsChange::default().of(base), base);
    }

    #[test]
    fn an_error_names_the_field_and_what_would_be_right() {
        for (name, value, right) in [
            ("preset", "fast", "ultra, real-time, safe, frame"),
            ("segment", "1", "200ms"),
            ("part", "x", "\"frame\""),
            ("playlist", "-1", "as in 6"),
            ("playlist", "6.0", "as in 6"),
        ] {
            let error = change(&[(name, value)]).expect_err(value);
            assert!(error.field == name && error.right.contains(right), "{error}");
        }
        let error = change(&[(&"\x1bx".repeat(1_000), "1")]).expect_err("unknown").to_string();
        assert!(error.contains("preset, segment, part, playlist") && error.len() < 400 && !error.contains('\x1b'));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["1s", "33ms", "16667us", "90s"] {
            assert_eq!(text.parse::<PartLength>().map(|part| part.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(PartLength::Frame.to_string().parse(), Ok(PartLength::Frame));
    }
}
