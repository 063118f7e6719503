use std::time::Duration;

use report::tally::Tally;
use report::warning::{Code, Warning};
use serde_json::json;

use report::run::Run;

use super::*;
use crate::testing::{about, now, sample};

mod twice;
mod words;

/// A run of 200 frames at 25 frames/s that began in this second, with this p95 in ms.
fn run(second: u64, p95: f64) -> Run {
    let mut tally = Tally::new(about(Duration::ZERO));
    for sequence in 0..200 {
        tally.frame(&sample(sequence, sequence * 40, sequence * 40 + 10), &mut |_| {});
    }
    tally.finish(now(8_010), &mut |_| {});
    let mut run = tally.run(false);
    run.started = format!("2026-01-02T03:04:{second:02}.000000Z");
    run.latency_ms.p95 = Some(p95);
    run
}

/// Runs with these values, the first of which began in this second.
fn runs(first: u64, values: &[f64]) -> Vec<Run> {
    values.iter().zip(first..).map(|(p95, second)| run(second, *p95)).collect()
}

fn named<'a>(side: &str, runs: &'a [Run]) -> Vec<Input<'a>> {
    runs.iter().enumerate().map(|(i, run)| Input { name: format!("{side}/{i}"), run }).collect()
}

fn gate(metric: &str, limits: Limits) -> Gate {
    Gate { metric: metric.parse().expect(metric), limits, allow_different: false }
}

fn compared(baseline: &[Run], candidate: &[Run]) -> Result<Comparison, Refusal> {
    gate("p95", Limits::default()).compare(&named("baseline", baseline), &named("candidate", candidate), [&[], &[]])
}

fn judged(baseline: &[f64], candidate: &[f64]) -> Comparison {
    compared(&runs(0, baseline), &runs(30, candidate)).expect("the same settings")
}

const USUAL: [f64; 5] = [100.0, 102.0, 98.0, 101.0, 99.0];

fn times(factor: f64) -> [f64; 5] {
    USUAL.map(|value| value * factor)
}

/// A run in a browser with these p95 of its joins.
fn in_browser(second: u64, values: &[f64]) -> Run {
    let mut joined = run(second, 0.0);
    let join = |(run, number): (Run, u32)| {
        json!({ "started": run.started, "duration_s": run.duration_s, "number": number, "outcome": "ok", "frames": run.frames,
                "latency_ms": run.latency_ms, "startup": run.startup, "freezes": run.freezes })
    };
    let joins: Vec<_> = runs(second, values).into_iter().zip(1..).map(join).collect();
    joined.browser = serde_json::from_value(json!({ "via": "hls", "joins": joins })).expect("it fits");
    joined
}

#[test]
fn joins_in_a_browser_are_runs() {
    let compared = compared(&[in_browser(0, &USUAL)], &[in_browser(30, &times(1.1))]).expect("the same settings");
    assert_eq!(compared.judgement.verdict, Verdict::Regression);
    let names: Vec<_> = compared.candidate.runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names[..2], ["candidate/0, join 1", "candidate/0, join 2"]);
}

#[test]
fn a_figure_of_all_joins_is_compared_run_by_run() {
    let of = |first: u64, values: [f64; 5]| {
        let run = |(second, median): (u64, f64)| {
            let mut run = in_browser(second, &USUAL);
            run.browser.as_mut().expect("it has one").joins_p50_ms.median = Some(median);
            run
        };
        (first..).zip(values).map(run).collect::<Vec<_>>()
    };
    let (baseline, candidate) = (of(0, USUAL), of(30, times(1.1)));
    let compared = gate("joins_p50_ms.median", Limits::default())
        .compare(&named("baseline", &baseline), &named("candidate", &candidate), [&[], &[]])
        .expect("the same settings");
    assert_eq!((compared.judgement.verdict, compared.candidate.runs.len()), (Verdict::Regression, 5));
}

