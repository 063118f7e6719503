//! Two samples of a few values each: how far apart they are, how sure that is, and what could have been seen.
//!
//! `docs/gate.md` has the reasons and the measured rates. Two tests have to agree before a change is more than noise:
//!
//! * Student's t with the spread pooled over both sides, one-sided at [`level`]. It is the sharper one, and its interval
//!   is the one that is told: the change is more than noise where the interval leaves out 0. (A. Georges, D. Buytaert,
//!   L. Eeckhout: *Statistically rigorous Java performance evaluation*, OOPSLA 2007, section 3.)
//! * The exact permutation test of the difference of means at [`EXACT_LEVEL`]: of all ways to deal the runs out to two
//!   sides, those with a change as large. It holds whatever the values' distribution, where t does not.
//!   (M. D. Ernst: *Permutation methods: a basis for exact inference*, Statistical Science 19(4), 2004, section 3.)
//!
//! What could have been seen is in [`power`](super::power).

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::math::t_quantile;

/// How often t may call noise a change, one-sided. The limit, which has to be passed too, makes it rarer, as
/// `docs/gate.md` has measured. With 1 % more than 5 of 100 changes of 10 % among runs that differ by 3 % would be missed.
pub const LEVEL: f64 = 0.0125;

/// The same where runs differ so much that the limit is no help.
pub const STRICT_LEVEL: f64 = 0.005;

/// Runs differ too much where a change of so many times the limit could be missed, by Bloom's minimum detectable effect: (t of
/// [`LEVEL`] + t of [`POWER`]) × the standard error, and at least the limit + t of the power × the standard error.
/// (H. S. Bloom: *Minimum detectable effects*, Evaluation Review 19(5), 1995.)
pub const BLIND: f64 = 3.0;

/// The same of the permutation test. Its steps are 1/70 with 4 runs a side, and 1/252 with 5: a level of 1 % would rule
/// out 4 runs, and find a change of three standard deviations with 5 in 92 of 100 cases instead of 96.
pub const EXACT_LEVEL: f64 = 0.02;

/// How often a change that is said to be detectable is found.
pub const POWER: f64 = 0.95;

/// Up to so many ways to deal the runs out are counted one by one (10 runs a side have 184,756).
const MAX_COUNTED: f64 = 200_000.0;

/// Beyond, so many are drawn.
const DRAWN: u32 = 20_000;

/// Decides over the draws, so that the same runs give the same verdict.
const SEED: u64 = 1;

/// How far the values of the candidate lie above those of the baseline, on whatever scale they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Mean of the candidate − mean of the baseline.
    pub change: f64,
    /// Standard deviation of runs of one side, pooled over both; `None` with one run a side.
    pub spread: Option<f64>,
    /// Values of the baseline and of the candidate.
    pub runs: [usize; 2],
    /// Share of all ways to deal the runs out with a change at least as far up.
    pub p_up: f64,
    /// The same, down.
    pub p_down: f64,
}

impl Shift {
    /// Of two samples; `None` where one is empty.
    pub fn of(baseline: &[f64], candidate: &[f64]) -> Option<Self> {
        let (from, to) = (mean(baseline)?, mean(candidate)?);
        let runs = [baseline.len(), candidate.len()];
        let spread = (runs != [1, 1]).then(|| spread(baseline, candidate));
        let [p_up, p_down] = permuted(baseline, candidate);
        Some(Self { change: to - from, spread, runs, p_up, p_down })
    }

    /// Where the change lies: its ends are each beyond it in `level` of cases. `None` with one run a side.
    pub fn interval(&self, level: f64) -> Option<[f64; 2]> {
        let reach = self.spread? * reach(level, self.runs);
        Some([self.change - reach, self.change + reach])
    }

    /// The candidate lies higher, and that is more than noise.
    pub fn is_rise(&self, level: f64) -> bool {
        self.p_up <= EXACT_LEVEL && self.interval(level).is_some_and(|[low, _]| low > 0.0)
    }

    /// The candidate lies lower, and that is more than noise.
    pub fn is_fall(&self, level: f64) -> bool {
        self.p_down <= EXACT_LEVEL && self.interval(level).is_some_and(|[_, high]| high < 0.0)
    }
}

/// At which level runs with this spread are judged: [`LEVEL`], or [`STRICT_LEVEL`] where they differ too much.
pub fn level(spread: f64, runs: [usize; 2], limit: f64) -> f64 {
    if spread <= calm(runs, limit) { LEVEL } else { STRICT_LEVEL }
}

/// The largest spread with which a change of [`BLIND`] times the limit would not be missed.
pub(super) fn calm(runs: [usize; 2], limit: f64) -> f64 {
    let (noise, missed) = (reach(LEVEL, runs), t_quantile(POWER, freedom(runs)) * error(runs));
    (BLIND * limit / (noise + missed)).min((BLIND - 1.0) * limit / missed)
}

/// How far a change has to be from 0 for t at this level, where the spread is 1.
pub(super) fn reach(level: f64, runs: [usize; 2]) -> f64 {
    t_quantile(1.0 - level, freedom(runs)) * error(runs)
}

/// Whether so many runs can show anything: the permutation test has its steps.
pub fn can_decide(runs: [usize; 2]) -> bool {
    1.0 / ways(runs) <= EXACT_LEVEL
}

/// Whether all ways to deal so many runs out are counted; else some are drawn.
pub(super) fn is_counted(runs: [usize; 2]) -> bool {
    ways(runs) <= MAX_COUNTED
}

