//! Two samples on the scale that fits their values, and their difference in words.
//!
//! Latencies differ by a share: a machine that is busier makes all of them so many percent longer. So logarithms are
//! compared, and the centre of a sample is the geometric mean. Where a value is 0 or less (frames lost, a clock's
//! offset) there is no ratio, and differences are compared.

use std::cmp::Ordering;

use serde::Serialize;

use super::{LEVEL, Shift, confidence, mean, permuted};
use measure::units::rounded;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Logarithms of values.
    Ratio,
    /// Values.
    Difference,
}

/// A change, in both ways to say it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// In percent of what it is a change from; `None` where that is 0.
    pub percent: Option<f64>,
    /// In the metric's unit.
    pub absolute: f64,
}

/// Two samples, on their scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// On which everything here is but [`Pair::centre`].
    pub scale: Scale,
    /// From the first to the second.
    pub shift: Shift,
    /// The centre of the first, in the unit of its values: the geometric mean of ratios, the arithmetic one of differences.
    pub centre: f64,
    values: [Vec<f64>; 2],
}

impl Scale {
    /// The scale that fits these values.
    pub(crate) fn fitting<'a>(mut values: impl Iterator<Item = &'a f64>) -> Self {
        if values.all(|value| *value > 0.0) { Self::Ratio } else { Self::Difference }
    }

    /// A value on this scale.
    pub(crate) fn to(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value.ln(),
            Self::Difference => value,
        }
    }

    /// A value on this scale in its unit.
    pub(crate) fn back(self, on_scale: f64) -> f64 {
        match self {
            Self::Ratio => on_scale.exp(),
            Self::Difference => on_scale,
        }
    }

    /// A change on this scale from a centre in the unit of values.
    pub(crate) fn amount(self, change: f64, centre: f64) -> Amount {
        match self {
            Self::Ratio => {
                let share = change.exp_m1();
                Amount { percent: Some(rounded(share * 100.0)), absolute: rounded(share * centre) }
            }
            Self::Difference => {
                let percent = (centre != 0.0).then(|| rounded(change * 100.0 / centre.abs()));
                Amount { percent, absolute: rounded(change) }
            }
        }
    }
}

/// The centre of values: their geometric mean, or the arithmetic one where one is not positive; `None` of nothing.
pub(crate) fn centre(values: &[f64]) -> Option<f64> {
    let scale = Scale::fitting(values.iter());
    let on_scale: Vec<f64> = values.iter().map(|value| scale.to(*value)).collect();
    mean(&on_scale).map(|mean| scale.back(mean))
}

impl Pair {
    /// Of two samples, in the unit of their values; `None` where one is empty.
    pub(crate) fn of(from: &[f64], to: &[f64]) -> Option<Self> {
        let scale = Scale::fitting(from.iter().chain(to));
        let [from, to] = [from, to].map(|values| values.iter().map(|value| scale.to(*value)).collect());
        Self::on(scale, from, to)
    }

    /// Of two samples that are on their scale already; `None` where one is empty.
    pub(crate) fn on(scale: Scale, from: Vec<f64>, to: Vec<f64>) -> Option<Self> {
        let (shift, centre) = (Shift::of(&from, &to)?, scale.back(mean(&from)?));
        Some(Self { scale, shift, centre, values: [from, to] })
    }

    /// A change on the scale as people say it.
    pub(crate) fn amount(&self, change: f64) -> Amount {
        self.scale.amount(change, self.centre)
    }

    /// The ends of the change's interval.
    pub(crate) fn interval(&self, level: f64) -> Option<[Amount; 2]> {
        Some(self.shift.interval(level)?.map(|end| self.amount(end)))
    }

    /// Shares of the permutation test: as far up, and as far down.
    pub(crate) fn permuted(&self) -> [f64; 2] {
        permuted(&self.values[0], &self.values[1])
    }

    /// Which way the second sample lies off the first by more than noise, where no limit is set.
    pub(crate) fn direction(&self) -> Ordering {
        self.shift.direction(LEVEL, || self.permuted())
    }

    /// `+10.0 % (97.5 % interval +7.0 % … +13.1 %)`.
    pub(crate) fn text(&self, unit: &str) -> String {
        let interval = self.interval(LEVEL).map(|ends| format!(" ({})", interval_text(LEVEL, ends, self.scale, unit)));
        format!("{}{}", self.amount(self.shift.change).on(self.scale, unit), interval.unwrap_or_default())
    }
}

impl Amount {
    /// As its scale has it: `+10.0 %`, or `+3.000 frames`.
    pub(crate) fn on(&self, scale: Scale, unit: &str) -> String {
        match self.percent.filter(|_| scale == Scale::Ratio) {
            Some(percent) => format!("{} %", signed(percent, 1)),
            None => self.absolute(unit),
        }
    }

    /// In both ways: `+5.0 % (+10.668 ms)`.
    pub(crate) fn both(&self, unit: &str) -> String {
        match self.percent {
            Some(percent) => format!("{} % ({})", signed(percent, 1), self.absolute(unit)),
            None => self.absolute(unit),
        }
    }

    fn absolute(&self, unit: &str) -> String {
        format!("{} {unit}", signed(self.absolute, 3)).trim_end().to_owned()
    }
}

/// `97.5 % interval +7.0 % … +13.1 %`.
pub(crate) fn interval_text(level: f64, [low, high]: [Amount; 2], scale: Scale, unit: &str) -> String {
    format!("{} % interval {} … {}", rounded(confidence(level) * 100.0), low.on(scale, unit), high.on(scale, unit))
}

fn signed(value: f64, decimals: usize) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{:.decimals$}", value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positive_values_are_compared_by_their_ratio() {
        let pair = Pair::of(&[1.0, 4.0], &[2.0, 8.0]).expect("runs");
        assert_eq!((pair.scale, rounded(pair.centre)), (Scale::Ratio, 2.0));
        assert_eq!(pair.amount(pair.shift.change), Amount { percent: Some(100.0), absolute: 2.0 });
        assert!(pair.text("ms").starts_with("+100.0 % (97.5 % interval −"), "{}", pair.text("ms"));
    }

    #[test]
    fn others_are_compared_by_their_difference() {
        let pair = Pair::of(&[0.0, 0.0], &[3.0, 5.0]).expect("runs");
        assert_eq!((pair.scale, pair.centre), (Scale::Difference, 0.0));
        assert_eq!(pair.amount(pair.shift.change), Amount { percent: None, absolute: 4.0 });
        assert!(pair.text("frames").starts_with("+4.000 frames ("), "{}", pair.text("frames"));
        assert_eq!(Pair::of(&[1.0], &[3.0]).expect("runs").text(""), "+200.0 %", "one run a side has no interval");
        assert_eq!(Pair::of(&[], &[3.0]), None);
    }
}
