//! Which setting to choose, in plain words that say how sure they are.
//!
//! Settings are compared by their median latency under the same network. One is recommended only if all of its runs were measured and nearly
//! all of its frames were seen. Those that cannot be told from the fastest (each against it, at 95 % together: Hsu 1984, as in [`super::front`])
//! are named with it.

use serde::Serialize;

use super::analysis::Analysis;
use super::cells::MAX_MISSING_PERCENT;
use super::metric::Metric;
use super::noise::Means;
use super::{Outcome, effects, front};

mod sure;

/// How sure a recommendation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Every other setting is slower by more than noise.
    Clear,
    /// Others cannot be told from it.
    Tied,
    /// Nothing is known of noise.
    Unknown,
    /// No other setting can be recommended, so that there is nothing to compare it with.
    Only,
    /// There is nothing to recommend.
    Nothing,
}

/// A recommendation under one condition of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The condition, such as `downlink.loss 2%`; empty where there is only one.
    pub condition: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The cell with the lowest latency, by its place.
    pub cell: Option<usize>,
    /// Cells that cannot be told from it, by their place, fastest first.
    pub tied: Vec<usize>,
    /// In plain words; the first sentence names the setting.
    pub text: Vec<String>,
}

impl Advice {
    /// What to choose among a group of cells under one condition.
    pub fn of(analysis: &Analysis<'_>, group: &[usize]) -> Self {
        let judge = Judge { analysis, group };
        let condition = group.first().map_or(String::new(), |cell| {
            analysis.names.setting(analysis.cells[*cell].values, super::Axis::is_condition)
        });
        let (confidence, cell, tied, text) = judge.judge();
        Self { condition, confidence, cell, tied, text }
    }
}

struct Judge<'a> {
    analysis: &'a Analysis<'a>,
    group: &'a [usize],
}

