//! Snapshots of every file of a report, and pages of runs that are hostile, empty, cut off or hours long.

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use common::marks::Mark;
use measure::figures::browser::Viewed;
use report::run::Outcome;
use report::warning::{Code, Warning};
use report::{Recorder, Setup};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::testing::{about, now, sample, wall};
use report::observation::Observation;

/// Text that would be markup, an attribute's end, Markdown, or no XML at all.
const EVIL: &str =
    "</title><script src='http://evil/x.js'></script>\"><img src=x onerror=alert(1)> | `a` \u{0}\u{1b}[31m ]]>";

fn setup(folder: &TempDir, url: &str) -> Setup {
    Setup {
        url: url.to_owned(),
        config: json!({ "transport": "tcp", "warmup_s": 2.0 }).into(),
        host: json!({ "os": "linux", "cpus": 2 }).into(),
        folder: Some(report::Place::Folder(folder.path().to_owned())),
        ..about(Duration::from_secs(2))
    }
}

fn recorder(setup: Setup) -> Recorder {
    Recorder::new(setup).expect("a temporary folder can be written")
}

/// 12 s at 25 frames/s, with a lost frame every 40 and a freeze of a second.
fn play(recorder: &mut Recorder) {
    for sequence in (0..300).filter(|sequence| sequence % 40 != 10 && !(150..175).contains(sequence)) {
        recorder.observe(&Observation::frame(sample(sequence, sequence * 40, sequence * 40 + 10 + sequence % 7)));
        recorder.tick(now(sequence * 40 + 30));
    }
}

/// The three pages.
fn read(folder: &TempDir) -> [String; 3] {
    PAGES.map(|name| fs::read_to_string(folder.path().join(name)).expect("the page is there"))
}

/// A run with losses, a freeze and a broken assertion, in its folder.
fn usual() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut recorder);
    recorder.warn(Warning::new(Code::Input, "the camera gives 25 frames/s, not 30"));
    let asserted = ["p99<150ms", "freezes.count==0", "p99.9<1s"].map(|text| text.parse().expect("an assertion"));
    let summary = recorder.finish(now(12_000), &asserted).with_pages(pages_of);
    assert_eq!(summary.exit_code, 99);
    folder
}

/// Review a change with `cargo insta review`, or by renaming the `.snap.new` file.
#[test]
fn what_a_report_says_is_as_it_was() {
    let folder = usual();
    for name in ["run.json", "frames.csv", "intervals.csv", "report.html", "summary.md", "junit.xml"] {
        let text = fs::read_to_string(folder.path().join(name)).expect("the file is there");
        // The style is looked at, not compared.
        insta::assert_snapshot!(name, text.replace(crate::plot::STYLE, ""));
    }
}

#[test]
fn the_median_of_several_joins_stands_for_the_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder =
        Recorder::in_browser(setup(&folder, "http://h/cam/index.m3u8"), "ll-hls", "own").expect("a folder");
    let mut run = None;
    for (join, latency_ms) in [(0, 60), (1, 90), (2, 50)] {
        let begin = join * 20_000;
        recorder.begin_join(now(begin));
        for i in 0..300 {
            let shown = begin + 200 + i * 40;
            let shown_as = sample(join * 500 + i, shown - latency_ms, shown);
            let marks = shown_as.marks.with(Mark::Called, wall(shown + 1));
            recorder.observe(&Observation::frame(measure::Sample { marks, ..shown_as }));
            recorder.tick(now(shown));
        }
        let mut viewed = Viewed::default();
        viewed.seek("live-edge");
        viewed.stall(330_000);
        viewed.claim("hls_latency_ms", 35_000, Some(latency_ms as i64 * 1_000));
        viewed.date(latency_ms as i64 * 1_000 + 250, latency_ms as i64 * 1_000);
        recorder.viewed(Some(("Chromium".to_owned(), "156".to_owned())), viewed);
        recorder.end_join(now(begin + 12_300));
        run = Some(now(begin + 12_300));
    }
    let summary = recorder.finish(run.expect("it played"), &[]).with_pages(pages_of);
    let [page, markdown, _] = read(&folder);
    let terminal = crate::terminal(&summary.run, None);
    for (text, parts) in [
        (&page, &["<b>60.0</b> ms<span>median of 3 joins, 50.0 to 90.0 ms", "<dt>Picture age, at most</dt>"][..]),
        (&page, &["the page loads anew", "3 seeks (live-edge)", "of all joins, at most"]),
        (&page, &["3 stalls, 990 ms all together", "date − code, p50 ms</th><td class=\"number\">0.25</td>"]),
        (&page, &["The stages of one frame, without callback, add up to its latency"]),
        (&markdown, &["says 35.0 ms (-25.0 ms from the latency of the same moment, in the median)"]),
        (&markdown, &["p50 60.0 ms ·", "| latency, all joins together |", "3 seeks (live-edge)"]),
        (&terminal, &["all joins together\n", "median 60.0 ms, from 50.0 ms to 90.0 ms · 3 stalls", "3 seeks"]),
    ] {
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
}