#[test]
fn a_change_is_a_regression_where_it_is_beyond_limit_and_noise() {
    for (candidate, verdict, improved) in [
        (times(1.1), Verdict::Regression, false),
        (times(1.04), Verdict::Pass, false),
        (times(1.0), Verdict::Pass, false),
        (times(0.9), Verdict::Pass, true),
        ([80.0, 160.0, 90.0, 140.0, 100.0], Verdict::Inconclusive, false),
    ] {
        let comparison = judged(&USUAL, &candidate);
        let judgement = &comparison.judgement;
        assert_eq!((judgement.verdict, judgement.improved), (verdict, improved), "{comparison}");
    }
}

#[test]
fn the_effect_is_the_ratio_of_geometric_means() {
    let effect = judged(&USUAL, &times(1.1)).effect.expect("runs");
    assert_eq!((effect.scale, effect.change.percent), (crate::statistics::Scale::Ratio, Some(10.0)));
    assert!((effect.baseline - 99.99).abs() < 0.01 && (effect.candidate - 109.989).abs() < 0.01, "{effect:?}");
    let [low, high] = [effect.low, effect.high].map(|end| end.and_then(|end| end.percent).expect("an interval"));
    assert!((6.5..7.5).contains(&low) && (12.5..13.5).contains(&high), "{low} … {high}");
    let detectable = effect.detectable.and_then(|least| least.percent).expect("enough runs");
    assert!((6.0..8.0).contains(&detectable), "{detectable}");
}

#[test]
fn too_few_runs_say_how_many_more() {
    let comparison = judged(&USUAL[..3], &times(2.0)[..3]);
    assert_eq!((comparison.judgement.verdict, comparison.judgement.more_runs), (Verdict::Inconclusive, Some(1)));
    assert!(comparison.to_string().contains("1 more run per side"), "{comparison}");
    for (baseline, candidate, more) in [(0, 0, 4), (0, 1, 4), (1, 1, 3), (5, 0, 3)] {
        let comparison = judged(&USUAL[..baseline], &USUAL[..candidate]);
        assert_eq!(comparison.judgement.more_runs, Some(more), "{baseline} {candidate}: {comparison}");
        assert!(!comparison.markdown().is_empty());
    }
    let noisy = judged(&[100.0, 130.0, 80.0, 105.0, 90.0], &[120.0, 150.0, 95.0, 90.0, 125.0]);
    assert!(noisy.judgement.more_runs > Some(5) && noisy.judgement.why.contains("may be noise"), "{noisy}");
}

#[test]
fn what_proves_nothing_is_named_and_left_out() {
    let baseline = runs(0, &USUAL);
    let mut same = runs(30, &[100.0, 102.0, 98.0, 101.0, 99.0, 100.5]);
    same[2].warnings.push(Warning::new(Code::StreamStopped, "the stream was gone"));
    let comparison = compared(&baseline, &same).expect("the same settings");
    assert_eq!(comparison.candidate.left_out[0].name, "candidate/2");
    assert_eq!(comparison.judgement.verdict, Verdict::Inconclusive, "it could have been the one: {comparison}");
    assert_eq!(comparison.judgement.why, "1 of the candidate's runs was inconclusive and may hide the regression");
    assert!(comparison.to_string().contains("left out   candidate/2: the stream was gone"), "{comparison}");

    let mut slow = runs(30, &times(1.2));
    slow.push(run(50, 1.0));
    slow[5].warnings.push(Warning::new(Code::Failed, "no route"));
    let comparison = compared(&baseline, &slow).expect("the same settings");
    assert_eq!(comparison.judgement.verdict, Verdict::Regression, "the others show it: {comparison}");
    let comparison = compared(&slow, &baseline).expect("the same settings");
    assert_eq!(comparison.judgement.verdict, Verdict::Pass, "of the baseline it is only said: {comparison}");

    let few = gate("p99_9", Limits::default());
    let comparison =
        few.compare(&named("b", &baseline), &named("c", &same[3..]), [&[], &[]]).expect("the same settings");
    assert_eq!(comparison.baseline.left_out.len(), 5, "200 frames have no p99.9: {comparison}");
}

