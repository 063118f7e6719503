//! What so many runs can show: the smallest change that is found in [`POWER`] of cases, found by trying.
//!
//! Both tests, the limit and the level have to be reckoned with, and no formula has all of them: Bloom's leaves out the steps of
//! the permutation test, which with few runs ask for more than t does. So normal runs without a change are drawn many times over.
//! What is added to the candidate's runs moves its mean and not the spread, and makes neither test harder to pass; so each
//! drawing has one change from which on it is a regression, and the wanted one is the [`POWER`] quantile of these.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::lock::lock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::permutation::{deal, ways};
use super::shift::{calm, reach, spread};
use super::student::normal_quantile;
use super::{EXACT_LEVEL, LEVEL, MAX_RUNS, POWER, STRICT_LEVEL, can_decide, mean};

/// More runs than this are not asked for by number.
pub(crate) const MAX_MORE: usize = 100;

/// Drawings: the share that is found is that of [`POWER`] within 0.5 % (one standard error).
const DRAWINGS: usize = 2_000;

/// Decides over the drawings, so that the same runs are told the same.
const SEED: u64 = 2;

/// Up to so many ways to deal the runs out the permutation test is reckoned in: 6 runs a side have 924. Beyond, its steps are
/// fine, and t, which is held to a stricter level, decides.
const MAX_WAYS: f64 = 1_000.0;

/// Runs without a change, whose standard deviation in truth is 1.
#[derive(Clone, Copy, Debug)]
struct Drawing {
    /// Mean of the candidate − mean of the baseline.
    change: f64,
    /// Their standard deviation, as it came out.
    spread: f64,
    /// What has to be added to the candidate until the permutation test passes; `None` where it has no say.
    exact: Option<f64>,
}

/// The smallest rise that the gate finds among such runs in [`POWER`] of cases: more than noise and more than `limit`. `None` where
/// it finds none.
pub fn detectable(spread: f64, runs: [usize; 2], limit: f64) -> Option<f64> {
    limit.is_finite().then(|| smallest(spread, runs, limit, calm(runs, limit)))?
}

/// The smallest rise that such runs show as more than noise in [`POWER`] of cases, where no limit is set; `None` where they show
/// none.
pub(crate) fn distinguishable(spread: f64, runs: [usize; 2]) -> Option<f64> {
    smallest(spread, runs, 0.0, f64::INFINITY)
}

