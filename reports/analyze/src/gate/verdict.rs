//! The verdict on a change. The first rule that holds:
//!
//! 1. a side has too few runs for the tests: inconclusive;
//! 2. the change is worse than the limit, and more than noise: a regression;
//! 3. it is worse than the limit, but may be noise: inconclusive, unless the limit is `0%`;
//! 4. a run of the candidate has no value: inconclusive, since it may hide the regression;
//! 5. a change of [`BLIND`] times the limit would have been missed too often: inconclusive;
//! 6. otherwise it passes.

use std::cmp::Ordering;

use serde::Serialize;

use super::effect::Measured;
use super::{LeftOut, Limits, Side};
use crate::statistics::power::{MAX_MORE, detectable, more_runs};
use crate::statistics::{BLIND, STRICT_LEVEL, can_decide};
use report::threshold::Metric;

/// A verdict and its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The candidate is better by more than noise.
    pub improved: bool,
    /// Why, in a sentence.
    pub why: String,
    /// How many more runs per side would decide, if there are too few or they differ too much; `None` also beyond
    /// `MAX_MORE`.
    pub more_runs: Option<usize>,
}

/// The outcome of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not worse than allowed, as far as could be seen.
    Pass,
    /// Worse than allowed.
    Regression,
    /// Not enough is known.
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

    /// The exit code of a command.
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
    if let Some(why) = no_usable_run(baseline, candidate, metric) {
        return inconclusive(why, None);
    }
    if let Some(measured) = measured.filter(|_| can_decide(runs)) {
        return judge_change(measured, runs, candidate, limits);
    }
    let more = more_runs(runs, can_decide);
    let [of_baseline, of_candidate] = runs;
    let why = format!(
        "{of_baseline} and {of_candidate} runs with {metric} are too few to tell a change from noise: {}",
        runs_needed(more)
    );
    inconclusive(why, more)
}

/// The verdict on a change between so many runs that one can be told from noise.
fn judge_change(measured: &Measured, runs: [usize; 2], candidate: &Side, limits: &Limits) -> Judgement {
    let (change, limit, direction) = (measured.worse_by(), measured.limit, measured.direction());
    let beyond = change > limit;
    let more = |target: f64| {
        let finds = |spread, runs| detectable(spread, runs, limit).is_some_and(|smallest| smallest <= target);
        more_runs(runs, |runs| measured.spread().map_or(can_decide(runs), |spread| finds(spread, runs)))
    };
    if beyond && direction.is_gt() {
        let why = "worse by more than the limit, and by more than noise".to_owned();
        return Judgement { verdict: Verdict::Regression, improved: false, why, more_runs: None };
    }
    if beyond && limit > 0.0 {
        let more = more(change);
        return inconclusive(
            format!("worse by more than the limit, but that may be noise: {}", runs_needed(more)),
            more,
        );
    }
    if beyond && measured.is_share_of_zero(limits) {
        let why = "worse than a baseline of 0, of which any percentage is 0, but that may be noise: set --max-delta";
        return inconclusive(why.to_owned(), more(change));
    }
    if !candidate.left_out.is_empty() {
        let why = match candidate.left_out.len() {
            1 => "1 of the candidate's runs was inconclusive and may hide the regression".to_owned(),
            count => format!("{count} of the candidate's runs were inconclusive and may hide the regression"),
        };
        return inconclusive(why, None);
    }
    if limit > 0.0 && measured.level == STRICT_LEVEL {
        let more = more(BLIND * limit);
        let why = format!(
            "too much noise: a change of {BLIND} times the limit could have been missed: {}",
            runs_needed(more)
        );
        return inconclusive(why, more);
    }
    let why = match direction {
        Ordering::Less => "better, by more than noise",
        Ordering::Greater => "worse, but not by more than the limit",
        Ordering::Equal if beyond => "worse, but not by more than noise",
        Ordering::Equal => "no change beyond the limit",
    };
    Judgement { verdict: Verdict::Pass, improved: direction.is_lt(), why: why.to_owned(), more_runs: None }
}

fn inconclusive(why: String, more_runs: Option<usize>) -> Judgement {
    Judgement { verdict: Verdict::Inconclusive, improved: false, why, more_runs }
}

/// Why a side that has runs has no value at all: more of the same would not help.
fn no_usable_run(baseline: &Side, candidate: &Side, metric: &Metric) -> Option<String> {
    let sides = [("baseline", baseline), ("candidate", candidate)];
    let (name, side) = sides.into_iter().find(|(_, side)| side.runs.is_empty() && !side.left_out.is_empty())?;
    let LeftOut { name: first, why } = side.left_out.first()?;
    Some(format!(
        "no run of the {name} has a usable {metric} ({first}: {why}). More runs like these would not help; longer ones may"
    ))
}

fn runs_needed(more: Option<usize>) -> String {
    match more {
        Some(1) => "1 more run per side is needed".to_owned(),
        Some(more) => format!("{more} more runs per side are needed"),
        None => format!("more than {MAX_MORE} more runs per side are needed"),
    }
}
