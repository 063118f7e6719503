//! `run.json`.

use chrono::{DateTime, SecondsFormat, Utc};
use common::time::WallTime;

use crate::run::Run;

/// The run as `run.json` has it: indented, with a line feed at its end.
pub fn run(run: &Run) -> String {
    let mut text = serde_json::to_string_pretty(run).expect("a run has string keys only");
    text.push('\n');
    text
}

/// RFC 3339 in UTC with µs, as in `2026-11-21T10:56:00.000123Z`. Times that chrono has no date for are the epoch.
pub fn rfc3339(time: WallTime) -> String {
    let date: DateTime<Utc> = DateTime::from_timestamp_micros(time.as_micros()).unwrap_or_default();
    date.to_rfc3339_opts(SecondsFormat::Micros, true)
}
