//! What is pooled.

use measure::interval::Histograms;

use crate::run::Run;
use crate::warning::Code;

/// A run that is pooled with others.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its figures.
    pub run: &'a Run,
    /// Its latencies and stages.
    pub histograms: &'a Histograms,
    /// How many seconds its second 0 lies after the first one's.
    pub shift_s: f64,
}

impl Part<'_> {
    /// Its latencies are among those of all.
    pub(super) fn is_pooled(&self) -> bool {
        is_comparable(self.run)
    }
}

/// The latencies of a run can be compared with those of others.
pub fn is_comparable(run: &Run) -> bool {
    let unknown = [Code::ClockUnknown, Code::PublisherClock, Code::PublisherStep];
    // A run that was joined before has left out such receivers already.
    run.merged.is_some() || !run.warnings.iter().any(|warning| unknown.contains(&warning.code))
}
