//! Two hosts with two clocks, as real processes: what the receiver says of the offset is held against the truth, which only
//! the test knows. A clock and a host are handed in to each process by `FRAMELAG_TEST_CLOCK`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use framelag_tests::measuring::receiver;
use framelag_tests::namespaces::{NEAR, Pair, Side};
use framelag_tests::process::{Builder, Process};
use framelag_tests::report::Report;
use framelag_tests::serving::{Transport, address_in};
use framelag_tests::{LIMIT, binary, turn};

const VARIABLE: &str = common::host::clock::TEST_VARIABLE;

/// The publisher's clock is 40 minutes ahead of the receiver's.
const AHEAD_US: i64 = 2_400_000_000;
const DRIFT_PPM: f64 = 60.0;

fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_micros()).expect("within 292,000 years")
}

/// A clock that is `ahead` µs ahead of this machine's at `since`, and gains on it.
fn clock(host: u32, ahead: i64, since: i64) -> String {
    format!("host={host},offset_us={ahead},drift_ppm={DRIFT_PPM},since_us={since}")
}

fn ready(process: &mut Process) {
    process.wait_for_line("that it publishes", LIMIT, |line| line.contains("publishing to").then_some(()));
}

/// Checks that the offset at the last picture is the truth within its bound: receiver − publisher is −[`AHEAD_US`], less what
/// the publisher's clock has gained since `since`. When that picture was shown its corrected time tells, which is
/// the publisher's.
fn holds_the_truth(report: &Report, since: i64) {
    let shown = report.column("frames.csv", "presented_us");
    let last = shown.iter().rev().find_map(|time| time.parse::<i64>().ok()).expect("a picture was shown");
    let elapsed = (last - AHEAD_US - since) as f64 / (1.0 + DRIFT_PPM / 1e6);
    let truth = -(AHEAD_US as f64 + elapsed * DRIFT_PPM / 1e6);
    let (offset, bound) = (report.number("clock.offset_us"), report.number("clock.max_uncertainty_us"));
    let at_the_end = report.number("clock.uncertainty_us");
    println!("offset {offset} ± {at_the_end} µs, off by {:.0} µs; ± {bound} µs at most in the run", offset - truth);
    assert!((offset - truth).abs() <= at_the_end, "{offset} ± {at_the_end} µs, true: {truth} µs");
    assert!(bound < 50_000.0, "± {bound} µs is no bound to be of use");
    let (p50, least) = (report.number("latency_ms.p50"), report.number("latency_ms.min"));
    assert!(least * 1e3 >= -bound, "a picture is older than its stamp: {least} ms");
    assert!(p50 < 60_000.0, "corrected, a latency is no 40 minutes: {p50} ms");
    assert_eq!(report.value("clock.same_host"), &serde_json::Value::Bool(false));
    let stages = report.stages_of_two_hosts_add_up(bound);
    assert!(stages.complete > 0, "corrected stages add up to the corrected latency");
}

fn message(report: &Report, code: &str) -> String {
    let warnings = report.value("warnings").as_array().expect("there is a list");
    let found = warnings.iter().find(|warning| warning["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} among {warnings:?}"))["message"].to_string()
}