#[test]
fn a_share_of_nothing_passes_nothing_that_is_worse() {
    let lost = |first, counts: [u64; 5]| {
        let mut runs = runs(first, &USUAL);
        runs.iter_mut().zip(counts).for_each(|(run, lost)| run.frames.lost = Some(lost));
        runs
    };
    let (none, some) = (lost(0, [0; 5]), lost(30, [0, 0, 9, 0, 0]));
    let judged = |limits| {
        let gate = gate("frames.lost", limits);
        gate.compare(&named("baseline", &none), &named("candidate", &some), [&[], &[]])
            .expect("the same settings")
            .judgement
    };
    let share = judged(Limits::default());
    assert_eq!(share.verdict, Verdict::Inconclusive, "{}", share.why);
    assert!(share.why.contains("--max-delta"), "{}", share.why);
    let nothing = judged(Limits { share: Some(0.0), delta: None });
    assert_eq!((nothing.verdict, &*nothing.why), (Verdict::Pass, "worse, but not by more than noise"));
}

#[test]
fn a_run_that_is_inconclusive_for_an_unknown_reason_is_left_out() {
    let mut same = runs(30, &USUAL);
    same[1].outcome = report::Outcome::Inconclusive;
    let comparison = compared(&runs(0, &USUAL), &same).expect("the same settings");
    assert_eq!(comparison.candidate.left_out[0].name, "candidate/1");
    assert!(comparison.candidate.left_out[0].why.contains("does not know"), "{comparison}");
}

#[test]
fn a_broken_assertion_is_no_reason_to_leave_a_run_out() {
    let mut slow = runs(30, &times(1.2));
    slow[0].outcome = report::Outcome::Failed;
    let comparison = compared(&runs(0, &USUAL), &slow).expect("the same settings");
    assert_eq!((comparison.candidate.runs.len(), comparison.judgement.verdict), (5, Verdict::Regression));
}

#[test]
fn a_run_counts_once() {
    let (baseline, candidate) = (runs(0, &USUAL), runs(30, &USUAL));
    let both = [&candidate[..], &baseline[4..]].concat();
    let refusal = compared(&baseline, &both).expect_err("one is on both sides").to_string();
    assert!(refusal.contains("baseline/4 and candidate/5"), "{refusal}");
    let twice = [&candidate[..], &candidate[..1]].concat();
    assert!(matches!(compared(&baseline, &twice), Err(Refusal::Twice { .. })));
}

#[test]
fn other_settings_and_machines_are_refused_by_name() {
    type Change = fn(&mut Run);
    let changes: [(&str, Change); 7] = [
        ("config.transport: tcp in the baseline, udp", |run| run.config.transport = Some("udp".to_owned())),
        ("config.new: not known in the baseline, 1", |run| drop(run.config.other.insert("new".to_owned(), json!(1)))),
        ("host.cpu", |run| run.host.cpu = Some(Some("another".to_owned()))),
        ("path of url: /cam in the baseline, /other", |run| run.url = "rtsp://h/other".into()),
        ("clock.same_host", |run| run.clock.same_host = false),
        ("frames sent per second: 25", |run| run.frames.expected = run.frames.expected.map(|frames| frames * 2)),
        ("bitrate_kbps", |run| run.bitrate_kbps = run.bitrate_kbps.map(|rate| rate * 2.0)),
    ];
    let baseline = runs(0, &USUAL);
    for (what, change) in changes {
        let mut candidate = runs(30, &USUAL);
        candidate.iter_mut().for_each(change);
        let refusal = compared(&baseline, &candidate).expect_err(what).to_string();
        assert!(refusal.contains(what) && refusal.contains("--allow-different"), "{what}: {refusal}");
        let anyway = Gate { allow_different: true, ..gate("p95", Limits::default()) };
        let comparison =
            anyway.compare(&named("b", &baseline), &named("c", &candidate), [&[], &[]]).expect("it is allowed");
        assert!(comparison.to_string().contains(what), "it is said: {comparison}");
    }
    let mut moved = runs(30, &USUAL);
    for run in &mut moved {
        run.url = "rtsp://127.0.0.1:40000/cam".into();
        run.host.kernel = Some(Some("6.9".to_owned()));
    }
    let comparison = compared(&baseline, &moved).expect("another port and kernel are no other setting");
    assert_eq!(comparison.notes.len(), 1, "the kernel is said: {comparison}");
}

