//! What each setting does by itself, and whether that depends on another one.
//!
//! The model is additive on the metric's scale: a cell is the sum of one effect for each axis. It is fitted to the cells' means by
//! least squares, each cell counting once (the method of unweighted means: Yates, *The Analysis of Multiple Classifications with
//! Unequal Numbers in the Different Classes*, JASA 29, 1934), so that a cell with more runs does not count more. In a complete
//! matrix a level's mean is then the plain mean of its cells; in one with failed cells it is what the model says of all
//! combinations, not of those that happened to work (Searle, Speed and Milliken, *Population Marginal Means in the Linear Model*, The
//! American Statistician 34, 1980).
//!
//! Its standard error is from the noise between runs of one cell, and not from what the model leaves: that is the
//! interaction, which is tested by itself (Box, *Some Theorems on Quadratic Forms*, Annals of Mathematical Statistics 25, 1954, for
//! the F test where variances differ).

use serde::Serialize;

use super::Axis;
use super::cells::Cell;
use super::metric::{Metric, Scale};
use super::noise::{Estimate, Means};
use crate::math::Model;

mod design;
mod interaction;

use design::Design;
pub use interaction::Interaction;

/// A figure with the interval that holds it at 95 %; without one where nothing is known of noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// What an axis does to a metric, all else alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The axis, by its place in the sweep's.
    #[serde(skip)]
    pub axis: usize,
    /// Its name.
    #[serde(rename = "axis")]
    pub name: String,
    /// The metric's name.
    pub metric: &'static str,
    /// The unit of changes: `%`, `dB`, `ms`, `kbit/s`, or empty.
    pub change_unit: &'static str,
    /// Its values, in their order.
    pub levels: Vec<Level>,
    /// From the smallest to the largest level; `None` where there are no two to compare.
    pub span: Option<Span>,
    /// Why there is no effect.
    pub why: Option<String>,
}

/// A value of an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// The value.
    pub value: String,
    /// Cells with figures.
    pub cells: usize,
    /// Their runs.
    pub runs: usize,
    /// The metric's mean over all combinations of the other axes.
    pub mean: Option<Interval>,
    /// How far that is from the mean of all levels.
    pub change: Option<Interval>,
}

/// From the smallest to the largest level of an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Where the metric is smallest.
    pub smallest: String,
    /// Where it is largest.
    pub largest: String,
    /// How much larger; its interval holds for every two levels of the axis at once.
    pub by: Interval,
    /// It is more than noise.
    pub clear: bool,
}

impl Interval {
    /// On a scale, in the metric's unit.
    pub fn of(means: &Means, estimate: Estimate, comparisons: usize) -> Self {
        Self::by(estimate, comparisons, |on_scale| means.scale.back(means.metric, on_scale))
    }

    /// The same of a change.
    pub fn change(means: &Means, estimate: Estimate, comparisons: usize) -> Self {
        Self::by(estimate, comparisons, |on_scale| means.scale.change(means.metric, on_scale))
    }

    fn by(estimate: Estimate, comparisons: usize, back: impl Fn(f64) -> f64) -> Self {
        let half = estimate.half(comparisons);
        let end = |sign: f64| half.map(|half| back(estimate.value + sign * half)).filter(|end| end.is_finite());
        Self { value: back(estimate.value), low: end(-1.0), high: end(1.0) }
    }
}

/// The additive model of a metric.
pub struct Fit<'a> {
    axes: &'a [Axis],
    means: &'a Means,
    /// Cells with a mean, by their place among all.
    cells: Vec<(usize, &'a Cell<'a>)>,
    design: Design,
    model: Model,
}

