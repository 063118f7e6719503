//! The axes of a sweep as columns of a linear model.

use crate::sweep::Axis;
use crate::sweep::cells::Cell;

/// The axes as columns of a linear model.
pub(super) struct Design {
    /// For each axis the levels that have cells.
    pub used: Vec<Vec<usize>>,
    /// For each axis the first of its columns; they follow the mean.
    first: Vec<usize>,
    pub columns: usize,
}

impl Design {
    pub fn new(axes: &[Axis], cells: &[(usize, &Cell<'_>)]) -> Self {
        let mut design = Self { used: Vec::new(), first: Vec::new(), columns: 1 };
        for (axis, Axis { values, .. }) in axes.iter().enumerate() {
            let has = |level: &usize| cells.iter().any(|(_, cell)| cell.values[axis] == *level);
            let used: Vec<usize> = (0..values.len()).filter(has).collect();
            design.first.push(design.columns);
            design.columns += used.len().saturating_sub(1);
            design.used.push(used);
        }
        design
    }

    /// A level as effects that add up to 0 over the levels: 1 in its own column, −1 everywhere for the last.
    pub fn coded(&self, axis: usize, level: usize) -> Vec<f64> {
        let count = self.used[axis].len().saturating_sub(1);
        let place = self.used[axis].iter().position(|used| *used == level);
        (0..count).map(|column| if place == Some(count) { -1.0 } else { f64::from(place == Some(column)) }).collect()
    }

    pub fn row(&self, values: &[usize]) -> Vec<f64> {
        let effects = values.iter().enumerate().flat_map(|(axis, level)| self.coded(axis, *level));
        std::iter::once(1.0).chain(effects).collect()
    }

    /// The combination of coefficients that is the effect of a level, with or without the mean.
    pub fn level(&self, axis: usize, level: usize, mean: f64) -> Vec<f64> {
        let mut out = vec![0.0; self.columns];
        out[0] = mean;
        let coded = self.coded(axis, level);
        out[self.first[axis]..][..coded.len()].copy_from_slice(&coded);
        out
    }
}