#[test]
fn zeros_are_compared_by_difference() {
    let lost = |counts: [u64; 5], first| {
        let mut runs = runs(first, &USUAL);
        runs.iter_mut().zip(counts).for_each(|(run, lost)| run.frames.lost = Some(lost));
        runs
    };
    let (none, some) = (lost([0; 5], 0), lost([7, 9, 8, 7, 9], 30));
    let by = |limits, candidate: &[Run]| {
        let comparison = gate("frames.lost", limits).compare(&named("b", &none), &named("c", candidate), [&[], &[]]);
        comparison.expect("the same settings")
    };
    let comparison = by(Limits::default(), &some);
    let effect = comparison.effect.expect("runs");
    assert_eq!((effect.change.percent, effect.change.absolute), (None, 8.0));
    assert_eq!(comparison.judgement.verdict, Verdict::Regression, "no percentage of nothing is allowed: {comparison}");
    assert_eq!(by(Limits::default(), &lost([0; 5], 30)).judgement.verdict, Verdict::Pass);
    let ten = Limits { share: None, delta: Some(10.0) };
    assert_eq!(by(ten, &some).judgement.verdict, Verdict::Pass);
}

#[test]
fn more_is_better_for_some() {
    let fps = |factor: f64, first| {
        let mut runs = runs(first, &USUAL);
        runs.iter_mut().zip(USUAL).for_each(|(run, fps)| run.fps = Some(fps * 0.3 * factor));
        runs
    };
    let by = |factor, limits| {
        let (baseline, candidate) = (fps(1.0, 0), fps(factor, 30));
        gate("fps", limits)
            .compare(&named("b", &baseline), &named("c", &candidate), [&[], &[]])
            .expect("the same settings")
    };
    let slower = by(0.9, Limits::default());
    let effect = slower.effect.expect("runs");
    assert_eq!((slower.judgement.verdict, effect.change.percent), (Verdict::Regression, Some(-10.0)));
    assert_eq!(effect.limit.percent, Some(-5.0), "{slower}");
    assert!(
        effect.low.and_then(|low| low.percent) < Some(-10.0)
            && effect.detectable.map(|a| a.absolute < 0.0) == Some(true)
    );
    assert!(by(1.1, Limits::default()).judgement.improved);
    let never = by(0.5, Limits { share: None, delta: Some(100.0) });
    assert_eq!(never.judgement.verdict, Verdict::Pass, "it cannot fall by more than all: {never}");
}

#[test]
fn each_limit_given_has_to_be_kept() {
    for (share, delta, verdict) in [
        (Some(0.2), None, Verdict::Pass),
        (None, Some(5.0), Verdict::Regression),
        (Some(0.2), Some(5.0), Verdict::Regression),
        (Some(0.05), Some(50.0), Verdict::Regression),
        (Some(0.2), Some(50.0), Verdict::Pass),
        (Some(0.0), None, Verdict::Regression),
    ] {
        let (baseline, candidate) = (runs(0, &USUAL), runs(30, &times(1.1)));
        let gate = gate("p95", Limits { share, delta });
        let comparison =
            gate.compare(&named("b", &baseline), &named("c", &candidate), [&[], &[]]).expect("the same settings");
        assert_eq!(comparison.judgement.verdict, verdict, "{share:?} {delta:?}: {comparison}");
    }
}

