//! What a sweep says: its facts, what to choose by them, and what to know before.

use super::analysis::Analysis;
use super::{Sweep, advice, warnings};

/// Analyzes a sweep whose rows fit its axes.
pub fn analyze(sweep: &Sweep) -> Analysis<'_> {
    let mut found = Analysis::facts(sweep);
    found.advice = found.groups.iter().map(|group| advice::of(&found, group)).collect();
    found.warnings = warnings::all(&found);
    found
}
