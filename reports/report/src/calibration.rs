//! What a report quotes of `calibration.json`, which `framelag calibrate` writes: how far a figure may be off
//! ([`Quote`]): only where the file was made on this machine, in the past, and says an accuracy at all. `docs/calibration.md` says the same to
//! people, `docs/calibration.schema.json` to programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use common::time::WallTime;
use measure::units::rounded;
use serde::{Deserialize, Serialize};

/// The name and version of `calibration.json`'s shape.
pub const SCHEMA: &str = "framelag/calibration/2";

/// Limit on a calibration's size: a real one has a few kilobytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// A calibration may be this far in the future: clocks are set back a little all the time.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// How far figures may be off, as a report quotes it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Quote {
    /// ± ms, on this machine: half of the frames are off by no more between PUB and their arrival.
    pub accuracy_ms: f64,
    /// The same of 99 % of the frames; none where the file does not say.
    pub p99_accuracy_ms: Option<f64>,
    /// When the calibration was made: RFC 3339.
    pub made: String,
    /// How long before the run that was, in seconds.
    pub age_s: f64,
    /// The file.
    pub file: String,
}

/// Why a calibration is not quoted. Each message goes on behind the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON, or cut.
    #[error("is corrupt ({0})")]
    Corrupt(String),
    /// JSON of another shape.
    #[error("is no calibration: its schema is {0}, not {SCHEMA:?}")]
    Schema(String),
    /// A figure that cannot be.
    #[error("is corrupt (its {0} makes no sense)")]
    Nonsense(&'static str),
    /// Made elsewhere.
    #[error("was made on another machine")]
    OtherMachine,
    /// That machine or this one has no name to compare.
    #[error("may be of another machine: that one or this one has no /etc/machine-id")]
    UnknownMachine,
    /// Made later than now.
    #[error("was made in the future ({0}): the clock is wrong, or was")]
    Future(String),
    /// It says no accuracy.
    #[error("was inconclusive")]
    Inconclusive,
}

/// What is read of a file: the rest may change.
#[derive(Deserialize)]
struct Stated {
    made: String,
    machine: Option<String>,
    accuracy_ms: Option<f64>,
    p99_accuracy_ms: Option<f64>,
}

/// What a report quotes of the text of `file`, on the machine that [`crate::host::machine`] calls `machine`.
///
/// # Errors
/// [`Error`], where it is not to be quoted.
pub fn quote(text: &str, file: &Path, machine: Option<&str>, now: WallTime) -> Result<Quote, Error> {
    let corrupt = |error: serde_json::Error| Error::Corrupt(error.to_string());
    let value: serde_json::Value = serde_json::from_str(text).map_err(corrupt)?;
    match value.get("schema") {
        Some(schema) if schema == SCHEMA => {}
        other => return Err(Error::Schema(other.map_or("missing".to_owned(), short))),
    }
    let stated: Stated = serde_json::from_value(value).map_err(corrupt)?;
    match (stated.machine.as_deref(), machine) {
        (Some(there), Some(here)) if there == here => {}
        (Some(_), Some(_)) => return Err(Error::OtherMachine),
        (None, _) | (_, None) => return Err(Error::UnknownMachine),
    }
    let made = DateTime::parse_from_rfc3339(&stated.made).map_err(|_| Error::Nonsense("date"))?;
    let age_us = now.micros_since(WallTime::from_micros(made.timestamp_micros()));
    if age_us < -i64::try_from(MAX_AHEAD.as_micros()).unwrap_or(i64::MAX) {
        return Err(Error::Future(stated.made));
    }
    let accuracy_ms = stated.accuracy_ms.ok_or(Error::Inconclusive)?;
    let possible = |ms: f64| ms.is_finite() && ms > 0.0;
    if !possible(accuracy_ms) {
        return Err(Error::Nonsense("accuracy_ms"));
    }
    let p99_accuracy_ms = stated.p99_accuracy_ms;
    if !p99_accuracy_ms.is_none_or(possible) {
        return Err(Error::Nonsense("p99_accuracy_ms"));
    }
    let age_s = rounded(age_us.max(0) as f64 / 1e6);
    Ok(Quote { accuracy_ms, p99_accuracy_ms, made: stated.made, age_s, file: file.display().to_string() })
}

/// A value that stands where the schema's name should, no longer than a name.
fn short(value: &serde_json::Value) -> String {
    const MAX_CHARS: usize = 60;
    value.to_string().chars().take(MAX_CHARS).collect()
}

/// Where the calibration of this machine lies: in `$XDG_STATE_HOME`, where that is an absolute path as its
/// specification asks for, else in `.local/state` of `$HOME`.
pub fn default_path(xdg_state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = xdg_state_home.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".local/state")))?;
    Some(state.join("framelag/calibration.json"))
}

impl Quote {
    /// `PUB to arrival: half of the frames ± 0.2 ms, 99% ± 0.8 ms, on this machine`: what was proved, and no more.
    pub fn sentence(&self) -> String {
        let p99 = self.p99_accuracy_ms.map(|ms| format!(" 99% ± {ms} ms,")).unwrap_or_default();
        format!("PUB to arrival: half of the frames ± {} ms,{p99} on this machine", self.accuracy_ms)
    }

    /// `calibrated 3 days ago`.
    pub fn age(&self) -> String {
        format!("calibrated {}", age_text(self.age_s))
    }
}

fn age_text(seconds: f64) -> String {
    let (count, unit) = match seconds {
        s if s < 60.0 => return "just now".to_owned(),
        s if s < 3_600.0 => (s / 60.0, "minute"),
        s if s < 86_400.0 => (s / 3_600.0, "hour"),
        s => (s / 86_400.0, "day"),
    };
    let count = count.floor();
    format!("{count} {unit}{} ago", if count == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
