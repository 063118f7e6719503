use super::*;
use crate::sweep::cells::Cell;
use crate::sweep::testing::{Noise, axes, sweep};
use crate::sweep::{Figures, Sweep};

/// Latency, bit rate and PSNR of seven settings: A, B and C are the front; D is beaten by B and E by C clearly; F by A, in bits and
/// picture, but with noise of 3 % it might be faster; G is like B.
const TRUTH: [(f64, f64, f64); 7] = [
    (20.0, 500.0, 32.0),
    (30.0, 1_000.0, 36.0),
    (50.0, 2_000.0, 40.0),
    (45.0, 1_000.0, 36.0),
    (80.0, 2_400.0, 38.0),
    (20.0, 800.0, 30.0),
    (30.0, 1_000.0, 36.0),
];

fn run((ms, kbps, db): (f64, f64, f64), luck: &mut Noise) -> Figures {
    Figures {
        p50_ms: Some(ms * (0.03 * luck.normal()).exp()),
        bitrate_kbps: Some(kbps * (0.003 * luck.normal()).exp()),
        psnr_db: Some(db + 0.03 * luck.normal()),
        ..Figures::default()
    }
}

fn simulated(seed: u64, repeats: u32) -> Sweep {
    let axes = axes(&[("x", &["A", "B", "C", "D", "E", "F", "G"])]);
    sweep(axes, repeats, seed, |values, luck| run(TRUTH[values[0]], luck))
}

fn standings(sweep: &Sweep) -> Front {
    let cells = Cell::all(sweep);
    let samples: Vec<Samples> = Metric::ALL.into_iter().filter_map(|metric| Samples::of(metric, &cells)).collect();
    front(Metric::P50, &[(0..cells.len()).collect()], &samples).expect("there is latency")
}

#[test]
fn finds_a_known_front() {
    const SWEEPS: u64 = 500;
    let (mut wrongly_out, mut wrongly_on, mut out, mut on, mut told_apart) = (0, 0, 0, 0, 0);
    for seed in 0..SWEEPS {
        let found = standings(&simulated(seed, 5));
        let is = |cell: usize, standing| found.standing[cell] == Some(standing);
        wrongly_out += u32::from([0, 1, 2].iter().any(|cell| is(*cell, Standing::Out)));
        wrongly_on += u32::from([3, 4, 5].iter().any(|cell| is(*cell, Standing::On)));
        out += [3, 4].iter().filter(|cell| is(**cell, Standing::Out)).count();
        on += [0, 2].iter().filter(|cell| is(**cell, Standing::On)).count();
        told_apart += u32::from(is(1, Standing::On) || is(6, Standing::On));
    }
    // At most 5 %, as promised; in truth less, since it takes two tests and a margin.
    assert!(wrongly_out <= 25 && wrongly_on <= 25, "{wrongly_out} {wrongly_on}");
    assert!(out >= 950, "{out} of 1000");
    assert!(on >= 950, "{on} of 1000");
    // Both of two that are alike are on it, which mostly takes more runs than these to be sure of.
    assert!(told_apart <= 150, "{told_apart}");
}

#[test]
fn with_many_repeats_two_that_are_alike_are_both_on_it() {
    let found = standings(&simulated(1, 120));
    assert_eq!((found.standing[1], found.standing[6]), (Some(Standing::On), Some(Standing::On)));
}

#[test]
fn with_too_few_repeats_nothing_is_sure() {
    for repeats in [1, 3] {
        let found = standings(&simulated(1, repeats));
        assert!(!found.noise_known, "{repeats}");
        assert!(found.standing.iter().all(|standing| matches!(standing, None | Some(Standing::Perhaps))));
        assert_eq!((found.standing[0], found.standing[4]), (Some(Standing::Perhaps), None));
    }
    assert!(standings(&simulated(1, 4)).noise_known);
}

#[test]
fn without_a_picture_s_quality_bits_and_latency_are_the_front() {
    let mut sweep = simulated(1, 5);
    sweep.rows.iter_mut().for_each(|row| row.figures.psnr_db = None);
    let found = standings(&sweep);
    assert_eq!(found.objectives, [Metric::P50, Metric::Bitrate]);
    // A has the lowest latency and the fewest bits.
    assert_eq!(found.standing[0], Some(Standing::On));
    assert!([1, 2, 3, 4].iter().all(|cell| found.standing[*cell] == Some(Standing::Out)), "{found:?}");
}

#[test]
fn what_was_not_measured_in_one_cell_beats_nothing() {
    let mut sweep = simulated(1, 5);
    let unseen = sweep.rows.iter_mut().filter(|row| row.values[0] == 0);
    unseen.for_each(|row| row.figures.psnr_db = None);
    // F is slower in nothing but worse in bits than A: without A's picture that is not enough.
    assert_eq!(standings(&sweep).standing[5], Some(Standing::Perhaps));
}

#[test]
fn a_path_that_changes_nothing_is_on_the_front() {
    let mut sweep = simulated(1, 5);
    // The slowest, with the most bits.
    let lossless = sweep.rows.iter_mut().filter(|row| row.values[0] == 4);
    lossless.for_each(|row| row.figures.psnr_db = Some(crate::quality::MAX_PSNR_DB));
    let found = standings(&sweep);
    assert_eq!((found.standing[4], found.standing[3]), (Some(Standing::On), Some(Standing::Out)), "{found:?}");
}

#[test]
fn networks_are_compared_each_by_itself() {
    let axes = axes(&[("x", &["A", "E"]), ("downlink.loss", &["0%", "5%"])]);
    let sweep = sweep(axes, 5, 1, |values, luck| {
        let (ms, kbps, db) = TRUTH[values[0] * 4];
        run((ms * if values[1] == 1 { 9.0 } else { 1.0 }, kbps, db), luck)
    });
    let cells = Cell::all(&sweep);
    let groups = crate::sweep::cells::by_condition(&sweep.axes, &cells);
    assert_eq!(groups, [[0, 2], [1, 3]]);
    let samples: Vec<Samples> = Metric::ALL.into_iter().filter_map(|metric| Samples::of(metric, &cells)).collect();
    let found = front(Metric::P50, &groups, &samples).expect("there is latency");
    assert_eq!(found.standing, [Some(Standing::On); 4], "A is fast and E is sharp, with loss and without");
}
