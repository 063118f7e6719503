//! Which setting to choose, and how sure that is.
//!
//! Settings are compared by their median latency under the same network. One is recommended only if all of its runs were measured and nearly
//! all of its frames were seen. The text says whether the runner-up can be told apart from it, and names all others that cannot.

use report::run::Outcome;

use super::analysis::{Advice, Analysis, Confidence};
use super::cells::{MAX_MISSING_PERCENT, MAX_STALLED_PERCENT};
use super::metric::Metric;
use super::samples::Samples;
use crate::statistics::power::{MAX_MORE, distinguishable, more_runs};
use crate::statistics::{POWER, Pair, can_decide};

/// The most settings named one by one.
const MAX_NAMED: usize = 4;

/// Recommends one of a group of cells that ran under the same network.
pub fn of(analysis: &Analysis<'_>, group: &[usize]) -> Advice {
    let condition = group
        .first()
        .map_or(String::new(), |cell| analysis.names.setting(analysis.cells[*cell].values, super::Axis::is_condition));
    let ranked = ranked(analysis, group);
    let (Some(latency), [best, others @ ..]) = (analysis.samples(Metric::P50), ranked.as_slice()) else {
        let text = vec![nothing(analysis, group)];
        return Advice { condition, confidence: Confidence::Nothing, cell: None, tied: Vec::new(), text };
    };
    let slower = |other: usize| latency.better(*best, other).is_some_and(|better| better.direction.is_gt());
    let tied: Vec<usize> = others.iter().copied().filter(|other| !slower(*other)).collect();
    let confidence = match tied.is_empty() {
        _ if others.is_empty() => Confidence::Only,
        _ if !others.iter().any(|other| latency.can_distinguish(*best, *other)) => Confidence::Unknown,
        true => Confidence::Clear,
        false => Confidence::Tied,
    };
    let passed_over = passed_over(analysis, group, latency, *best);
    let lead = if passed_over.is_some() { "Lowest latency of what can be recommended" } else { "Lowest latency" };
    let mut text = vec![format!("{lead}: {}: {}.", analysis.choice(*best), figures(analysis, *best))];
    text.extend(passed_over);
    text.extend(runner_up(analysis, latency, confidence, *best, others, &tied));
    Advice { condition, confidence, cell: Some(*best), tied, text }
}

/// Cells whose runs were all measured, with nearly all frames seen, fastest first.
fn ranked(analysis: &Analysis<'_>, group: &[usize]) -> Vec<usize> {
    let Some(latency) = analysis.samples(Metric::P50) else { return Vec::new() };
    let sound = |cell: &usize| {
        let of = &analysis.cells[*cell];
        let whole = of.unseen_percent().is_none() && of.stalled_percent().is_none();
        latency.runs(*cell) > 0 && of.count(Outcome::Ok) == of.rows.len() && whole
    };
    let mut ranked: Vec<usize> = group.iter().copied().filter(sound).collect();
    ranked.sort_by(|a, b| centre(latency, *a).total_cmp(&centre(latency, *b)));
    ranked
}

fn centre(samples: &Samples, cell: usize) -> f64 {
    samples.centre(cell).unwrap_or(f64::INFINITY)
}

fn nothing(analysis: &Analysis<'_>, group: &[usize]) -> String {
    if group.is_empty() {
        return "Nothing ran yet.".to_owned();
    }
    if !group.iter().any(|cell| analysis.cells[*cell].count(Outcome::Ok) > 0) {
        return "There is nothing to recommend: no setting gave figures.".to_owned();
    }
    format!(
        "There is nothing to recommend: every setting failed in a run, or more than {MAX_MISSING_PERCENT} % of its frames were not seen, or \
         it stalled for more than {MAX_STALLED_PERCENT} % of the time."
    )
}

/// The fastest setting, if it is not the recommended one, and why.
fn passed_over(analysis: &Analysis<'_>, group: &[usize], latency: &Samples, best: usize) -> Option<String> {
    let faster = group.iter().filter(|cell| centre(latency, **cell) < centre(latency, best));
    let cell = *faster.min_by(|a, b| centre(latency, **a).total_cmp(&centre(latency, **b)))?;
    let of = &analysis.cells[cell];
    let bad = of.rows.len() - of.count(Outcome::Ok);
    let why = match (of.unseen_percent(), of.stalled_percent()) {
        _ if bad > 0 => format!("{bad} of its {} runs gave no figures", of.rows.len()),
        (Some(missing), _) => format!("{missing:.1} % of its frames were not seen"),
        (None, Some(stalled)) => format!("it stalled for {stalled:.1} % of the time"),
        (None, None) => return None,
    };
    let figure = Metric::P50.text(analysis.interval(Metric::P50, cell)?.value);
    Some(format!("{} was faster ({figure}), but {why}.", analysis.choice(cell)))
}

