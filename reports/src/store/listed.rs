//! What is said of a kept run without reading all of it, and which runs are asked for.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

/// What people say of a run: a commit, a branch, the place where it was measured.
pub type Labels = BTreeMap<String, String>;

/// The name of a run in a store: 16 hexadecimal digits, the same for each copy of its report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunId(pub(super) String);

/// A kept run at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed {
    /// Its name in the store.
    pub id: RunId,
    /// When the receiver began to connect: RFC 3339, UTC.
    pub started: String,
    /// What was played.
    pub url: String,
    /// [`crate::identity::machine`].
    pub machine: String,
    /// [`crate::identity::settings`].
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
    /// What was said of it.
    pub labels: Labels,
}

/// Which runs are asked for: those that fit all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// With each of these labels.
    pub labels: Labels,
    /// Of this URL.
    pub url: Option<String>,
    /// Only so many, the latest ones.
    pub last: Option<u32>,
}

/// The columns that a [`Listed`] is read from, in its order.
const COLUMNS: &str = "id, started, url, machine, settings, outcome, partial, duration_s, frames, \
                       p50_ms, p95_ms, p99_ms, max_ms";

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
    /// Without the labels, which are in another table.
    pub(super) fn read(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: RunId(row.try_get("id")?),
            started: row.try_get("started")?,
            url: row.try_get("url")?,
            machine: row.try_get("machine")?,
            settings: row.try_get("settings")?,
            outcome: row.try_get("outcome")?,
            partial: row.try_get::<i64, _>("partial")? != 0,
            duration_s: row.try_get("duration_s")?,
            frames: u64::try_from(row.try_get::<i64, _>("frames")?).unwrap_or(0),
            p50_ms: row.try_get("p50_ms")?,
            p95_ms: row.try_get("p95_ms")?,
            p99_ms: row.try_get("p99_ms")?,
            max_ms: row.try_get("max_ms")?,
            labels: Labels::new(),
        })
    }
}

impl Filter {
    /// The query, latest run first, for these columns beside those of a [`Listed`], and what it is bound to.
    pub(super) fn query(&self, more: &str) -> (String, Vec<&str>) {
        let mut sql = format!("SELECT {COLUMNS}{more} FROM framelag_runs WHERE TRUE");
        let mut bound = Vec::new();
        for (name, value) in &self.labels {
            bound.extend([name.as_str(), value]);
            let (name, value) = (bound.len() - 1, bound.len());
            sql.push_str(&format!(
                " AND EXISTS (SELECT 1 FROM framelag_labels WHERE run = id AND name = ${name} AND value = ${value})"
            ));
        }
        if let Some(url) = &self.url {
            bound.push(url);
            sql.push_str(&format!(" AND url = ${}", bound.len()));
        }
        sql.push_str(" ORDER BY started DESC, id DESC");
        if let Some(last) = self.last {
            sql.push_str(&format!(" LIMIT {last}"));
        }
        (sql, bound)
    }
}