#[test]
fn the_page_shows_what_happened() {
    let [page, ..] = read(&usual());
    for part in [
        "1 of 3 assertions is broken",
        "freeze: 1038 ms from",
        "<title>frame not seen</title>",
        "the camera gives 25 frames/s, not 30",
        "<h2>IDR against P</h2>",
        "<h2>Where the time goes</h2>",
        "one clock: both ends on one host",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn what_is_hostile_in_a_run_stays_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut hostile = setup(&folder, EVIL);
    hostile.config = json!({ EVIL: EVIL, "deep": { "er": [EVIL, { EVIL: EVIL }] } }).into();
    hostile.host = json!({ "hostname": EVIL }).into();
    let mut recorder = recorder(hostile);
    play(&mut recorder);
    recorder.warn(Warning::new(Code::Input, EVIL));
    recorder.fail(EVIL);
    recorder.finish(now(12_000), &["p99<150ms".parse().expect("an assertion")]).with_pages(pages_of);
    let [page, summary, suite] = read(&folder);
    for text in [&page, &suite, &summary] {
        for markup in ["<script", "<img", "\u{0}", "\u{1b}"] {
            assert!(!text.contains(markup), "{markup:?} in {text}");
        }
    }
    assert!(!suite.contains("]]>"), "XML forbids it in text");
    assert_eq!(page.matches("</title>\n<style>").count(), 1);
    for line in summary.lines().filter(|line| line.starts_with('|')) {
        assert!(line.ends_with('|') && !line.contains("`a`"), "{line}");
    }
}

#[test]
fn a_run_that_proves_nothing_is_never_a_pass() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    let summary = empty.finish(now(5_000), &["frames.lost<1%".parse().expect("an assertion")]).with_pages(pages_of);
    assert_eq!(summary.outcome(), Outcome::Inconclusive);
    let [page, summary, suite] = read(&folder);
    assert!(suite.contains("tests=\"2\" failures=\"0\" errors=\"2\""), "{suite}");
    assert!(summary.starts_with("### ⚠️ Latency: inconclusive · p50 – · p99 –"), "{summary}");
    assert!(page.contains("<strong>Inconclusive</strong>") && page.contains("no picture"), "{page}");

    // An assertion that held in a run of too few frames.
    let mut few = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    for sequence in 0..60 {
        few.observe(&Observation::frame(sample(sequence, sequence * 40, sequence * 40 + 10)));
        few.tick(now(sequence * 40 + 30));
    }
    let summary = few.finish(now(2_400), &["p50<150ms".parse().expect("an assertion")]).with_pages(pages_of);
    assert_eq!((summary.exit_code, summary.run.assertions[0].ok), (3, Some(true)));
    let [.., suite] = read(&folder);
    assert!(suite.contains("errors=\"2\"") && suite.contains("proves nothing (found 10 ms)"), "{suite}");
}

#[test]
fn a_run_that_failed_is_an_error_not_a_failure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut failed = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut failed);
    failed.fail("the server is gone");
    failed
        .finish(now(12_000), &["p99<1ms".parse().expect("an assertion"), "p50<1s".parse().expect("an assertion")])
        .with_pages(pages_of);
    let [page, _, suite] = read(&folder);
    assert!(suite.contains("failures=\"0\" errors=\"3\""), "{suite}");
    assert!(suite.contains("<error type=\"failed\" message=\"the server is gone"), "{suite}");
    assert!(page.contains("the run itself failed"), "{page}");
}

#[test]
fn pages_of_an_earlier_run_do_not_outlive_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut first);
    first.finish(now(12_000), &[]).with_pages(pages_of);
    let killed = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    assert!(PAGES.iter().all(|name| !folder.path().join(name).exists()), "they are of another run");
    drop(killed);
    pages(folder.path()).expect("a folder that was left behind has pages too");
    let [page, ..] = read(&folder);
    assert!(page.contains("<strong>Inconclusive</strong>") && page.contains("killed"), "{page}");
}

