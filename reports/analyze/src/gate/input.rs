//! Runs to compare, and what may change.

use report::run::Run;

/// The default limit, as a share of the baseline.
const DEFAULT_MAX_REGRESSION: f64 = 0.05;

/// A run and its name: its folder, or its id in a store.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Its name in output.
    pub name: String,
    /// Its figures.
    pub run: &'a Run,
}

/// How much worse a figure may get. If both are given, both apply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// As a share of the baseline.
    pub share: Option<f64>,
    /// In the metric's unit.
    pub delta: Option<f64>,
}

impl Limits {
    /// Any change is allowed.
    pub const NONE: Self = Self { share: None, delta: None };
}

impl Default for Limits {
    fn default() -> Self {
        Self { share: Some(DEFAULT_MAX_REGRESSION), delta: None }
    }
}
