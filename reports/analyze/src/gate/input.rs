//! Runs to compare, and what may change.

use report::run::Run;

/// What a rise may be where nothing is said.
pub const DEFAULT_MAX_REGRESSION: f64 = 0.05;

/// A run and what to call it: its folder, or its id in a store.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// What to call it.
    pub name: String,
    /// Its figures.
    pub run: &'a Run,
}

/// What a figure may get worse by. Where both are given, each has to be kept.
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
