//! Change points by E-Divisive (Matteson and James 2014, "A nonparametric approach for multiple change point analysis of
//! multivariate data", J. Am. Stat. Assoc. 109(505), 334–345): the method that performance tests at MongoDB are watched
//! with (Daly et al. 2020, ICPE) and that Hunter came from (Fleming et al. 2023, ICPE).
//!
//! Two stretches of values differ by their energy distance (α = 1): the mean |x − y| between them, less that within
//! them. The split with the largest one is tested by shuffling the values within the stretches known so far: how often does
//! a shuffle have a split as good? Where it is rare, the split is kept and the search goes on in its two parts. No
//! distribution is assumed, and a single value far off makes no change: a stretch has [`MIN_RUNS`].

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// The fewest values of a stretch.
pub const MIN_RUNS: usize = 3;

/// Chance of seeing a change in values that have none.
pub const LEVEL: f64 = 0.01;

/// Shuffles of a test.
pub const SHUFFLES: usize = 999;

/// Where values change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The first value of the new stretch.
    pub at: usize,
    /// The chance of such a split without a change: at most `LEVEL`.
    pub p: f64,
}

/// A split of a stretch.
#[derive(Clone, Copy, Debug)]
struct Split {
    at: usize,
    /// The scaled energy distance.
    q: f64,
}

/// The changes in `values`, in their order. `seed` decides over the shuffles: the same one gives the same answer.
///
/// Takes time with the square of the number of values, and as many shuffles: limit it.
pub fn changes(values: &[f64], seed: u64) -> Vec<Change> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut bounds = vec![0, values.len()];
    let mut found: Vec<(usize, f64)> = Vec::new();
    while let Some(split) = best(values, &bounds) {
        let Some(p) = chance(values, &bounds, split.q, &mut random) else { break };
        found.push((split.at, p));
        bounds.push(split.at);
        bounds.sort_unstable();
    }
    found.sort_unstable_by_key(|(at, _)| *at);
    found.into_iter().map(|(at, p)| Change { at, p }).collect()
}

/// The chance of a split as good as `q` in values without any further change; `None` above [`LEVEL`].
///
/// Stops as soon as that is certain (Besag and Clifford 1991, Biometrika 78(2)): most series have no change.
fn chance(values: &[f64], bounds: &[usize], q: f64, random: &mut StdRng) -> Option<f64> {
    let most = (LEVEL * (SHUFFLES + 1) as f64).round() as usize - 1;
    let mut shuffled = values.to_vec();
    let mut as_good = 0;
    for _ in 0..SHUFFLES {
        for stretch in bounds.windows(2) {
            shuffled[stretch[0]..stretch[1]].shuffle(random);
        }
        // Sums in another order differ in their last digits.
        if best(&shuffled, bounds).is_some_and(|split| split.q >= q * (1.0 - 1e-9)) {
            as_good += 1;
            if as_good > most {
                return None;
            }
        }
    }
    Some((as_good + 1) as f64 / (SHUFFLES + 1) as f64)
}

/// The best split of all stretches.
fn best(values: &[f64], bounds: &[usize]) -> Option<Split> {
    let splits = bounds.windows(2).filter_map(|stretch| {
        let split = best_of(&values[stretch[0]..stretch[1]])?;
        Some(Split { at: stretch[0] + split.at, q: split.q })
    });
    splits.max_by(|a, b| a.q.total_cmp(&b.q))
}

/// The best split of one stretch: all before it against what follows, to the end or, where a change is taken back
/// later, to any earlier value.
fn best_of(values: &[f64]) -> Option<Split> {
    let n = values.len();
    if n < 2 * MIN_RUNS {
        return None;
    }
    let sums = Sums::new(values);
    let mut best: Option<Split> = None;
    for at in MIN_RUNS..=n - MIN_RUNS {
        for end in at + MIN_RUNS..=n {
            let q = energy(&sums, at, end);
            if best.is_none_or(|best| q > best.q) {
                best = Some(Split { at, q });
            }
        }
    }
    best
}

/// The scaled energy distance of the values before `at` and those from there to `end`.
fn energy(sums: &Sums, at: usize, end: usize) -> f64 {
    let (n, m) = (at as f64, (end - at) as f64);
    let pairs = |count: f64| count * (count - 1.0) / 2.0;
    let between = 2.0 * sums.of((0, at), (at, end)) / (n * m);
    let before = sums.of((0, at), (0, at)) / 2.0 / pairs(n);
    let after = sums.of((at, end), (at, end)) / 2.0 / pairs(m);
    n * m / (n + m) * (between - before - after)
}

/// Sums of |x − y| over blocks of all pairs.
struct Sums {
    side: usize,
    /// Over all pairs before a row and a column.
    up_to: Vec<f64>,
}

impl Sums {
    fn new(values: &[f64]) -> Self {
        let side = values.len() + 1;
        let mut up_to = vec![0.0; side * side];
        for (row, x) in values.iter().enumerate() {
            let mut of_row = 0.0;
            for (column, y) in values.iter().enumerate() {
                of_row += (x - y).abs();
                up_to[(row + 1) * side + column + 1] = up_to[row * side + column + 1] + of_row;
            }
        }
        Self { side, up_to }
    }

    fn of(&self, rows: (usize, usize), columns: (usize, usize)) -> f64 {
        let at = |row: usize, column: usize| self.up_to[row * self.side + column];
        at(rows.1, columns.1) - at(rows.0, columns.1) - at(rows.1, columns.0) + at(rows.0, columns.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// Values around `mean`, spread evenly by 3 % to each side.
    fn around(mean: f64, count: usize, random: &mut StdRng) -> Vec<f64> {
        (0..count).map(|_| mean * random.random_range(0.97..1.03)).collect()
    }

    #[test]
    fn the_energy_distance_is_that_of_the_paper() {
        // By hand: between 4 × 10 / 4, within 1 each; 2 × 10 − 1 − 1 = 18, times 2 × 2 / 4.
        let sums = Sums::new(&[0.0, 1.0, 10.0, 11.0]);
        assert!((energy(&sums, 2, 4) - 18.0).abs() < 1e-12);
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let mut random = StdRng::seed_from_u64(7);
        let values = [around(100.0, 15, &mut random), around(120.0, 10, &mut random)].concat();
        let found = changes(&values, 1);
        assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), [15]);
        assert!(found[0].p <= LEVEL, "{found:?}");
        assert_eq!(changes(&values, 1), found, "the same seed is the same answer");
    }

    #[test]
    fn what_was_taken_back_is_two_changes() {
        let mut random = StdRng::seed_from_u64(8);
        let parts = [(100.0, 12), (130.0, 8), (100.0, 12)].map(|(mean, count)| around(mean, count, &mut random));
        let found: Vec<_> = changes(&parts.concat(), 1).iter().map(|change| change.at).collect();
        assert_eq!(found, [12, 20]);
    }

    #[test]
    fn outliers_equal_values_and_few_values_are_no_change() {
        let mut random = StdRng::seed_from_u64(9);
        let mut values = around(100.0, 30, &mut random);
        values[11] = 900.0;
        values[20] = 5.0;
        assert_eq!(changes(&values, 1), []);
        assert_eq!(changes(&[5.0; 40], 1), []);
        assert_eq!(changes(&[1.0, 1.0, 1.0, 9.0, 9.0, 9.0], 1), [], "of 20 orders 2 are as good");
        assert_eq!(changes(&[], 1), []);
    }
}
