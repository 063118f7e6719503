//! A real browser plays, and what its page reads becomes a report like any other.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use framelag_tests::process::{Builder, Process};
use framelag_tests::report::Report;
use framelag_tests::serving::{self, Transport};
use framelag_tests::{LIMIT, binary, measuring, need, streaming, turn, viewing};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[test]
fn fragments_of_one_response() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = format!("{}/stream", streaming::serve(folder.path()));
    let receiver =
        viewing::chromium("mse", &url, folder.path()).words("--preset frame --joins 2 --duration 4s --wait 30s");
    receiver.run(LIMIT).expect_code(0);
    let report = viewing::expect_played(folder.path(), "Chromium", "mse", "own", 2);
    assert!(report.number("stages_ms.buffer.p50") > 0.0 && report.number("stages_ms.deliver.p50") > 0.0);
    expect_kept(folder.path(), report.number("joins_p50_ms.median"));
}

/// Checks that a store gives the run in `folder` back with its joins, and that a trend takes their `median`.
fn expect_kept(folder: &Path, median: f64) {
    let store = folder.join("runs.sqlite");
    let json = |words: &str, argument: Option<&str>| -> Value {
        let framelag = Builder::new(binary::path("framelag")).words(words).args(argument).arg("--store").arg(&store);
        let text = framelag.run(LIMIT).expect_code(0).stdout.join("\n");
        serde_json::from_str(&text).expect("JSON")
    };
    let run = folder.join("run");
    Builder::new(binary::path("framelag")).args(["report", "--store"]).args([&store, &run]).run(LIMIT).expect_code(0);
    let listed = json("report list --json", None);
    let shown = json("report show --json", listed["id"].as_str());
    let saved = fs::read_to_string(run.join("run.json")).expect("a report");
    assert_eq!(shown, serde_json::from_str::<Value>(&saved).expect("JSON"));
    assert_eq!(shown["joins"].as_array().map(Vec::len), Some(2));
    let trend = json("report trend --json --metric joins_p50_ms.median", None);
    assert_eq!(trend["series"][0]["values"], serde_json::json!([median]));
}

#[test]
fn a_playlist_of_segments_with_hls_js() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let playlist = folder.path().join("index.m3u8");
    let segments =
        "-f hls -hls_time 1 -hls_list_size 4 -hls_flags delete_segments+program_date_time -hls_segment_type fmp4";
    let arguments: Vec<&str> = segments.split(' ').chain(playlist.to_str()).collect();
    let _encoded = streaming::encoded(&arguments);
    let url = format!("{}/index.m3u8", streaming::serve(folder.path()));
    viewing::chromium("hls", &url, folder.path()).words("--joins 2 --duration 4s --wait 30s").run(LIMIT).expect_code(0);
    let report = viewing::expect_played(folder.path(), "Chromium", "hls", "hls.js", 2);
    assert!(report.number("claims.hls_latency_ms.p50") > 0.0);
    assert!(report.value("claims.hls_latency_ms.difference_p50").is_number());
}

#[test]
fn a_manifest_of_segments_with_dash_js() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let manifest = folder.path().join("manifest.mpd");
    let segments = "-f dash -streaming 1 -ldash 1 -seg_duration 1 -window_size 5 -use_template 1 -use_timeline 0";
    let arguments: Vec<&str> = segments.split(' ').chain(manifest.to_str()).collect();
    let _encoded = streaming::encoded(&arguments);
    let url = format!("{}/manifest.mpd", streaming::serve(folder.path()));
    viewing::chromium("dash", &url, folder.path())
        .words("--joins 2 --duration 4s --wait 30s")
        .run(LIMIT)
        .expect_code(0);
    let report = viewing::expect_played(folder.path(), "Chromium", "dash", "dash.js", 2);
    assert!(report.number("claims.dash_live_latency_ms.p50") > 0.0);
}

#[test]
fn low_latency_hls_of_mediamtx() {
    let Some(program) = need::mediamtx() else { return };
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let server = serving::mediamtx_with_hls(&program, folder.path());
    let _publisher = measuring::publisher(&server.publish_url(), Transport::Tcp).spawn();
    server.wait_for_stream();
    let url = format!("http://{}/cam/index.m3u8", server.http.expect("it serves HLS"));
    viewing::chromium("ll-hls", &url, folder.path())
        .words("--joins 2 --duration 4s --wait 30s")
        .run(LIMIT)
        .expect_code(0);
    let report = viewing::expect_played(folder.path(), "Chromium", "ll-hls", "hls.js", 2);
    assert!(report.number("claims.hls_latency_ms.p50") > 0.0);
}

