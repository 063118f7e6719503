//! Whether the effect of one axis depends on another: an F test of what the additive model leaves, against the noise between runs.

use serde::Serialize;

use super::Fit;
use crate::math::{Model, f_tail};
use crate::sweep::cells::Cell;
use crate::sweep::noise::satterthwaite;

/// An interaction is named where chance makes one like it less often.
const INTERACTION_P: f64 = 0.01;

/// More coefficients than this are not fitted to see whether two axes depend on each other.
const MAX_COEFFICIENTS: usize = 200;

/// Whether the effect of one axis depends on another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interaction {
    /// The axes, by their place in the sweep's.
    #[serde(skip)]
    pub pair: [usize; 2],
    /// Their names.
    pub axes: [String; 2],
    /// The metric's name.
    pub metric: &'static str,
    /// How far a cell typically is from the sum of the two effects, noise taken off, in `unit`.
    pub typical: f64,
    /// `%`, `dB`, `ms`, `kbit/s`, or empty.
    pub unit: &'static str,
    /// How often chance alone makes so much of it.
    pub p: f64,
    /// Less often than 1 %.
    pub clear: bool,
}

impl Fit<'_> {
    /// Whether the effects of two axes depend on each other: what a model with the products of their columns explains beyond
    /// this one. `None` where that cannot be told.
    pub fn interaction(&self, a: usize, b: usize) -> Option<Interaction> {
        let (wide, high) = (self.design.used[a].len(), self.design.used[b].len());
        let added = wide.saturating_sub(1) * high.saturating_sub(1);
        if added == 0 || self.design.columns + added > MAX_COEFFICIENTS || self.means.df <= 0.0 {
            return None;
        }
        let row = |cell: &Cell<'_>| {
            let (first, second) = (self.design.coded(a, cell.values[a]), self.design.coded(b, cell.values[b]));
            let products = first.iter().flat_map(|x| second.iter().map(move |y| x * y));
            self.design.row(cell.values).into_iter().chain(products).collect()
        };
        let with = Model::new(self.cells.iter().map(|(_, cell)| row(cell)).collect());
        let df = with.rank - self.model.rank;
        let observed: Vec<f64> =
            self.cells.iter().filter_map(|(place, _)| self.means.of[*place]).map(|mean| mean.value).collect();
        let squares = |model: &Model| model.residuals(&observed).iter().map(|left| left * left).sum::<f64>();
        let explained = (squares(&self.model) - squares(&with)).max(0.0);
        let Noise { mean: noise, df: noise_df, evenness } = self.noise()?;
        if df == 0 || noise <= 0.0 {
            return None;
        }
        let count = df as f64;
        let p = f_tail(explained / count / noise, (count * evenness).max(1.0), noise_df);
        let typical = ((explained - count * noise).max(0.0) / self.cells.len() as f64).sqrt();
        Some(Interaction {
            pair: [a, b],
            axes: [a, b].map(|axis| self.axes[axis].name.clone()),
            metric: self.means.metric.name(),
            typical: self.means.scale.change(self.means.metric, typical),
            unit: self.means.scale.change_unit(self.means.metric).trim_start(),
            p: (p * 1e5).round() / 1e5,
            clear: p < INTERACTION_P,
        })
    }

    /// The noise of the cells' means, from their own runs.
    fn noise(&self) -> Option<Noise> {
        let own = |(place, _): &(usize, &Cell<'_>)| self.means.of[*place]?.own;
        let parts: Vec<(f64, f64)> = self.cells.iter().map(own).collect::<Option<_>>()?;
        let count = parts.len() as f64;
        let mean = parts.iter().map(|(variance, _)| variance).sum::<f64>() / count;
        let squares = parts.iter().map(|(variance, df)| variance * variance * df / (df + 2.0)).sum::<f64>() / count;
        let evenness = if squares > 0.0 { (mean * mean / squares).min(1.0) } else { 1.0 };
        (!parts.is_empty()).then(|| Noise { mean, df: satterthwaite(&parts).min(self.means.df), evenness })
    }
}

/// How much the means of cells vary by chance.
struct Noise {
    /// The mean of their variances.
    mean: f64,
    df: f64,
    /// 1 where all are alike, less where some cells are noisier: an F test then has so many degrees of freedom fewer (Box 1954).
    evenness: f64,
}