impl<'a> Fit<'a> {
    /// Fits it.
    pub fn new(axes: &'a [Axis], cells: &'a [Cell<'a>], means: &'a Means) -> Self {
        let cells: Vec<_> = cells.iter().enumerate().filter(|(place, _)| means.of[*place].is_some()).collect();
        let design = Design::new(axes, &cells);
        let model = Model::new(cells.iter().map(|(_, cell)| design.row(cell.values)).collect());
        Self { axes, means, cells, design, model }
    }

    /// An estimate of a combination of coefficients; `None` where the cells do not say it.
    fn estimate(&self, combination: &[f64]) -> Option<Estimate> {
        let weights = self.model.weights(combination)?;
        let mut of_all = vec![0.0; self.means.of.len()];
        self.cells.iter().zip(&weights).for_each(|((place, _), weight)| of_all[*place] = *weight);
        Some(self.means.combine(of_all.into_iter()))
    }

    /// The effect of an axis.
    pub fn effect(&self, axis: usize) -> Effect {
        let span = self.span(axis);
        let used = self.design.used[axis].len();
        let why = match used {
            0 | 1 => Some("fewer than two of its values have figures".to_owned()),
            _ if span.is_none() => Some("the cells that have figures do not tell it from another axis".to_owned()),
            _ => None,
        };
        let unit = self.means.scale.change_unit(self.means.metric).trim_start();
        Effect {
            axis,
            name: self.axes[axis].name.clone(),
            metric: self.means.metric.name(),
            change_unit: unit,
            levels: (0..self.axes[axis].values.len()).map(|level| self.level(axis, level)).collect(),
            span,
            why,
        }
    }

    fn level(&self, axis: usize, level: usize) -> Level {
        let cells: Vec<usize> =
            self.cells.iter().filter(|(_, cell)| cell.values[axis] == level).map(|(place, _)| *place).collect();
        let estimate = |mean| {
            let known = !cells.is_empty() && self.design.used[axis].len() > 1;
            known.then(|| self.estimate(&self.design.level(axis, level, mean))).flatten()
        };
        Level {
            value: self.axes[axis].values[level].clone(),
            cells: cells.len(),
            runs: cells.iter().filter_map(|place| self.means.of[*place]).map(|mean| mean.runs).sum(),
            mean: estimate(1.0).map(|of| Interval::of(self.means, of, 1)),
            change: estimate(0.0).map(|of| Interval::change(self.means, of, 1)),
        }
    }

    fn span(&self, axis: usize) -> Option<Span> {
        let used = &self.design.used[axis];
        let level = |level: &usize| self.design.level(axis, *level, 0.0);
        let all: Vec<(usize, f64)> =
            used.iter().map(|of| Some((*of, self.estimate(&level(of))?.value))).collect::<Option<_>>()?;
        let least = all.iter().min_by(|a, b| a.1.total_cmp(&b.1))?.0;
        let most = all.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1))?.0;
        if used.len() < 2 {
            return None;
        }
        let most = if most == least { *used.iter().find(|of| **of != least)? } else { most };
        let combination: Vec<f64> = level(&most).iter().zip(level(&least)).map(|(more, less)| more - less).collect();
        let estimate = self.estimate(&combination)?;
        let pairs = used.len() * (used.len() - 1) / 2;
        let clear = estimate.half(pairs).is_some_and(|half| estimate.value > half);
        let value = |level: usize| self.axes[axis].values[level].clone();
        let by = Interval::change(self.means, estimate, pairs);
        Some(Span { smallest: value(least), largest: value(most), by, clear })
    }

    /// What the model leaves of each cell, on the scale, by the cell's place.
    pub fn left(&self) -> Option<Vec<(usize, f64)>> {
        let observed: Vec<f64> =
            self.cells.iter().filter_map(|(place, _)| self.means.of[*place]).map(|mean| mean.value).collect();
        (self.cells.len() > self.model.rank)
            .then(|| self.cells.iter().map(|(place, _)| *place).zip(self.model.residuals(&observed)).collect())
    }
}

/// Effects of every axis on every metric that there is.
pub fn all(axes: &[Axis], cells: &[Cell<'_>], means: &[Means]) -> (Vec<Effect>, Vec<Interaction>) {
    let (mut effects, mut interactions) = (Vec::new(), Vec::new());
    for means in means {
        let fit = Fit::new(axes, cells, means);
        effects.extend((0..axes.len()).map(|axis| fit.effect(axis)));
        let pairs = (0..axes.len()).flat_map(|a| (a + 1..axes.len()).map(move |b| (a, b)));
        interactions.extend(pairs.filter_map(|(a, b)| fit.interaction(a, b)));
    }
    (effects, interactions)
}

/// The scale that a metric was analysed on, in words.
pub fn scale_text(means: &Means) -> &'static str {
    match means.scale {
        Scale::Ratio => "ratio",
        Scale::Difference => "difference",
    }
}

/// The means of a metric.
pub fn of(means: &[Means], metric: Metric) -> Option<&Means> {
    means.iter().find(|means| means.metric == metric)
}

#[cfg(test)]
mod tests;
