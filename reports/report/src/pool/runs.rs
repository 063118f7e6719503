//! Pools single figures by the rule that fits each.

use measure::figures::CostUs;
use measure::units::rounded;

use crate::run::Run;

/// The runs to pool.
pub(super) struct Runs<'a>(Vec<&'a Run>);

/// Builds a block of figures, each pooled by the method of [`Runs`] named before it.
macro_rules! joined {
    ($runs:ident.$block:ident: $Block:ident { $($rule:ident: $($figure:ident)+),+ }) => {
        $Block { $($($figure: $runs.$rule(|run| run.$block.$figure.clone()),)+)+ }
    };
}
pub(super) use joined;

impl<'a> Runs<'a> {
    pub fn new(runs: impl Iterator<Item = &'a Run>) -> Self {
        Self(runs.collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a Run> {
        self.0.iter().copied()
    }

    /// Returns the value of each run.
    pub fn each<T>(&self, of: impl Fn(&'a Run) -> T) -> Vec<T> {
        self.iter().map(of).collect()
    }

    pub fn any(&self, of: impl Fn(&Run) -> bool) -> bool {
        self.iter().any(of)
    }

    /// Returns the sum over all runs.
    pub fn total(&self, of: impl Fn(&Run) -> u64) -> u64 {
        self.iter().fold(0, |sum, run| sum.saturating_add(of(run)))
    }

    /// Returns the sum of the known values; `None` if there are none.
    pub fn sum(&self, of: impl Fn(&Run) -> Option<u64>) -> Option<u64> {
        self.iter().filter_map(of).reduce(u64::saturating_add)
    }

    pub fn sum_of_times(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.iter().filter_map(of).reduce(|one, other| one + other).map(rounded)
    }

    pub fn smallest(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.iter().filter_map(of).reduce(f64::min)
    }

    pub fn largest(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.iter().filter_map(of).reduce(f64::max)
    }

    pub fn of_greatest_magnitude(&self, of: impl Fn(&Run) -> Option<i64>) -> Option<i64> {
        self.iter().filter_map(of).max_by_key(|value| value.unsigned_abs())
    }

    /// Returns the largest bound; `None` unless each run has one.
    pub fn bound(&self, of: impl Fn(&Run) -> Option<i64>) -> Option<i64> {
        self.each(of).into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Keeps a figure that cannot be pooled if exactly one run has it. A pooled run that lacks it may have lost it in
    /// pooling.
    pub fn only<T>(&self, of: impl Fn(&Run) -> Option<T>) -> Option<T> {
        if self.any(|run| run.merged.is_some() && of(run).is_none()) {
            return None;
        }
        let mut known = self.iter().filter_map(of);
        known.next().filter(|_| known.next().is_none())
    }

    /// Returns what all runs have in common.
    pub fn common<T: PartialEq>(&self, of: impl Fn(&Run) -> Option<T>) -> Option<T> {
        let mut values = self.iter().map(of);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)?
    }

    /// Returns the mean weighted by each run's measured time.
    pub fn over_time(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.mean(|run| Some((of(run)?, run.duration_s?)))
    }

    /// Returns a cost averaged over the pictures shown.
    pub fn cost(&self, of: impl Fn(&Run) -> Option<CostUs>) -> Option<CostUs> {
        let mean = self.mean(|run| Some((of(run)?.mean, run.pictures.shown as f64)))?;
        Some(CostUs { mean, max: self.largest(|run| Some(of(run)?.max))? })
    }

    /// Returns the weighted mean.
    fn mean(&self, of: impl Fn(&Run) -> Option<(f64, f64)>) -> Option<f64> {
        let known = self.iter().filter_map(of);
        let (sum, weight) = known.fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
        (weight > 0.0).then(|| rounded(sum / weight))
    }
}
