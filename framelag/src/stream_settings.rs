//! `framelag serve --config FILE.toml`: segment settings for all streams and for single ones. Reports all mistakes at
//! once, with their lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use common::bom;
use common::printable::escaped;
use common::rtsp::serve::StreamPath;
use server::{SETTINGS_PATHS_MAX as MAX_PATHS, SegmentSettings, SettingsChange};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::plan::{Mistake, line_of, list, not_toml};

/// Largest accepted file, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The table with settings by stream.
const PATHS: &str = "paths";

/// Contents of a settings file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamSettings {
    /// Settings of all streams.
    pub defaults: SettingsChange,
    /// Changes by stream.
    pub paths: BTreeMap<StreamPath, SettingsChange>,
}

/// Reads `file`.
///
/// # Errors
/// Fails if the file cannot be read, or lists every mistake in it.
pub fn open(file: &Path) -> Result<StreamSettings, String> {
    let text = File::open(file).and_then(|file| bom::read(file, MAX_BYTES));
    let text = text.map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => format!("--config {} is larger than {MAX_BYTES} bytes", file.display()),
        _ => format!("cannot read --config {}: {error}", file.display()),
    })?;
    read(&text).map_err(|mistakes| list(file, &mistakes))
}

/// Parses the text of a file.
///
/// # Errors
/// Lists every mistake in it.
pub fn read(text: &str) -> Result<StreamSettings, Vec<Mistake>> {
    let mut reader = Reader { text, mistakes: Vec::new() };
    let table = DeTable::parse(text).map_err(|error| vec![not_toml(text, &error)])?;
    let settings = reader.settings(table.get_ref());
    reader.mistakes.sort_by_key(|mistake| mistake.line);
    if reader.mistakes.is_empty() { Ok(settings) } else { Err(reader.mistakes) }
}

struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: usize, what: String) {
        self.mistakes.push(Mistake { line: Some(line_of(self.text, at)), what });
    }

    fn settings(&mut self, table: &DeTable<'_>) -> StreamSettings {
        let defaults = self.change("", SegmentSettings::default(), table);
        let mut paths = BTreeMap::new();
        if let Some((key, value)) = table.get_key_value(PATHS) {
            let base = defaults.of(SegmentSettings::default());
            let streams = value.get_ref().as_table().filter(|streams| streams.len() <= MAX_PATHS);
            if streams.is_none() {
                let what = format!("{PATHS} has a table for each of up to {MAX_PATHS} streams, as in [{PATHS}.cam]");
                self.wrong(key.span().start, what);
            }
            for (name, value) in streams.into_iter().flatten() {
                if let Some((path, change)) = self.stream(base, name, value) {
                    paths.insert(path, change);
                }
            }
        }
        StreamSettings { defaults, paths }
    }

    fn stream(
        &mut self,
        base: SegmentSettings,
        name: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<(StreamPath, SettingsChange)> {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        if name.is_empty() {
            self.wrong(at, format!("{PATHS}.\"\": a stream has a name, as in [{PATHS}.cam]"));
            return None;
        }
        let shown = escaped(name);
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(at, format!("{PATHS}.{shown} is a table of settings, as in segment = \"500ms\""));
            return None;
        };
        let path = match StreamPath::parse(name) {
            Ok(path) if path.as_str() == name => path,
            Ok(path) => {
                self.wrong(at, format!("{PATHS}.{shown}: write it without slashes around it: {path}"));
                return None;
            }
            Err(why) => {
                self.wrong(at, format!("{PATHS}.{shown}: {why}"));
                return None;
            }
        };
        Some((path, self.change(&format!("{PATHS}.{shown}."), base, table)))
    }

    /// Parses the settings in `table` as changes to `base`; errors prefix their names with `prefix`.
    fn change(&mut self, prefix: &str, base: SegmentSettings, table: &DeTable<'_>) -> SettingsChange {
        let (mut change, mut right) = (SettingsChange::default(), true);
        let mut places = BTreeMap::new();
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            if prefix.is_empty() && name == PATHS {
                continue;
            }
            places.insert(name, at);
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
                // No setting is a table or list.
                _ => String::new(),
            };
            if let Err(error) = change.set(name, &text) {
                // The settings of single streams are in tables of their own.
                let is_table = prefix.is_empty() && value.get_ref().as_table().is_some();
                let also =
                    if is_table { format!("; those of one stream are below [{PATHS}.cam]") } else { String::new() };
                self.wrong(at, format!("{prefix}{error}{also}"));
                right = false;
            }
        }
        // Each setting is valid on its own; check their combination.
        if right && let Err(error) = change.of(base).check() {
            let at = places.get(error.field.as_str()).or_else(|| places.values().next()).copied();
            self.wrong(at.unwrap_or_default(), format!("{prefix}{error}"));
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use server::{PartLength, Preset};

    use super::*;

    fn mistakes(text: &str) -> Vec<(Option<usize>, String)> {
        read(text).expect_err(text).into_iter().map(|mistake| (mistake.line, mistake.what)).collect()
    }

    #[test]
    fn defaults_and_what_differs_where() {
        let text = "preset = \"real-time\"\nplaylist = 1_0\n[paths.cam]\npreset = \"frame\"\n[paths.\"rooms/one\"]\n\
                    part = \"frame\"\n[paths.same]\n";
        let settings = read(text).expect("good");
        let defaults = settings.defaults.of(SegmentSettings::default());
        assert_eq!(defaults, SegmentSettings { playlist: 10, ..Preset::RealTime.settings() });
        let of = |path: &str| settings.paths[&StreamPath::parse(path).expect("a name")].of(defaults);
        assert_eq!(of("cam"), Preset::Frame.settings());
        assert_eq!(of("rooms/one"), SegmentSettings { part: PartLength::Frame, ..defaults });
        assert_eq!(of("same"), defaults);
        assert_eq!(read(""), Ok(StreamSettings::default()));
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_what_would_be_right() {
        let text = "segment = \"1\"\ngop = 30\n[paths.cam]\nplaylist = 2\n[paths.\"a b\"]\n[paths.\"/cam\"]\n\
                    [paths.x]\npart = 5.0\npreset = \"fast\"\n[paths.y]\nsegment = \"20ms\"\n[path.z]\n";
        let found = mistakes(text);
        let expected = [
            (1, "segment: \"1\" is not a duration"),
            (2, "gop: no such setting: the settings are preset, segment, part, playlist"),
            (4, "paths.cam.playlist: the number of segments is 3 to 100"),
            (5, "paths.a b: a stream's name has levels"),
            (6, "paths./cam: write it without slashes around it: cam"),
            (8, "paths.x.part: \"\" is not a duration"),
            (9, "paths.x.preset: the presets are ultra, real-time, safe, frame"),
            (11, "paths.y.segment: the duration is 100ms to 60s"),
            (
                12,
                "path: no such setting: the settings are preset, segment, part, playlist; those of one stream are below [paths",
            ),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((line, what), (expected_line, beginning)) in found.iter().zip(expected) {
            assert!(*line == Some(expected_line) && what.starts_with(beginning), "{line:?}: {what}");
        }
    }

    #[test]
    fn what_is_no_table_or_no_toml_is_a_mistake() {
        for (text, what) in [
            ("paths = 1", "paths has a table for each"),
            ("paths.cam = 1", "paths.cam is a table of settings"),
            ("segment = \"1s\"\n[paths", "[paths: "),
            ("segment = \"1s\"\nsegment = \"2s\"", "duplicate key segment"),
            ("preset =", "preset: "),
            ("[paths.\"\"]", "paths.\"\": a stream has a name"),
            ("\u{1}", "\\u{1}: "),
        ] {
            let found = mistakes(text);
            assert!(found.len() == 1 && found[0].1.starts_with(what), "{text}: {found:?}");
        }
        let unclosed = mistakes("preset = [\n");
        assert!(!unclosed[0].1.starts_with(':'), "{unclosed:?}");
        let secret = mistakes("segment = \"rtsp://ann:secret@host/cam\n");
        assert!(secret[0].1.starts_with("segment: ") && !secret[0].1.contains("secret"), "{secret:?}");
        let in_list = mistakes("segment = [\n  \"rtsp://ann:secret@host/cam\n");
        assert!(!in_list[0].1.contains("secret"), "{in_list:?}");
        let many: String = (0..=MAX_PATHS).map(|number| format!("[paths.cam{number}]\n")).collect();
        assert!(mistakes(&many)[0].1.contains("up to 1024 streams"));
        // The part is longer than the segment set for all streams.
        let together = mistakes("segment = \"200ms\"\n[paths.cam]\npart = \"500ms\"");
        assert!(together[0].1.starts_with("paths.cam.part: the duration is 5ms to that of a segment"), "{together:?}");
    }
}
