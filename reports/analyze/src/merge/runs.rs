//! One figure of many runs, by the rule that fits it.

use measure::units::rounded;
use report::run::Run;

use super::part::Part;

/// The runs that are joined.
pub(super) struct Runs<'a>(Vec<&'a Run>);

impl<'a> Runs<'a> {
    pub fn of(parts: &'a [Part]) -> Self {
        Self(parts.iter().map(Part::run).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a Run> {
        self.0.iter().copied()
    }

    /// What each run has.
    pub fn each<T>(&self, of: impl Fn(&'a Run) -> T) -> Vec<T> {
        self.iter().map(of).collect()
    }

    /// Of all, added up.
    pub fn total(&self, of: impl Fn(&Run) -> u64) -> u64 {
        self.iter().fold(0, |sum, run| sum.saturating_add(of(run)))
    }

    /// Of what is known; `None` where nothing is.
    pub fn sum(&self, of: impl Fn(&Run) -> Option<u64>) -> Option<u64> {
        self.iter().filter_map(of).reduce(u64::saturating_add)
    }

    pub fn sum_of_times(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.iter().filter_map(of).reduce(|one, other| one + other).map(rounded)
    }

    pub fn largest(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.iter().filter_map(of).reduce(f64::max)
    }

    pub fn of_greatest_magnitude(&self, of: impl Fn(&Run) -> Option<i64>) -> Option<i64> {
        self.iter().filter_map(of).max_by_key(|value| value.unsigned_abs())
    }

    /// A figure that cannot be joined: it is known where one run alone has it. One that was joined before and lacks it may have
    /// had it of several.
    pub fn only<T>(&self, of: impl Fn(&Run) -> Option<T>) -> Option<T> {
        if self.iter().any(|run| run.merged.is_some() && of(run).is_none()) {
            return None;
        }
        let mut known = self.iter().filter_map(of);
        known.next().filter(|_| known.next().is_none())
    }

    /// Value and weight of each run.
    pub fn mean(&self, of: impl Fn(&Run) -> Option<(f64, f64)>) -> Option<f64> {
        let known = self.iter().filter_map(of);
        let (sum, weight) = known.fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
        (weight > 0.0).then(|| rounded(sum / weight))
    }
}

/// What all are, where they are all the same.
pub(super) fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// Each text once, with commas between them.
pub(super) fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut out: Vec<&str> = Vec::new();
    for text in texts {
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out.join(", ")
}
