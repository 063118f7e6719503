//! The runs that were joined into one.

use measure::figures::{Frames, LatencyMs};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::outcome::Outcome;

/// The runs that were joined, as in `run.json`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Merged {
    /// When second 0 of `intervals.csv` begins: RFC 3339. `None` where no receiver had a picture.
    pub second_zero: Option<String>,
    /// In the order of the column `receiver` of `frames.csv`.
    pub receivers: Vec<Receiver>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Receiver {
    /// Its report folder, as it was named.
    pub folder: String,
    /// Which run it is (`analyze::identity::run`): the same for each copy of its report, be it of one that went on. `None`
    /// where an earlier version joined it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What it played.
    pub url: String,
    /// When it began to connect: RFC 3339.
    pub started: String,
    /// Seconds that it measured.
    pub duration_s: Option<f64>,
    /// Its rows in `frames.csv` are those from this segment up to the next receiver's.
    pub first_segment: u32,
    /// What came of its own run.
    pub outcome: Outcome,
    /// Where its frames ended.
    pub frames: Frames,
    /// Its latencies.
    pub latency_ms: LatencyMs,
    /// They are in the joined ones.
    pub pooled: bool,
}

impl Receiver {
    /// Which run it is, or what tells it from others where that is not said.
    pub fn name(&self) -> String {
        self.identity.clone().unwrap_or_else(|| self.figures())
    }

    /// What two runs do not have in common.
    pub fn figures(&self) -> String {
        json!([self.started, self.url, self.duration_s, self.frames, self.latency_ms]).to_string()
    }
}
