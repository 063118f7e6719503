//! `docs/metrics.md` has every metric, and its examples are right.

use std::fs;

use framelag_tests::attacks::parties;
use framelag_tests::process::Builder;
use framelag_tests::{LIMIT, binary, need, rtsp, serving};
use measure::catalogue::METRICS;
use metrics::Unit;

/// Where the metrics of the server begin.
const SERVERS: &str = "\n## Of the server\n";

fn document() -> String {
    fs::read_to_string(binary::repository().join("docs/metrics.md")).expect("it is there")
}

#[test]
fn every_metric_is_documented_and_nothing_else() {
    let document = document();
    let (document, _) = document.split_once(SERVERS).expect("the server's come last");
    let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| `framelag_")).collect();
    for metric in METRICS {
        let unit = if metric.unit == Unit::None { "" } else { metric.unit.name() };
        let begin = format!("| `{}` | {} | {unit} |", metric.name, metric.kind.name()).replace("  ", " ");
        let found = rows.iter().any(|row| row.replace("  ", " ").starts_with(&begin));
        assert!(found, "docs/metrics.md has no row {begin}");
    }
    assert_eq!(rows.len(), METRICS.len(), "docs/metrics.md has a metric that is not there");
}

#[test]
fn every_metric_of_the_server_is_documented_and_nothing_else() {
    let server = serving::framelag(&[]);
    let _publisher = parties::publisher(server.address, "cam", &parties::sdp(""), &[]);
    let page = rtsp::http_get(server.http.expect("it serves HTTP"), "/metrics").expect("an answer");
    let page = String::from_utf8(page.body).expect("text");
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut served: Vec<_> = types.map(|(name, kind)| format!("| `{name}` | {kind} |")).collect();
    let document = document();
    let rows = document.split_once(SERVERS).expect("a section").1.lines();
    let cells = |row: &str| format!("{}|", row.split_inclusive('|').take(3).collect::<String>().trim_end_matches('|'));
    let mut documented: Vec<_> = rows.filter(|row| row.starts_with("| `framelag_")).map(cells).collect();
    served.sort();
    documented.sort();
    assert_eq!(documented, served);
}

/// Each example of YAML begins with a comment that names its file.
#[test]
fn the_examples_are_valid() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let document = document();
    let example = |name: &str| {
        let begin = format!("```yaml\n# {name}\n");
        let rest = document.split_once(&begin).unwrap_or_else(|| panic!("docs/metrics.md has no {name}")).1;
        let path = folder.path().join(name);
        fs::write(&path, rest.split_once("```").expect("it ends").0).expect("a test's folder can be written to");
        path
    };
    let rules = example("framelag-rules.yml");
    let config = example("prometheus.yml");
    for (what, file) in [("rules", rules), ("config", config)] {
        let finished = Builder::new(need::made("tools/prometheus/promtool"))
            .args(["check", what])
            .arg(file)
            .run(LIMIT)
            .expect_code(0);
        assert!(finished.to_string().contains("SUCCESS"), "{finished}");
    }
}
