//! What a change means.
//!
//! The first that holds:
//!
//! 1. a side has too few runs for the tests: inconclusive; where it has none that is a sample, more of them would not help;
//! 2. the change is worse than the limit, and more than noise: a regression;
//! 3. it is worse than the limit, and may be noise: inconclusive, unless nothing was explicitly allowed;
//! 4. a run of the candidate is no sample: inconclusive, since it could have been the one that shows it;
//! 5. a change of [`BLIND`] times the limit would have been missed too often: inconclusive;
//! 6. otherwise it passes.

use report::threshold::Metric;
use serde::Serialize;

use super::effect::Measured;
use super::power::{MAX_MORE, more_runs};
use super::statistics::{BLIND, STRICT_LEVEL, can_decide};
use super::{LeftOut, Limits, Side};

/// What came of it, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// What came of it.
    pub verdict: Verdict,
    /// The candidate is better, and that is more than noise.
    pub improved: bool,
    /// Why, in a sentence.
    pub why: String,
    /// How many more runs a side would decide, where they are too few or differ too much; `None` also beyond
    /// [`MAX_MORE`].
    pub more_runs: Option<usize>,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not worse than allowed, as far as could be seen.
    Pass,
    /// Worse than allowed.
    Regression,
    /// Nothing can be said.
    Inconclusive,
}

impl Verdict {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Regression => "regression",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// What a command should end with, as in the interface.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Regression => 99,
            Self::Inconclusive => 3,
        }
    }
}

pub(super) fn judge(
    measured: Option<&Measured>,
    baseline: &Side,
    candidate: &Side,
    metric: &Metric,
    limits: &Limits,
) -> Judgement {
    let runs = [baseline, candidate].map(|side| side.runs.len());
    let inconclusive =
        |why: String, more_runs| Judgement { verdict: Verdict::Inconclusive, improved: false, why, more_runs };
    if let Some(why) = barren(baseline, candidate, metric) {
        return inconclusive(why, None);
    }
    let Some(measured) = measured.filter(|_| can_decide(runs)) else {
        let more = more_runs(None, runs, 0.0, 0.0);
        let why = format!(
            "{} and {} runs with {metric} are too few to tell a change from noise: {}",
            runs[0],
            runs[1],
            asked_for(more)
        );
        return inconclusive(why, more);
    };
    let (shift, limit) = (&measured.shift, measured.limit);
    let (beyond, rise) = (shift.change > limit, shift.is_rise(measured.level));
    let more = |target| more_runs(shift.spread, runs, target, limit);
    if beyond && rise {
        let why = "it is worse by more than the limit, and that is more than noise".to_owned();
        return Judgement { verdict: Verdict::Regression, improved: false, why, more_runs: None };
    }
    if beyond && limit > 0.0 {
        let more = more(shift.change);
        let why = format!("it is worse by more than the limit, but that may be noise: {}", asked_for(more));
        return inconclusive(why, more);
    }
    if beyond && measured.is_share_of_nothing(limits) {
        let why = "it is worse than 0, of which a share allows nothing, but that may be noise: --max-delta says what is allowed";
        return inconclusive(why.to_owned(), more(shift.change));
    }
    if !candidate.left_out.is_empty() {
        let count = candidate.left_out.len();
        let why = format!("{count} of the candidate's runs prove nothing, and could have been those that show it");
        return inconclusive(why, None);
    }
    if limit > 0.0 && measured.level == STRICT_LEVEL {
        let more = more(BLIND * limit);
        let why = format!(
            "runs of one side differ so much that {BLIND} times the limit could have been missed: {}",
            asked_for(more)
        );
        return inconclusive(why, more);
    }
    let improved = shift.is_fall(measured.level);
    let why = match (improved, rise) {
        (true, _) => "it got better, and that is more than noise",
        (false, true) => "it got worse, but not by more than the limit",
        (false, false) if beyond => "it is worse, but not more than noise",
        (false, false) => "there is no change beyond the limit",
    };
    Judgement { verdict: Verdict::Pass, improved, why: why.to_owned(), more_runs: None }
}

/// Why a side has no sample at all, where it has runs: more that are like them would not help.
fn barren(baseline: &Side, candidate: &Side, metric: &Metric) -> Option<String> {
    let sides = [("baseline", baseline), ("candidate", candidate)];
    let (name, side) = sides.into_iter().find(|(_, side)| side.runs.is_empty() && !side.left_out.is_empty())?;
    let LeftOut { name: first, why } = side.left_out.first()?;
    Some(format!(
        "no run of the {name} can be compared by {metric} ({first}: {why}). More runs like these would not do: it takes such as \
         have it, longer ones perhaps"
    ))
}

fn asked_for(more: Option<usize>) -> String {
    match more {
        Some(1) => "1 more run a side would do".to_owned(),
        Some(more) => format!("{more} more runs a side would do"),
        None => format!("more than {} more runs a side would be needed", MAX_MORE),
    }
}
