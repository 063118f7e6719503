//! The cells of a sweep: its runs by their combination of values.

use report::run::Outcome;

use super::{Axis, Figures, Row, Sweep};

/// The largest share of frames not seen, in percent, of a setting that is recommended.
pub const MAX_MISSING_PERCENT: f64 = 1.0;

/// Largest share of time, in percent, that a recommended setting may stall: less than a third of a second per minute.
pub const MAX_STALLED_PERCENT: f64 = 0.5;

/// Runs with the same values.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    /// [`Row::cell`].
    pub id: usize,
    /// For each axis the index of its value.
    pub values: &'a [usize],
    /// Its runs, in the order in which they were made.
    pub rows: Vec<&'a Row>,
}

impl<'a> Cell<'a> {
    /// The cells that ran, by their number.
    pub fn all(sweep: &'a Sweep) -> Vec<Self> {
        let mut rows: Vec<&Row> = sweep.rows.iter().collect();
        rows.sort_by_key(|row| (row.cell, row.order));
        let same = |a: &&Row, b: &&Row| a.cell == b.cell;
        let cell = |rows: &[&'a Row]| Self { id: rows[0].cell, values: &rows[0].values, rows: rows.to_vec() };
        rows.chunk_by(same).map(cell).collect()
    }

    /// How many of its runs had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    /// Number of runs measured; in a browser, each join is a run.
    pub fn measured(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == Outcome::Ok).map(|row| row.each().len()).sum()
    }

    /// The mean of a figure over the runs that were measured.
    pub fn mean(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let measured = self.rows.iter().filter(|row| row.outcome == Outcome::Ok);
        let values: Vec<f64> = measured.flat_map(|row| row.values(&of)).filter(|value| value.is_finite()).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The share of its frames that was not seen.
    pub fn missing_percent(&self) -> Option<f64> {
        self.mean(|figures| figures.missing_percent)
    }

    /// The share that was not seen, if it is too large for a comparison: figures are of the frames that came through, and late
    /// and large ones do not.
    pub fn unseen_percent(&self) -> Option<f64> {
        self.missing_percent().filter(|missing| *missing > MAX_MISSING_PERCENT)
    }

    /// Share of time stalled, if too large to recommend the setting.
    pub fn stalled_percent(&self) -> Option<f64> {
        self.mean(|figures| figures.stalled_percent).filter(|stalled| *stalled > MAX_STALLED_PERCENT)
    }
}

/// Names of axes and values for people.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    axes: &'a [Axis],
    short: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// An axis goes by the last part of its name (`bitrate` for `publisher.bitrate`) unless another has the same.
    pub fn new(axes: &'a [Axis]) -> Self {
        let last = |axis: &'a Axis| axis.name.rsplit_once('.').map_or(axis.name.as_str(), |(_, last)| last);
        let unique = |name: &str| axes.iter().filter(|axis| last(axis) == name).count() == 1;
        let short = |axis: &'a Axis| Some(last(axis)).filter(|name| !name.is_empty() && unique(name));
        Self { axes, short: axes.iter().map(|axis| short(axis).unwrap_or(&axis.name)).collect() }
    }

    /// An axis.
    pub fn axis(&self, axis: usize) -> &'a str {
        self.short[axis]
    }

    /// `bitrate 500k, gop 30`, of the axes for which `of` holds; empty where there are none.
    pub fn setting(&self, values: &[usize], of: impl Fn(&Axis) -> bool) -> String {
        let part = |axis: usize| format!("{} {}", self.short[axis], self.axes[axis].values[values[axis]]);
        let parts: Vec<String> = (0..self.axes.len()).filter(|axis| of(&self.axes[*axis])).map(part).collect();
        parts.join(", ")
    }

    /// A whole cell; `the only setting` where nothing was varied.
    pub fn cell(&self, cell: &Cell<'_>) -> String {
        let name = self.setting(cell.values, |_| true);
        if name.is_empty() { "the only setting".to_owned() } else { name }
    }
}

impl Axis {
    /// Whether it is a property of the network, not for the user to choose: settings are compared under each of its values.
    pub fn is_condition(&self) -> bool {
        matches!(self.name.split('.').next(), Some("uplink" | "downlink"))
    }
}

/// Cells, by their place in `cells`, under each combination of conditions: one group where there are no conditions.
pub fn by_condition(axes: &[Axis], cells: &[Cell<'_>]) -> Vec<Vec<usize>> {
    let conditions: Vec<usize> = (0..axes.len()).filter(|axis| axes[*axis].is_condition()).collect();
    let key = |cell: usize| -> Vec<usize> { conditions.iter().map(|axis| cells[cell].values[*axis]).collect() };
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|cell| key(*cell));
    order.chunk_by(|a, b| key(*a) == key(*b)).map(<[usize]>::to_vec).collect()
}
