//! The change from one side to the other, on the scale that fits its values, and told in percent and in the metric's unit.
//!
//! Latencies differ by a share: a machine that is busier makes all of them so many percent longer. So logarithms are
//! compared, and the centre of a side is the geometric mean. Where a value is 0 or less (frames lost, a clock's
//! offset) there is no ratio, and differences are compared.

use measure::units::rounded;
use report::threshold::Metric;
use serde::Serialize;

use super::power::detectable;
use super::statistics::{self, STRICT_LEVEL, Shift};
use super::{Limits, Side};

/// A change, how sure it is, and what could have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// Whether ratios were compared, or differences.
    pub scale: Scale,
    /// The centre of the baseline: the geometric mean of ratios, the arithmetic one of differences.
    pub baseline: f64,
    /// That of the candidate.
    pub candidate: f64,
    /// From one to the other.
    pub change: Amount,
    /// How sure the interval around it is: 97.5 %, or 99 % where runs differ much (see [`statistics::level`]).
    pub confidence_percent: f64,
    /// Its lower end; `None` with one run a side.
    pub low: Option<Amount>,
    /// Its upper end.
    pub high: Option<Amount>,
    /// The standard deviation of runs of one side.
    pub spread: Option<Amount>,
    /// What the change for the worse may be.
    pub limit: Amount,
    /// The smallest change for the worse that is found in [`POWER`](statistics::POWER) of cases, among normal runs with this
    /// spread; `None` where none is.
    pub detectable: Option<Amount>,
    /// Share of all ways to deal out the runs that are at least as much worse.
    pub p_worse: f64,
    /// The same, better.
    pub p_better: f64,
}

/// A change, in both ways to say it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// In percent of the baseline; `None` where that is 0.
    pub percent: Option<f64>,
    /// In the metric's unit.
    pub absolute: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Logarithms of values.
    Ratio,
    /// Values.
    Difference,
}

/// A change on its scale, where up is worse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) shift: Shift,
    /// What may be, on the same scale.
    pub(super) limit: f64,
    /// How often t may be wrong.
    pub(super) level: f64,
    scale: Scale,
    /// 1, or −1 where more is better.
    sign: f64,
    /// The baseline's centre, in the metric's unit.
    baseline: f64,
}

/// Measures the change; `None` where a side has no run.
pub(super) fn measure(baseline: &Side, candidate: &Side, metric: &Metric, limits: &Limits) -> Option<Measured> {
    let [baseline, candidate] = [baseline, candidate].map(Side::values);
    let positive = baseline.iter().chain(&candidate).all(|value| *value > 0.0);
    let scale = if positive { Scale::Ratio } else { Scale::Difference };
    let sign = if metric.more_is_better() { -1.0 } else { 1.0 };
    let [from, to] = [&baseline, &candidate].map(|side| {
        let on_scale = side.iter().map(|value| scale.of(*value) * sign);
        on_scale.collect::<Vec<_>>()
    });
    let shift = Shift::of(&from, &to)?;
    let baseline = scale.back(sign * statistics::mean(&from)?);
    let mut measured = Measured { shift, limit: f64::INFINITY, level: STRICT_LEVEL, scale, sign, baseline };
    measured.limit = measured.limit_of(limits);
    if let Some(spread) = shift.spread {
        measured.level = statistics::level(spread, shift.runs, measured.limit);
    }
    Some(measured)
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value.ln(),
            Self::Difference => value,
        }
    }

    fn back(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value.exp(),
            Self::Difference => value,
        }
    }
}

impl Measured {
    /// The stricter of two limits, on the scale.
    fn limit_of(&self, limits: &Limits) -> f64 {
        let absolute = limits.share.map(|share| share * self.baseline.abs()).into_iter().chain(limits.delta);
        let on_scale = absolute.map(|delta| match self.scale {
            Scale::Difference => delta,
            // A figure of which more is better cannot fall below 0: such a limit cannot be broken.
            Scale::Ratio => {
                let rest = 1.0 + self.sign * delta / self.baseline;
                if rest > 0.0 { self.sign * rest.ln() } else { f64::INFINITY }
            }
        });
        on_scale.fold(f64::INFINITY, f64::min)
    }

    /// Nothing is allowed only because the baseline is 0, of which every share is 0: nobody asked for that.
    pub(super) fn is_share_of_nothing(&self, limits: &Limits) -> bool {
        let asked = |share: f64| share > 0.0;
        self.limit == 0.0 && self.baseline == 0.0 && limits.share.is_some_and(asked) && limits.delta != Some(0.0)
    }

    /// The smallest change for the worse that would have been found.
    pub(super) fn detectable(&self) -> Option<f64> {
        detectable(self.shift.spread?, self.shift.runs, self.limit)
    }

    /// A change on the scale as people say it.
    pub(super) fn amount(&self, worse: f64) -> Amount {
        let change = self.sign * worse;
        match self.scale {
            Scale::Ratio => {
                let share = change.exp_m1();
                Amount { percent: Some(rounded(share * 100.0)), absolute: rounded(share * self.baseline) }
            }
            Scale::Difference => {
                let percent = (self.baseline != 0.0).then(|| rounded(change * 100.0 / self.baseline.abs()));
                Amount { percent, absolute: rounded(change) }
            }
        }
    }

    pub(super) fn effect(&self) -> Effect {
        let Self { shift, level, scale, baseline, .. } = self;
        let ends = shift.interval(*level).map(|ends| ends.map(|end| self.amount(end)));
        // Where more is better the worse end is the lower one.
        let [low, high] = match ends {
            Some([least, most]) if self.sign > 0.0 => [Some(least), Some(most)],
            Some([least, most]) => [Some(most), Some(least)],
            None => [None, None],
        };
        Effect {
            scale: *scale,
            baseline: rounded(*baseline),
            candidate: rounded(*baseline + self.amount(shift.change).absolute),
            change: self.amount(shift.change),
            confidence_percent: rounded(100.0 * (1.0 - 2.0 * level)),
            low,
            high,
            spread: shift.spread.map(|spread| self.amount(spread * self.sign)),
            limit: self.amount(self.limit),
            detectable: self.detectable().map(|least| self.amount(least)),
            p_worse: shift.p_up,
            p_better: shift.p_down,
        }
    }
}
