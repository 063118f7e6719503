//! The input of pooling.

use measure::interval::Histograms;

use crate::run::Run;
use crate::warning::Code;

/// A run to pool with others.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its figures.
    pub run: &'a Run,
    /// Its latencies and stages.
    pub histograms: &'a Histograms,
    /// Offset of its second 0 from the first run's, in seconds.
    pub shift_s: f64,
}

impl Part<'_> {
    /// Whether its latencies are pooled.
    pub(super) fn is_pooled(&self) -> bool {
        is_comparable(self.run)
    }
}

/// Whether a run's latencies can be compared with those of others.
pub fn is_comparable(run: &Run) -> bool {
    let unknown = [Code::ClockUnknown, Code::PublisherClock, Code::PublisherStep];
    // An earlier merge has already excluded such receivers.
    run.merged.is_some() || !run.warnings.iter().any(|warning| unknown.contains(&warning.code))
}
