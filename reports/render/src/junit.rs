//! `junit.xml`: the run as a test suite, for CI that shows tests. One case for the run, one for each assertion.
//!
//! A broken assertion is a `failure`. What could not be decided is an `error`, and so is every case of a run that failed or
//! proves nothing: an assertion that held there is no pass.
//!
//! The elements, their order and their attributes are those that both the schema of Jenkins' xUnit plugin and the stricter one
//! of Apache Ant's reports take.

use chrono::{DateTime, Utc};
use report::run::{Run, Verdict};
use serde_json::Value;

use crate::plot::escape;
use crate::words;

/// Assertions that have a case each.
const MAX_CASES: usize = 1_000;

/// The first case, which is of the run itself.
const MEASURED: &str = "the run was measured";

/// Reasons that are given.
const MAX_REASONS: usize = 100;

/// Elements of a case that did not pass.
const FAILURE: &str = "failure";
const ERROR: &str = "error";

/// Why a case did not pass.
struct Problem {
    element: &'static str,
    kind: &'static str,
    why: String,
}

/// The whole file.
pub fn suite(run: &Run) -> String {
    let verdicts = run.assertions.iter().take(MAX_CASES);
    let whole = whole(run);
    let judged: Vec<_> =
        verdicts.map(|verdict| (words::shown(&verdict.text), judged(whole.as_ref(), verdict))).collect();
    let mut cases = vec![(MEASURED.to_owned(), whole)];
    cases.extend(judged);
    let count =
        |element| cases.iter().filter_map(|(_, problem)| problem.as_ref()).filter(|p| p.element == element).count();
    let (failures, errors) = (count(FAILURE), count(ERROR));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"framelag\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" \
         time=\"{:.3}\" timestamp=\"{}\" hostname=\"{}\">\n",
        cases.len(),
        run.duration_s.unwrap_or(0.0).max(0.0),
        timestamp(&run.started),
        escape(&words::shown(
            run.host
                .other
                .get("hostname")
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty())
                .unwrap_or("localhost")
        )),
    );
    properties(&mut out, run);
    for (name, problem) in &cases {
        case(&mut out, &run.url, name, problem.as_ref());
    }
    let warnings: String = run
        .warnings
        .iter()
        .take(MAX_CASES)
        .map(|warning| format!("{}: {}\n", warning.code.name(), words::shown(&warning.message)))
        .collect();
    out.push_str(&format!(
        "  <system-out>{}\n</system-out>\n  <system-err>{}</system-err>\n</testsuite>\n",
        escape(&words::clocks(run)),
        escape(&warnings)
    ));
    out
}

fn whole(run: &Run) -> Option<Problem> {
    let kind = if words::run_failed(run) { "failed" } else { "inconclusive" };
    let why = || words::reasons(run, MAX_REASONS).join("; ");
    words::proves_nothing(run).then(|| Problem { element: ERROR, kind, why: why() })
}

/// Of a run that proves nothing the first case says why: said in each, a long list would be many times as long.
fn judged(whole: Option<&Problem>, verdict: &Verdict) -> Option<Problem> {
    let why = words::found(verdict);
    match (whole, verdict.ok) {
        (Some(&Problem { element, kind, .. }), _) => {
            Some(Problem { element, kind, why: format!("proves nothing ({why}): see \"{MEASURED}\"") })
        }
        (None, None) => Some(Problem { element: ERROR, kind: "inconclusive", why }),
        (None, Some(false)) => Some(Problem { element: FAILURE, kind: "broken", why }),
        (None, Some(true)) => None,
    }
}

fn properties(out: &mut String, run: &Run) {
    let (latency, age) = (&run.latency_ms, &run.picture_age_ms);
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let properties = [
        ("url", words::shown(&run.url)),
        ("outcome", run.outcome.name().to_owned()),
        ("latency_ms.p50", number(latency.p50)),
        ("latency_ms.p99", number(latency.p99)),
        ("latency_ms.max", number(latency.max)),
        ("picture_age_ms.p99", number(age.p99)),
        ("freezes.count", run.freezes.count.map_or(String::new(), |count| count.to_string())),
        ("frames.expected", run.frames.expected.map_or(String::new(), |count| count.to_string())),
        ("frames.lost", run.frames.lost.map_or(String::new(), |count| count.to_string())),
        ("clock", words::clocks(run)),
    ];
    out.push_str("  <properties>\n");
    for (name, value) in properties.iter().filter(|(_, value)| !value.is_empty()) {
        out.push_str(&format!("    <property name=\"{name}\" value=\"{}\"/>\n", escape(value)));
    }
    out.push_str("  </properties>\n");
}

fn case(out: &mut String, url: &str, name: &str, problem: Option<&Problem>) {
    // A dot would make packages of the parts of the address.
    let class = escape(&words::shown(url).replace('.', "\u{2024}"));
    let head = format!("  <testcase classname=\"{class}\" name=\"{}\" time=\"0\"", escape(name));
    out.push_str(&match problem {
        None => format!("{head}/>\n"),
        Some(Problem { element, kind, why }) => {
            let why = escape(why);
            format!("{head}>\n    <{element} type=\"{kind}\" message=\"{why}\">{why}</{element}>\n  </testcase>\n")
        }
    });
}

/// Ant's schema takes neither fractions nor a zone; the time is UTC.
fn timestamp(started: &str) -> String {
    let time = DateTime::parse_from_rfc3339(started).map(|time| time.with_timezone(&Utc)).unwrap_or_default();
    // Years of four digits are all that the schema takes.
    let text = time.format("%Y-%m-%dT%H:%M:%S").to_string();
    if text.len() == "1970-01-01T00:00:00".len() { text } else { "1970-01-01T00:00:00".to_owned() }
}
