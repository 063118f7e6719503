//! Drift: whether later runs measured other latencies, as on a machine that grew warm or a network that grew busy.
//!
//! Each setting's first run is compared with its last. Without drift these differences scatter around 0, however the settings
//! differ; the interval of their mean decides.

use serde::Serialize;

use super::cells::Cell;
use super::metric::Metric;
use crate::statistics::{self, STRICT_LEVEL, Scale};
use measure::units::rounded;

/// The fewest settings that can show a drift.
const MIN_SETTINGS: usize = 4;

/// How latency moved with the order of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// The metric's name.
    pub metric: &'static str,
    /// Settings that ran more than once.
    pub settings: usize,
    /// The mean change from a setting's first run to its last, in `unit`.
    pub change: f64,
    /// `%`, or `ms`.
    pub unit: &'static str,
    /// It is more than noise, at 99 %.
    pub clear: bool,
}

/// The drift of the median latency; `None` with too few settings to see any.
pub fn of(cells: &[Cell<'_>]) -> Option<Drift> {
    let metric = Metric::P50;
    let runs = |cell: &Cell<'_>| cell.rows.iter().filter_map(|row| metric.of(row)).collect::<Vec<_>>();
    let runs: Vec<Vec<f64>> = cells.iter().map(runs).filter(|runs| runs.len() > 1).collect();
    let scale = metric.scale(runs.iter().flatten());
    let moved: Vec<f64> = runs.iter().map(|runs| scale.to(runs[runs.len() - 1]) - scale.to(runs[0])).collect();
    if moved.len() < MIN_SETTINGS {
        return None;
    }
    let [low, high] = statistics::interval(&moved, STRICT_LEVEL)?;
    let mean = statistics::mean(&moved)?;
    let (change, unit) = match scale {
        Scale::Ratio => (mean.exp_m1() * 100.0, "%"),
        Scale::Difference => (mean, metric.unit().trim_start()),
    };
    let clear = low > 0.0 || high < 0.0;
    Some(Drift { metric: metric.name(), settings: moved.len(), change: rounded(change), unit, clear })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::testing::{axes, latency, sweep};

    /// Many cells with few repeats each, and few with many.
    #[test]
    fn chance_alone_is_seldom_called_a_drift() {
        let names: Vec<String> = (0..12).map(|at| at.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for (cells, repeats) in [(4, 2), (12, 2), (12, 3), (6, 6)] {
            let alarms = (0..1_000).filter(|seed| {
                let steady = sweep(axes(&[("x", &names[..cells])]), repeats, *seed, |values, luck| {
                    latency((20.0 + values[0] as f64) * (0.03 * luck.normal()).exp())
                });
                of(&Cell::all(&steady)).expect("there are enough runs").clear
            });
            // 1 % promised; three standard deviations of 1,000 draws are another.
            let alarms = alarms.count();
            assert!(alarms <= 20, "{alarms} of 1000 with {cells} cells and {repeats} repeats");
        }
    }
}
