//! `framelag gate` and `framelag compare` as a user types them, on folders and stores.

use std::fs;
use std::path::Path;

use framelag_tests::process::Builder;
use framelag_tests::{LIMIT, binary};
use serde_json::{Value, json};

/// Report folders `side/1` … with these values of p99.
fn reports(folder: &Path, side: &str, p99: &[f64]) {
    for (number, p99) in (1..).zip(p99) {
        write(&folder.join(side).join(number.to_string()), &run(side, number, *p99));
    }
}

fn run(side: &str, number: usize, p99: f64) -> Value {
    let second = side.bytes().map(u32::from).sum::<u32>() % 60;
    json!({
        "schema": report::run::SCHEMA,
        "started": format!("2026-01-02T03:04:{second:02}.{number:06}Z"),
        "url": "rtsp://127.0.0.1:8554/cam",
        "duration_s": 30.0,
        "config": { "transport": "tcp" },
        "host": { "os": "linux", "cpu": "one", "cpus": 2 },
        "frames": { "expected": 900, "measured": 900 },
        "latency_ms": { "count": 900, "p50": p99 / 2.0, "p99": p99 },
        "outcome": "ok",
    })
}

fn write(folder: &Path, run: &Value) {
    fs::create_dir_all(folder).expect("a test's folder can be written to");
    fs::write(folder.join("run.json"), run.to_string()).expect("a test's folder can be written to");
}

fn framelag(folder: &Path, line: &str) -> Builder {
    // Paths in the line are relative to the test's folder.
    Builder::new("env").arg("-C").arg(folder).arg(binary::path("framelag")).words(line)
}

const USUAL: [f64; 5] = [100.0, 102.0, 98.0, 101.0, 99.0];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    reports(folder.path(), "before", &USUAL);
    reports(folder.path(), "same", &USUAL);
    reports(folder.path(), "slow", &USUAL.map(|value| value * 1.1));
    folder
}

#[test]
fn it_judges_by_its_exit_code() {
    let folder = folder();
    for (flags, code, words) in [
        ("--candidate same", 0, "pass"),
        ("--candidate slow", 99, "+10.0 %"),
        ("--candidate slow/1 slow/2 slow/3 slow/4 slow/5", 99, "regression"),
        ("--candidate slow --max-regression 20%", 0, "worse, but not by more than the limit"),
        ("--candidate slow --max-regression 20% --max-delta 5ms", 99, "regression"),
        ("--candidate slow/1 slow/2", 3, "1 more run per side is needed"),
        ("--candidate slow --metric latency.p50", 99, "latency_ms.p50"),
    ] {
        let ran = framelag(folder.path(), &format!("gate --baseline before {flags}")).run(LIMIT).expect_code(code);
        assert!(ran.stdout.iter().any(|line| line.contains(words)), "{flags}: {words:?}\n{ran}");
        assert!(ran.stdout.iter().any(|line| line.starts_with("detectable")), "what could have been seen\n{ran}");
    }
}

/// A receiver that crashed before its report began leaves a folder without run.json, as the CI files make one for each run.
#[test]
fn a_folder_of_runs_with_one_that_has_no_report_proves_nothing() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("same/.cache")).expect("a test's folder can be written to");
    fs::write(path("same/notes.txt"), "").expect("a test's folder can be written to");
    framelag(folder.path(), "gate --baseline before --candidate same").run(LIMIT).expect_code(0);
    fs::write(path("same/3/publisher.log"), "it crashed").expect("a test's folder can be written to");
    for name in ["same/3", "slow/3", "before/3"] {
        fs::remove_file(path(name).join("run.json")).expect("it is there");
    }
    let named = |flags: &str, code: i32, name: &str| {
        let ran = framelag(folder.path(), &format!("gate --store s.sqlite {flags}")).run(LIMIT).expect_code(code);
        let said = ran.stdout.iter().chain(&ran.stderr).any(|line| line.contains(name) && line.contains("no run.json"));
        assert!(said, "{flags}: {ran}");
    };
    named("--baseline before --candidate same", 3, "same/3");
    named("--baseline before --candidate same", 3, "before/3");
    named("--baseline before --candidate slow", 99, "slow/3");
    named("--candidate same --save-baseline main", 3, "same/3");
    named("--baseline before --candidate same/3", 2, "same/3");
    let ran = framelag(folder.path(), "compare before same --metric p99").run(LIMIT).expect_code(0);
    assert!(ran.stdout.iter().any(|line| line.starts_with("left out  before/3, same/3: it has no run.json")), "{ran}");
}

#[test]
fn wrong_usage_is_named() {
    let folder = folder();
    let mut other = run("other", 1, 100.0);
    other["host"]["cpu"] = json!("another");
    write(&folder.path().join("other"), &other);
    fs::create_dir(folder.path().join("empty")).expect("a test's folder can be written to");
    write(&folder.path().join("cut"), &json!("{"));
    for (flags, words) in [
        ("--baseline before --candidate slow --metric p98", "stages_ms.decode.p99"),
        ("--baseline before --candidate slow --max-delta 5%", "--max-delta"),
        ("--baseline before --candidate before", "the same run"),
        ("--baseline before --candidate other", "host.cpu: one in the baseline, another in the candidate"),
        ("--baseline before --candidate empty", "empty is no report folder"),
        ("--baseline before --candidate cut", "cut/run.json"),
        ("--baseline nowhere --candidate slow --store s.sqlite", "no folder nowhere"),
        ("--candidate slow", "--baseline"),
    ] {
        let ran = framelag(folder.path(), &format!("gate {flags}")).run(LIMIT).expect_code(2);
        assert!(ran.stderr.iter().any(|line| line.contains(words)), "{flags}: {words:?}\n{ran}");
    }
    let ran = framelag(folder.path(), "gate --baseline before --candidate slow other --allow-different").run(LIMIT);
    assert!(ran.stdout.iter().any(|line| line.starts_with("differs")), "{ran}");
}

