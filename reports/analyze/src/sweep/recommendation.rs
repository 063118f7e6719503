//! What is recommended, and how sure that is.

use serde::Serialize;

/// How sure a recommendation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Every other setting is slower by more than noise.
    Clear,
    /// Others cannot be told apart from it.
    Tied,
    /// Too few runs to tell settings apart.
    Unknown,
    /// No other setting can be recommended, so that there is nothing to compare it with.
    Only,
    /// There is nothing to recommend.
    Nothing,
}

/// A recommendation under one condition of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The condition, such as `downlink.loss 2%`; empty where there is only one.
    pub condition: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The cell with the lowest latency, by its place.
    pub cell: Option<usize>,
    /// Cells that cannot be told from it, by their place, fastest first.
    pub tied: Vec<usize>,
    /// In plain words; the first sentence names the setting.
    pub text: Vec<String>,
}
