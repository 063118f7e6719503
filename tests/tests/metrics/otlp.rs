//! A receiver of two streams sends its metrics to a collector, which decodes them with OpenTelemetry's own messages.

use std::path::Path;

use framelag_tests::measuring::publisher_with_server;
use framelag_tests::process::{Builder, Finished, Process};
use framelag_tests::report::Report;
use framelag_tests::scraping;
use framelag_tests::serving::{address_in, nobody};
use framelag_tests::{LIMIT, binary, turn};
use serde_json::Value;

const PUBLISHER: [&str; 6] = ["--source", "test", "--size", "640x480", "--fps", "30"];

fn collector(arguments: &[&str]) -> (Process, String) {
    let mut collector = scraping::python("otlp_collector.py").args(arguments).spawn();
    let address = collector.wait_for_line("the collector's URL", LIMIT, |line| address_in(line, "http"));
    (collector, address.to_string())
}

/// The messages that a collector took.
fn messages(collector: Process) -> Vec<Value> {
    collector.kill();
    let finished = collector.finish(LIMIT);
    finished.stdout.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A receiver that sends its metrics to `to`, for longer than from one message to the next.
fn sending(url: &str, to: &str, folder: &Path) -> Builder {
    Builder::new(binary::path("receiver"))
        .args([url, "--otlp", to])
        .words("--headless --warmup 1s --duration 7s --wait 30s --report")
        .arg(folder)
}

#[test]
fn the_last_message_says_what_the_reports_say() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_publisher, url) = publisher_with_server(&PUBLISHER);
    let (collector, address) = collector(&[]);
    let to = format!("http://ann:secret@{address}");
    let finished = sending(&url, &to, folder.path()).args([&url]).run(LIMIT).expect_code(0);
    assert!(!finished.to_string().contains("secret"), "{finished}");

    let messages = messages(collector);
    assert!(messages.len() >= 2, "one as the run went, one when it ended: {messages:?}");
    let last = messages.last().expect("there are some");
    assert_eq!(last["authorization"], "Basic YW5uOnNlY3JldA==");
    let resource = &last["message"]["resourceMetrics"][0];
    let attributes = resource["resource"].to_string();
    assert!(attributes.contains("framelag.receiver") && attributes.contains("service.instance.id"), "{attributes}");
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array().expect("metrics");
    for stream in ["cam", "cam-2"] {
        agrees(metrics, stream, &Report::read(&folder.path().join(stream)));
    }
}

fn agrees(metrics: &[Value], stream: &str, report: &Report) {
    let metric = |name: &str| {
        let found = metrics.iter().find(|metric| metric["name"] == name);
        found.unwrap_or_else(|| panic!("{name} was not sent"))
    };
    let frames = metric("framelag.frames");
    assert_eq!(
        (&frames["sum"]["aggregationTemporality"], &frames["sum"]["isMonotonic"]),
        (&"AGGREGATION_TEMPORALITY_CUMULATIVE".into(), &true.into())
    );
    for bucket in ["measured", "lost", "duplicate", "late", "unreadable", "undecodable"] {
        let sent = point(&frames["sum"], &[("stream", stream), ("bucket", bucket)]);
        assert_eq!(number(&sent["asInt"]), report.number(&format!("frames.{bucket}")), "{bucket}");
        assert!(number(&sent["startTimeUnixNano"]) < number(&sent["timeUnixNano"]), "{sent}");
    }
    let latency = metric("framelag.latency");
    assert_eq!(latency["unit"], "s");
    let sent = point(&latency["histogram"], &[("stream", stream)]);
    assert_eq!(number(&sent["count"]), report.number("latency_ms.count"));
    let latencies: Vec<f64> =
        report.column("frames.csv", "latency_us").iter().filter_map(|us| us.parse().ok()).collect();
    let sum: f64 = latencies.iter().sum();
    assert!((number(&sent["sum"]) - sum / 1e6).abs() < 1e-6, "{sent}");
    let bounds: Vec<f64> = sent["explicitBounds"].as_array().expect("bounds").iter().map(number).collect();
    let counts: Vec<f64> = sent["bucketCounts"].as_array().expect("counts").iter().map(number).collect();
    assert_eq!((bounds.len() + 1, counts.iter().sum::<f64>()), (counts.len(), latencies.len() as f64));
    let mut up_to = 0.0;
    for (bound, count) in bounds.iter().zip(counts) {
        up_to += count;
        let expected = latencies.iter().filter(|us| **us / 1e6 <= *bound).count();
        assert_eq!(up_to, expected as f64, "latencies up to {bound} s");
    }
}

/// The point with these attributes.
fn point<'a>(data: &'a Value, attributes: &[(&str, &str)]) -> &'a Value {
    let has = |point: &Value, (key, value): &(&str, &str)| {
        let attributes = point["attributes"].as_array().expect("attributes");
        attributes.iter().any(|found| found["key"] == *key && found["value"]["stringValue"] == *value)
    };
    let points = data["dataPoints"].as_array().expect("points");
    let found = points.iter().find(|point| attributes.iter().all(|attribute| has(point, attribute)));
    found.unwrap_or_else(|| panic!("no point has {attributes:?}: {data}"))
}

/// 64-bit integers are strings in JSON.
fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

/// A run is good, and says once that its metrics did not arrive.
fn told_once(finished: Finished) {
    let finished = finished.expect_code(0);
    let told: Vec<_> = finished.stderr.iter().filter(|line| line.contains("metrics did not reach")).collect();
    assert!(matches!(told[..], [line] if !line.contains("secret")), "{finished}");
}

#[test]
fn a_collector_that_is_away_or_refuses_is_told_once_and_fails_nothing() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_publisher, url) = publisher_with_server(&PUBLISHER);
    let (_collector, refusing) = collector(&["503"]);
    let away = nobody();
    let run =
        |to: &str, name: &str| sending(&url, &format!("http://ann:secret@{to}"), &folder.path().join(name)).spawn();
    let runs = [run(&away.address.to_string(), "away"), run(&refusing, "refusing")];
    runs.into_iter().for_each(|run| told_once(run.finish(LIMIT)));
}
