//! Which setting to choose, in plain words that say how sure they are.
//!
//! Settings are compared by their median latency under the same network. One is recommended only if all of its runs were measured and nearly
//! all of its frames were seen. The text says whether the runner-up can be told apart from it, and names all others that cannot.

use std::cmp::Ordering;

use super::analysis::Analysis;
use super::cells::MAX_MISSING_PERCENT;
use super::metric::Metric;
pub use super::recommendation::{Advice, Confidence};
use super::samples::{Better, Samples};
use super::{Outcome, front};

mod sure;

pub use sure::per_setting;

/// What to choose among a group of cells under one condition.
pub fn of(analysis: &Analysis<'_>, group: &[usize]) -> Advice {
    let judge = Judge { analysis, group };
    let condition = group
        .first()
        .map_or(String::new(), |cell| analysis.names.setting(analysis.cells[*cell].values, super::Axis::is_condition));
    let (confidence, cell, tied, text) = judge.judge();
    Advice { condition, confidence, cell, tied, text }
}

struct Judge<'a> {
    analysis: &'a Analysis<'a>,
    group: &'a [usize],
}

impl Judge<'_> {
    fn judge(&self) -> (Confidence, Option<usize>, Vec<usize>, Vec<String>) {
        let nothing = || (Confidence::Nothing, None, Vec::new(), vec![self.nothing()]);
        let Some(latency) = self.samples(Metric::P50) else { return nothing() };
        let mut eligible = self.eligible(latency);
        eligible.sort_by(|a, b| value(latency, *a).total_cmp(&value(latency, *b)));
        let Some((best, others)) = eligible.split_first() else { return nothing() };
        let slower = |other: usize| latency.better(*best, other).is_some_and(|better| better.direction.is_gt());
        let tied: Vec<usize> = others.iter().copied().filter(|other| !slower(*other)).collect();
        let confidence = match tied.is_empty() {
            _ if others.is_empty() => Confidence::Only,
            _ if !others.iter().any(|other| latency.can_tell(*best, *other)) => Confidence::Unknown,
            true => Confidence::Clear,
            false => Confidence::Tied,
        };
        let passed_over = self.passed_over(latency, *best);
        let lead = if passed_over.is_some() { "Lowest latency of what can be recommended" } else { "Lowest latency" };
        let mut text = vec![format!("{lead}: {}: {}.", self.name(*best), self.figures(*best))];
        text.extend(passed_over);
        text.extend(self.sure(latency, confidence, *best, others, &tied));
        if confidence == Confidence::Tied {
            let alike: Vec<usize> = std::iter::once(*best).chain(tied.iter().copied()).collect();
            text.extend(self.among(&alike));
        }
        text.extend(self.tail(*best, &eligible));
        text.extend(self.youngest(*best, &eligible));
        text.extend(self.picture(latency, *best, &eligible));
        text.extend(self.on_the_front());
        (confidence, Some(*best), tied, text)
    }

    fn samples(&self, metric: Metric) -> Option<&Samples> {
        self.analysis.samples(metric)
    }

    fn name(&self, cell: usize) -> String {
        self.analysis.choice(cell)
    }

    /// Cells whose runs were all measured, with nearly all frames seen.
    fn eligible(&self, latency: &Samples) -> Vec<usize> {
        let sound = |cell: &&usize| {
            let of = &self.analysis.cells[**cell];
            let measured = of.count(Outcome::Ok) == of.rows.len();
            latency.runs(**cell) > 0 && measured && of.unseen_percent().is_none()
        };
        self.group.iter().filter(sound).copied().collect()
    }

    fn nothing(&self) -> String {
        let measured = self.group.iter().filter(|cell| self.analysis.cells[**cell].count(Outcome::Ok) > 0).count();
        match (self.group.len(), measured) {
            (0, _) => "Nothing ran yet.".to_owned(),
            (1, 0) => "There is nothing to recommend: the only setting gave no figures.".to_owned(),
            (all, 0) => format!("There is nothing to recommend: none of the {all} settings gave figures."),
            (all, _) => format!(
                "There is nothing to recommend: each of the {all} settings failed in a run, or more than \
                 {MAX_MISSING_PERCENT} % of its frames were not seen."
            ),
        }
    }

    /// Faster settings that are not recommended, and why.
    fn passed_over(&self, latency: &Samples, best: usize) -> Option<String> {
        let faster = |cell: &&usize| latency.runs(**cell) > 0 && value(latency, **cell) < value(latency, best);
        let fastest = |a: &&usize, b: &&usize| value(latency, **a).total_cmp(&value(latency, **b));
        let cell = *self.group.iter().filter(faster).min_by(fastest)?;
        let of = &self.analysis.cells[cell];
        let bad = of.rows.len() - of.count(Outcome::Ok);
        let why = match of.unseen_percent() {
            _ if bad > 0 => format!("{bad} of its {} runs gave no figures", of.rows.len()),
            Some(missing) => format!("{missing:.1} % of its frames were not seen"),
            None => return None,
        };
        Some(format!("{} was faster ({}), but {why}.", self.name(cell), self.figure(Metric::P50, cell)?))
    }

    /// Of settings that cannot be told apart by latency, those with the fewest bits and the best picture, where that is a choice.
    fn among(&self, alike: &[usize]) -> Option<String> {
        let pick = |metric: Metric, word: &str| {
            let samples = self.samples(metric)?;
            let cell = self.extreme(metric, alike)?;
            let apart = |other: &usize| samples.better(cell, *other).map_or(0.0, |better| better.by);
            let choice = alike.iter().map(apart).fold(0.0, f64::max) > metric.margin(samples.scale);
            choice.then(|| Some((cell, format!("{word} ({})", self.figure(metric, cell)?)))).flatten()
        };
        let bits = pick(Metric::Bitrate, "the fewest bits");
        let picture = front::quality(&self.analysis.samples).and_then(|metric| pick(metric, "the best picture"));
        let has = |cell: usize, what: &str| format!("{} has {what}", self.name(cell));
        let choice = match (bits, picture) {
            (Some((one, bits)), Some((other, picture))) if one == other => has(one, &format!("{bits} and {picture}")),
            (Some((one, bits)), Some((other, picture))) => format!("{}, and {}", has(one, &bits), has(other, &picture)),
            (one, other) => one.or(other).map(|(cell, what)| has(cell, &what))?,
        };
        Some(format!("Of these, {choice}."))
    }

    /// Whether the lowest p99 is elsewhere.
    fn tail(&self, best: usize, eligible: &[usize]) -> Option<String> {
        let steadiest = self.extreme(Metric::P99, eligible)?;
        if eligible.len() < 2 {
            return None;
        }
        if steadiest == best {
            return Some("It also has the lowest p99.".to_owned());
        }
        Some(format!("Lowest p99: {}.", self.instead(Metric::P99, steadiest, best)?))
    }

    /// Where the picture on screen is younger, as with more frames a second: a latency does not know how long its picture stays.
    fn youngest(&self, best: usize, eligible: &[usize]) -> Option<String> {
        let samples = self.samples(Metric::Age)?;
        let youngest = self.extreme(Metric::Age, eligible)?;
        let better = samples.better(youngest, best)?;
        let shown = better.half.is_none() || better.direction.is_gt();
        (shown && better.by > Metric::Age.margin(samples.scale)).then_some(())?;
        Some(format!("Youngest picture on screen (p99 of its age): {}.", self.instead(Metric::Age, youngest, best)?))
    }

    /// `x b: 61.5 ms, not 221.5 ms (more than noise)`.
    fn instead(&self, metric: Metric, better: usize, best: usize) -> Option<String> {
        let sure = match self.samples(metric)?.better(better, best)? {
            Better { half: None, .. } => "not conclusive",
            Better { direction: Ordering::Greater, .. } => "more than noise",
            Better { .. } => "may be noise",
        };
        let (lowest, ours) = (self.figure(metric, better)?, self.figure(metric, best)?);
        Some(format!("{}: {lowest}, not {ours} ({sure})", self.name(better)))
    }

    /// What the lowest latency costs in picture, and the lowest latency without that cost.
    fn picture(&self, latency: &Samples, best: usize, eligible: &[usize]) -> Option<String> {
        let metric = front::quality(&self.analysis.samples)?;
        let samples = self.samples(metric)?;
        let behind = |finest, cell| samples.better(finest, cell).map(|better| better.by);
        let step = if metric == Metric::Psnr { 1.0 } else { 0.01 };
        let finest = self.extreme(metric, eligible)?;
        let cost = behind(finest, best).filter(|cost| *cost > step)?;
        let good: Vec<usize> =
            (eligible.iter().copied()).filter(|cell| behind(finest, *cell).is_some_and(|cost| cost <= step)).collect();
        let cell = *good.iter().min_by(|a, b| value(latency, **a).total_cmp(&value(latency, **b)))?;
        Some(format!(
            "Its picture is {} below the best one measured. Lowest latency within {step}{} of the best picture: {}: {}.",
            metric.text(cost),
            metric.unit(),
            self.name(cell),
            self.figures(cell)
        ))
    }

    fn on_the_front(&self) -> Option<String> {
        let front = self.analysis.fronts.first()?;
        let count = |standing| self.group.iter().filter(|cell| front.standing[**cell] == Some(standing)).count();
        let (on, perhaps) = (count(front::Standing::On), count(front::Standing::Perhaps));
        let settings = self.group.iter().filter(|cell| front.standing[**cell].is_some()).count();
        if settings < 2 {
            return None;
        }
        let labels: Vec<&str> = front.objectives.iter().map(|metric| metric.label()).collect();
        let counted = match (on, perhaps) {
            (0, perhaps) => format!("none of {settings} settings for sure, {perhaps} perhaps"),
            (on, 0) => format!("{on} of {settings} settings"),
            (on, perhaps) => format!("{on} of {settings} settings for sure, {perhaps} more perhaps"),
        };
        Some(format!("On the front of {}: {counted}.", labels.join(", ")))
    }

    /// The best of cells in a metric; the first of equals.
    fn extreme(&self, metric: Metric, cells: &[usize]) -> Option<usize> {
        let samples = self.samples(metric)?;
        let sign = if metric.more_is_better() { -1.0 } else { 1.0 };
        let known = cells.iter().copied().filter(|cell| samples.runs(*cell) > 0);
        known.min_by(|a, b| (sign * value(samples, *a)).total_cmp(&(sign * value(samples, *b))))
    }

    /// `41.2 ms`.
    fn figure(&self, metric: Metric, cell: usize) -> Option<String> {
        Some(metric.text(self.analysis.interval(metric, cell)?.value))
    }

    /// `p50 41.2 ms (40.1 to 42.3), p99 55.0 ms, bit rate 512 kbit/s`.
    fn figures(&self, cell: usize) -> String {
        let figure = |metric: Metric| {
            let found = self.analysis.interval(metric, cell)?;
            let interval = found.low.zip(found.high).filter(|_| metric == Metric::P50);
            let range = interval.map(|(low, high)| format!(" ({} to {})", metric.number(low), metric.number(high)));
            Some(format!("{} {}{}", metric.label(), metric.text(found.value), range.unwrap_or_default()))
        };
        Metric::ALL.into_iter().filter_map(figure).collect::<Vec<_>>().join(", ")
    }
}

fn value(samples: &Samples, cell: usize) -> f64 {
    samples.centre(cell).unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests;