impl Judge<'_> {
    fn judge(&self) -> (Confidence, Option<usize>, Vec<usize>, Vec<String>) {
        let Some(latency) = self.means(Metric::P50) else {
            return (Confidence::Nothing, None, Vec::new(), vec![self.nothing()]);
        };
        let mut eligible = self.eligible(latency);
        eligible.sort_by(|a, b| value(latency, *a).total_cmp(&value(latency, *b)));
        let Some((best, others)) = eligible.split_first() else {
            return (Confidence::Nothing, None, Vec::new(), vec![self.nothing()]);
        };
        let same = |other: &&usize| {
            let slower = latency.difference(**other, *best);
            slower.is_none_or(|slower| slower.half(others.len()).is_none_or(|half| slower.value <= half))
        };
        let tied: Vec<usize> = others.iter().filter(same).copied().collect();
        let confidence = match (latency.df > 0.0, tied.is_empty()) {
            _ if others.is_empty() => Confidence::Only,
            (false, _) => Confidence::Unknown,
            (true, true) => Confidence::Clear,
            (true, false) => Confidence::Tied,
        };
        let passed_over = self.passed_over(latency, *best);
        let lead = if passed_over.is_some() { "Lowest latency of what can be recommended" } else { "Lowest latency" };
        let mut text = vec![format!("{lead}: {}: {}.", self.name(*best), self.figures(*best))];
        text.extend(passed_over);
        text.push(match confidence {
            Confidence::Clear => self.clear(latency, *best, others),
            Confidence::Tied => self.tie(latency, *best, &tied, others.len()),
            Confidence::Only => {
                "It is the only setting that can be recommended: there is nothing to compare it with.".to_owned()
            }
            Confidence::Unknown | Confidence::Nothing => self.unknown(latency, *best, others),
        });
        let alike: Vec<usize> = std::iter::once(*best).chain(tied.iter().copied()).collect();
        if confidence == Confidence::Tied {
            text.extend(self.among(&alike));
        }
        text.extend(self.tail(*best, &eligible));
        text.extend(self.youngest(*best, &eligible));
        text.extend(self.picture(latency, *best, &eligible));
        text.extend(self.on_the_front());
        (confidence, Some(*best), tied, text)
    }

    fn means(&self, metric: Metric) -> Option<&Means> {
        effects::of(&self.analysis.means, metric)
    }

    fn name(&self, cell: usize) -> String {
        self.analysis.choice(cell)
    }

    /// Cells whose runs were all measured, with nearly all frames seen.
    fn eligible(&self, latency: &Means) -> Vec<usize> {
        let sound = |cell: &&usize| {
            let of = &self.analysis.cells[**cell];
            let measured = of.count(Outcome::Ok) == of.rows.len();
            latency.of[**cell].is_some() && measured && of.unseen_percent().is_none()
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
    fn passed_over(&self, latency: &Means, best: usize) -> Option<String> {
        let faster = |cell: &&usize| latency.of[**cell].is_some() && value(latency, **cell) < value(latency, best);
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

    /// Of settings that are alike in latency, those with the fewest bits and the best picture, where that is a choice.
    fn among(&self, alike: &[usize]) -> Option<String> {
        let pick = |metric: Metric, word: &str| {
            let means = self.means(metric)?;
            let cell = self.extreme(metric, alike)?;
            let apart = |other: &usize| means.difference(*other, cell).map_or(0.0, |apart| apart.value.abs());
            let choice = alike.iter().map(apart).fold(0.0, f64::max) > metric.margin(means.scale);
            choice.then(|| Some((cell, format!("{word} ({})", self.figure(metric, cell)?)))).flatten()
        };
        let bits = pick(Metric::Bitrate, "the fewest bits");
        let picture = front::quality(&self.analysis.means).and_then(|metric| pick(metric, "the best picture"));
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
        let means = self.means(Metric::P99)?;
        let steadiest = self.extreme(Metric::P99, eligible)?;
        if eligible.len() < 2 {
            return None;
        }
        if steadiest == best {
            return Some("It also has the lowest p99.".to_owned());
        }
        let better = means.difference(best, steadiest)?;
        let sure = match better.half(eligible.len() - 1) {
            Some(half) if better.value > half => "more than noise",
            Some(_) => "within the noise",
            None => "whether that is noise is not known",
        };
        let (lowest, ours) = (self.figure(Metric::P99, steadiest)?, self.figure(Metric::P99, best)?);
        Some(format!("The lowest p99 is that of {}: {lowest}, not {ours} ({sure}).", self.name(steadiest)))
    }

    /// Where the picture on screen is younger, as with more frames a second: a latency does not know how long its picture stays.
    fn youngest(&self, best: usize, eligible: &[usize]) -> Option<String> {
        let means = self.means(Metric::Age)?;
        let youngest = self.extreme(Metric::Age, eligible)?;
        let better = means.difference(best, youngest)?;
        let half = better.half(eligible.len().saturating_sub(1).max(1)).unwrap_or(0.0);
        (better.value > half.max(Metric::Age.margin(means.scale))).then_some(())?;
        let sure = if means.df > 0.0 { "more than noise" } else { "whether that is noise is not known" };
        let (lowest, ours) = (self.figure(Metric::Age, youngest)?, self.figure(Metric::Age, best)?);
        let name = self.name(youngest);
        Some(format!(
            "The youngest picture on screen (p99 of its age) is that of {name}: {lowest}, not {ours} ({sure})."
        ))
    }

    /// What the lowest latency costs in picture, and the lowest latency without that cost.
    fn picture(&self, latency: &Means, best: usize, eligible: &[usize]) -> Option<String> {
        let metric = front::quality(&self.analysis.means)?;
        let means = self.means(metric)?;
        let step = if metric == Metric::Psnr { 1.0 } else { 0.01 };
        let finest = self.extreme(metric, eligible)?;
        let behind = means.difference(finest, best)?.value;
        if behind <= step {
            return None;
        }
        let good: Vec<usize> = (eligible.iter().copied())
            .filter(|cell| means.difference(finest, *cell).is_some_and(|behind| behind.value <= step))
            .collect();
        let cell = *good.iter().min_by(|a, b| value(latency, **a).total_cmp(&value(latency, **b)))?;
        Some(format!(
            "Its picture is {} below the best one measured. The lowest latency within {step}{} of the best picture: {}: {}.",
            metric.text(behind),
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
        let means = self.means(metric)?;
        let sign = if metric.more_is_better() { -1.0 } else { 1.0 };
        let known = cells.iter().copied().filter(|cell| means.of[*cell].is_some());
        known.min_by(|a, b| (sign * value(means, *a)).total_cmp(&(sign * value(means, *b))))
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

fn value(means: &Means, cell: usize) -> f64 {
    means.of[cell].map_or(f64::INFINITY, |mean| mean.value)
}

#[cfg(test)]
mod tests;