/// The arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation of the values of one side, pooled over both: of three values at least.
pub(super) fn spread(baseline: &[f64], candidate: &[f64]) -> f64 {
    let squares = |side: &[f64]| {
        let mean = mean(side).unwrap_or_default();
        side.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    ((squares(baseline) + squares(candidate)) / freedom([baseline.len(), candidate.len()])).sqrt()
}

/// The standard error of the difference of two means, where the spread is 1.
fn error(runs: [usize; 2]) -> f64 {
    (1.0 / runs[0] as f64 + 1.0 / runs[1] as f64).sqrt()
}

/// What is left of so many runs, of which there are three at least, once both means are known.
fn freedom(runs: [usize; 2]) -> f64 {
    (runs[0] + runs[1]) as f64 - 2.0
}

/// In how many ways the runs can be dealt out to sides of this size.
pub(super) fn ways([baseline, candidate]: [usize; 2]) -> f64 {
    (1..=candidate).map(|i| (baseline + i) as f64 / i as f64).product()
}

/// Share of all ways to deal the values out in which the candidate's sum is at least as large, and at most as large.
fn permuted(baseline: &[f64], candidate: &[f64]) -> [f64; 2] {
    let mut all = [candidate, baseline].concat();
    let observed: f64 = candidate.iter().sum();
    // Equal values add up to sums that differ by their last bits.
    let slack = 1e-9 * all.iter().map(|value| value.abs()).sum::<f64>();
    let mut tally = [0_u32; 2];
    let mut count = |sum: f64| {
        tally[0] += u32::from(sum >= observed - slack);
        tally[1] += u32::from(sum <= observed + slack);
    };
    let ways = ways([baseline.len(), candidate.len()]);
    if is_counted([baseline.len(), candidate.len()]) {
        deal(&all, candidate.len(), 0.0, &mut count);
        return tally.map(|count| f64::from(count) / ways.round());
    }
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..DRAWN {
        let (dealt, _) = all.partial_shuffle(&mut random, candidate.len());
        count(dealt.iter().sum());
    }
    // The runs as they are count as one of the draws: p is never 0. (B. Phipson, G. K. Smyth, 2010.)
    tally.map(|count| f64::from(count + 1) / f64::from(DRAWN + 1))
}

/// Calls `found` with the sum of each choice of `take` of the values.
pub(super) fn deal(values: &[f64], take: usize, sum: f64, found: &mut impl FnMut(f64)) {
    match (take, values) {
        (0, _) => found(sum),
        (_, [first, rest @ ..]) if take <= values.len() => {
            deal(rest, take - 1, sum + first, found);
            deal(rest, take, sum, found);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_by_hand() {
        // Means 2 and 5, pooled variance 1, standard error √(2/3); t for 4 degrees of freedom and 99 % is 3.7469.
        let shift = Shift::of(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("runs");
        assert_eq!((shift.change, shift.spread, shift.p_up, shift.p_down), (3.0, Some(1.0), 0.05, 1.0));
        let [low, high] = shift.interval(0.01).expect("a spread");
        assert!((low + 0.0593).abs() < 1e-4 && (high - 6.0593).abs() < 1e-4, "{low} … {high}");
    }

    #[test]
    fn ties_count_as_at_least_as_large() {
        let shift = Shift::of(&[0.1 + 0.2, 0.3], &[0.3, 0.3]).expect("runs");
        assert_eq!((shift.p_up, shift.p_down), (1.0, 1.0));
        assert!(!shift.is_rise(LEVEL) && !shift.is_fall(LEVEL));
    }

    #[test]
    fn values_without_spread_that_differ_are_no_noise() {
        let shift = Shift::of(&[1.0; 5], &[2.0; 5]).expect("runs");
        assert!(shift.is_rise(LEVEL) && !shift.is_fall(LEVEL));
        assert_eq!(shift.p_up, 1.0 / 252.0);
    }

    #[test]
    fn how_many_runs_can_decide() {
        for (runs, can) in [
            ([3, 3], false),
            ([3, 4], false),
            ([4, 4], true),
            ([3, 5], true),
            ([2, 9], true),
            ([1, 48], false),
            ([1, 49], true),
        ] {
            assert_eq!(can_decide(runs), can, "{runs:?}");
        }
    }

    #[test]
    fn the_noisier_the_surer() {
        for (spread, limit, expected) in [(0.03, 0.05, LEVEL), (0.06, 0.05, STRICT_LEVEL), (0.001, 0.0, STRICT_LEVEL)] {
            assert_eq!(level(spread, [5, 5], limit), expected, "{spread} {limit}");
        }
    }

    #[test]
    fn drawing_agrees_with_counting() {
        let value = |i: usize| f64::from((i * 7919 % 101) as u32);
        let baseline: Vec<f64> = (0..10).map(value).collect();
        let candidate: Vec<f64> = (10..21).map(|i| value(i) + 20.0).collect();
        let drawn = permuted(&baseline, &candidate);
        let mut all = [0_u32; 2];
        let values = [&candidate[..], &baseline[..]].concat();
        let observed: f64 = candidate.iter().sum();
        deal(&values, candidate.len(), 0.0, &mut |sum| {
            all[0] += u32::from(sum >= observed - 1e-6);
            all[1] += 1;
        });
        let exact = f64::from(all[0]) / f64::from(all[1]);
        assert_eq!(f64::from(all[1]), ways([10, 11]).round());
        assert!((drawn[0] - exact).abs() < 0.01, "{drawn:?} {exact}");
    }
}
