//! Segment settings by path.

use std::collections::BTreeMap;
use std::sync::Mutex;

use common::lock::lock;
use common::rtsp::serve::StreamPath;

use crate::segment::{SegmentSettings, SettingsChange, SettingsError};

/// Most paths with settings of their own.
pub const PATHS_MAX: usize = 1_024;

/// The default settings and each path's changes to them.
pub(crate) struct Settings {
    default: SegmentSettings,
    paths: Mutex<BTreeMap<StreamPath, SettingsChange>>,
}

/// Why settings were rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSet {
    Wrong(SettingsError),
    /// [`PATHS_MAX`] paths already have settings.
    Full,
}

impl Settings {
    /// `paths` holds per-path changes to `default`.
    pub(crate) fn new(default: SegmentSettings, paths: BTreeMap<StreamPath, SettingsChange>) -> Self {
        Self { default, paths: Mutex::new(paths) }
    }

    /// Returns the settings of `path`.
    pub(crate) fn of(&self, path: &StreamPath) -> SegmentSettings {
        lock(&self.paths).get(path).copied().unwrap_or_default().of(self.default)
    }

    /// Whether `path` has settings of its own.
    pub(crate) fn has(&self, path: &StreamPath) -> bool {
        lock(&self.paths).contains_key(path)
    }

    /// Replaces the settings of `path`; fields missing from `change` keep the defaults.
    ///
    /// # Errors
    /// Fails if a setting is out of range or too many paths have settings.
    pub(crate) fn set(&self, path: &StreamPath, change: SettingsChange) -> Result<SegmentSettings, NotSet> {
        let settings = change.of(self.default);
        settings.check().map_err(NotSet::Wrong)?;
        let mut paths = lock(&self.paths);
        if change == SettingsChange::default() {
            paths.remove(path);
        } else if paths.len() >= PATHS_MAX && !paths.contains_key(path) {
            return Err(NotSet::Full);
        } else {
            paths.insert(path.clone(), change);
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(number: usize) -> StreamPath {
        StreamPath::parse(&format!("cam{number}")).expect("a name")
    }

    #[test]
    fn they_are_replaced_by_path_and_limited_in_number() {
        let settings = Settings::new(SegmentSettings::default(), BTreeMap::new());
        let change = SettingsChange { playlist: Some(10), ..SettingsChange::default() };
        assert_eq!(settings.set(&path(0), change).map(|set| set.playlist), Ok(10));
        assert_eq!((settings.of(&path(0)).playlist, settings.of(&path(1)).playlist), (10, 6));
        let wrong = SettingsChange { playlist: Some(1), ..SettingsChange::default() };
        assert!(matches!(settings.set(&path(0), wrong), Err(NotSet::Wrong(_))));
        assert_eq!(settings.of(&path(0)).playlist, 10, "what is wrong changes nothing");
        assert!((1..PATHS_MAX).all(|number| settings.set(&path(number), change).is_ok()));
        assert_eq!(settings.set(&path(PATHS_MAX), change), Err(NotSet::Full));
        assert_eq!(settings.set(&path(0), SettingsChange::default()), Ok(SegmentSettings::default()));
        assert!(!settings.has(&path(0)) && settings.set(&path(PATHS_MAX), change).is_ok());
    }
}
