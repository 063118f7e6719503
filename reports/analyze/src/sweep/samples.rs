//! A metric's values in every cell: one for each run. Settings are compared by [`crate::statistics`], as the gate compares runs.

use std::cmp::Ordering;

use serde::Serialize;

use super::cells::Cell;
use super::metric::Metric;
use crate::statistics::{self, LEVEL, Pair, Scale, can_decide};

/// A metric's values.
#[derive(Debug)]
pub struct Samples {
    /// The metric.
    pub metric: Metric,
    /// The scale of the values.
    pub scale: Scale,
    /// By cell, a value for each run that has one, or for each of its joins.
    of: Vec<Vec<f64>>,
}

/// A figure with its interval; without one if there are fewer than two runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// How much better one cell is than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Better {
    /// By how much, on the scale; negative where it is worse.
    pub by: f64,
    /// Half the width of its interval; `None` with too few runs to be told apart.
    pub half: Option<f64>,
    /// Better (`Greater`) or worse (`Less`) by more than noise.
    pub direction: Ordering,
}

impl Interval {
    /// `41.2 ms (40.1 to 42.3)`.
    pub fn range(self, metric: Metric) -> String {
        let ends = self.low.zip(self.high);
        let ends = ends.map(|(low, high)| format!(" ({} to {})", metric.number(low), metric.number(high)));
        format!("{}{}", metric.text(self.value), ends.unwrap_or_default())
    }
}

impl Samples {
    /// The values in `cells`; `None` where no run has the figure.
    pub fn of(metric: Metric, cells: &[Cell<'_>]) -> Option<Self> {
        let values = |cell: &Cell<'_>| cell.rows.iter().flat_map(|row| metric.values(row)).collect::<Vec<_>>();
        let raw: Vec<Vec<f64>> = cells.iter().map(values).collect();
        let scale = metric.scale(raw.iter().flatten());
        let of: Vec<Vec<f64>> =
            raw.iter().map(|values| values.iter().map(|value| scale.to(*value)).collect()).collect();
        of.iter().any(|values| !values.is_empty()).then_some(Self { metric, scale, of })
    }

    /// The samples of a metric.
    pub fn find(all: &[Self], metric: Metric) -> Option<&Self> {
        all.iter().find(|samples| samples.metric == metric)
    }

    /// How many cells there are.
    pub fn cells(&self) -> usize {
        self.of.len()
    }

    /// How many runs of a cell have a value.
    pub fn runs(&self, cell: usize) -> usize {
        self.of[cell].len()
    }

    /// The centre of a cell's runs, on the scale.
    pub fn centre(&self, cell: usize) -> Option<f64> {
        statistics::mean(&self.of[cell])
    }

    /// The centre of a cell's runs with its interval, in the metric's unit.
    pub fn interval(&self, cell: usize) -> Option<Interval> {
        let back = |on_scale: f64| self.metric.for_file(self.scale.back(on_scale));
        let ends = statistics::interval(&self.of[cell], LEVEL).map(|ends| ends.map(back));
        let end = |at: usize| ends.map(|ends| ends[at]).filter(|end| end.is_finite());
        Some(Interval { value: back(self.centre(cell)?), low: end(0), high: end(1) })
    }

    /// One cell and another; `None` where one of them has no value.
    pub fn pair(&self, from: usize, to: usize) -> Option<Pair> {
        Pair::on(self.scale, self.of[from].clone(), self.of[to].clone())
    }

    /// How much better `cell` is than `other`; `None` where one of them has no value.
    pub fn better(&self, cell: usize, other: usize) -> Option<Better> {
        let pair = self.pair(cell, other)?;
        let shift = pair.shift;
        let half = shift.interval(LEVEL).filter(|_| can_decide(shift.runs)).map(|[low, high]| (high - low) / 2.0);
        let (by, direction) = (shift.change, pair.direction());
        let (by, direction) = if self.metric.more_is_better() { (-by, direction.reverse()) } else { (by, direction) };
        Some(Better { by, half, direction })
    }

    /// Whether two cells have enough runs to be told apart.
    pub fn can_distinguish(&self, one: usize, other: usize) -> bool {
        can_decide([self.runs(one), self.runs(other)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Sweep;
    use crate::sweep::testing::{axes, latency, sweep};

    fn of(sweep: &Sweep) -> Samples {
        Samples::of(Metric::P50, &Cell::all(sweep)).expect("there is latency")
    }

    #[test]
    fn intervals_of_cells_hold_their_truth() {
        for (cells, repeats) in [(1, 3), (3, 2), (12, 5)] {
            let names: Vec<String> = (0..cells).map(|value| value.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (mut held, mut all) = (0, 0);
            for seed in 0..600 {
                let sweep = sweep(axes(&[("x", &names)]), repeats, seed, |values, luck| {
                    let noise = if values[0] % 4 == 0 { 0.2 } else { 0.01 };
                    latency(50.0 * (noise * luck.normal()).exp())
                });
                let samples = of(&sweep);
                for cell in 0..cells {
                    let Interval { low, high, .. } = samples.interval(cell).expect("it ran");
                    let (low, high) = low.zip(high).expect("it ran more than once");
                    held += usize::from((low - 0.0005..=high + 0.0005).contains(&50.0));
                    all += 1;
                }
            }
            let held = held as f64 / all as f64;
            // 97.5 %, also where other cells are twenty times as noisy; 3.6 standard deviations of 600 sweeps.
            assert!((held - 0.975).abs() < 0.023, "{cells} cells, {repeats} repeats: {held}");
        }
    }

    #[test]
    fn a_single_run_has_no_interval() {
        let sweep = sweep(axes(&[("x", &["a", "b"])]), 1, 1, |_, luck| latency(50.0 + luck.normal()));
        let samples = of(&sweep);
        assert!(samples.interval(1).is_some_and(|interval| (interval.low, interval.high) == (None, None)));
        assert!(!samples.can_distinguish(0, 1));
        let better = samples.better(0, 1).expect("both ran");
        assert_eq!((better.half, better.direction), (None, Ordering::Equal));
    }

    #[test]
    fn a_latency_below_zero_is_compared_by_difference() {
        let sweep = sweep(axes(&[("x", &["a", "b"])]), 4, 3, |values, luck| {
            latency(values[0] as f64 * 5.0 - 2.0 + 0.1 * luck.normal())
        });
        let samples = of(&sweep);
        assert_eq!(samples.scale, Scale::Difference);
        let better = samples.better(0, 1).expect("both ran");
        assert!((better.by - 5.0).abs() < 0.5 && better.direction.is_gt(), "{better:?}");
    }
}
