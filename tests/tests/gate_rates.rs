//! How often the gate is right, with fixed seeds, so that its rates cannot rot: what `docs/gate-method.md` promises holds for runs
//! that are drawn and for those that were recorded. The example `gate_rates` does the same at length.

use analyze::statistics::POWER;
use analyze::statistics::power::detectable;
use framelag_tests::binary;
use framelag_tests::gate_rates::{RUNS, Rates, Source, read, with_spread};

/// Most false alarms among runs that nothing changed between.
const MAX_FALSE: f64 = 0.01;

/// Least part of changes of 10 % that are found.
const MIN_FOUND: f64 = 0.95;

/// How far runs may differ for that, as a standard deviation.
const MAX_SPREAD: f64 = 0.03;

const COMPARISONS: u32 = 2_000;

/// p95 of the runs of one pool and path, in the order of time.
fn recorded(pool: &str, path: &str) -> Vec<f64> {
    let runs = read(&binary::repository().join("tests/data/gate-runs.csv"));
    let those = runs.iter().filter(|run| run.pool == pool && run.path == path);
    let values: Vec<f64> = those.map(|run| run.quantiles_ms[1]).collect();
    assert!(values.len() >= 4 * RUNS, "{} runs of {pool}, {path}", values.len());
    values
}

fn promised(name: &str, source: &Source) {
    assert!(source.spread() <= MAX_SPREAD + 1e-9, "{name}: {}", source.spread());
    let same = Rates::measure(source, 1.0, COMPARISONS, 1);
    assert!(same.found() <= MAX_FALSE, "{name}, nothing changed: {same}");
    let risen = Rates::measure(source, 1.1, COMPARISONS, 2);
    assert!(risen.found() >= MIN_FOUND, "{name}, 10 % longer: {risen}");
}

#[test]
fn what_is_promised_holds_for_runs_that_are_drawn() {
    for spread in [0.01, 0.02, 0.03] {
        promised(&format!("runs that differ by {spread}"), &Source::Drawn(spread, [RUNS; 2]));
    }
}

#[test]
fn what_is_promised_holds_for_runs_that_were_recorded() {
    let quiet = recorded("quiet", "200ms");
    promised("as they were", &Source::Any(quiet.clone()));
    // Most of what they differ by is a few runs far off. Scaled up these cost power, and no false alarms.
    let source = Source::Any(with_spread(&quiet, MAX_SPREAD));
    let (same, risen) = (Rates::measure(&source, 1.0, COMPARISONS, 1), Rates::measure(&source, 1.1, COMPARISONS, 2));
    assert!(same.found() <= MAX_FALSE, "{same}");
    assert!(risen.found() >= 0.8, "{risen}");
}

#[test]
fn delay_that_was_really_injected_is_found() {
    let source = Source::Two(recorded("quiet", "200ms"), recorded("quiet", "221ms"));
    let rates = Rates::measure(&source, 1.0, 200, 4);
    assert!(rates.found() >= MIN_FOUND, "{rates}");
}

#[test]
fn false_alarms_stay_rare_where_runs_differ_much() {
    let busy = recorded("busy", "direct");
    let source = Source::Any(busy);
    assert!(source.spread() > 0.3, "these do: {}", source.spread());
    let same = Rates::measure(&source, 1.0, COMPARISONS, 1);
    assert!(same.found() <= MAX_FALSE, "{same}");
    let risen = Rates::measure(&source, 1.1, COMPARISONS, 2);
    let decided = risen.all - risen.inconclusive;
    assert!(decided * 10 < risen.all, "nobody can tell 10 % there, and it says so: {risen}");
}

#[test]
fn what_is_said_to_be_detectable_is() {
    for runs in [[4, 4], [3, 5], [2, 9], [5, 5], [6, 7]] {
        for spread in [0.01, 0.03, 0.05] {
            let least = detectable(spread, runs, 1.05_f64.ln()).expect("so many runs can decide").exp();
            let rates = Rates::measure(&Source::Drawn(spread, runs), least, COMPARISONS, 3);
            let off = rates.found() - POWER;
            assert!(off.abs() < 0.02, "{runs:?}, {spread}: {least} is found in {rates}");
        }
    }
}
