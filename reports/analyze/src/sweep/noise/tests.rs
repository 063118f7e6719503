use super::*;
use crate::sweep::Sweep;
use crate::sweep::testing::{axes, latency, sweep};

const LEAST: f64 = 1e-12;

fn one_axis(cells: usize, repeats: u32, seed: u64, noise: impl Fn(usize) -> f64) -> Sweep {
    let values: Vec<String> = (0..cells).map(|value| value.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    sweep(axes(&[("x", &values)]), repeats, seed, |values, luck| {
        latency(50.0 * (noise(values[0]) * luck.normal()).exp())
    })
}

/// A cell's interval, at this share of cells over many sweeps, holds 50 ms.
fn coverage(cells: usize, repeats: u32, noise: impl Fn(usize) -> f64 + Copy) -> f64 {
    let (mut held, mut all) = (0, 0);
    for seed in 0..300 {
        let sweep = one_axis(cells, repeats, seed, noise);
        let found = Cell::all(&sweep);
        let means = Means::of(Metric::P50, &found).expect("there is latency");
        for cell in 0..cells {
            let estimate = means.cell(cell).expect("it ran");
            held +=
                usize::from((estimate.value - 50.0_f64.ln()).abs() <= estimate.half(1).expect("it ran more than once"));
            all += 1;
        }
    }
    held as f64 / all as f64
}

#[test]
fn intervals_of_cells_hold_their_truth() {
    for (cells, repeats) in [(1, 3), (2, 2), (3, 3), (12, 2), (12, 3)] {
        let held = coverage(cells, repeats, |_| 0.05);
        assert!((0.93..0.985).contains(&held), "{cells} cells, {repeats} repeats: {held}");
    }
}

#[test]
fn the_noisy_cell_does_not_make_the_quiet_ones_noisy() {
    let held = coverage(12, 3, |cell| if cell % 4 == 0 { 0.20 } else { 0.01 });
    assert!((0.92..0.99).contains(&held), "{held}");
    let sweep = one_axis(12, 3, 5, |cell| if cell % 4 == 0 { 0.20 } else { 0.01 });
    let cells = Cell::all(&sweep);
    let means = Means::of(Metric::P50, &cells).expect("there is latency");
    let half = |cell: usize| means.cell(cell).and_then(|estimate| estimate.half(1)).expect("it ran thrice");
    assert!(half(0) > 4.0 * half(1), "{} {}", half(0), half(1));
}

#[test]
fn alike_cells_share_their_noise() {
    // Equal sums of squares differ less than chance would have it.
    let shared = moderate(&[2.0, 2.0, 2.0, 2.0], &[2.0; 4], LEAST).expect("they ran more than once");
    assert!(shared.iter().all(|(variance, df)| (*variance - 1.0).abs() < 1e-9 && *df == 8.0), "{shared:?}");
}

/// Smyth's formulas, worked out by SciPy for these variances with 2 degrees of freedom each.
#[test]
fn moderates_as_published() {
    let variances = [1.0, 4.0, 0.01, 100.0, 0.5, 30.0];
    let squares = variances.map(|variance| variance * 2.0);
    let found = moderate(&squares, &[2.0; 6], LEAST).expect("they ran more than once");
    let expected = [0.876_635_5, 3.093_025_7, 0.145_226_8, 74.017_510, 0.507_237_2, 22.301_740];
    for ((variance, _), expected) in found.iter().zip(expected) {
        assert!((variance / expected - 1.0).abs() < 1e-4, "{found:?}");
    }
}

#[test]
fn without_repeats_nothing_is_known_of_noise() {
    let sweep = one_axis(4, 1, 1, |_| 0.05);
    let means = Means::of(Metric::P50, &Cell::all(&sweep)).expect("there is latency");
    assert_eq!(means.df, 0.0);
    assert_eq!(means.cell(2).expect("it ran").half(1), None);
    assert_eq!(means.difference(0, 1).expect("both ran").error, None);
}

#[test]
fn what_a_repetition_has_in_common_is_no_noise() {
    let mut run = 0;
    let sweep = sweep(axes(&[("x", &["a", "b", "c", "d", "e", "f"])]), 3, 3, |values, luck| {
        run += 1;
        let block = [0.0, 0.3, -0.2][(run - 1) / 6];
        latency(50.0 * (0.1 * values[0] as f64 + block + 0.005 * luck.normal()).exp())
    });
    let means = Means::of(Metric::P50, &Cell::all(&sweep)).expect("there is latency");
    assert!((means.df - 10.0).abs() < 1e-9, "{}", means.df);
    let apart = means.difference(1, 0).expect("both ran");
    assert!((apart.value - 0.1).abs() < 0.02 && apart.half(1).expect("known") < 0.02, "{apart:?}");
}

#[test]
fn a_latency_below_zero_is_compared_by_difference() {
    let sweep = sweep(axes(&[("x", &["a", "b"])]), 2, 3, |values, luck| {
        latency(values[0] as f64 * 5.0 - 2.0 + 0.1 * luck.normal())
    });
    let means = Means::of(Metric::P50, &Cell::all(&sweep)).expect("there is latency");
    assert_eq!(means.scale, Scale::Difference);
    assert!((means.difference(1, 0).expect("both ran").value - 5.0).abs() < 0.5);
}