#[test]
fn pages_that_cannot_be_written_fail_the_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut recorder);
    fs::create_dir(folder.path().join("summary.md")).expect("a temporary folder");
    let summary = recorder.finish(now(12_000), &[]).with_pages(pages_of);
    assert_eq!(summary.exit_code, 1);
    let said = summary.run.warnings.last().expect("a warning");
    assert!(said.code == Code::ReportNotWritten && said.message.contains("summary.md"), "{said:?}");
}

#[test]
fn a_run_of_hours_is_a_small_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut first);
    first.finish(now(12_000), &[]).with_pages(pages_of);
    let mut frames = "seq,outcome,latency_us,presented_us,bytes,idr\n".to_owned();
    let mut intervals = "second,length_s,count,p50_ms,p99_ms,max_ms,age_mean_ms,age_max_ms\n".to_owned();
    // 4 hours at 30 frames/s; every 50th frame is lost.
    for seq in 0..432_000_u64 {
        let presented = 1_700_000_002_010_000 + seq * 33_333;
        match seq % 50 {
            7 => writeln!(frames, "{seq},lost,,,,"),
            n => writeln!(frames, "{seq},measured,{},{presented},5000,{}", 9_000 + n * 100, u8::from(n == 0)),
        }
        .expect("a string");
        if seq % 30 == 0 {
            writeln!(intervals, "{},1,30,10.5,13.9,{}.5,30.1,60.2", seq / 30, seq % 17).expect("a string");
        }
    }
    fs::write(folder.path().join("frames.csv"), frames).expect("a temporary file");
    fs::write(folder.path().join("intervals.csv"), intervals).expect("a temporary file");
    pages(folder.path()).expect("a report");
    let [page, ..] = read(&folder);
    assert!(page.contains("frame not seen (8640)"), "all are counted");
    assert!(page.len() < 300_000, "{}", page.len());
}

/// Each row is of another segment, so that the line has as many gaps as points.
#[test]
fn a_run_of_gaps_is_a_small_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut first);
    first.finish(now(12_000), &[]).with_pages(pages_of);
    let mut frames = "segment,seq,outcome,latency_us,presented_us,bytes,idr\n".to_owned();
    for seq in 0..200_000_u64 {
        let presented = 1_700_000_002_010_000 + seq * 33_333;
        writeln!(frames, "{seq},{seq},measured,{},{presented},5000,0", 9_000 + seq % 50 * 100).expect("a string");
    }
    fs::write(folder.path().join("frames.csv"), frames).expect("a temporary file");
    pages(folder.path()).expect("a report");
    let [page, ..] = read(&folder);
    assert!(page.contains("latency of each frame"), "the line is drawn");
    assert!(page.len() < 300_000, "{}", page.len());
}

#[test]
fn what_is_too_much_for_a_page_is_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut recorder);
    recorder.finish(now(12_000), &[]).with_pages(pages_of);
    let path = folder.path().join("run.json");
    let mut run: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("run.json")).expect("run.json is JSON");
    let broken = json!({ "text": "p50<1us", "value": 10.0, "limit": 0.001, "unit": "ms", "ok": false });
    run["warnings"] = (0..250).map(|n| json!(Warning::new(Code::Input, format!("no. {n}")))).collect();
    run["assertions"] = vec![broken; 230].into();
    run["outcome"] = "failed".into();
    fs::write(&path, run.to_string()).expect("a temporary file");
    pages(folder.path()).expect("a report");
    let [page, summary, _] = read(&folder);
    let count = |text: &str| page.matches(text).count();
    assert_eq!((count("<li>no. "), count("<li>and 50 more, in run.json</li>")), (200, 1));
    assert_eq!((count("<p>and 30 more, in run.json</p>"), count("<li>and 220 more, in run.json</li>")), (1, 1));
    for more in ["- and 150 more, in run.json", "| and 130 more, in run.json | | |"] {
        assert!(summary.contains(more), "{more} in {summary}");
    }
}

#[test]
fn the_page_of_a_folder_that_lacks_files_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = recorder(setup(&folder, "rtsp://127.0.0.1:8554/cam"));
    play(&mut first);
    first.finish(now(12_000), &[]).with_pages(pages_of);
    fs::remove_file(folder.path().join("frames.csv")).expect("it is there");
    fs::remove_file(folder.path().join("latency.hlog")).expect("it is there");
    pages(folder.path()).expect("run.json is there");
    let [page, ..] = read(&folder);
    for part in ["frames.csv is missing", "latency.hlog is missing", "p99 of each second"] {
        assert!(page.contains(part), "{part}");
    }
}
