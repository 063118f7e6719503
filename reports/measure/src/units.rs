//! Figures and times as a report has them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use common::time::WallTime;

/// A duration in µs.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A duration in ms, rounded to a whole µs.
pub fn in_ms(duration: Duration) -> f64 {
    ms_of(duration.as_secs_f64() * 1e6)
}

/// µs to ms.
pub fn ms(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// µs to ms, rounded to a whole µs.
pub fn ms_of(micros: f64) -> f64 {
    micros.round() / 1_000.0
}

/// `value` rounded to three decimals.
pub fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// RFC 3339 in UTC with µs, as in `2026-11-21T10:56:00.000123Z`. Times that chrono has no date for are the epoch.
pub fn rfc3339(time: WallTime) -> String {
    let date: DateTime<Utc> = DateTime::from_timestamp_micros(time.as_micros()).unwrap_or_default();
    date.to_rfc3339_opts(SecondsFormat::Micros, true)
}