#[test]
fn what_keeps_a_browser_from_playing_is_named() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let server = streaming::serve(folder.path());
    let nobody = serving::nobody();
    for (url, words) in [
        (format!("{server}/closed"), "cors: "),
        (format!("{server}/missing"), "http-status 404: "),
        (format!("http://{}/stream", nobody.address), "network: "),
    ] {
        let receiver = viewing::chromium("mse", &url, folder.path()).words("--joins 1 --duration 2s --wait 0s");
        let ran = receiver.run(LIMIT).expect_code(1);
        assert!(ran.stderr.iter().any(|line| line.contains(words)), "{ran}");
    }
}

#[test]
fn why_a_browser_does_not_start_is_told() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let browser =
        viewing::wrapped_chromium(folder.path(), "echo first >&2; echo 'no libnss3.so' >&2; echo >&2; exit 7");
    let receiver = viewing::viewer(&browser, "mse", "http://127.0.0.1:9/stream", folder.path());
    let ran = receiver.words("--joins 1").run(LIMIT).expect_code(1);
    let told = "the browser exited unexpectedly (exit status: 7: no libnss3.so)";
    assert!(ran.stderr.iter().any(|line| line.contains(told)), "{ran}");
}

/// The processes for whose folder in /proc this holds.
fn processes(is_meant: impl Fn(&Path) -> bool) -> Vec<Pid> {
    let folders = fs::read_dir("/proc").expect("Linux has it").flatten().map(|process| process.path());
    let meant = folders.filter(|folder| is_meant(folder));
    meant.filter_map(|folder| folder.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw)).collect()
}

/// The processes that have `mark` in their environment, as those that the receiver starts have.
fn with_environment(mark: &str) -> usize {
    let of = |process: &Path| fs::read(process.join("environ")).unwrap_or_default();
    processes(|process| String::from_utf8_lossy(&of(process)).contains(mark)).len()
}

/// A receiver that measures in a browser for longer than the test takes.
fn measures(folder: &Path, mark: &str) -> Process {
    let url = format!("{}/stream", streaming::serve(folder));
    let receiver = viewing::chromium("mse", &url, folder).words("--json --duration 10m").env("FRAMELAG_MARK", mark);
    let mut receiver = receiver.spawn();
    receiver.wait_for_line("that it plays", LIMIT, |line| measuring::measured(line).filter(|frames| *frames > 0));
    receiver
}

#[test]
fn a_browser_that_is_killed_is_told() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let receiver = measures(folder.path(), "");
    let parent = format!("PPid:\t{}\n", receiver.id());
    let browser = processes(|process| fs::read_to_string(process.join("status")).is_ok_and(|it| it.contains(&parent)));
    assert_eq!(browser.len(), 1, "its children");
    kill_process(browser[0], Signal::KILL).expect("it runs");
    let ran = receiver.finish(LIMIT).expect_code(1);
    let told = "the browser exited unexpectedly (signal: 9 (SIGKILL))";
    assert!(ran.stdout.iter().any(|line| line.contains(told)), "{ran}");
    let report = Report::read(&folder.path().join("run"));
    assert!(report.number("frames.measured") > 0.0, "what was measured is kept");
}

#[test]
fn a_page_that_nobody_opens_is_told() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let receiver = viewing::viewer("none".as_ref(), "mse", "http://127.0.0.1:9/stream", folder.path());
    let mut receiver = receiver.spawn();
    receiver.wait_for_line("the page's URL", LIMIT, |line| line.contains("open this in a browser").then_some(()));
    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(3);
    let told = Report::read(&folder.path().join("run")).value("warnings").to_string();
    assert!(told.contains("no picture arrived from http://127.0.0.1:9/stream; nobody opened the page"), "{told}");
}

#[test]
fn a_browser_ends_with_a_receiver_that_is_killed() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mark = folder.path().display().to_string();
    let receiver = measures(folder.path(), &mark);
    assert!(with_environment(&mark) > 1, "it has children");
    receiver.kill();
    let until = Instant::now() + LIMIT;
    while with_environment(&mark) > 0 {
        assert!(Instant::now() < until, "a browser is left");
        thread::sleep(Duration::from_millis(50));
    }
}
