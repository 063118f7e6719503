//! How often `framelag gate` is right: `cargo run --release -p framelag-tests --example gate_rates [COMPARISONS]`.
//!
//! Prints the tables of `docs/gate-method.md`. `gate_rates record POOL PATH FOLDER…` prints the lines of report folders instead,
//! as they are kept in `tests/data/gate-runs.csv`.

use std::path::Path;

use analyze::statistics::power::detectable;
use anyhow::{Context, Result};
use framelag_tests::binary;
use framelag_tests::gate_rates::{RUNS, Rates, Recorded, Source, read, row, with_spread};
use report::saved::Saved;

const COMPARISONS: u32 = 2_000;

/// What is added to the candidate.
const RISE: f64 = 1.1;

const QUANTILES: [&str; 3] = ["p50", "p95", "p99"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, [pool, path, folders @ ..])) if first == "record" => record(pool, path, folders),
        Some((count, _)) => tables(count.parse().context("how many comparisons?")?),
        None => tables(COMPARISONS),
    }
}

fn record(pool: &str, path: &str, folders: &[String]) -> Result<()> {
    for folder in folders {
        match row(pool, path, &Saved::open(Path::new(folder))?.run) {
            Some(row) => println!("{row}"),
            None => eprintln!("{folder} is inconclusive"),
        }
    }
    Ok(())
}

fn tables(count: u32) -> Result<()> {
    let runs = read(&binary::repository().join("tests/data/gate-runs.csv"));
    header("Values drawn at random: normal logarithms");
    for spread in [0.01, 0.02, 0.03, 0.04, 0.05, 0.1] {
        line("drawn", &Source::Drawn(spread, [RUNS; 2]), count);
    }
    detected(count)?;
    header("Recorded runs, drawn at random");
    for (name, values) in pools(&runs) {
        line(&name, &Source::Any(values), count);
    }
    header("Recorded runs whose deviations are scaled to 3 %");
    for (name, values) in pools(&runs) {
        line(&name, &Source::Any(with_spread(&values, 0.03)), count);
    }
    header("Recorded runs in the order of time: one side after the other");
    for (name, values) in pools(&runs) {
        line(&name, &Source::InARow(values), count);
    }
    header("Recorded runs in the order of time: the sides take turns");
    for (name, values) in pools(&runs) {
        line(&name, &Source::InTurns(values), count);
    }
    live(&runs, count);
    Ok(())
}

/// Whether what is said to be detectable is.
fn detected(count: u32) -> Result<()> {
    println!("\n### What is said to be detectable\n");
    println!("| runs | differ by | smallest rise | found (95 % interval) | exit 3 |\n|---|---|---|---|---|");
    for runs in [[4, 4], [3, 5], [2, 9], [5, 5], [10, 10]] {
        for spread in [0.01, 0.03, 0.05] {
            let least = detectable(spread, runs, 1.05_f64.ln()).context("so many runs can decide")?.exp();
            let rates = Rates::measure(&Source::Drawn(spread, runs), least, count, 3);
            let [baseline, candidate] = runs;
            let (differ, least) = (spread * 100.0, (least - 1.0) * 100.0);
            println!("| {baseline} and {candidate} | {differ:.1} % | +{least:.2} % | {rates} |");
        }
    }
    Ok(())
}

fn header(title: &str) {
    println!("\n### {title}\n");
    println!("| runs | differ by | nothing changed: false alarms (95 % interval) | exit 3 | +10 %: found | exit 3 |");
    println!("|---|---|---|---|---|---|");
}

fn line(name: &str, source: &Source, count: u32) {
    let (same, risen) = (Rates::measure(source, 1.0, count, 1), Rates::measure(source, RISE, count, 2));
    println!("| {name} | {:.1} % | {same} | {risen} |", source.spread() * 100.0);
}

/// The path of the runs that are the candidate of those through 200 ms.
const SLOWER: &str = "221ms";

/// The values of each quantile of each pool and path with enough runs.
fn pools(runs: &[Recorded]) -> Vec<(String, Vec<f64>)> {
    let baselines = runs.iter().filter(|run| run.path != SLOWER);
    let mut names: Vec<_> = baselines.map(|run| (run.pool.as_str(), run.path.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let all = names.into_iter().flat_map(|(pool, path)| {
        QUANTILES
            .iter()
            .enumerate()
            .map(move |(i, quantile)| (format!("{pool}, {path}, {quantile}"), values(runs, pool, path, i)))
    });
    all.filter(|(_, values)| values.len() >= 4 * RUNS).collect()
}

fn values(runs: &[Recorded], pool: &str, path: &str, quantile: usize) -> Vec<f64> {
    let those = runs.iter().filter(|run| run.pool == pool && run.path == path);
    those.map(|run| run.quantiles_ms[quantile]).collect()
}

/// Delay that the proxy injected: no arithmetic on figures.
fn live(runs: &[Recorded], count: u32) {
    println!("\n### 21 ms more injected by `framelag impair`, on top of 200 ms\n");
    println!("| runs | differ by | found (95 % interval) | exit 3 |\n|---|---|---|---|");
    let mut pools: Vec<_> = runs.iter().map(|run| run.pool.as_str()).collect();
    pools.sort_unstable();
    pools.dedup();
    for pool in pools {
        for (i, quantile) in QUANTILES.iter().enumerate() {
            let [baseline, candidate] = ["200ms", SLOWER].map(|path| values(runs, pool, path, i));
            if baseline.len() >= RUNS && candidate.len() >= RUNS {
                let source = Source::Two(baseline, candidate);
                let rates = Rates::measure(&source, 1.0, count, 4);
                println!("| {pool}, {quantile} | {:.1} % | {rates} |", source.spread() * 100.0);
            }
        }
    }
}
