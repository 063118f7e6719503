//! What came of a run, and of what was asserted of it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What came of an assertion.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Verdict {
    /// As it was typed.
    pub text: String,
    /// The value found, in the metric's unit; `None` where there is none.
    pub value: Option<f64>,
    /// The limit, in the metric's unit.
    pub limit: f64,
    /// `ms`, `%`, `kbps`, `s`, `us`, or empty for plain numbers.
    pub unit: Cow<'static, str>,
    /// Whether it held; `None` where that cannot be said.
    pub ok: Option<bool>,
    /// Why it cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Measured, and every assertion held.
    Ok,
    /// An assertion was broken, or the run failed.
    Failed,
    /// Nothing can be said: no or too few samples, an unreadable code, clocks that nobody compared.
    Inconclusive,
}

impl Outcome {
    /// The name in `run.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}
