//! What a run's end says: exit codes by assertions and samples, and the report after Ctrl-C.

use framelag_tests::measuring::{endless_receiver, publisher_with_server, receiver, wait_for_frames};
use framelag_tests::report::Report;
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, binary, turn};

const PATTERN: [&str; 2] = ["--source", "test"];

#[test]
fn assertions_and_samples_decide_the_exit_code() {
    let _turn = turn::share();
    let (_publisher, url) = publisher_with_server(&PATTERN);
    let folder = tempfile::tempdir().expect("a folder for the test");
    let four_seconds = || receiver(&url, Transport::Tcp, folder.path());
    let half_a_second = || endless_receiver(&url, folder.path()).words("--duration 500ms");
    for (ran, code, outcome) in [
        (four_seconds().words("--assert p50<60s --assert frames.lost==0 --assert fps>1"), 0, "ok"),
        (four_seconds().words("--assert p50<60s --assert latency.min<=0.001ms"), 99, "failed"),
        (four_seconds().words("--assert p99.9<60s"), 3, "inconclusive"),
        (half_a_second().words("--assert p50<60s"), 3, "inconclusive"),
    ] {
        let ran = ran.run(LIMIT);
        assert_eq!(ran.code, Some(code), "{ran}");
        let report = Report::read(folder.path());
        assert_eq!(report.value("outcome"), outcome, "{ran}");
        report.accounted();
    }
}

#[test]
fn a_standard_output_that_takes_nothing_fails_the_run() {
    let _turn = turn::share();
    let (_publisher, url) = publisher_with_server(&PATTERN);
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    for flags in [&["--json"][..], &[]] {
        let ran = std::process::Command::new(binary::path("receiver"))
            .args([&url, "--headless", "--warmup", "0s", "--duration", "2s", "--wait", "30s"])
            .args(flags)
            .stdout(full.try_clone().expect("a handle"))
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert_eq!(said.matches("cannot write to standard output").count(), 1, "{said}");
    }
}

#[test]
fn interrupted_it_sums_up() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (publisher, url) = publisher_with_server(&PATTERN);
    let mut receiver = endless_receiver(&url, folder.path()).spawn();
    wait_for_frames(&mut receiver, 60);
    receiver.interrupt();
    let ended = receiver.finish(LIMIT).expect_code(0);
    assert!(ended.stdout.last().is_some_and(|line| line.contains(r#""event":"summary""#)), "{ended}");
    let report = Report::read(folder.path());
    assert_eq!((report.value("partial"), report.value("outcome")), (&false.into(), &"ok".into()));
    assert!(report.accounted().measured >= 60);
    publisher.interrupt();
    publisher.finish(LIMIT).expect_code(0);
}
