//! Whether runs may be compared: what they were asked to do, on which machine, and what was played.
//!
//! Everything of `config` counts but where the stream was found and where files went: of `url` the path alone. Of
//! `host`: operating system, architecture, CPU and the number of CPUs. Of `clock`: whether both ends were one host. The
//! publisher's settings are not known to a receiver, so what it sent is looked at: frames and bits per second. A kernel
//! or a framelag of another version is said, and no reason to refuse.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::Input;
use crate::identity::{MACHINE, OF_NO_MATTER};
use crate::run::Run;
use crate::threshold::Metric;

/// What may change under a machine.
const NOTED: [&str; 2] = ["kernel", "framelag"];

/// Frame rates sent that differ by more are two settings.
const MAX_FPS_RATIO: f64 = 1.1;

/// The same of bit rates, which follow the pictures.
const MAX_KBPS_RATIO: f64 = 1.25;

/// Something that is not the same in all runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where it is in `run.json`, or what it is.
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

/// What forbids to compare by `metric`.
pub(super) fn differences(baseline: &[Input<'_>], candidate: &[Input<'_>], metric: &Metric) -> Vec<Difference> {
    let sides = [baseline, candidate];
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    for input in sides.into_iter().flatten() {
        keys.extend(input.run.config.as_object().into_iter().flat_map(|config| config.keys().map(String::as_str)));
    }
    keys.retain(|key| !OF_NO_MATTER.contains(key));
    let mut found: Vec<_> = keys
        .into_iter()
        .filter_map(|key| differ(sides, format!("config.{key}"), |run| shown(&run.config[key])))
        .collect();
    found.extend(differ(sides, "path of url".to_owned(), |run| path(&run.url).to_owned()));
    found.extend(MACHINE.iter().filter_map(|key| differ(sides, format!("host.{key}"), |run| shown(&run.host[*key]))));
    found.extend(differ(sides, "clock.same_host".to_owned(), |run| run.clock.same_host.to_string()));
    let name = metric.to_string();
    // What is compared is no setting: a publisher that got slower is a regression of `fps`, no reason to refuse it.
    if name != "fps" && !name.starts_with("frames.") && name != "latency_ms.count" {
        found.extend(rates(sides, "frames sent per second", MAX_FPS_RATIO, sent_per_second));
    }
    if name != "bitrate_kbps" {
        found.extend(rates(sides, "bitrate_kbps", MAX_KBPS_RATIO, |run| run.bitrate_kbps));
    }
    found
}

/// What is said and forbids nothing.
pub(super) fn notes(baseline: &[Input<'_>], candidate: &[Input<'_>]) -> Vec<Difference> {
    let sides = [baseline, candidate];
    NOTED.iter().filter_map(|key| differ(sides, format!("host.{key}"), |run| shown(&run.host[*key]))).collect()
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

/// Something whose medians should be about the same on both sides.
fn rates(
    sides: [&[Input<'_>]; 2],
    what: &str,
    max_ratio: f64,
    read: impl Fn(&Run) -> Option<f64>,
) -> Option<Difference> {
    let medians = sides.map(|side| median(side.iter().filter_map(|input| read(input.run)).collect()));
    let [Some(baseline), Some(candidate)] = medians else { return None };
    let ratio = baseline.max(candidate) / baseline.min(candidate);
    (ratio > max_ratio).then(|| Difference {
        what: what.to_owned(),
        baseline: vec![format!("{baseline:.1}")],
        candidate: vec![format!("{candidate:.1}")],
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
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
