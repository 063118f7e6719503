//! Compares runs with runs by one figure: whether it got worse by more than is allowed, and by more than noise.
//!
//! The unit is the run: frames of one run share its machine, its connection and its moment, so thousands of them are
//! one sample of each. [`crate::statistics`] has the method, `docs/gate-method.md` how often it is wrong.
//!
//! ```text
//! runs ── side: which are samples, and their value ──▶ Shift (logarithms, or differences) ──▶ Verdict
//!    └─── settings: whether they may be compared
//! ```

use report::threshold::Metric;
use serde::Serialize;

use crate::identity;
use crate::merge::{self, Seen};
use crate::statistics::MAX_RUNS;

mod effect;
mod input;
mod settings;
mod side;
mod table;
mod text;
mod verdict;

pub use effect::Effect;
pub use input::{DEFAULT_MAX_REGRESSION, Input, Limits};
pub use settings::Difference;
pub(crate) use settings::is_sent_alike;
pub use side::{LeftOut, Sampled, Side};
pub use table::table;
pub use verdict::{Judgement, Verdict};

/// The name and version of a comparison's shape in JSON.
pub const SCHEMA: &str = "framelag/gate/1";

/// What is compared, and what it may change by.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The figure.
    pub metric: Metric,
    /// What it may get worse by.
    pub limits: Limits,
    /// Compares other settings and machines too.
    pub allow_different: bool,
}

/// What came of comparing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The figure, as in `run.json`.
    pub metric: String,
    /// Its unit; empty for plain numbers.
    pub unit: &'static str,
    /// Whether a larger one is better.
    pub more_is_better: bool,
    /// What it may get worse by, in percent of the baseline.
    pub max_regression_percent: Option<f64>,
    /// The same, in its unit.
    pub max_delta: Option<f64>,
    /// The runs that it is compared with.
    pub baseline: Side,
    /// The runs that are judged.
    pub candidate: Side,
    /// The change; `None` where a side has no run to compare.
    pub effect: Option<Effect>,
    /// Settings and machines that differ, and were allowed to.
    pub differences: Vec<Difference>,
    /// What else is not the same.
    pub notes: Vec<Difference>,
    /// What it means.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// Runs that are not compared: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One run is there twice.
    #[error("{first} and {second} are the same run (started {started}): each counts once, on one side")]
    Twice {
        /// What it is called.
        first: String,
        /// And also called.
        second: String,
        /// When it began.
        started: String,
    },
    /// A run and what it was joined into, or two that have a receiver in common.
    #[error(
        "{first} and {second} have the run of a receiver in common, since runs were joined (`framelag report merge`): \
         each counts once, on one side"
    )]
    Shared {
        /// What it is called.
        first: String,
        /// What else it is in.
        second: String,
    },
    /// Settings or machines that differ.
    #[error(
        "these runs are not of the same settings and machine:{}\n--allow-different compares them all the same",
        .0.iter().map(|difference| format!("\n  {difference}")).collect::<String>()
    )]
    Different(Vec<Difference>),
    /// More than [`MAX_RUNS`].
    #[error("{0} runs on one side are too many: at most {MAX_RUNS}")]
    TooMany(usize),
}

impl Gate {
    /// Compares.
    ///
    /// # Errors
    ///
    /// Where the runs are not to be compared.
    pub fn compare(&self, baseline: &[Input<'_>], candidate: &[Input<'_>]) -> Result<Comparison, Refusal> {
        self.compare_with(baseline, candidate, [&[], &[]])
    }

    /// Compares, where of some runs of the baseline and of the candidate there is no figure at all: these are inconclusive.
    ///
    /// # Errors
    ///
    /// As [`Gate::compare`].
    pub fn compare_with(
        &self,
        baseline: &[Input<'_>],
        candidate: &[Input<'_>],
        missing: [&[LeftOut]; 2],
    ) -> Result<Comparison, Refusal> {
        let counts = [baseline.len() + missing[0].len(), candidate.len() + missing[1].len()];
        if let Some(count) = counts.into_iter().find(|count| *count > MAX_RUNS) {
            return Err(Refusal::TooMany(count));
        }
        each_once(baseline, candidate)?;
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
fn each_once(baseline: &[Input<'_>], candidate: &[Input<'_>]) -> Result<(), Refusal> {
    let inputs: Vec<_> = baseline.iter().chain(candidate).collect();
    let mut seen = Seen::default();
    for (at, Input { name, run }) in inputs.iter().enumerate() {
        let Some(first) = seen.add(&merge::receivers(run, name), at) else { continue };
        let (first, second) = (inputs[first], name.clone());
        let is_same = identity::run(first.run) == identity::run(run);
        let (first, started) = (first.name.clone(), run.started.clone());
        return Err(if is_same {
            Refusal::Twice { first, second, started }
        } else {
            Refusal::Shared { first, second }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