/// Whether the runner-up can be told apart, which others cannot, and how many runs would be enough.
fn runner_up(
    analysis: &Analysis<'_>,
    latency: &Samples,
    confidence: Confidence,
    best: usize,
    others: &[usize],
    tied: &[usize],
) -> Vec<String> {
    let Some((next, pair)) = others.first().and_then(|next| Some((*next, latency.pair(best, *next)?))) else {
        return vec!["It is the only setting that can be recommended: there is nothing to compare it with.".to_owned()];
    };
    let runner_up = format!("Runner-up: {}: p50 {}", analysis.choice(next), pair.text("ms"));
    if confidence == Confidence::Unknown {
        return vec![format!("{runner_up}."), too_few(analysis, pair.shift.runs)];
    }
    let mut text = Vec::new();
    if tied.contains(&next) {
        text.push(format!("{runner_up}: it cannot be told apart. {}", needed(analysis, &pair)));
    } else {
        let all = if tied.is_empty() && others.len() > 1 { ", as with every other setting" } else { "" };
        text.push(format!("{runner_up}: more than noise{all}."));
    }
    let further: Vec<usize> = tied.iter().copied().filter(|cell| *cell != next).collect();
    if !further.is_empty() {
        let named: Vec<String> = further.iter().take(MAX_NAMED).map(|cell| with_latency(analysis, *cell)).collect();
        let more = further.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push(format!("Nor can these be told apart from it: {}{more}.", named.join("; ")));
    }
    text
}

/// `bitrate 500k (41.2 ms)`.
fn with_latency(analysis: &Analysis<'_>, cell: usize) -> String {
    let latency = analysis.interval(Metric::P50, cell).map(|latency| format!(" ({})", Metric::P50.text(latency.value)));
    format!("{}{}", analysis.choice(cell), latency.unwrap_or_default())
}

/// `p50 41.2 ms (40.1 to 42.3), p99 55.0 ms, bit rate 512 kbit/s`.
fn figures(analysis: &Analysis<'_>, cell: usize) -> String {
    let figure = |metric: Metric| {
        let of = analysis.interval(metric, cell)?;
        let text = if metric == Metric::P50 { of.range(metric) } else { metric.text(of.value) };
        Some(format!("{} {text}", metric.label()))
    };
    Metric::ALL.into_iter().filter_map(figure).collect::<Vec<_>>().join(", ")
}

/// `one run per setting`, `3 runs per setting`.
pub fn per_setting(runs: usize) -> String {
    if runs == 1 { "one run per setting".to_owned() } else { format!("{runs} runs per setting") }
}

fn too_few(analysis: &Analysis<'_>, runs: [usize; 2]) -> String {
    let have = per_setting(runs[0].min(runs[1]));
    format!("Not conclusive: {have} cannot tell settings apart. {}.", repeats(analysis, more_runs(runs, can_decide)))
}

/// The difference that these runs can show, and how many more would show this one.
fn needed(analysis: &Analysis<'_>, pair: &Pair) -> String {
    let (runs, gap) = (pair.shift.runs, pair.shift.change.abs());
    let Some(spread) = pair.shift.spread else { return too_few(analysis, runs) };
    let Some(least) = distinguishable(spread, runs) else { return too_few(analysis, runs) };
    let more = more_runs(runs, |runs| distinguishable(spread, runs).is_some_and(|least| least <= gap));
    format!(
        "With {}, a difference of {} is found {:.0} times in 100. {} to find this one.",
        per_setting(runs[0].min(runs[1])),
        pair.amount(least).both("ms"),
        POWER * 100.0,
        repeats(analysis, more)
    )
}

/// Each repeat in a browser yields as many runs as it has joins.
fn repeats(analysis: &Analysis<'_>, more: Option<usize>) -> String {
    let each = analysis.cells.iter().flat_map(|cell| &cell.rows).map(|row| row.each().len()).max().unwrap_or(1);
    match more.map(|more| more.div_ceil(each)) {
        Some(1) => "1 more repeat is needed".to_owned(),
        Some(more) => format!("{more} more repeats are needed"),
        None => format!("More than {MAX_MORE} more repeats are needed"),
    }
}

#[cfg(test)]
mod tests;
