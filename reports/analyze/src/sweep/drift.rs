//! Whether runs that came later measured otherwise: a machine that grew warm, a network that grew busy.
//!
//! Spearman's rank correlation between the order of runs and their latency, both without their cell's mean: what is left of the
//! latency is no further from it than the cell's own runs, and so must the order be, or the cells would count as runs (with one
//! run a cell: what the additive model leaves, against the order).

use serde::Serialize;

use super::Axis;
use super::cells::Cell;
use super::effects::Fit;
use super::metric::{Metric, decimals};
use super::noise::Means;
use crate::math::t_tails;

/// Fewer runs cannot show a drift.
const MIN_RUNS: usize = 8;

/// A drift is named where chance makes one like it less often.
const DRIFT_P: f64 = 0.01;

/// How latency moved with the order of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// The metric's name.
    pub metric: &'static str,
    /// Runs that it is from.
    pub runs: usize,
    /// Spearman's, between −1 and 1.
    pub rank_correlation: f64,
    /// How often chance alone makes so much of it.
    pub p: f64,
    /// From the first run to the last, in `unit`: by a straight line.
    pub change: f64,
    /// `%`, or `ms`.
    pub unit: &'static str,
    /// Less often than 1 %.
    pub clear: bool,
}

/// The drift of the median latency; `None` with too few runs to see any.
pub fn of(axes: &[Axis], cells: &[Cell<'_>], means: &Means) -> Option<Drift> {
    let single = means.df <= 0.0;
    let left = if single { Fit::new(axes, cells, means).left()? } else { Vec::new() };
    let mut points = Vec::new();
    // Of each cell that is in it, how many runs.
    let mut sizes = Vec::new();
    for (place, cell) in cells.iter().enumerate() {
        let runs: Vec<(f64, f64)> = (cell.rows.iter())
            .filter_map(|row| Some((row.order as f64, means.scale.to(means.metric.of(row)?))))
            .collect();
        let mean = runs.iter().map(|(_, value)| value).sum::<f64>() / runs.len().max(1) as f64;
        match runs.as_slice() {
            [(order, _)] if single => {
                points.extend(left.iter().filter(|(at, _)| *at == place).map(|(_, rest)| (*order, *rest)));
            }
            [] | [_] => {}
            runs => {
                sizes.push(runs.len());
                points.extend(runs.iter().map(|(order, value)| (*order, value - mean)));
            }
        }
    }
    if points.len() < MIN_RUNS {
        return None;
    }
    let (orders, rest): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let [order_ranks, rest_ranks] = [&orders, &rest].map(|values| within(&sizes, ranks(values)));
    let correlation = correlation(&order_ranks, &rest_ranks)?;
    let df = points.len() as f64 - sizes.len().max(1) as f64 - 1.0;
    let p = t_tails(correlation * (df / (1.0 - correlation * correlation).max(1e-12)).sqrt(), df);
    let length = orders.iter().fold(0.0_f64, |most, order| most.max(*order))
        - orders.iter().fold(f64::MAX, |least, order| least.min(*order));
    let metric: Metric = means.metric;
    Some(Drift {
        metric: metric.name(),
        runs: points.len(),
        rank_correlation: decimals(metric, correlation),
        p: (p * 1e5).round() / 1e5,
        change: means.scale.change(metric, slope(&points) * length),
        unit: means.scale.change_unit(metric).trim_start(),
        clear: p < DRIFT_P,
    })
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut next = 0.0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let shared = next + (equal.len() - 1) as f64 / 2.0;
        equal.iter().for_each(|at| ranks[*at] = shared);
        next += equal.len() as f64;
    }
    ranks
}

/// Values without the mean of their cell, where cells of these sizes follow each other.
fn within(sizes: &[usize], mut values: Vec<f64>) -> Vec<f64> {
    let mut rest = values.as_mut_slice();
    for size in sizes {
        let (cell, after) = rest.split_at_mut(*size);
        let mean = cell.iter().sum::<f64>() / *size as f64;
        cell.iter_mut().for_each(|value| *value -= mean);
        rest = after;
    }
    values
}

/// Pearson's; `None` where one of the two does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        both += (x - mean_a) * (y - mean_b);
        first += (x - mean_a).powi(2);
        second += (y - mean_b).powi(2);
    }
    (first > 0.0 && second > 0.0).then(|| both / (first * second).sqrt())
}

/// Of the straight line through points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let (over, under) = points
        .iter()
        .fold((0.0, 0.0), |(over, under), point| (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2)));
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::testing::{axes, latency, sweep};

    /// Many cells with few repeats each, where the cells' means take most of what the runs say.
    #[test]
    fn chance_alone_is_seldom_called_a_drift() {
        let names: Vec<String> = (0..12).map(|at| at.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for (cells, repeats) in [(4, 2), (12, 2), (12, 3), (6, 6)] {
            let alarms = (0..1_000).filter(|seed| {
                let steady = sweep(axes(&[("x", &names[..cells])]), repeats, *seed, |values, luck| {
                    latency((20.0 + values[0] as f64) * (0.03 * luck.normal()).exp())
                });
                let cells = Cell::all(&steady);
                let means = Means::of(Metric::P50, &cells).expect("there is latency");
                of(&steady.axes, &cells, &means).expect("there are enough runs").clear
            });
            // 1 % promised; three standard deviations of 1,000 draws are another.
            let alarms = alarms.count();
            assert!(alarms <= 20, "{alarms} of 1000 with {cells} cells and {repeats} repeats");
        }
    }
}
