//! Files of real runs, read by programs that are not ours: HdrHistogram's log processor (Java), a parser of its percentile
//! distributions (hdr-plot), and a validator of JSON Schema (jsonschema).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use framelag_tests::binary::repository;
use framelag_tests::measuring::{endless_receiver, publisher_with_server, receiver, wait_for_frames};
use framelag_tests::process::Builder;
use framelag_tests::report::Report;
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, need, turn};

use super::{INCONCLUSIVE, framelag};

/// The quantiles of a run.json, by their fraction.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// What a histogram of three digits may be off, and half of a last digit that was printed.
fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= other.abs() * 0.001 + 0.0006
}

/// Lines of a percentile distribution: fraction and value in ms.
type Percentiles = Vec<(f64, f64)>;

/// What HdrHistogram's own log processor makes of a log.
fn log_processor(log: &Path, tag: Option<&str>) -> (Percentiles, String) {
    let jar = need::made("outsiders/HdrHistogram.jar");
    let mut java = Command::new(need::tool("java"));
    java.arg("-cp").arg(jar).args(["org.HdrHistogram.HistogramLogProcessor", "-i"]).arg(log);
    java.args(["-outputValueUnitRatio", "1000"]);
    java.args(tag.into_iter().flat_map(|tag| ["-tag", tag]));
    let ran = java.output().expect("java starts");
    let text = String::from_utf8(ran.stdout).expect("text");
    assert!(ran.status.success(), "{text}{}", String::from_utf8_lossy(&ran.stderr));
    let numbers = |line: &str| line.split_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>();
    let rows = text.lines().filter_map(numbers).filter(|row| row.len() >= 3);
    (rows.map(|row| (row[1], row[0])).collect(), text)
}

/// The value that a fraction is not above.
fn quantile(of: &Percentiles, fraction: f64) -> f64 {
    of.iter().find(|(at, _)| *at >= fraction).expect("they go up to 1").1
}

/// The number after `name` and an equals sign below a percentile distribution.
fn below(text: &str, name: &str) -> f64 {
    let rest = text.split(name).nth(1).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    let number = rest.trim_start_matches([' ', '=']).split([',', ']']).next().expect("a field").trim();
    number.parse().unwrap_or_else(|_| panic!("{number:?} is no number"))
}

/// The quantiles of the lines that they are between are compared: the distribution has five for each halving.
fn java_agrees(folder: &Path, tag: Option<&str>, path: &str, names: &[(&str, f64)]) {
    let report = Report::read(folder);
    let (found, text) = log_processor(&folder.join("latency.hlog"), tag);
    assert_eq!(below(&text, "Total count"), report.number(&format!("{path}.count")), "{tag:?}\n{text}");
    let max = report.number(&format!("{path}.max"));
    assert!(close(below(&text, "[Max"), max), "{tag:?}: {max}\n{text}");
    for (name, fraction) in names {
        let ours = report.number(&format!("{path}.{name}"));
        // The first line at or above the fraction is at it, or has the value of a somewhat higher one.
        let theirs = quantile(&found, *fraction);
        let before = found.iter().rev().find(|(at, _)| at <= fraction).expect("they begin at 0").1;
        let between = ours >= before * 0.999 - 0.001 && ours <= theirs * 1.001 + 0.001;
        assert!(between, "{tag:?} {name}: {ours} is not between {before} and {theirs}\n{text}");
        if found.iter().any(|(at, _)| (at - fraction).abs() < 1e-9) {
            assert!(close(theirs, ours), "{tag:?} {name}: {ours}, and HdrHistogram says {theirs}\n{text}");
        }
    }
}

