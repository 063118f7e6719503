//! A real browser plays, and what its page reads becomes a report like any other.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use framelag_tests::process::Builder;
use framelag_tests::report::Report;
use framelag_tests::{LIMIT, binary, measuring, need, serving, streaming, turn};
use rustix::process::{Pid, Signal, kill_process};

/// A receiver that keeps what it makes in `folder`: two joins of four seconds, the first of which is warm-up.
fn receiver(via: &str, url: &str, folder: &Path) -> Builder {
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary).expect("a folder");
    Builder::new(binary::path("receiver"))
        .args(["--via", via, url])
        .arg("--browser")
        .arg(need::tool("chromium"))
        .words("--warmup 1s --report")
        .arg(folder.join("run"))
        .env("TMPDIR", temporary)
}

fn expect_joins(folder: &Path, via: &str, player: &str) -> Report {
    let report = Report::read(&folder.join("run"));
    let frames = report.accounted();
    assert!(frames.measured * 10 >= frames.expected * 9, "the code is read on what is shown: {frames:?}");
    assert_eq!((report.value("via"), report.value("player")), (&via.into(), &player.into()));
    assert_eq!(report.value("browser.name"), "Chromium");
    assert_eq!(report.value("clock.source"), "browser");
    assert!(report.number("clock.max_uncertainty_us") > 0.0);
    let joins = report.value("joins").as_array().expect("a list");
    assert_eq!(joins.len(), 2);
    for join in joins {
        let number = |path: &str| join.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or_default();
        assert!(number("/latency_ms/count") >= 30.0 && number("/latency_ms/p50") > 0.0, "{join}");
        assert!(number("/startup/first_frame_ms") > 0.0 && number("/presented/callbacks") >= 30.0, "{join}");
    }
    let joins = report.column("frames.csv", "join");
    assert!(joins.iter().any(|join| join == "1") && joins.iter().any(|join| join == "2"));
    // Nothing of the browser is left.
    let left: Vec<_> =
        fs::read_dir(folder.join("tmp")).expect("it was made").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, [] as [std::path::PathBuf; 0]);
    report
}

#[test]
fn fragments_of_one_response() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = format!("{}/stream", streaming::serve(folder.path()));
    receiver("mse", &url, folder.path())
        .words("--preset frame --joins 2 --duration 4s --wait 30s")
        .run(LIMIT)
        .expect_code(0);
    let report = expect_joins(folder.path(), "mse", "own");
    assert!(report.number("stages_ms.buffer.p50") > 0.0 && report.number("stages_ms.deliver.p50") > 0.0);
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
    // The library is part of the build: `npm ci && npm run vendor` in web/.
    receiver("hls", &url, folder.path()).words("--joins 2 --duration 4s --wait 30s").run(LIMIT).expect_code(0);
    let report = expect_joins(folder.path(), "hls", "hls.js");
    assert!(report.number("claims.hls_latency_ms.p50") > 0.0);
    assert!(report.value("claims.hls_latency_ms.difference_p50").is_number());
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
        let receiver = receiver("mse", &url, folder.path()).words("--joins 1 --duration 2s --wait 0s");
        let ran = receiver.run(LIMIT).expect_code(1);
        assert!(ran.stderr.iter().any(|line| line.contains(words)), "{ran}");
    }
}

/// The processes that have `mark` in their environment, as those that the receiver starts have.
fn with_environment(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten().map(|process| process.path());
    let of = |process: &std::path::PathBuf| fs::read(process.join("environ")).unwrap_or_default();
    processes.filter(|process| String::from_utf8_lossy(&of(process)).contains(mark)).count()
}

#[test]
fn a_browser_ends_with_a_receiver_that_is_killed() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mark = folder.path().display().to_string();
    let url = format!("{}/stream", streaming::serve(folder.path()));
    let receiver = receiver("mse", &url, folder.path()).words("--json --duration 10m").env("FRAMELAG_MARK", &mark);
    let mut receiver = receiver.spawn();
    receiver.wait_for_line("that it plays", LIMIT, |line| measuring::measured(line).filter(|frames| *frames > 0));
    assert!(with_environment(&mark) > 1, "it has children");
    let pid = Pid::from_raw(receiver.id().cast_signed()).expect("a process");
    kill_process(pid, Signal::KILL).expect("it runs");
    let until = Instant::now() + LIMIT;
    while with_environment(&mark) > 0 {
        assert!(Instant::now() < until, "a browser is left");
        thread::sleep(Duration::from_millis(50));
    }
}
