//! Figures of runs over time, and where they changed.
//!
//! Only comparable runs form a trend, by the gate's rules: of one kind of machine and settings ([`crate::identity`]), all on one
//! clock or all on two, with about the same frames and bits sent. Other runs are counted with the reason why they are left out, or
//! how they differ if they are included all the same. [`changes`] finds the changes, [`crate::statistics`] their size.

use std::collections::BTreeMap;

use report::run::{Outcome, Run};
use report::threshold::Metric;
use serde::Serialize;

use crate::gate::is_sent_alike;
use crate::identity;
use crate::merge::{self, ReceiverIndex};
use crate::statistics::{self, Amount, Pair, confidence};
use crate::store::{Comparable, Kept, Subset};
use measure::units::rounded;

mod change_points;
mod page;
mod text;

use change_points::MIN_RUNS;
pub use change_points::{Change, SHUFFLES, changes};
pub use page::page;

/// The most runs in a trend, the latest: more would take too long.
pub const MAX_RUNS: usize = 500;

/// Seed of the shuffles, so that the same runs always have the same changes.
const SEED: u64 = 1;

/// Comparable runs, from the earliest to the latest, and their figures.
#[derive(Clone, Debug, Serialize)]
pub struct Trend {
    /// The runs.
    pub runs: Vec<Point>,
    /// A figure of each.
    pub series: Vec<Series>,
    /// Runs that are left out, and why.
    pub left_out: Vec<Subset>,
    /// Included runs that differ from the latest one, and how.
    pub different: Vec<Subset>,
}

/// A run of a trend.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Its name.
    pub id: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    #[serde(skip)]
    histogram: Option<String>,
}

/// A figure of each run.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Its name, as in an assertion.
    pub metric: String,
    /// `ms`, or empty for plain numbers.
    pub unit: &'static str,
    /// One per run; `None` if the run has no such figure.
    pub values: Vec<Option<f64>>,
    /// Where it changed.
    pub changes: Vec<Shift>,
}

/// A change of a figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// The index of the first run after it.
    pub at: usize,
    /// That run.
    pub run: String,
    /// The centre from the change before it on.
    pub before: f64,
    /// The centre up to the change after it.
    pub after: f64,
    /// The change in percent of `before`; `None` if that is 0.
    pub percent: Option<f64>,
    /// The confidence of the change's interval.
    pub confidence_percent: f64,
    /// Its lower end.
    pub low: Option<Amount>,
    /// Its upper end.
    pub high: Option<Amount>,
    /// The chance of such a split in runs that do not differ.
    pub p: f64,
    /// The change with its interval, for people.
    #[serde(skip)]
    text: String,
}

/// A difference that keeps runs apart, and its test.
type Mismatch<'a> = (&'static str, &'a dyn Fn(&Run, &Run) -> bool);

impl Trend {
    /// The trend of these figures over the runs comparable with the latest one, or over `all`.
    pub fn new(comparable: Comparable, metrics: &[Metric], all: bool) -> Self {
        let Comparable { runs: mut entries, mut left_out } = comparable;
        entries.sort_by(|a, b| (&a.run.started, &a.listed.id).cmp(&(&b.run.started, &b.listed.id)));
        let mut keep = |why: &str, keep: &dyn Fn(&Run) -> bool| {
            let before = entries.len();
            entries.retain(|entry| keep(&entry.run));
            Subset::note(&mut left_out, before - entries.len(), why);
        };
        keep("that did not end", &|run| !run.partial);
        keep("that were inconclusive", &|run| run.outcome != Outcome::Inconclusive);
        keep("without any of these figures", &|run| metrics.iter().any(|m| m.value(run).is_some()));
        let joined = drop_merged_duplicates(&mut entries);
        Subset::note(&mut left_out, joined, "that were joined of runs which are here too (report merge)");
        let mut different = Vec::new();
        let mismatches: [Mismatch<'_>; 4] = [
            ("of other machines", &|run, latest| identity::machine(run) != identity::machine(latest)),
            ("with other settings", &|run, latest| identity::settings(run) != identity::settings(latest)),
            ("with other clocks (one host, or two)", &|run, latest| run.clock.same_host != latest.clock.same_host),
            ("that were sent other frames or bits per second", &|run, latest| !is_sent_alike(run, latest, metrics)),
        ];
        if let Some(latest) = entries.last().map(|entry| entry.run.clone()) {
            for (why, differs) in mismatches {
                let count = entries.iter().filter(|entry| differs(&entry.run, &latest)).count();
                Subset::note(if all { &mut different } else { &mut left_out }, count, why);
                entries.retain(|entry| all || !differs(&entry.run, &latest));
            }
        }
        let old = entries.len().saturating_sub(MAX_RUNS);
        Subset::note(&mut left_out, old, &format!("before the latest {MAX_RUNS}"));
        entries.drain(..old);
        let series = metrics.iter().map(|metric| Series::new(metric, &entries)).collect();
        Self { runs: entries.into_iter().map(Point::from).collect(), series, left_out, different }
    }
}