#[test]
fn a_server_between_two_hosts_chains_their_clocks() {
    let _turn = turn::take();
    let (folder, since) = (tempfile::tempdir().expect("a folder"), wall_us());
    let mut server = Builder::new(binary::path("framelag"))
        .words("serve --rtsp 127.0.0.1:0 --http 127.0.0.1:0")
        .env(VARIABLE, "host=12,offset_us=-77000000")
        .spawn();
    let address = server.wait_for_line("the server's URL", LIMIT, |line| address_in(line, "rtsp"));
    let mut publisher = Builder::new(binary::path("publisher"))
        .words("--source test")
        .args(["--to", &format!("rtsp://{address}/cam"), "--clock", &format!("udp://{address}")])
        .env(VARIABLE, clock(11, AHEAD_US, since))
        .spawn();
    ready(&mut publisher);
    let url = format!("rtsp://{address}/cam");
    let play = |folder: &Path| receiver(&url, Transport::Tcp, folder).env(VARIABLE, "host=13");
    let ended = play(folder.path()).words("--assert p50<60s").run(LIMIT).expect_code(0);
    let report = Report::read(folder.path());
    holds_the_truth(&report, since);
    assert_eq!(report.value("clock.source"), "server");
    assert!(ended.stdout.iter().any(|line| line.contains("two clocks, offset")), "{ended}");

    // Nobody answers there.
    play(folder.path()).words("--clock udp://127.0.0.1:9 --assert p50<60s").run(LIMIT).expect_code(3);
    let said = message(&Report::read(folder.path()), "clock-unknown");
    assert!(said.contains("udp://127.0.0.1:9 does not answer: let UDP through"), "{said}");

    // The user's word against the publisher's.
    play(folder.path()).words("--clock same-host --assert p50<60s").run(LIMIT).expect_code(3);
    let said = message(&Report::read(folder.path()), "clock-unknown");
    assert!(said.contains("--clock same-host"), "{said}");
}

/// A publisher on the near host with a server of its own, behind a bad network for `protocols`.
fn published(pair: &Pair, protocols: &[&str], since: i64) -> (Process, Vec<Process>) {
    let mut publisher = pair
        .binary(Side::Near, "publisher")
        .words("--source test --rtsp 127.0.0.1:8554")
        .env(VARIABLE, clock(11, AHEAD_US, since))
        .spawn();
    ready(&mut publisher);
    let network = |protocol: &&str| {
        let mut proxy = pair
            .binary(Side::Near, "framelag")
            .args(["impair", "--listen", &format!("{protocol}://{NEAR}:8554")])
            .args(["--to", &format!("{protocol}://127.0.0.1:8554")])
            .words("--delay 4ms --back-delay 12ms --jitter 8ms --seed 5")
            .spawn();
        proxy.wait_for_line("that it listens", LIMIT, |line| line.contains(NEAR).then_some(()));
        proxy
    };
    (publisher, protocols.iter().map(network).collect())
}

#[test]
fn between_two_network_namespaces_the_truth_is_within_the_bound() {
    let _turn = turn::take();
    let (pair, folder, since) = (Pair::new(), tempfile::tempdir().expect("a folder"), wall_us());
    let _network = published(&pair, &["tcp", "udp"], since);
    let ended = pair
        .binary(Side::Far, "receiver")
        .arg(format!("rtsp://{NEAR}:8554/cam"))
        .words("--headless --warmup 2s --duration 8s --wait 30s --assert p50<60s --report")
        .arg(folder.path())
        .env(VARIABLE, "host=13")
        .run(LIMIT);
    ended.expect_code(0);
    let report = Report::read(folder.path());
    holds_the_truth(&report, since);
    assert_eq!(report.value("clock.source"), "publisher");
    let p50 = report.number("latency_ms.p50");
    assert!(
        p50 * 1e3 >= 12_000.0 - report.number("clock.max_uncertainty_us"),
        "the way back takes 12 ms alone: {p50} ms"
    );
}

#[test]
fn where_no_answer_comes_through_the_figure_proves_nothing() {
    let _turn = turn::take();
    let (pair, folder, since) = (Pair::new(), tempfile::tempdir().expect("a folder"), wall_us());
    let _network = published(&pair, &["tcp"], since);
    pair.binary(Side::Far, "receiver")
        .arg(format!("rtsp://{NEAR}:8554/cam"))
        .words("--headless --warmup 1s --duration 5s --wait 30s --assert p50<60s --report")
        .arg(folder.path())
        .env(VARIABLE, "host=13")
        .run(LIMIT)
        .expect_code(3);
    let report = Report::read(folder.path());
    let said = message(&report, "clock-unknown");
    assert!(said.contains(&format!("udp://{NEAR}:8554 does not answer")), "{said}");
    assert_eq!(report.value("clock.offset_us"), &serde_json::Value::Null);
}
