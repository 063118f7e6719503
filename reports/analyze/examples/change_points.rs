//! How often `framelag report trend` sees a change where there is none, and how often it finds a step of 10 % among runs
//! that differ by 3 %: the tables of `docs/store.md`. Seeded: the same figures each time.
//!
//!     cargo run --release -p framelag-analyze --example change_points

use std::f64::consts::TAU;

use analyze::trend::{SHUFFLES, changes};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Series of each row that have no change.
const SAME: u64 = 2_000;

/// Series of each row that have one.
const STEPS: u64 = 500;

/// The figure of a run without a step.
const LEVEL: f64 = 100.0;

/// The step.
const RISE: f64 = 1.1;

/// Standard deviation of runs, in parts of the figure.
const NOISE: f64 = 0.03;

/// How runs differ.
#[derive(Clone, Copy)]
enum Runs {
    /// Normally.
    Normal,
    /// Normally, but one of 20 is 30 % slower: something else ran on the machine.
    Disturbed,
}

fn main() {
    println!("Series without a change in which one is seen ({SAME} series a row, {SHUFFLES} shuffles):\n");
    println!("| runs | normal | with disturbed runs |\n|---:|---:|---:|");
    for count in [10, 20, 40, 80] {
        let [normal, disturbed] = [Runs::Normal, Runs::Disturbed].map(|runs| {
            let seen = (0..SAME).filter(|seed| !changes(&series(*seed, runs, count, 0), *seed).is_empty());
            percent(seen.count(), SAME)
        });
        println!("| {count} | {normal} | {disturbed} |");
    }
    println!("\nA step of +10 % among runs that differ by 3 % ({STEPS} series a row):\n");
    println!("| runs before | after | found (within 2 runs) | within 1 run | found among disturbed runs |");
    println!("|---:|---:|---:|---:|---:|");
    for (before, after) in [(5, 5), (10, 3), (10, 5), (20, 3), (20, 5), (20, 10), (40, 3), (40, 5), (40, 10)] {
        let near = |at: usize, off: usize| at.abs_diff(before) <= off;
        let found = |runs, off| {
            let one = |seed: &u64| changes(&series(*seed, runs, before, after), *seed).iter().any(|c| near(c.at, off));
            percent((0..STEPS).filter(one).count(), STEPS)
        };
        // A change that is placed elsewhere is none that was found.
        let (anywhere, there) = (found(Runs::Normal, 2), found(Runs::Normal, 1));
        println!("| {before} | {after} | {anywhere} | {there} | {} |", found(Runs::Disturbed, 2));
    }
}

/// So many runs, and so many more after the step.
fn series(seed: u64, runs: Runs, before: usize, after: usize) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed ^ 0x5eed);
    let mut level = |level: f64| {
        let disturbed = random.random::<f64>() < 0.05 && matches!(runs, Runs::Disturbed);
        level * (1.0 + NOISE * normal(&mut random)) * if disturbed { 1.3 } else { 1.0 }
    };
    (0..before + after).map(|run| level(if run < before { LEVEL } else { LEVEL * RISE })).collect()
}

/// A value of the standard normal distribution (Box and Muller 1958).
fn normal(random: &mut StdRng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (TAU * random.random::<f64>()).cos()
}

fn percent(count: usize, of: u64) -> String {
    format!("{:.1} %", count as f64 * 100.0 / of as f64)
}