/// Removes merged runs whose receivers are also there by themselves or in an earlier merged run; returns how many.
fn drop_merged_duplicates(entries: &mut Vec<Kept>) -> usize {
    let before = entries.len();
    let mut seen = ReceiverIndex::default();
    for entry in entries.iter().filter(|entry| entry.run.merged.is_none()) {
        // A store has each run once.
        seen.add(&merge::receivers(&entry.run, entry.listed.id.as_str()), 0);
    }
    entries.retain(|entry| {
        entry.run.merged.is_none() || seen.add(&merge::receivers(&entry.run, entry.listed.id.as_str()), 0).is_none()
    });
    before - entries.len()
}

impl From<Kept> for Point {
    fn from(Kept { listed, run, histogram }: Kept) -> Self {
        Self { id: listed.id.to_string(), started: run.started, labels: listed.labels, histogram }
    }
}

impl Point {
    /// The commit, cut as git does, or else the beginning of the run's name.
    fn name(&self) -> String {
        const SHORT: usize = 8;
        let name = self.labels.get("commit").unwrap_or(&self.id);
        name.chars().take(SHORT).collect()
    }

    /// `2026-01-31 09:15`.
    fn minute(&self) -> String {
        const UP_TO_MINUTES: usize = 16;
        self.started.chars().take(UP_TO_MINUTES).collect::<String>().replace('T', " ")
    }
}

impl Series {
    fn new(metric: &Metric, entries: &[Kept]) -> Self {
        let values: Vec<_> =
            entries.iter().map(|entry| metric.value(&entry.run).filter(|value| value.is_finite())).collect();
        // Runs without the figure are skipped.
        let (places, known): (Vec<_>, Vec<_>) =
            values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).unzip();
        let found = changes(&known, SEED);
        let bounds: Vec<usize> =
            std::iter::once(0).chain(found.iter().map(|change| change.at)).chain([known.len()]).collect();
        let shift = |(change, stretches): (&Change, &[usize])| {
            let pair = Pair::of(&known[stretches[0]..stretches[1]], &known[stretches[1]..stretches[2]])?;
            let Amount { percent, absolute } = pair.amount(pair.shift.change);
            let [low, high] = pair.interval(statistics::LEVEL).map_or([None, None], |ends| ends.map(Some));
            Some(Shift {
                at: places[change.at],
                run: entries[places[change.at]].listed.id.to_string(),
                before: rounded(pair.centre),
                after: rounded(pair.centre + absolute),
                percent,
                confidence_percent: rounded(100.0 * confidence(statistics::LEVEL)),
                low,
                high,
                p: change.p,
                text: pair.text(metric.unit()),
            })
        };
        let changes = found.iter().zip(bounds.windows(3)).filter_map(shift).collect();
        Self { metric: metric.to_string(), unit: metric.unit(), values, changes }
    }

    /// `p99` for `latency_ms.p99`.
    fn name(&self) -> &str {
        self.metric.strip_prefix("latency_ms.").unwrap_or(&self.metric)
    }

    /// `12.3 ms`.
    fn shown(&self, value: f64) -> String {
        format!("{} {}", rounded(value), self.unit).trim_end().to_owned()
    }
}

impl Shift {
    /// `+12.4 %`, or nothing where the baseline is 0.
    fn size(&self) -> String {
        self.percent.map(|percent| format!("{percent:+.1} %")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
