use std::time::Duration;

use measure::figures::LatencyMs;
use measure::latency::Distribution;
use report::tally::Tally;
use serde_json::json;

use super::*;
use crate::store::{Listed, RunId};
use crate::testing::{about, now};

/// A day's run with 200 latencies, the largest of which are about `p99` ms.
fn run(day: usize, p99: f64) -> (Run, String) {
    let mut latency = Distribution::default();
    (1..=200).for_each(|n| latency.record((p99 * 5.0) as i64 * n));
    let mut tally = Tally::new(about(Duration::ZERO));
    tally.finish(now(8_000), &mut |_| {});
    let mut run = tally.run(false);
    run.started = format!("2026-{:02}-{:02}T08:00:00.000000Z", 1 + day / 28, 1 + day % 28);
    run.outcome = Outcome::Ok;
    run.latency_ms = LatencyMs::new(&latency, 0);
    run.host = json!({ "os": "linux", "cpu": "x", "cpus": 2, "kernel": format!("6.{day}") }).into();
    (run, latency.encoded().expect("200 values"))
}

/// 12 runs around 100 ms, 8 around 120, each with at most 3 % to either side.
fn step() -> Vec<(Run, String)> {
    const WOBBLE: [f64; 7] = [0.97, 1.01, 0.99, 1.03, 1.0, 0.98, 1.02];
    (0..20).map(|day| run(day, if day < 12 { 100.0 } else { 120.0 } * WOBBLE[day % 7])).collect()
}

fn trend(runs: &[(Run, String)], all: bool) -> Trend {
    let labels = BTreeMap::from([("commit".to_owned(), "0123456789abcdef".to_owned())]);
    let kept = |(run, histogram): &(Run, String)| {
        let listed = Listed { id: RunId("<id>".to_owned()), labels: labels.clone(), ..Listed::default() };
        Kept { listed, run: run.clone(), histogram: Some(histogram.clone()) }
    };
    let runs = runs.iter().map(kept).collect();
    let metrics = ["p50", "p99"].map(|name| name.parse().expect(name));
    Trend::new(Comparable { runs, left_out: Vec::new() }, &metrics, all)
}

#[test]
fn a_step_is_a_change_whatever_the_order_of_the_runs() {
    let mut runs = step();
    runs.reverse();
    let trend = trend(&runs, false);
    assert_eq!((trend.runs.len(), trend.left_out.as_slice()), (20, [].as_slice()), "kernels are no machines");
    for series in &trend.series {
        let [change] = series.changes.as_slice() else { panic!("one change: {series:?}") };
        assert_eq!(change.at, 12);
        assert!((17.0..23.0).contains(&change.percent.expect("a size")), "{change:?}");
    }
    let text = trend.to_string();
    assert!(text.contains("▶ p99 ") && text.contains("since 2026-01-13 08:00 (01234567), p = 0.001"), "{text}");
}

/// The size of a change is what `framelag compare` says of the same runs.
#[test]
fn a_change_has_the_size_and_interval_that_the_gate_would_give() {
    let runs = step();
    let trend = trend(&runs, false);
    let change = &trend.series[1].changes[0];
    let values: Vec<f64> = runs.iter().filter_map(|(run, _)| run.latency_ms.p99).collect();
    let pair = Pair::of(&values[..12], &values[12..]).expect("runs");
    let [low, high] = pair.interval(statistics::LEVEL).expect("a spread");
    assert_eq!((change.before, change.percent), (rounded(pair.centre), pair.amount(pair.shift.change).percent));
    assert_eq!((change.confidence_percent, change.low, change.high), (97.5, Some(low), Some(high)));
    assert!(low.percent < change.percent && change.percent < high.percent, "{change:?}");
    assert!(trend.to_string().contains(&format!(" ms: {} since", pair.text("ms"))), "{trend}");
    assert!(page(&trend).contains(&pair.text("ms")), "{}", page(&trend));
}

