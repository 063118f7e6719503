//! The exact permutation test of the difference of two means.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// How often the test may be wrong, one-sided. Its steps are 1/70 with 4 runs a side, and 1/252 with 5: a level of 1 % would rule
/// out 4 runs, and find a change of three standard deviations with 5 in 92 of 100 cases instead of 96.
pub(crate) const EXACT_LEVEL: f64 = 0.02;

/// Up to so many ways to deal the runs out are counted one by one (10 runs a side have 184,756).
const MAX_COUNTED: f64 = 200_000.0;

/// Beyond, so many are drawn.
const DRAWN: u32 = 20_000;

/// Decides over the draws, so that the same runs give the same verdict.
const SEED: u64 = 1;

/// Whether so many runs can show anything: the test has its steps.
pub(crate) fn can_decide(runs: [usize; 2]) -> bool {
    1.0 / ways(runs) <= EXACT_LEVEL
}

/// Whether all ways to deal so many runs out are counted; else some are drawn.
pub(crate) fn is_counted(runs: [usize; 2]) -> bool {
    ways(runs) <= MAX_COUNTED
}

/// In how many ways the runs can be dealt out to sides of this size.
pub(super) fn ways([from, to]: [usize; 2]) -> f64 {
    (1..=to).map(|i| (from + i) as f64 / i as f64).product()
}

/// Share of all ways to deal the values out in which the sum of `to` is at least as large, and at most as large.
pub(crate) fn permuted(from: &[f64], to: &[f64]) -> [f64; 2] {
    let runs = [from.len(), to.len()];
    let mut all = [to, from].concat();
    let observed: f64 = to.iter().sum();
    // Equal values add up to sums that differ by their last bits.
    let slack = 1e-9 * all.iter().map(|value| value.abs()).sum::<f64>();
    let [least, most] = [f64::min as fn(f64, f64) -> f64, f64::max];
    let gap = |above: &[f64], below: &[f64]| {
        above.iter().copied().fold(f64::INFINITY, least) - below.iter().copied().fold(f64::NEG_INFINITY, most)
    };
    // Where the sides do not overlap, no other way has a sum as far out.
    if gap(to, from) > slack {
        return [1.0 / ways(runs).round(), 1.0];
    }
    if gap(from, to) > slack {
        return [1.0, 1.0 / ways(runs).round()];
    }
    let mut tally = [0_u32; 2];
    let mut count = |sum: f64| {
        tally[0] += u32::from(sum >= observed - slack);
        tally[1] += u32::from(sum <= observed + slack);
    };
    if is_counted(runs) {
        deal(&all, to.len(), 0.0, &mut count);
        return tally.map(|count| f64::from(count) / ways(runs).round());
    }
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..DRAWN {
        let (dealt, _) = all.partial_shuffle(&mut random, to.len());
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
    fn ties_count_as_at_least_as_large() {
        assert_eq!(permuted(&[0.1 + 0.2, 0.3], &[0.3, 0.3]), [1.0, 1.0]);
    }

    #[test]
    fn sides_that_do_not_overlap_are_one_way_of_all() {
        let (low, high) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0]);
        assert_eq!(permuted(&low, &high), [1.0 / 35.0, 1.0]);
        assert_eq!(permuted(&high, &low), [1.0, 1.0 / 35.0]);
        // The largest of one side is the smallest of the other: swapping them changes nothing.
        assert_eq!(permuted(&[1.0, 2.0], &[2.0, 3.0]), [2.0 / 6.0, 1.0]);
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
    fn drawing_agrees_with_counting() {
        let value = |i: usize| f64::from((i * 7919 % 101) as u32);
        let from: Vec<f64> = (0..10).map(value).collect();
        let to: Vec<f64> = (10..21).map(|i| value(i) + 20.0).collect();
        let drawn = permuted(&from, &to);
        let mut all = [0_u32; 2];
        let values = [&to[..], &from[..]].concat();
        let observed: f64 = to.iter().sum();
        deal(&values, to.len(), 0.0, &mut |sum| {
            all[0] += u32::from(sum >= observed - 1e-6);
            all[1] += 1;
        });
        let exact = f64::from(all[0]) / f64::from(all[1]);
        assert_eq!(f64::from(all[1]), ways([10, 11]).round());
        assert!((drawn[0] - exact).abs() < 0.01, "{drawn:?} {exact}");
    }
}
