//! Simulated sweeps whose effects are known: an interval of 95 % must hold the truth in about 95 % of them.
//!
//! 1,000 seeded sweeps each; the limits are 3.6 standard deviations of a binomial count, so that a change of the generator
//! alone breaks no test.

use super::*;
use crate::sweep::testing::{axes, latency, sweep};
use crate::sweep::{Outcome, Sweep};

const SWEEPS: u64 = 1_000;

/// ln of the effect of each value: 3 × 2 × 2 of them.
const FIRST: [f64; 3] = [-0.10, 0.0, 0.10];
const SECOND: [f64; 2] = [-0.03, 0.03];

/// 3 × 2 × 2 with 3 repeats: effects multiply, each repetition has luck of its own, and each cell has its `noise`.
fn simulated(seed: u64, noise: impl Fn(&[usize]) -> f64) -> Sweep {
    let axes = axes(&[("a.x", &["1", "2", "3"]), ("a.y", &["u", "v"]), ("b.z", &["on", "off"])]);
    let mut blocks = Vec::new();
    let mut run = 0;
    sweep(axes, 3, seed, |values, luck| {
        if run % 12 == 0 {
            blocks.push(0.05 * luck.normal());
        }
        run += 1;
        let block = blocks[blocks.len() - 1];
        let effect = FIRST[values[0]] + SECOND[values[1]];
        latency(40.0 * (effect + block + noise(values) * luck.normal()).exp())
    })
}

fn percent(log: f64) -> f64 {
    log.exp_m1() * 100.0
}

fn holds(interval: Option<Interval>, truth: f64) -> bool {
    let ends = interval.and_then(|interval| interval.low.zip(interval.high));
    // Files have three decimals.
    ends.is_some_and(|(low, high)| low - 0.0005 <= truth && truth <= high + 0.0005)
}

/// What came of the effects in all sweeps.
#[derive(Debug, Default)]
struct Counts {
    first: u32,
    second: u32,
    span: u32,
    false_alarms: u32,
    interactions: u32,
}

fn count(noise: impl Fn(&[usize]) -> f64 + Copy, spoil: impl Fn(&mut Sweep)) -> Counts {
    let mut counts = Counts::default();
    for seed in 0..SWEEPS {
        let mut sweep = simulated(seed, noise);
        spoil(&mut sweep);
        let cells = Cell::all(&sweep);
        let means = Means::of(Metric::P50, &cells).expect("there is latency");
        let fit = Fit::new(&sweep.axes, &cells, &means);
        let [x, y, z] = [0, 1, 2].map(|axis| fit.effect(axis));
        counts.first += u32::from(holds(x.levels[0].change, percent(FIRST[0])));
        counts.second += u32::from(holds(y.levels[1].change, percent(SECOND[1])));
        let span = x.span.expect("three values");
        let right = span.smallest == "1" && span.largest == "3";
        counts.span += u32::from(right && holds(Some(span.by), percent(FIRST[2] - FIRST[0])));
        counts.false_alarms += u32::from(z.span.expect("two values").clear);
        counts.interactions += u32::from(fit.interaction(0, 1).expect("it can be told").clear);
    }
    counts
}

fn assert_honest(found: &Counts) {
    let about_95 = 925..=975;
    assert!(about_95.contains(&found.first), "{found:?}");
    assert!(about_95.contains(&found.second), "{found:?}");
    // All pairs at once: Bonferroni's inequality, so it may be more.
    assert!(found.span >= 925, "{found:?}");
    assert!((25..=75).contains(&found.false_alarms), "{found:?}");
    // 1 % of 1,000.
    assert!(found.interactions <= 24, "{found:?}");
}

#[test]
fn intervals_hold_known_effects() {
    assert_honest(&count(|_| 0.03, |_| {}));
}

#[test]
fn intervals_hold_known_effects_where_cells_failed() {
    let spoil = |sweep: &mut Sweep| {
        // Two whole cells, and a run of a third.
        for row in sweep.rows.iter_mut().filter(|row| [0, 5].contains(&row.cell) || (row.cell, row.repeat) == (7, 1)) {
            (row.outcome, row.figures) = (Outcome::Failed, Default::default());
        }
    };
    assert_honest(&count(|_| 0.03, spoil));
}

#[test]
fn intervals_hold_known_effects_where_some_cells_are_ten_times_noisier() {
    let found = count(|values| if values[0] == 2 { 0.10 } else { 0.01 }, |_| {});
    assert!(found.first >= 925 && found.second >= 925 && found.span >= 925, "{found:?}");
    assert!(found.false_alarms <= 75 && found.interactions <= 40, "{found:?}");
}

#[test]
fn an_effect_that_depends_on_another_is_named() {
    let axes = axes(&[("x", &["1", "2", "3"]), ("y", &["u", "v"]), ("z", &["on", "off"])]);
    let mut found = 0;
    for seed in 0..200 {
        let sweep = sweep(axes.clone(), 3, seed, |values, luck| {
            let both = if values[0] == 2 && values[1] == 1 { 0.25 } else { 0.0 };
            latency(40.0 * (both + 0.03 * luck.normal()).exp())
        });
        let cells = Cell::all(&sweep);
        let means = Means::of(Metric::P50, &cells).expect("there is latency");
        let fit = Fit::new(&sweep.axes, &cells, &means);
        found += u32::from(fit.interaction(0, 1).expect("it can be told").clear);
        let mean = fit.interaction(0, 1).expect("it can be told").typical;
        // The deviations of 0.25 in one of six fields are ±0.25·(1/2·1/3 …): 5.9 % in the mean of squares.
        assert!((3.0..10.0).contains(&mean), "{mean}");
    }
    assert!(found >= 195, "{found} of 200");
}

#[test]
fn settings_that_went_together_are_not_told_apart() {
    let axes = axes(&[("x", &["1", "2"]), ("y", &["u", "v"])]);
    let mut sweep = sweep(axes, 3, 1, |values, luck| latency(40.0 + values[0] as f64 * 9.0 + luck.normal()));
    // 1 went with u, 2 with v, and nothing else worked.
    sweep.rows.retain(|row| row.values[0] == row.values[1]);
    let cells = Cell::all(&sweep);
    let means = Means::of(Metric::P50, &cells).expect("there is latency");
    let effect = Fit::new(&sweep.axes, &cells, &means).effect(0);
    assert_eq!(effect.span, None);
    assert!(effect.why.expect("it says why").contains("another axis"));
}

#[test]
fn a_complete_matrix_gives_plain_means() {
    let axes = axes(&[("x", &["1", "2"]), ("y", &["u", "v"])]);
    let sweep = sweep(axes, 2, 1, |values, _| latency([[10.0, 20.0], [40.0, 80.0]][values[0]][values[1]]));
    let cells = Cell::all(&sweep);
    let means = Means::of(Metric::P50, &cells).expect("there is latency");
    let effect = Fit::new(&sweep.axes, &cells, &means).effect(0);
    // Geometric means: √(10·20), √(40·80), four times as much.
    let mean = |level: usize| effect.levels[level].mean.expect("it has runs").value;
    assert_eq!((mean(0), mean(1)), (14.142, 56.569));
    let span = effect.span.expect("two values");
    assert_eq!((span.smallest.as_str(), span.largest.as_str(), span.by.value, span.clear), ("1", "2", 300.0, true));
}
