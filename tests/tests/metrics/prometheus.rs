//! A real Prometheus scrapes a receiver while it measures.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use framelag_tests::measuring::{endless_receiver, publisher, wait_for_frames};
use framelag_tests::process::{Builder, Process, wait_until};
use framelag_tests::report::Report;
use framelag_tests::scraping::{self, Page, address_of, ask};
use framelag_tests::serving::{self, Transport};
use framelag_tests::{LIMIT, need, turn};
use serde_json::Value;

const BUCKETS: [&str; 6] = ["measured", "lost", "duplicate", "late", "unreadable", "undecodable"];

/// The picture is so old only when no frame came for longer than frames are waited for.
const SETTLED_AGE_S: f64 = 4.0;

#[test]
fn prometheus_scrapes_what_the_report_says() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let report = folder.path().join("report");
    let server = serving::framelag(&[]);
    let publisher = publisher(&server.publish_url(), Transport::Tcp).spawn();
    server.wait_for_stream();
    let mut receiver = endless_receiver(&server.play_url(), &report).words("--metrics 0").spawn();
    let metrics = address_of(&mut receiver);
    let prometheus = Prometheus::start(metrics, folder.path());
    wait_for_frames(&mut receiver, 60);

    let first = Page::fetch(metrics);
    check_by_promtool(metrics);
    wait_for_frames(&mut receiver, 60);
    never_less(&first, &Page::fetch(metrics));
    Page::fetch(server.http.expect("it serves HTTP"));

    drop(publisher);
    let last = wait_until("all frames to be final", LIMIT, || {
        let page = Page::fetch(metrics);
        (page.sample("framelag_picture_age_seconds")? > SETTLED_AGE_S).then_some(page)
    });
    never_less(&first, &last);
    let [measured, median] = prometheus.wait_for_all(&last);
    receiver.interrupt();
    receiver.finish(LIMIT);
    agrees(&last, &Report::read(&report));
    let report = Report::read(&report);
    assert_eq!(measured, report.number("frames.measured"));
    in_the_bucket_of(median, report.number("latency_ms.p50") / 1e3, &last);
}

/// Every counter of the report, and every bucket by the latencies of `frames.csv`.
fn agrees(page: &Page, report: &Report) {
    let sample = |name: &str| page.sample(name).unwrap_or_else(|| panic!("{name} is not there"));
    for bucket in BUCKETS {
        let scraped = sample(&format!("framelag_frames_total{{bucket={bucket}}}"));
        assert_eq!(scraped, report.number(&format!("frames.{bucket}")), "{bucket}");
    }
    assert_eq!(sample("framelag_frames_expected_total"), report.number("frames.expected"));
    assert_eq!(sample("framelag_pictures_total"), report.number("pictures.shown"));
    let latencies: Vec<f64> =
        report.column("frames.csv", "latency_us").iter().filter_map(|us| us.parse().ok()).collect();
    assert!(latencies.len() > 100, "{} latencies", latencies.len());
    for (bound, count) in buckets(page) {
        let expected = latencies.iter().filter(|us| **us / 1e6 <= bound).count();
        assert_eq!(count, expected as f64, "latencies up to {bound} s");
    }
    let sum: f64 = latencies.iter().sum();
    assert!((sample("framelag_latency_seconds_sum") - sum / 1e6).abs() < 1e-6);
    assert_eq!(sample("framelag_stage_seconds_count{stage=decode}"), report.number("stages_ms.decode.count"));
    assert_eq!(page.sample("framelag_stage_seconds_count{stage=present}"), None, "there is no window");
}

/// The latency's bounds, s, ascending, with how many are not above each.
fn buckets(page: &Page) -> Vec<(f64, f64)> {
    let of = |(name, count): (&String, f64)| {
        let bound = name.strip_prefix("framelag_latency_seconds_bucket{le=")?.split(',').next()?;
        Some((bound.replace("+Inf", "inf").parse().expect("a number"), count))
    };
    let mut buckets: Vec<(f64, f64)> = page.samples().filter_map(of).collect();
    assert!(buckets.len() > 20, "{buckets:?}");
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    buckets
}

