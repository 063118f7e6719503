//! The change from one side to the other, in percent and in the metric's unit, and what was allowed.

use std::cmp::Ordering;

use measure::units::rounded;
use report::threshold::Metric;
use serde::Serialize;

use super::{Limits, Side};
use crate::statistics::power::detectable;
use crate::statistics::{self, Amount, Pair, STRICT_LEVEL, Scale, confidence};

/// A change, its uncertainty, and the smallest detectable change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// Whether ratios were compared, or differences.
    pub scale: Scale,
    /// The centre of the baseline: the geometric mean of ratios, the arithmetic one of differences.
    pub baseline: f64,
    /// The centre of the candidate.
    pub candidate: f64,
    /// From one to the other.
    pub change: Amount,
    /// The confidence of its interval: 97.5 %, or 99 % where runs differ much (see `statistics::level`).
    pub confidence_percent: f64,
    /// Its lower end; `None` with one run a side.
    pub low: Option<Amount>,
    /// Its upper end.
    pub high: Option<Amount>,
    /// The standard deviation of runs of one side.
    pub spread: Option<Amount>,
    /// The largest change for the worse that is allowed.
    pub limit: Amount,
    /// The smallest change for the worse that is found in [`POWER`](statistics::POWER) of cases, among normal runs with this
    /// spread; `None` where none is.
    pub detectable: Option<Amount>,
    /// Share of all ways to deal out the runs that are at least as much worse.
    pub p_worse: f64,
    /// The same, better.
    pub p_better: f64,
}

/// A change on its scale, and which way is worse.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pair: Pair,
    /// 1, or −1 where more is better.
    sign: f64,
    /// The largest change allowed, positive for the worse.
    pub(super) limit: f64,
    /// The level of the t test.
    pub(super) level: f64,
    /// Shares of the permutation test: as far up, and as far down.
    p: [f64; 2],
}

/// Measures the change; `None` where a side has no run.
pub(super) fn measure(baseline: &Side, candidate: &Side, metric: &Metric, limits: &Limits) -> Option<Measured> {
    let pair = Pair::of(&baseline.values(), &candidate.values())?;
    let sign = if metric.more_is_better() { -1.0 } else { 1.0 };
    let (limit, shift, p) = (limit(&pair, sign, limits), pair.shift, pair.permuted());
    let level = shift.spread.map_or(STRICT_LEVEL, |spread| statistics::level(spread, shift.runs, limit));
    Some(Measured { pair, sign, limit, level, p })
}

/// The stricter of two limits, on the scale.
fn limit(pair: &Pair, sign: f64, limits: &Limits) -> f64 {
    let absolute = limits.share.map(|share| share * pair.centre.abs()).into_iter().chain(limits.delta);
    let on_scale = absolute.map(|delta| match pair.scale {
        Scale::Difference => delta,
        // A figure of which more is better cannot fall below 0: such a limit cannot be broken.
        Scale::Ratio => {
            let rest = 1.0 + sign * delta / pair.centre;
            if rest > 0.0 { sign * rest.ln() } else { f64::INFINITY }
        }
    });
    on_scale.fold(f64::INFINITY, f64::min)
}

impl Measured {
    /// How much worse, on the scale.
    pub(super) fn worse_by(&self) -> f64 {
        self.sign * self.pair.shift.change
    }

    /// Whether it is worse (`Greater`) or better (`Less`) by more than noise.
    pub(super) fn direction(&self) -> Ordering {
        let direction = self.pair.shift.direction(self.level, || self.p);
        if self.sign > 0.0 { direction } else { direction.reverse() }
    }

    /// The standard deviation of runs of one side, on the scale; `None` with one run a side.
    pub(super) fn spread(&self) -> Option<f64> {
        self.pair.shift.spread
    }

    /// Nothing is allowed only because every share of a baseline of 0 is 0: nobody asked for that.
    pub(super) fn is_share_of_zero(&self, limits: &Limits) -> bool {
        let asked = |share: f64| share > 0.0;
        self.limit == 0.0 && self.pair.centre == 0.0 && limits.share.is_some_and(asked) && limits.delta != Some(0.0)
    }

    pub(super) fn effect(&self) -> Effect {
        let Self { pair, sign, level, .. } = self;
        let change = pair.amount(pair.shift.change);
        let [low, high] = pair.interval(*level).map_or([None, None], |ends| ends.map(Some));
        let [up, down] = self.p;
        let (p_worse, p_better) = if *sign > 0.0 { (up, down) } else { (down, up) };
        let worse = |by: f64| pair.amount(sign * by);
        let detectable = self.spread().and_then(|spread| detectable(spread, pair.shift.runs, self.limit));
        Effect {
            scale: pair.scale,
            baseline: rounded(pair.centre),
            candidate: rounded(pair.centre + change.absolute),
            change,
            confidence_percent: rounded(100.0 * confidence(*level)),
            low,
            high,
            spread: self.spread().map(|spread| pair.amount(spread)),
            limit: worse(self.limit),
            detectable: detectable.map(worse),
            p_worse,
            p_better,
        }
    }
}