#[test]
fn the_page_for_the_terminal() {
    let page = judged(&USUAL, &times(1.1)).to_string();
    let expected = "\
gate       latency_ms.p95 99.99 → 109.989 ms: +10.0 % (97.5 % interval +7.0 % … +13.1 %)
baseline   5 runs: 100 102 98 101 99 ms
candidate  5 runs: 110 112.2 107.8 111.1 108.9 ms
limit      +5.0 % (+4.999 ms)
noise      1.6 % standard deviation between runs of one side
p-value    0.0040 (exact): how often noise alone looks this bad
detectable +6.7 % (+6.720 ms) or more, in 95 of 100 cases
verdict    regression: worse by more than the limit, and by more than noise";
    assert_eq!(page, expected);
}

#[test]
fn a_table_has_a_row_for_each_metric_and_says_the_rest_once() {
    let (mut before, mut after) = (runs(0, &USUAL), runs(30, &times(1.1)));
    before.iter_mut().zip(USUAL).for_each(|(run, fps)| run.fps = Some(fps * 0.25));
    after[1].warnings.push(Warning::new(Code::StreamStopped, "the stream was gone"));
    after.iter_mut().for_each(|run| (run.fps, run.host.kernel) = (None, Some(Some("6.9".to_owned()))));
    let compared = ["p95", "p99.9", "fps", "frames.lost"].map(|metric| {
        let comparison =
            gate(metric, Limits::NONE).compare(&named("before", &before), &named("after", &after), [&[], &[]]);
        comparison.expect("the same settings")
    });
    let expected = "\
metric              before       after  change   97.5 % interval
latency_ms.p95    99.99 ms  109.443 ms  +9.5 %  +6.4 % … +12.6 %
latency_ms.p99_9         –           –       –                 –
fps                 24.997           –       –                 –
frames.lost              0           0  +0.000   +0.000 … +0.000

runs      5 runs before, 5 runs after
";
    let page = table(&compared);
    let head = page.lines().take(7).map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(head, expected, "{page}");
    assert!(page.contains("left out  after/1: the stream was gone\n"), "of every metric: {page}");
    assert!(page.contains("left out  after/0, after/2, after/3 and 1 more (fps): it has no fps\n"), "of one: {page}");
    assert_eq!(page.matches("host.kernel").count(), 1, "{page}");
}

#[test]
fn one_run_a_side_has_a_change_and_no_interval() {
    let comparison = gate("p95", Limits::NONE).compare(
        &named("b", &runs(0, &[100.0])),
        &named("c", &runs(30, &[110.0])),
        [&[], &[]],
    );
    let page = table(&[comparison.expect("the same settings")]);
    let row = page.lines().nth(1).expect("a row").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(row, "latency_ms.p95 100 ms 110 ms +10.0 % –");
    assert!(page.contains("1 run before, 1 run after"), "{page}");
}

#[test]
fn names_do_not_break_the_markdown() {
    let (baseline, mut candidate) = (runs(0, &USUAL), runs(30, &USUAL));
    candidate[0].warnings.push(Warning::new(Code::Partial, "a|b <img src=x>\n[c](d) `e`"));
    let page = compared(&baseline, &candidate).expect("the same settings").markdown();
    assert!(page.contains(r"a\|b &lt;img src=x&gt; \[c\](d) \`e\`"), "{page}");
    let rows = page.lines().filter(|line| line.starts_with('|'));
    assert!(
        rows.clone().count() > 5 && rows.into_iter().all(|row| row.ends_with(" |") || row.ends_with("-|")),
        "{page}"
    );
}

#[test]
fn the_json_has_its_names() {
    let json = serde_json::to_value(judged(&USUAL, &times(1.1))).expect("it serializes");
    assert_eq!(json["schema"], SCHEMA);
    assert_eq!((&json["verdict"], &json["metric"]), (&json!("regression"), &json!("latency_ms.p95")));
    assert_eq!(
        (&json["effect"]["change"]["percent"], &json["candidate"]["runs"][1]["name"]),
        (&json!(10.0), &json!("candidate/1"))
    );
}