#[test]
fn only_like_runs_are_joined_and_the_others_said() {
    let mut runs = step();
    runs[0].0.partial = true;
    runs[1].0.outcome = Outcome::Inconclusive;
    runs[2].0.latency_ms = LatencyMs::default();
    runs[3].0.host = json!({ "os": "linux", "cpu": "y", "cpus": 2 }).into();
    runs[4].0.config = json!({ "transport": "udp" }).into();
    runs[5].0.clock.same_host = false;
    runs[6].0.bitrate_kbps = Some(2_000.0);
    runs[7].0.frames.expected = Some(400);
    for (run, _) in &mut runs {
        run.bitrate_kbps.get_or_insert(1_000.0);
        run.frames.expected.get_or_insert(200);
        run.duration_s = Some(8.0);
    }
    let those = |those: &[Subset]| those.iter().map(|one| (one.runs, one.why.clone())).collect::<Vec<_>>();
    let said = |all: &[(usize, &str)]| all.iter().map(|(runs, why)| (*runs, (*why).to_owned())).collect::<Vec<_>>();
    let never = said(&[(1, "that did not end"), (1, "that were inconclusive"), (1, "without any of these figures")]);
    let unlike = said(&[
        (1, "of other machines"),
        (1, "with other settings"),
        (1, "with other clocks (one host, or two)"),
        (2, "that were sent other frames or bits per second"),
    ]);
    let alike = trend(&runs, false);
    assert_eq!(
        (those(&alike.left_out), alike.different.as_slice()),
        ([never.clone(), unlike.clone()].concat(), &[][..])
    );
    let all = trend(&runs, true);
    assert_eq!((those(&all.left_out), those(&all.different)), (never, unlike));
    assert_eq!((alike.runs.len(), all.runs.len()), (12, 17));
    assert!(all.to_string().contains("joined     2 that were sent other"), "{all}");
    assert!(page(&all).contains("Joined all the same: 1 of other machines."));
}

#[test]
fn what_was_joined_is_left_out_where_its_parts_are_there() {
    let joined = |of: &[&(Run, String)]| {
        let receivers = of.iter().flat_map(|(run, _)| merge::receivers(run, "x")).collect();
        let merged = Some(report::run::Merged { second_zero: None, receivers });
        (Run { merged, ..of[0].0.clone() }, of[0].1.clone())
    };
    let mut runs = step();
    runs.push(joined(&[&runs[3], &runs[4]]));
    let trend_of_all = trend(&runs, false);
    let why = "that were joined of runs which are here too (report merge)";
    let those = |runs: usize| vec![Subset { runs, why: why.to_owned() }];
    assert_eq!((trend_of_all.runs.len(), trend_of_all.left_out), (20, those(1)));
    // Without the parts the first of two that have one in common stays.
    let [a, b, c] = [run(3, 100.0), run(4, 100.0), run(5, 100.0)];
    let joined = [joined(&[&a, &b]), joined(&[&b, &c])];
    let without = trend(&joined, true);
    assert_eq!((without.runs[0].started.as_str(), without.left_out), (a.0.started.as_str(), those(1)));
}

#[test]
fn what_is_shown_is_no_setting() {
    let mut runs = step();
    for (at, (run, _)) in runs.iter_mut().enumerate() {
        run.bitrate_kbps = Some(if at < 12 { 1_000.0 } else { 2_000.0 });
    }
    let shown = |metric: &str| {
        let kept = |(run, _): &(Run, String)| Kept { listed: Listed::default(), run: run.clone(), histogram: None };
        let runs = runs.iter().map(kept).collect();
        Trend::new(Comparable { runs, left_out: Vec::new() }, &[metric.parse().expect(metric)], false).runs.len()
    };
    assert_eq!((shown("bitrate_kbps"), shown("p50")), (20, 8));
}

/// One event that moves two figures two runs apart: what lies between is no stretch of either.
#[test]
fn before_and_after_are_stretches_of_one_figure() {
    let mut runs = step();
    for (run, _) in &mut runs[12..14] {
        run.latency_ms.p50 = Some(50.0);
    }
    let trend = trend(&runs, false);
    let places: Vec<_> =
        trend.series.iter().map(|series| series.changes.iter().map(|c| c.at).collect::<Vec<_>>()).collect();
    assert_eq!(places, [[14], [12]]);
    let page = page(&trend);
    assert!(page.contains("latest change of p50</h2>") && page.contains("before (14 runs)"), "{page}");
    assert!(page.contains("after (6 runs)"), "{page}");
}

#[test]
fn old_runs_beyond_the_limit_are_left_out_and_said() {
    let day = step().remove(0);
    let runs: Vec<_> = (0..MAX_RUNS + 3).map(|_| day.clone()).collect();
    let trend = trend(&runs, false);
    assert_eq!(trend.runs.len(), MAX_RUNS);
    assert_eq!(trend.left_out, [Subset { runs: 3, why: "before the latest 500".to_owned() }]);
    assert_eq!(trend.series[0].changes, []);
    assert!(trend.to_string().contains("… 460 earlier runs"));
}

#[test]
fn the_page_shows_the_change_and_both_stretches_as_one_distribution_each() {
    let page = page(&trend(&step(), false));
    assert!(page.contains("before (12 runs)") && page.contains("after (8 runs)"), "{page}");
    assert!(page.contains("<td>p99</td><td>2026-01-13 08:00</td><td>01234567</td>"), "{page}");
    assert!(!page.contains("<id>") && !page.contains("NaN"), "{page}");
}

#[test]
fn nothing_kept_is_nothing_shown() {
    let trend = trend(&[], false);
    assert!(trend.to_string().contains("no change in 0 runs, too few to tell"));
    assert!(page(&trend).contains("No run."));
}
