//! Whether runs may be compared: their settings, machine and stream.
//!
//! Everything in `config` counts except where the stream was found and where files went; of `url` only the path. Of
//! `host`: operating system, architecture, CPU and the number of CPUs. Of `clock`: whether both ends were one host. The
//! publisher's settings are not known to a receiver, so frames and bits per second stand in for them. Another version of
//! the kernel or of framelag is reported, but allowed.

use std::collections::BTreeSet;
use std::fmt;

use report::run::Run;
use report::threshold::Metric;
use serde::Serialize;
use serde_json::Value;

use super::Input;
use crate::identity::{IGNORED_SETTINGS, MACHINE};
use crate::statistics::median;

/// Parts of `host` that may differ.
const NOTED: [&str; 2] = ["kernel", "framelag"];

/// What a publisher sent, as a receiver sees it: about the same for the same settings.
struct Sent {
    what: &'static str,
    of: fn(&Run) -> Option<f64>,
    /// A larger ratio means other settings.
    max_ratio: f64,
    /// Whether a metric measures this: a publisher that got slower is then a regression, not another setting.
    is_compared_by: fn(&str) -> bool,
}

static SENT: [Sent; 2] = [
    Sent {
        what: "frames sent per second",
        of: sent_per_second,
        max_ratio: 1.1,
        is_compared_by: |metric| metric == "fps" || metric.starts_with("frames.") || metric == "latency_ms.count",
    },
    // Bit rates follow the pictures.
    Sent {
        what: "bitrate_kbps",
        of: |run| run.bitrate_kbps,
        max_ratio: 1.25,
        is_compared_by: |metric| metric == "bitrate_kbps",
    },
];

/// Something that is not the same in all runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its place in `run.json`, or a description.
    pub what: String,
    /// What the runs of the baseline have.
    pub baseline: Vec<String>,
    /// What the runs of the candidate have.
    pub candidate: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, baseline, candidate } = self;
        write!(f, "{what}: {} in the baseline, {} in the candidate", baseline.join(" and "), candidate.join(" and "))
    }
}

/// Differences that forbid comparing by `metric`.
pub(super) fn differences(baseline: &[Input<'_>], candidate: &[Input<'_>], metric: &Metric) -> Vec<Difference> {
    let sides = [baseline, candidate];
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for input in sides.into_iter().flatten() {
        keys.extend(input.run.config.to_json().as_object().into_iter().flat_map(|config| config.keys().cloned()));
    }
    keys.retain(|key| !IGNORED_SETTINGS.contains(&key.as_str()));
    let mut found: Vec<_> = keys
        .into_iter()
        .filter_map(|key| differ(sides, format!("config.{key}"), |run| shown(&run.config.to_json()[&key])))
        .collect();
    found.extend(differ(sides, "path of url".to_owned(), |run| path(&run.url).to_owned()));
    found.extend(host(sides, &MACHINE));
    found.extend(differ(sides, "clock.same_host".to_owned(), |run| run.clock.same_host.to_string()));
    found.extend(settings(std::slice::from_ref(metric)).filter_map(|sent| sent.differs(sides)));
    found
}

/// Differences that forbid nothing.
pub(super) fn notes(baseline: &[Input<'_>], candidate: &[Input<'_>]) -> Vec<Difference> {
    host([baseline, candidate], &NOTED).collect()
}

/// Differences in these parts of `host`.
fn host<'a>(sides: [&'a [Input<'a>]; 2], keys: &'static [&'static str]) -> impl Iterator<Item = Difference> + 'a {
    keys.iter().filter_map(move |key| differ(sides, format!("host.{key}"), |run| shown(&run.host.to_json()[*key])))
}

/// Something that should be one value in all runs.
fn differ(sides: [&[Input<'_>]; 2], what: String, read: impl Fn(&Run) -> String) -> Option<Difference> {
    let [baseline, candidate] = sides.map(|side| side.iter().map(|input| read(input.run)).collect::<BTreeSet<_>>());
    let all: BTreeSet<_> = baseline.union(&candidate).collect();
    (all.len() > 1).then(|| Difference {
        what,
        baseline: baseline.into_iter().collect(),
        candidate: candidate.into_iter().collect(),
    })
}

/// What was sent and is no part of what `metrics` compare.
fn settings(metrics: &[Metric]) -> impl Iterator<Item = &'static Sent> {
    let names: Vec<String> = metrics.iter().map(Metric::to_string).collect();
    SENT.iter().filter(move |sent| !names.iter().any(|name| (sent.is_compared_by)(name)))
}

/// Whether two runs were sent about as much, in what is no part of `metrics`.
pub(crate) fn is_sent_alike(one: &Run, other: &Run, metrics: &[Metric]) -> bool {
    settings(metrics).all(|sent| match ((sent.of)(one), (sent.of)(other)) {
        (Some(one), Some(other)) => sent.is_alike(one, other),
        _ => true,
    })
}

impl Sent {
    fn is_alike(&self, one: f64, other: f64) -> bool {
        // Two zeros have no ratio, and are alike.
        one == other || one.max(other) / one.min(other) <= self.max_ratio
    }

    /// Medians that should be about the same on both sides.
    fn differs(&self, sides: [&[Input<'_>]; 2]) -> Option<Difference> {
        let values = |side: &[Input<'_>]| side.iter().filter_map(|input| (self.of)(input.run)).collect::<Vec<_>>();
        let medians = sides.map(|side| median(values(side), f64::total_cmp));
        let [Some(baseline), Some(candidate)] = medians else { return None };
        (!self.is_alike(baseline, candidate)).then(|| Difference {
            what: self.what.to_owned(),
            baseline: vec![format!("{baseline:.1}")],
            candidate: vec![format!("{candidate:.1}")],
        })
    }
}

fn sent_per_second(run: &Run) -> Option<f64> {
    let seconds = run.duration_s.filter(|seconds| *seconds > 0.0)?;
    Some(run.frames.expected? as f64 / seconds)
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "not known".to_owned(),
        other => other.to_string(),
    }
}
