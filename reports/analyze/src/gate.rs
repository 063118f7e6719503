//! Compares two sets of runs by one figure: whether it got worse by more than is allowed, and by more than noise.
//!
//! The unit is the run: frames of one run share its machine, its connection and its moment, so thousands of them are
//! one sample. [`crate::statistics`] has the method, `docs/gate-method.md` its error rates.
//!
//! ```text
//! runs ── side: which are samples, and their value ──▶ Shift (logarithms, or differences) ──▶ Verdict
//!    └─── settings: whether they may be compared
//! ```

use report::threshold::Metric;
use serde::Serialize;

use crate::merge::{self, ReceiverIndex};
use crate::statistics::MAX_RUNS;

mod effect;
mod input;
mod settings;
mod side;
mod table;
mod text;
mod verdict;

pub use effect::Effect;
pub use input::{Input, Limits};
pub use settings::Difference;
pub(crate) use settings::is_sent_alike;
pub use side::{LeftOut, Sampled, Side};
pub use table::table;
pub use verdict::{Judgement, Verdict};

/// The name and version of a comparison's shape in JSON.
pub(crate) const SCHEMA: &str = "framelag/gate/1";

/// What is compared, and what it may change by.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The figure compared.
    pub metric: Metric,
    /// How much worse it may get.
    pub limits: Limits,
    /// Allow different settings and machines.
    pub allow_different: bool,
}

/// The result of a comparison, as in its JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// `SCHEMA`.
    pub schema: &'static str,
    /// The figure, as in `run.json`.
    pub metric: String,
    /// Its unit; empty for plain numbers.
    pub unit: &'static str,
    /// Whether larger is better.
    pub more_is_better: bool,
    /// How much worse it may get, in percent of the baseline.
    pub max_regression_percent: Option<f64>,
    /// The same, in its unit.
    pub max_delta: Option<f64>,
    /// The runs to compare with.
    pub baseline: Side,
    /// The runs that are judged.
    pub candidate: Side,
    /// The change; `None` where a side has no run to compare.
    pub effect: Option<Effect>,
    /// Settings and machines that differ, and were allowed to.
    pub differences: Vec<Difference>,
    /// Differences that are always allowed.
    pub notes: Vec<Difference>,
    /// The verdict and its reason.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// Why runs are not compared: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A run is there twice: as a copy, or in what it was joined into.
    #[error("{first} and {second} are or contain the same run: each counts once, on one side")]
    Twice {
        /// What it is called.
        first: String,
        /// What it is also called, or what else it is in.
        second: String,
    },
    /// Settings or machines that differ.
    #[error(
        "these runs are not of the same settings and machine:{}\n--allow-different compares them all the same",
        .0.iter().map(|difference| format!("\n  {difference}")).collect::<String>()
    )]
    Different(Vec<Difference>),
    /// More than `MAX_RUNS`.
    #[error("{0} runs on one side are too many: the limit is {MAX_RUNS}")]
    TooMany(usize),
}

impl Gate {
    /// Compares two sides. `missing` are runs of the baseline and of the candidate that left no figures at all: they are inconclusive.
    ///
    /// # Errors
    /// Where the runs are not to be compared.
    pub fn compare(
        &self,
        baseline: &[Input<'_>],
        candidate: &[Input<'_>],
        missing: [&[LeftOut]; 2],
    ) -> Result<Comparison, Refusal> {
        let counts = [baseline.len() + missing[0].len(), candidate.len() + missing[1].len()];
        if let Some(count) = counts.into_iter().find(|count| *count > MAX_RUNS) {
            return Err(Refusal::TooMany(count));
        }
        refuse_duplicates(baseline, candidate)?;
        let differences = settings::differences(baseline, candidate, &self.metric);
        if !differences.is_empty() && !self.allow_different {
            return Err(Refusal::Different(differences));
        }
        let notes = settings::notes(baseline, candidate);
        let [baseline, candidate] =
            [(baseline, missing[0]), (candidate, missing[1])].map(|(side, gone)| Side::of(side, gone, &self.metric));
        let measured = effect::measure(&baseline, &candidate, &self.metric, &self.limits);
        let judgement = verdict::judge(measured.as_ref(), &baseline, &candidate, &self.metric, &self.limits);
        Ok(Comparison {
            schema: SCHEMA,
            metric: self.metric.to_string(),
            unit: self.metric.unit(),
            more_is_better: self.metric.more_is_better(),
            max_regression_percent: self.limits.share.map(|share| share * 100.0),
            max_delta: self.limits.delta,
            effect: measured.map(|measured| measured.effect()),
            baseline,
            candidate,
            differences,
            notes,
            judgement,
        })
    }
}

/// Refuses a run that is there twice, be it as a copy or as a part of what it was joined into.
fn refuse_duplicates(baseline: &[Input<'_>], candidate: &[Input<'_>]) -> Result<(), Refusal> {
    let inputs: Vec<_> = baseline.iter().chain(candidate).collect();
    let mut seen = ReceiverIndex::default();
    for (at, Input { name, run }) in inputs.iter().enumerate() {
        let Some(first) = seen.add(&merge::receivers(run, name), at) else { continue };
        return Err(Refusal::Twice { first: inputs[first].name.clone(), second: name.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