/// Prometheus interpolates within a bucket: it must be the right one.
fn in_the_bucket_of(estimate: f64, exact: f64, page: &Page) {
    let bounds: Vec<f64> = buckets(page).iter().map(|bucket| bucket.0).collect();
    let above = bounds.iter().position(|bound| exact <= *bound).expect("the last has no bound");
    let below = if above == 0 { 0.0 } else { bounds[above - 1] };
    assert!((below..=bounds[above]).contains(&estimate), "{estimate} s is in another bucket than p50, {exact} s");
}

/// No counter is less, and none is gone.
fn never_less(before: &Page, after: &Page) {
    let counts = ["_total{", "_bucket{", "_count{", "_sum{"];
    for (name, value) in before.samples().filter(|(name, _)| counts.iter().any(|count| name.contains(count))) {
        let now = after.samples().find(|(other, _)| *other == name).map(|(_, now)| now);
        assert!(now.is_some_and(|now| now >= value), "{name} was {value} and is {now:?}");
    }
}

/// The older format, by Prometheus's own linter.
fn check_by_promtool(metrics: SocketAddr) {
    let answer = ask(metrics, "GET", "/metrics", "Accept: text/plain; version=0.0.4\r\n").expect("metrics are served");
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    let mut promtool =
        Builder::new(need::made("tools/prometheus/promtool")).words("check metrics").stdin(Stdio::piped()).spawn();
    promtool.take_stdin().write_all(answer.body.as_bytes()).expect("promtool reads");
    promtool.finish(LIMIT).expect_code(0);
}

struct Prometheus {
    _process: Process,
    address: SocketAddr,
}

impl Prometheus {
    /// Scrapes `target` every second.
    fn start(target: SocketAddr, folder: &Path) -> Self {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: framelag\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&config, text).expect("a test's folder can be written to");
        let mut process = Builder::new(need::made("tools/prometheus/prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .spawn();
        // Not the line before, which says what it was asked for.
        let address = process.wait_for_line("Prometheus's address", LIMIT, |line| {
            line.split_once("\"Listening on\"")?.1.split_once("address=")?.1.split_whitespace().next()?.parse().ok()
        });
        Self { _process: process, address }
    }

    /// What Prometheus says of measured frames and of the median, once it has scraped all of `last`.
    fn wait_for_all(&self, last: &Page) -> [f64; 2] {
        let measured = last.sample("framelag_frames_total{bucket=measured}");
        wait_until("Prometheus to know all frames", LIMIT, || {
            let known = self.query("framelag_frames_total{bucket=\"measured\",stream=\"cam\"}");
            (known.is_some() && known == measured).then_some(())
        });
        let median = self.query("histogram_quantile(0.5,framelag_latency_seconds_bucket{stream=\"cam\"})");
        [measured, median].map(|value| value.expect("Prometheus has it"))
    }

    fn query(&self, query: &str) -> Option<f64> {
        let escape = |c: char| {
            if c.is_ascii_alphanumeric() || "_-.".contains(c) { c.to_string() } else { format!("%{:02X}", c as u32) }
        };
        let query: String = query.chars().map(escape).collect();
        let answer = ask(self.address, "GET", &format!("/api/v1/query?query={query}"), "").ok()?;
        let answer: Value = serde_json::from_str(&answer.body).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

/// The page of this very host's Python reader, so that a broken one is not taken for a broken page.
#[test]
fn the_strict_reader_refuses_what_is_wrong() {
    let mut reader = scraping::python("openmetrics_reader.py").stdin(Stdio::piped()).spawn();
    reader.take_stdin().write_all(b"# TYPE a counter\na 1\n# EOF\n").expect("the reader reads");
    reader.finish(LIMIT).expect_code(1);
}
