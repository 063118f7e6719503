//! Kept runs at a glance, and the query for them.

use std::collections::BTreeMap;
use std::fmt;

use common::printable::escaped;
use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Error;

/// Labels of a run: a commit, a branch, the place where it was measured.
pub type Labels = BTreeMap<String, String>;

/// The name of a run in a store: 16 hexadecimal digits, the same for each copy of its report.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunId(pub(crate) String);

/// A kept run at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Listed {
    /// Its name in the store.
    pub id: RunId,
    /// When the receiver began to connect: RFC 3339, UTC.
    pub started: String,
    /// What was played.
    pub url: String,
    /// `crate::identity::machine`.
    pub machine: String,
    /// `crate::identity::settings`.
    pub settings: String,
    /// `ok`, `failed` or `inconclusive`.
    pub outcome: String,
    /// It was kept before it ended, or was killed.
    pub partial: bool,
    /// Seconds measured.
    pub duration_s: Option<f64>,
    /// Frames with a latency.
    pub frames: u64,
    /// The median of the latency, ms.
    pub p50_ms: Option<f64>,
    /// 95 % are not above it, ms.
    pub p95_ms: Option<f64>,
    /// 99 % are not above it, ms.
    pub p99_ms: Option<f64>,
    /// The largest, ms.
    pub max_ms: Option<f64>,
    /// Its labels.
    pub labels: Labels,
}

/// Selects runs: those that meet all conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// With each of these labels.
    pub labels: Labels,
    /// Of this URL.
    pub url: Option<String>,
    /// Only so many, the latest ones.
    pub last: Option<u32>,
}

/// The most rows of a list, with one for each label of a run; no store of real runs has more.
pub(super) const MAX_ROWS: usize = 1_000_000;

/// The columns that a [`Listed`] is read from, but for its labels.
const COLUMNS: &str = "id, started, url, machine, settings, outcome, partial, duration_s, frames, \
                       p50_ms, p95_ms, p99_ms, max_ms";

/// A text that another program may have put into the store, safe for a terminal.
pub(super) fn printable_text(row: &AnyRow, column: &str) -> sqlx::Result<String> {
    row.try_get::<String, _>(column).map(|text| escaped(&text).into_owned())
}

/// Collects labels, one value per name.
///
/// # Errors
/// If a name is given twice.
pub fn labels_of(pairs: &[(String, String)]) -> Result<Labels, Error> {
    let mut labels = Labels::new();
    for (name, second) in pairs {
        if let Some(first) = labels.insert(name.clone(), second.clone()) {
            return Err(Error::Usage(format!(
                "--label {name} is given twice, as {first:?} and as {second:?}: which is meant?"
            )));
        }
    }
    Ok(labels)
}

impl RunId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Listed {
    /// With the label of this row, if there is one.
    pub(super) fn read(row: &AnyRow) -> sqlx::Result<Self> {
        let labelled = row.try_get::<Option<String>, _>("name")?.is_some();
        let label = labelled.then(|| label(row)).transpose()?;
        Ok(Self {
            id: RunId(printable_text(row, "id")?),
            started: printable_text(row, "started")?,
            url: printable_text(row, "url")?,
            machine: printable_text(row, "machine")?,
            settings: printable_text(row, "settings")?,
            outcome: printable_text(row, "outcome")?,
            partial: row.try_get::<i64, _>("partial")? != 0,
            duration_s: row.try_get("duration_s")?,
            frames: u64::try_from(row.try_get::<i64, _>("frames")?).unwrap_or(0),
            p50_ms: row.try_get("p50_ms")?,
            p95_ms: row.try_get("p95_ms")?,
            p99_ms: row.try_get("p99_ms")?,
            max_ms: row.try_get("max_ms")?,
            labels: label.into_iter().collect(),
        })
    }
}

/// The label in a row.
pub(super) fn label(row: &AnyRow) -> sqlx::Result<(String, String)> {
    Ok((printable_text(row, "name")?, printable_text(row, "value")?))
}

impl Filter {
    /// The statement for the runs that fit, from the earliest to the latest, with a row for each label or one, and what it is bound to.
    pub(super) fn query(&self) -> (String, Vec<&str>) {
        let mut fitting = String::from("SELECT id FROM framelag_runs WHERE TRUE");
        let mut bound = Vec::new();
        for (name, value) in &self.labels {
            bound.extend([name.as_str(), value]);
            let (name, value) = (bound.len() - 1, bound.len());
            fitting.push_str(&format!(
                " AND EXISTS (SELECT 1 FROM framelag_labels WHERE run = id AND name = ${name} AND value = ${value})"
            ));
        }
        if let Some(url) = &self.url {
            bound.push(url);
            fitting.push_str(&format!(" AND url = ${}", bound.len()));
        }
        if let Some(last) = self.last {
            fitting.push_str(&format!(" ORDER BY started DESC, id DESC LIMIT {last}"));
        }
        let sql = format!(
            "SELECT {COLUMNS}, name, value FROM framelag_runs \
             LEFT JOIN framelag_labels ON framelag_labels.run = framelag_runs.id \
             WHERE id IN ({fitting}) ORDER BY started, id LIMIT {}",
            MAX_ROWS + 1
        );
        (sql, bound)
    }
}
