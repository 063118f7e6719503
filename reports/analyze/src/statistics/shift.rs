//! How far the values of one sample lie above those of another, and how sure that is.

use std::cmp::Ordering;

use super::student::t_quantile;
use super::{EXACT_LEVEL, POWER};

/// How often t may call noise a change, one-sided. In the gate the limit, which has to be passed too, makes it rarer, as
/// `docs/gate-method.md` has measured. With 1 % more than 5 of 100 changes of 10 % among runs that differ by 3 % would be missed.
pub(crate) const LEVEL: f64 = 0.0125;

/// The same where runs differ so much that the gate's limit is no help.
pub(crate) const STRICT_LEVEL: f64 = 0.005;

/// Runs differ too much where a change of so many times the limit could be missed, by Bloom's minimum detectable effect: (t of
/// [`LEVEL`] + t of [`POWER`]) × the standard error, and at least the limit + t of the power × the standard error.
/// (H. S. Bloom: *Minimum detectable effects*, Evaluation Review 19(5), 1995.)
pub(crate) const BLIND: f64 = 3.0;

/// How far one sample lies above another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    /// Mean of the second − mean of the first.
    pub change: f64,
    /// Standard deviation of the values of one side, pooled over both; `None` with one value a side.
    pub spread: Option<f64>,
    /// How many values each side has.
    pub runs: [usize; 2],
}

impl Shift {
    /// From one sample to another; `None` where one is empty.
    pub(crate) fn of(from: &[f64], to: &[f64]) -> Option<Self> {
        let runs = [from.len(), to.len()];
        let spread = (runs != [1, 1]).then(|| spread(from, to));
        Some(Self { change: mean(to)? - mean(from)?, spread, runs })
    }

    /// Where the change lies: its ends are each beyond it in `level` of cases. `None` with one value a side.
    pub(crate) fn interval(&self, level: f64) -> Option<[f64; 2]> {
        let reach = self.spread? * reach(level, self.runs);
        Some([self.change - reach, self.change + reach])
    }

    /// Which way the second sample lies off the first by more than noise: t at `level` and the permutation test both say so.
    /// `permuted` is asked for the shares of the latter only where t does.
    pub(crate) fn direction(&self, level: f64, permuted: impl Fn() -> [f64; 2]) -> Ordering {
        match self.interval(level) {
            Some([low, _]) if low > 0.0 && permuted()[0] <= EXACT_LEVEL => Ordering::Greater,
            Some([_, high]) if high < 0.0 && permuted()[1] <= EXACT_LEVEL => Ordering::Less,
            _ => Ordering::Equal,
        }
    }
}

/// Where the mean that the values are drawn around lies: the ends are each beyond it in `level` of cases. `None` with fewer than
/// two values.
pub(crate) fn interval(values: &[f64], level: f64) -> Option<[f64; 2]> {
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom > 0)? as f64;
    let mean = mean(values)?;
    let reach = t_quantile(1.0 - level, freedom) * (squares(values) / freedom / values.len() as f64).sqrt();
    Some([mean - reach, mean + reach])
}

/// At which level the gate judges runs with this spread: [`LEVEL`], or [`STRICT_LEVEL`] where they differ too much.
pub(crate) fn level(spread: f64, runs: [usize; 2], limit: f64) -> f64 {
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

/// The arithmetic mean; `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation of the values of one side, pooled over both: of three values at least.
pub(super) fn spread(from: &[f64], to: &[f64]) -> f64 {
    ((squares(from) + squares(to)) / freedom([from.len(), to.len()])).sqrt()
}

/// The sum of the squared distances from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = mean(values).unwrap_or_default();
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The standard error of the difference of two means, where the spread is 1.
fn error(runs: [usize; 2]) -> f64 {
    (1.0 / runs[0] as f64 + 1.0 / runs[1] as f64).sqrt()
}

/// What is left of so many runs, of which there are three at least, once both means are known.
fn freedom(runs: [usize; 2]) -> f64 {
    (runs[0] + runs[1]) as f64 - 2.0
}

#[cfg(test)]
mod tests {
    use super::super::permuted;
    use super::*;

    fn direction(from: &[f64], to: &[f64]) -> Ordering {
        Shift::of(from, to).expect("runs").direction(LEVEL, || permuted(from, to))
    }

    #[test]
    fn an_example_by_hand() {
        // Means 2 and 5, pooled variance 1, standard error √(2/3); t for 4 degrees of freedom and 99 % is 3.7469.
        let shift = Shift::of(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("runs");
        assert_eq!((shift.change, shift.spread, shift.runs), (3.0, Some(1.0), [3, 3]));
        let [low, high] = shift.interval(0.01).expect("a spread");
        assert!((low + 0.0593).abs() < 1e-4 && (high - 6.0593).abs() < 1e-4, "{low} … {high}");
        // One side alone: variance 1, standard error √(1/3); t for 2 degrees of freedom and 99 % is 6.9646.
        let [low, high] = interval(&[1.0, 2.0, 3.0], 0.01).expect("a spread");
        assert!((low + 2.0210).abs() < 1e-4 && (high - 6.0210).abs() < 1e-4, "{low} … {high}");
        assert_eq!((interval(&[1.0], 0.01), interval(&[], 0.01)), (None, None));
    }

    #[test]
    fn both_tests_have_to_agree() {
        assert_eq!(direction(&[1.0; 5], &[2.0; 5]), Ordering::Greater);
        assert_eq!(direction(&[2.0; 5], &[1.0; 5]), Ordering::Less);
        assert_eq!(direction(&[0.1 + 0.2, 0.3], &[0.3, 0.3]), Ordering::Equal);
        // Three runs a side: t is sure, the permutation test has only 20 ways.
        assert_eq!(direction(&[1.0, 1.1, 1.2], &[9.0, 9.1, 9.2]), Ordering::Equal);
        // One far off: the permutation test is sure, t is not.
        assert_eq!(direction(&[1.0, 1.1, 1.2, 1.3, 1.4], &[1.5, 1.6, 1.7, 1.8, 90.0]), Ordering::Equal);
    }

    #[test]
    fn the_noisier_the_surer() {
        for (spread, limit, expected) in
            [(0.03, 0.05, LEVEL), (0.06, 0.05, STRICT_LEVEL), (0.001, 0.0, STRICT_LEVEL), (9.0, f64::INFINITY, LEVEL)]
        {
            assert_eq!(level(spread, [5, 5], limit), expected, "{spread} {limit}");
        }
    }
}
