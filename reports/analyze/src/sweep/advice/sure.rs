//! How sure it is that a setting is the fastest, and what would make it surer.

use super::{Confidence, Judge};
use crate::statistics::power::{MAX_MORE, more_runs, tellable};
use crate::statistics::{POWER, Pair, can_decide};
use crate::sweep::metric::Metric;
use crate::sweep::samples::Samples;

/// Settings that are named one by one, at most.
const MAX_NAMED: usize = 4;

impl Judge<'_> {
    /// Whether the runner-up can be told apart, which others cannot, and what would tell them.
    pub(super) fn sure(
        &self,
        latency: &Samples,
        confidence: Confidence,
        best: usize,
        others: &[usize],
        tied: &[usize],
    ) -> Vec<String> {
        let Some((next, pair)) = others.first().and_then(|next| Some((*next, latency.pair(best, *next)?))) else {
            return vec![
                "It is the only setting that can be recommended: there is nothing to compare it with.".to_owned(),
            ];
        };
        let runner_up = format!("Runner-up: {}: p50 {}", self.name(next), pair.text("ms"));
        if confidence == Confidence::Unknown {
            return vec![format!("{runner_up}."), too_few(pair.shift.runs)];
        }
        let mut text = Vec::new();
        if tied.contains(&next) {
            text.push(format!("{runner_up}: it cannot be told apart. {}", needed(&pair)));
        } else {
            let all = if tied.is_empty() && others.len() > 1 { ", as with every other setting" } else { "" };
            text.push(format!("{runner_up}: more than noise{all}."));
        }
        let further: Vec<usize> = tied.iter().copied().filter(|cell| *cell != next).collect();
        if !further.is_empty() {
            let named: Vec<String> = further.iter().take(MAX_NAMED).map(|cell| self.with_latency(*cell)).collect();
            let more = further.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push(format!("Nor can these be told apart from it: {}{more}.", named.join("; ")));
        }
        text
    }

    fn with_latency(&self, cell: usize) -> String {
        format!("{} ({})", self.name(cell), self.figure(Metric::P50, cell).unwrap_or_default())
    }
}

/// `one run per setting`, `3 runs per setting`.
pub fn per_setting(runs: usize) -> String {
    if runs == 1 { "one run per setting".to_owned() } else { format!("{runs} runs per setting") }
}

fn too_few(runs: [usize; 2]) -> String {
    let have = per_setting(runs[0].min(runs[1]));
    format!("Not conclusive: {have} cannot tell settings apart. {}.", repeats(more_runs(runs, can_decide)))
}

/// What these runs can tell, and how many more would tell this difference.
fn needed(pair: &Pair) -> String {
    let (runs, gap) = (pair.shift.runs, pair.shift.change.abs());
    let Some(spread) = pair.shift.spread else { return too_few(runs) };
    let Some(least) = tellable(spread, runs) else { return too_few(runs) };
    let more = more_runs(runs, |runs| tellable(spread, runs).is_some_and(|least| least <= gap));
    format!(
        "With {}, a difference of {} is found {:.0} times in 100. {} to find this one.",
        per_setting(runs[0].min(runs[1])),
        pair.amount(least).both("ms"),
        POWER * 100.0,
        repeats(more)
    )
}

fn repeats(more: Option<usize>) -> String {
    match more {
        Some(1) => "1 more repeat is needed".to_owned(),
        Some(more) => format!("{more} more repeats are needed"),
        None => format!("More than {MAX_MORE} more repeats are needed"),
    }
}
