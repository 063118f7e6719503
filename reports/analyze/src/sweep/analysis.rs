//! All results of a sweep, computed once: the exporters only write them down.

use serde::Serialize;

use super::cells::{Cell, Names, by_condition};
use super::drift::{self, Drift};
use super::front::{Front, front};
use super::metric::Metric;
use super::samples::{Interval, Samples};
use super::{Axis, Sweep};

/// The results of a sweep.
#[derive(Debug)]
pub struct Analysis<'a> {
    /// The sweep.
    pub sweep: &'a Sweep,
    /// Its cells, by number. Everything below refers to cells by their index here.
    pub cells: Vec<Cell<'a>>,
    /// Names of axes and values.
    pub names: Names<'a>,
    /// The values of each metric that was measured.
    pub samples: Vec<Samples>,
    /// The drift over the sweep.
    pub drift: Option<Drift>,
    /// Cells under the same conditions of the network.
    pub groups: Vec<Vec<usize>>,
    /// The fronts with p50 and with p99, as far as they exist.
    pub fronts: Vec<Front>,
    /// The recommendation under each condition.
    pub advice: Vec<Advice>,
    /// What to know before relying on it.
    pub warnings: Vec<String>,
}

/// A recommendation under one condition of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The condition, such as `downlink.loss 2%`; empty where there is only one.
    pub condition: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The cell with the lowest latency, by its index.
    pub cell: Option<usize>,
    /// Cells that cannot be told apart from it, by index, fastest first.
    pub tied: Vec<usize>,
    /// In plain words; the first sentence names the setting.
    pub text: Vec<String>,
}

/// How sure a recommendation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Every other setting is slower by more than noise.
    Clear,
    /// Others cannot be told apart from it.
    Tied,
    /// Too few runs to tell settings apart.
    Unknown,
    /// No other setting can be recommended, so that there is nothing to compare it with.
    Only,
    /// There is nothing to recommend.
    Nothing,
}

impl<'a> Analysis<'a> {
    /// The facts of a sweep whose rows fit its axes, without advice and warnings.
    pub fn facts(sweep: &'a Sweep) -> Self {
        let cells = Cell::all(sweep);
        let samples: Vec<Samples> = Metric::ALL.into_iter().filter_map(|metric| Samples::of(metric, &cells)).collect();
        let seen: Vec<bool> = cells.iter().map(|cell| cell.unseen_percent().is_none()).collect();
        let drift = drift::of(&cells);
        let mut groups = by_condition(&sweep.axes, &cells);
        if groups.is_empty() {
            groups.push(Vec::new());
        }
        let compared: Vec<Vec<usize>> =
            groups.iter().map(|group| group.iter().copied().filter(|at| seen[*at]).collect()).collect();
        let fronts = [Metric::P50, Metric::P99].into_iter().filter_map(|of| front(of, &compared, &samples)).collect();
        let names = Names::new(&sweep.axes);
        let (advice, warnings) = (Vec::new(), Vec::new());
        Self { sweep, cells, names, samples, drift, groups, fronts, advice, warnings }
    }

    /// The values of a metric.
    pub fn samples(&self, metric: Metric) -> Option<&Samples> {
        Samples::find(&self.samples, metric)
    }

    /// A metric's centre in a cell with its interval.
    pub fn interval(&self, metric: Metric, cell: usize) -> Option<Interval> {
        self.samples(metric)?.interval(cell)
    }

    /// The name of a cell by the values that a user chooses: all but the network's.
    pub fn choice(&self, cell: usize) -> String {
        let name = self.names.setting(self.cells[cell].values, |axis: &Axis| !axis.is_condition());
        if name.is_empty() { "the only setting".to_owned() } else { name }
    }
}
