//! `docs/metrics.md` has every metric, and its examples are right.

use std::fs;

use framelag_tests::process::Builder;
use framelag_tests::{LIMIT, binary, need};
use measure::catalogue::METRICS;
use metrics::Unit;

fn document() -> String {
    fs::read_to_string(binary::repository().join("docs/metrics.md")).expect("it is there")
}

#[test]
fn every_metric_is_documented_and_nothing_else() {
    let document = document();
    let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| `framelag_")).collect();
    for metric in METRICS {
        let unit = if metric.unit == Unit::None { "" } else { metric.unit.name() };
        let begin = format!("| `{}` | {} | {unit} |", metric.name, metric.kind.name()).replace("  ", " ");
        let found = rows.iter().any(|row| row.replace("  ", " ").starts_with(&begin));
        assert!(found, "docs/metrics.md has no row {begin}");
    }
    assert_eq!(rows.len(), METRICS.len(), "docs/metrics.md has a metric that is not there");
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