/// The smallest rise, where runs that differ by more than `calm` are judged at [`STRICT_LEVEL`].
fn smallest(spread: f64, runs: [usize; 2], limit: f64, calm: f64) -> Option<f64> {
    if !can_decide(runs) {
        return None;
    }
    let [lax, strict] = [LEVEL, STRICT_LEVEL].map(|level| reach(level, runs));
    let found_from = |drawing: &Drawing| {
        let own = spread * drawing.spread;
        let noise = own * if own <= calm { lax } else { strict };
        let exact = drawing.exact.map_or(f64::NEG_INFINITY, |exact| spread * exact);
        (limit.max(noise) - spread * drawing.change).max(exact)
    };
    let mut least: Vec<f64> = drawings(runs).iter().map(found_from).collect();
    let at = (POWER * least.len() as f64).ceil() as usize - 1;
    Some(*least.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// How many more runs a side it takes until they are `enough`; `None` beyond [`MAX_MORE`].
pub(crate) fn more_runs(runs: [usize; 2], enough: impl Fn([usize; 2]) -> bool) -> Option<usize> {
    let enough = |more: usize| enough(runs.map(|runs| runs + more));
    // The more runs, the smaller what they show.
    let (mut few, mut many) = (0, MAX_MORE.min(MAX_RUNS.saturating_sub(runs[0].max(runs[1]))));
    if !enough(many) {
        return None;
    }
    while many - few > 1 {
        let middle = (few + many) / 2;
        if enough(middle) { many = middle } else { few = middle }
    }
    Some(many)
}

/// The drawings for so many runs, which are the same each time.
fn drawings(runs: [usize; 2]) -> Arc<[Drawing]> {
    static DRAWN: Mutex<BTreeMap<[usize; 2], Arc<[Drawing]>>> = Mutex::new(BTreeMap::new());
    let mut drawn = lock(&DRAWN);
    let drawings = drawn.entry(runs).or_insert_with(|| {
        let mut random = StdRng::seed_from_u64(SEED);
        (0..DRAWINGS).map(|_| Drawing::of(runs, &mut random)).collect()
    });
    Arc::clone(drawings)
}

impl Drawing {
    fn of(runs: [usize; 2], random: &mut StdRng) -> Self {
        let [baseline, candidate] = runs.map(|count| normal(count, random));
        let change = mean(&candidate).unwrap_or_default() - mean(&baseline).unwrap_or_default();
        let exact = (ways(runs) <= MAX_WAYS).then(|| exact(&baseline, &candidate));
        Self { change, spread: spread(&baseline, &candidate), exact }
    }
}

/// So many values around 0, whose standard deviation in truth is 1.
fn normal(count: usize, random: &mut StdRng) -> Vec<f64> {
    (0..count).map(|_| normal_quantile(random.random_range(f64::MIN_POSITIVE..1.0))).collect()
}

/// What has to be added to the candidate's values until at most [`EXACT_LEVEL`] of all ways to deal them out have a sum as large.
///
/// A way that gives `n` of the candidate's values away for as many of the baseline's loses `n` times what is added. So it
/// has as large a sum up to the n-th part of what it gains without.
fn exact(baseline: &[f64], candidate: &[f64]) -> f64 {
    let mut reached_up_to = Vec::new();
    for count in 1..=baseline.len().min(candidate.len()) {
        let [taken, given] = [baseline, candidate].map(|side| {
            let mut sums = Vec::new();
            deal(side, count, 0.0, &mut |sum| sums.push(sum));
            sums
        });
        let gains = taken.iter().flat_map(|taken| given.iter().map(move |given| taken - given));
        reached_up_to.extend(gains.map(|gain| gain / count as f64));
    }
    // The way that they are is one of those allowed.
    let allowed = (EXACT_LEVEL * ways([baseline.len(), candidate.len()]).round() + 1e-9) as usize;
    let descending = |one: &f64, other: &f64| other.total_cmp(one);
    *reached_up_to.select_nth_unstable_by(allowed.saturating_sub(1), descending).1
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::super::{Shift, level, permuted};
    use super::*;

    #[test]
    fn what_runs_without_spread_show_is_the_limit() {
        assert_eq!(detectable(0.0, [5, 5], 0.25), Some(0.25));
        assert_eq!(detectable(0.1, [5, 5], f64::INFINITY), None);
        assert_eq!(detectable(0.1, [3, 3], 0.25), None);
    }

    #[test]
    fn what_is_added_is_as_little_as_the_permutation_test_takes() {
        for runs in [[4, 4], [5, 5], [3, 5], [2, 9], [9, 2], [1, 49]] {
            let mut random = StdRng::seed_from_u64(9);
            for _ in 0..20 {
                let [baseline, candidate] = runs.map(|count| (0..count).map(|_| random.random()).collect::<Vec<f64>>());
                let least = exact(&baseline, &candidate);
                let p = |added: f64| {
                    let candidate: Vec<f64> = candidate.iter().map(|value| value + added).collect();
                    permuted(&baseline, &candidate)[0]
                };
                assert!(p(least + 1e-6) <= EXACT_LEVEL && p(least - 1e-6) > EXACT_LEVEL, "{runs:?} {least}");
            }
        }
    }

    #[test]
    fn more_runs_find_what_fewer_cannot() {
        let (spread, target, limit) = (0.1, 0.15, 0.05);
        let shown = |spread: f64, target: f64, limit: f64| {
            move |runs| detectable(spread, runs, limit).is_some_and(|smallest| smallest <= target)
        };
        let more = more_runs([5, 5], shown(spread, target, limit)).expect("some");
        let at = |more: usize| detectable(spread, [5 + more; 2], limit).expect("enough runs");
        assert!(at(more) <= target && at(more - 1) > target, "{more}");
        assert_eq!(more_runs([5, 5], shown(1.0, 0.01, 0.0)), None);
        assert_eq!(more_runs([3, 3], can_decide), Some(1));
        assert_eq!(more_runs([0, 0], can_decide), Some(4));
    }

    #[test]
    fn without_a_limit_noise_alone_counts() {
        let least = distinguishable(0.03, [5, 5]).expect("enough runs");
        assert!(least < detectable(0.03, [5, 5], 0.05).expect("enough runs"));
        assert!(least < detectable(0.03, [5, 5], 0.0).expect("enough runs"), "which is strict");
        assert_eq!(distinguishable(0.03, [3, 3]), None);
    }

    /// With other drawings than those that it was found by.
    #[test]
    fn what_is_said_to_be_detectable_is_found_as_often_as_said() {
        const TRIALS: u32 = 2_000;
        let (spread, limit) = (0.03, 0.05);
        for runs in [[3, 5], [4, 4], [5, 5], [2, 9], [7, 7], [3, 30]] {
            let least = detectable(spread, runs, limit).expect("enough runs");
            let mut random = StdRng::seed_from_u64(77);
            let found = (0..TRIALS).filter(|_| {
                let [baseline, mut candidate] = runs.map(|count| normal(count, &mut random));
                candidate.iter_mut().for_each(|value| *value += least / spread);
                let [baseline, candidate] =
                    [baseline, candidate].map(|side| side.iter().map(|value| value * spread).collect::<Vec<_>>());
                let shift = Shift::of(&baseline, &candidate).expect("runs");
                let level = level(shift.spread.expect("several"), runs, limit);
                let rises = shift.direction(level, || permuted(&baseline, &candidate)) == Ordering::Greater;
                shift.change > limit && rises
            });
            let found = f64::from(found.count() as u32) / f64::from(TRIALS);
            assert!((found - POWER).abs() < 0.02, "{runs:?}: {found}");
        }
    }
}