/// What a Python program prints that is run with the packages of others.
fn python(program: &str, arguments: &[&Path]) -> String {
    let ran = Command::new(need::made("outsiders/python/bin/python"))
        .args(["-c", program])
        .args(arguments)
        .env("MPLBACKEND", "agg")
        .output()
        .expect("python starts");
    let (out, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{said}");
    out.into_owned()
}

const PARSE_HGRM: &str = "
import json, sys
from hdr_plot.hdr_plot import parse_metadata, parse_percentiles
rows, below = parse_percentiles(sys.argv[1]), parse_metadata(sys.argv[1])
print(json.dumps({
    'rows': [[row['Percentile'], row['Latency']] for _, row in rows.iterrows()],
    'counts': [int(count) for count in rows['TotalCount']],
    'below': {name: float(value) for name, value in below.items()},
}))
";

const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
for error in Draft202012Validator(schema).iter_errors(json.load(open(sys.argv[2]))):
    print(error.json_path, error.message)
";

fn hgrm_parser_agrees(folder: &Path) {
    let report = Report::read(folder);
    let parsed: serde_json::Value =
        serde_json::from_str(&python(PARSE_HGRM, &[&folder.join("latency.hgrm")])).expect("JSON");
    let rows = parsed["rows"].as_array().expect("rows");
    let rows: Percentiles =
        rows.iter().map(|row| (row[0].as_f64().expect("a fraction"), row[1].as_f64().expect("a value"))).collect();
    for (name, fraction) in [("p50", 0.5), ("p90", 0.9)] {
        let (ours, theirs) = (report.number(&format!("latency_ms.{name}")), quantile(&rows, fraction));
        // A step of the distribution may end one rank further on: then ours is between the steps around it.
        let before = rows.iter().rfind(|row| row.0 < fraction).map_or(0.0, |row| row.1);
        let between = before <= ours && ours <= theirs;
        assert!(between || close(theirs, ours), "{name}: {ours}, and hdr-plot reads {before} to {theirs}");
    }
    assert!(rows.is_sorted() && rows.len() > 20, "{rows:?}");
    let below: BTreeMap<String, f64> = serde_json::from_value(parsed["below"].clone()).expect("four figures");
    assert_eq!(below["Total count"], report.number("latency_ms.count"));
    for (theirs, ours) in [("Max", "max"), ("Mean", "mean")] {
        let ours = report.number(&format!("latency_ms.{ours}"));
        assert!(close(below[theirs], ours), "{theirs}: {ours}, and hdr-plot reads {}", below[theirs]);
    }
}

fn validator_says(folder: &Path) -> String {
    python(VALIDATE, &[&repository().join("docs/run.schema.json"), &folder.join("run.json")])
}

#[test]
fn a_validator_reads_run_json_the_log_processor_the_log_and_a_plotter_the_distribution() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let [whole, second, partial, failed, merged] =
        ["whole", "second", "partial", "failed", "merged"].map(|name| home.path().join(name));
    {
        let _turn = turn::share();
        let (_publisher, url) = publisher_with_server(&["--source", "test"]);
        let asserting = receiver(&url, Transport::Tcp, &whole).words("--assert p50<60s --assert stages.capture.p50<1s");
        asserting.run(LIMIT).expect_code(INCONCLUSIVE);
        receiver(&url, Transport::Tcp, &second).run(LIMIT).expect_code(0);
        let mut killed = endless_receiver(&url, &partial).spawn();
        wait_for_frames(&mut killed, 40);
        killed.kill();
        killed.finish(LIMIT);
    }
    let nobody = "rtsp://127.0.0.1:1/cam --headless --wait 100ms --report";
    Builder::new(framelag_tests::binary::path("receiver")).words(nobody).arg(&failed).run(LIMIT).expect_code(1);
    framelag(&format!("report merge --out {}", merged.display()), &[&second, &partial]).expect_code(INCONCLUSIVE);

    for folder in [&whole, &second, &partial, &failed, &merged] {
        assert_eq!(validator_says(folder), "", "{}", folder.display());
    }
    for folder in [&whole, &second, &merged] {
        hgrm_parser_agrees(folder);
    }
    for folder in [&whole, &second] {
        java_agrees(folder, None, "latency_ms", &QUANTILES);
        java_agrees(folder, Some("decode"), "stages_ms.decode", &[("p50", 0.5), ("p99", 0.99)]);
    }
    // The merged log has the seconds that ended, the killed run's last one is in its rows alone.
    framelag(&format!("report merge --out {}", merged.display()), &[&whole, &second]).expect_code(INCONCLUSIVE);
    java_agrees(&merged, None, "latency_ms", &QUANTILES);
    java_agrees(&merged, Some("decode"), "stages_ms.decode", &[("p50", 0.5), ("p99", 0.99)]);

    let path = whole.join("run.json");
    let text = fs::read_to_string(&path).expect("run.json");
    fs::write(&path, text.replacen("\"count\": ", "\"count\": -", 1)).expect("the folder can be written");
    assert!(validator_says(&whole).contains("$.latency_ms.count"), "and it refuses what does not fit");
}