#[test]
fn it_writes_for_programs_and_for_the_page_of_a_job() {
    let folder = folder();
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "what others wrote").expect("a test's folder can be written to");
    let ran = framelag(folder.path(), "gate --baseline before --candidate slow --json --report out/gate")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .run(LIMIT)
        .expect_code(99);
    let printed: Value = serde_json::from_str(&ran.stdout.join("\n")).expect("one line of JSON and nothing else");
    assert_eq!((&printed["verdict"], &printed["effect"]["change"]["percent"]), (&json!("regression"), &json!(10.0)));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    let written: Value = serde_json::from_str(&read("out/gate/gate.json")).expect("it is JSON");
    assert_eq!(written, printed);
    let page = read("summary.md");
    assert!(page.starts_with("what others wrote\n###") && page.contains(&read("out/gate/gate.md")), "{page}");

    let nowhere = framelag(folder.path(), "gate --baseline before --candidate same --report before/1/run.json/x");
    nowhere.run(LIMIT).expect_code(1);
    let nowhere = framelag(folder.path(), "gate --baseline before --candidate slow --report before/1/run.json/x");
    nowhere.run(LIMIT).expect_code(99);
    let nowhere = framelag(folder.path(), "gate --baseline before --candidate slow/1 --report before/1/run.json/x");
    nowhere.run(LIMIT).expect_code(1);
}

#[test]
fn a_store_keeps_baselines_of_runs_that_pass() {
    let folder = folder();
    let gate = |flags: &str| framelag(folder.path(), &format!("gate --store s.sqlite {flags}")).run(LIMIT);
    gate("--candidate before --save-baseline main").expect_code(0);
    gate("--baseline main --candidate same").expect_code(0);
    let ran = gate("--baseline main --candidate slow --save-baseline main").expect_code(99);
    assert!(ran.stderr.iter().any(|line| line.contains("main not replaced")), "{ran}");
    gate("--baseline main --candidate slow").expect_code(99);
    let ran = gate("--baseline mian --candidate slow").expect_code(2);
    assert!(ran.stderr.iter().any(|line| line.contains("main")), "it says which there are\n{ran}");
    gate("--baseline main --candidate slow --max-regression 20% --save-baseline slower").expect_code(0);
    gate("--baseline slower --candidate before").expect_code(0);
    gate("--baseline main --candidate before").expect_code(2);

    gate("--candidate before --save-baseline feature/x").expect_code(0);
    gate("--baseline feature/x --candidate same").expect_code(0);
    let ran = gate("--baseline feature/y --candidate same").expect_code(2);
    assert!(ran.stderr.iter().any(|line| line.contains("no folder feature/y") && line.contains("feature/x")), "{ran}");
    let escape = framelag(folder.path(), "gate --store s.sqlite --candidate before --save-baseline").arg("a\u{1b}[31m");
    escape.run(LIMIT).expect_code(2);

    let mut cut = run("cut", 1, 100.0);
    cut["warnings"] = json!([{ "code": "partial", "message": "the run was killed" }]);
    write(&folder.path().join("cut"), &cut);
    let ran = gate("--candidate cut same --save-baseline new").expect_code(3);
    assert!(ran.stderr.iter().any(|line| line.contains("the run was killed")), "{ran}");
    gate("--baseline new --candidate slow").expect_code(2);
}

#[test]
fn compare_shows_changes_without_a_verdict() {
    let folder = folder();
    let ran =
        framelag(folder.path(), "compare before slow --metric p99 --metric p50 --metric fps").run(LIMIT).expect_code(0);
    let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = ran.stdout.iter().map(words).collect();
    assert_eq!(lines[0], "metric before after change 97.5 % interval", "{ran}");
    assert_eq!(lines[1], "latency_ms.p99 99.99 ms 109.989 ms +10.0 % +7.0 % … +13.1 %", "{ran}");
    assert_eq!(lines[2], "latency_ms.p50 49.995 ms 54.994 ms +10.0 % +7.0 % … +13.1 %", "{ran}");
    assert_eq!(lines[3], "fps – – – –", "{ran}");
    assert!(lines.contains(&"runs 5 runs before, 5 runs after".to_owned()), "{ran}");
    let left_out = "left out before/1, before/2, before/3 and 7 more (fps): it has no fps";
    assert!(lines.contains(&left_out.to_owned()), "once for all of them: {ran}");
    assert!(!lines.iter().any(|line| line.contains("verdict") || line.contains("limit")), "{ran}");
    let ran = framelag(folder.path(), "compare before/1 slow/1 --metric p99").run(LIMIT).expect_code(0);
    assert_eq!(words(&ran.stdout[1]), "latency_ms.p99 100 ms 110 ms +10.0 % –", "{ran}");
    let ran = framelag(folder.path(), "compare before slow --metric p99 --metric p50 --json").run(LIMIT).expect_code(0);
    let json: Vec<Value> = ran.stdout.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((json.len(), &json[1]["metric"]), (2, &json!("latency_ms.p50")));
    assert_eq!(json[0]["effect"]["confidence_percent"], json!(97.5));
    framelag(folder.path(), "compare before nowhere").run(LIMIT).expect_code(2);
}
