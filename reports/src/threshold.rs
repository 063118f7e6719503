//! Assertions: `METRIC OP VALUE`, with the names of `run.json`.
//!
//! `p99<150ms`, `latency.p50<=20ms`, `frames.lost<0.1%`, `fps>=29`, `stages.decode.p99<5ms`, `freezes.count==0`.
//! [`metrics`] lists every name. The ending of a block or field that says its unit may be left out (`latency` for
//! `latency_ms`, `startup.first_frame`), and so may `latency.` itself.
//!
//! Values: times take `us`, `ms`, `s` or `m` and are ms without (`duration_s` is in s, `clock.*_us` in µs); frames
//! are a number, or with `%` a part of `frames.expected`; bit rates take `k` and `M` and are kbit/s without.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use common::frame::Stage;

use crate::run::{Run, StageMs, Verdict, rounded};

/// Quantiles of the latency, each with the number of frames it takes before it is more than the maximum by another
/// name: 1/(1 − q).
const QUANTILES: [(&str, u64); 5] = [("p50", 2), ("p90", 10), ("p95", 20), ("p99", 100), ("p99_9", 1_000)];

/// Names that are offered for a misspelled one.
const MAX_SUGGESTIONS: usize = 3;

/// A condition on the figures of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    text: String,
    metric: Metric,
    operator: Operator,
    /// In the metric's unit, or in percent.
    limit: f64,
    percent: bool,
}

/// A text that is no assertion: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not of the form.
    #[error("{0:?} is not an assertion: write METRIC OP VALUE, as in 'p99<150ms', with < <= > >= == or !=")]
    Form(String),
    /// Nothing is measured under that name.
    #[error("there is no metric {name:?} (in {text:?}); close to it: {}", near.join(", "))]
    Metric {
        /// The name.
        name: String,
        /// The whole assertion.
        text: String,
        /// Names that are like it.
        near: Vec<String>,
    },
    /// Not a number in a unit that fits the metric.
    #[error("{value:?} is no value for {metric} (in {text:?}): write {expected}")]
    Value {
        /// What was written.
        value: String,
        /// The metric.
        metric: String,
        /// The whole assertion.
        text: String,
        /// What fits.
        expected: &'static str,
    },
}

/// A figure of a run that can be asserted on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Metric {
    name: Name,
    unit: Unit,
    /// Samples below which the value means nothing.
    min_samples: u64,
    read: Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Plain(&'static str),
    Stage(Stage, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Ms,
    Seconds,
    Micros,
    Kbps,
    Frames,
    Number,
}

/// How a metric is found in a run.
#[derive(Clone, Copy, Debug)]
enum Read {
    Run(fn(&Run) -> Option<f64>),
    Stage(fn(&StageMs) -> Option<f64>),
}

/// Functions have no equality of their own: metrics are the same where their names are.
impl PartialEq for Read {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Run(_), Self::Run(_)) | (Self::Stage(_), Self::Stage(_)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Assertion {
    /// Whether it holds in a run, where that can be said.
    pub fn check(&self, run: &Run) -> Verdict {
        let unit = if self.percent { "%" } else { self.metric.unit.symbol() };
        let (value, why) = match self.value(run) {
            None => (None, Some("there is no such figure in this run".to_owned())),
            Some(value) => (Some(value), self.too_few(run)),
        };
        let ok = value.filter(|_| why.is_none()).map(|value| self.operator.holds(value, self.limit));
        Verdict { text: self.text.clone(), value: value.map(rounded), limit: self.limit, unit, ok, why }
    }

    fn value(&self, run: &Run) -> Option<f64> {
        let value = match (self.metric.read, self.metric.name) {
            (Read::Run(read), _) => read(run)?,
            (Read::Stage(read), Name::Stage(stage, _)) => read(run.stages_ms.of(stage))?,
            (Read::Stage(_), Name::Plain(_)) => return None,
        };
        if !self.percent {
            return Some(value);
        }
        let expected = run.frames.expected.filter(|expected| *expected > 0)?;
        Some(value * 100.0 / expected as f64)
    }

    fn too_few(&self, run: &Run) -> Option<String> {
        let (count, needed) = (self.samples(run), self.metric.min_samples);
        (count < needed).then(|| format!("{count} frames are too few for {}: it takes {needed}", self.metric.name))
    }

    fn samples(&self, run: &Run) -> u64 {
        match self.metric.name {
            Name::Plain(_) => run.latency_ms.count,
            Name::Stage(stage, _) => run.stages_ms.of(stage).count,
        }
    }
}

impl FromStr for Assertion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let form = || ParseError::Form(text.to_owned());
        let at = text.find(['<', '>', '=', '!']).ok_or_else(form)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let (operator, value) = Operator::split(rest).ok_or_else(form)?;
        let value = value.trim();
        if name.is_empty() || value.is_empty() {
            return Err(form());
        }
        let metric = find(name).ok_or_else(|| ParseError::Metric {
            name: name.to_owned(),
            text: text.to_owned(),
            near: near(name),
        })?;
        let (limit, percent) = metric.unit.parse(value).ok_or_else(|| ParseError::Value {
            value: value.to_owned(),
            metric: metric.name.to_string(),
            text: text.to_owned(),
            expected: metric.unit.expected(),
        })?;
        Ok(Self { text: text.to_owned(), metric, operator, limit, percent })
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Stage(stage, field) => write!(f, "stages_ms.{}.{field}", stage.name()),
        }
    }
}

impl Operator {
    /// The operator at the front of `text`, and what follows it.
    fn split(text: &str) -> Option<(Self, &str)> {
        let operators = [
            ("<=", Self::LessOrEqual),
            (">=", Self::GreaterOrEqual),
            ("==", Self::Equal),
            ("!=", Self::NotEqual),
            ("<", Self::Less),
            (">", Self::Greater),
        ];
        operators.into_iter().find_map(|(symbol, operator)| Some((operator, text.strip_prefix(symbol)?)))
    }

    fn holds(self, value: f64, limit: f64) -> bool {
        let Some(order) = value.partial_cmp(&limit) else { return false };
        match self {
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
        }
    }
}

impl Unit {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::Seconds => "s",
            Self::Micros => "us",
            Self::Kbps => "kbps",
            Self::Frames | Self::Number => "",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Ms | Self::Seconds | Self::Micros => "a time, as in 20ms, 500us or 1.5s",
            Self::Kbps => "a bit rate, as in 900k or 2M",
            Self::Frames => "a number of frames, or a part of those expected, as in 0.1%",
            Self::Number => "a number without a unit",
        }
    }

    /// A value in this unit, and whether it is a percentage.
    fn parse(self, text: &str) -> Option<(f64, bool)> {
        let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap_or(text.len());
        let (number, unit) = (text[..digits].parse::<f64>().ok()?, text[digits..].trim());
        let time = match unit {
            "us" | "µs" => Some(1.0),
            "ms" => Some(1e3),
            "s" => Some(1e6),
            "m" => Some(60e6),
            _ => None,
        };
        match (self, unit) {
            (_, "") => Some((number, false)),
            (Self::Ms, _) => Some((number * time? / 1e3, false)),
            (Self::Seconds, _) => Some((number * time? / 1e6, false)),
            (Self::Micros, _) => Some((number * time?, false)),
            (Self::Kbps, "k" | "kbps") => Some((number, false)),
            (Self::Kbps, "M" | "Mbps") => Some((number * 1e3, false)),
            (Self::Frames, "%") => Some((number, true)),
            _ => None,
        }
    }
}

/// Every name that can be asserted on.
pub fn metrics() -> Vec<String> {
    table().iter().map(|metric| metric.name.to_string()).collect()
}

fn table() -> Vec<Metric> {
    let plain = |name, unit, read| Metric { name: Name::Plain(name), unit, min_samples: 0, read: Read::Run(read) };
    let mut table = vec![
        plain("latency_ms.count", Unit::Number, |run| Some(run.latency_ms.count as f64)),
        plain("latency_ms.min", Unit::Ms, |run| run.latency_ms.min),
        plain("latency_ms.mean", Unit::Ms, |run| run.latency_ms.mean),
        plain("latency_ms.stdev", Unit::Ms, |run| run.latency_ms.stdev),
        plain("latency_ms.p50", Unit::Ms, |run| run.latency_ms.p50),
        plain("latency_ms.p90", Unit::Ms, |run| run.latency_ms.p90),
        plain("latency_ms.p95", Unit::Ms, |run| run.latency_ms.p95),
        plain("latency_ms.p99", Unit::Ms, |run| run.latency_ms.p99),
        plain("latency_ms.p99_9", Unit::Ms, |run| run.latency_ms.p99_9),
        plain("latency_ms.max", Unit::Ms, |run| run.latency_ms.max),
        plain("latency_ms.negative", Unit::Number, |run| Some(run.latency_ms.negative as f64)),
        plain("frames.expected", Unit::Number, |run| whole(run.frames.expected)),
        plain("frames.measured", Unit::Frames, |run| whole(run.frames.measured)),
        plain("frames.lost", Unit::Frames, |run| whole(run.frames.lost)),
        plain("frames.duplicate", Unit::Frames, |run| whole(run.frames.duplicate)),
        plain("frames.late", Unit::Frames, |run| whole(run.frames.late)),
        plain("frames.unreadable", Unit::Frames, |run| whole(run.frames.unreadable)),
        plain("frames.undecodable", Unit::Frames, |run| whole(run.frames.undecodable)),
        plain("frames.restarts", Unit::Number, |run| whole(run.frames.restarts)),
        plain("picture_age_ms.mean", Unit::Ms, |run| run.picture_age_ms.mean),
        plain("picture_age_ms.p50", Unit::Ms, |run| run.picture_age_ms.p50),
        plain("picture_age_ms.p99", Unit::Ms, |run| run.picture_age_ms.p99),
        plain("picture_age_ms.max", Unit::Ms, |run| run.picture_age_ms.max),
        plain("freezes.count", Unit::Number, |run| whole(run.freezes.count)),
        plain("freezes.total_ms", Unit::Ms, |run| run.freezes.total_ms),
        plain("freezes.longest_ms", Unit::Ms, |run| run.freezes.longest_ms.or(run.freezes.total_ms)),
        plain("startup.connected_ms", Unit::Ms, |run| run.startup.connected_ms),
        plain("startup.first_packet_ms", Unit::Ms, |run| run.startup.first_packet_ms),
        plain("startup.first_frame_ms", Unit::Ms, |run| run.startup.first_frame_ms),
        plain("startup.first_reading_ms", Unit::Ms, |run| run.startup.first_reading_ms),
        plain("fps", Unit::Number, |run| run.fps),
        plain("bitrate_kbps", Unit::Kbps, |run| run.bitrate_kbps),
        plain("duration_s", Unit::Seconds, |run| run.duration_s),
        plain("connection.disconnects", Unit::Number, |run| Some(run.connection.disconnects as f64)),
        plain("connection.disconnected_ms", Unit::Ms, |run| Some(run.connection.disconnected_ms)),
        plain("clock.steps", Unit::Number, |run| Some(run.clock.steps as f64)),
        plain("clock.offset_us", Unit::Micros, |run| run.clock.offset_us.map(|us| us as f64)),
        plain("clock.uncertainty_us", Unit::Micros, |run| run.clock.uncertainty_us.map(|us| us as f64)),
    ];
    for stage in Stage::ALL {
        let of = |field, read| Metric {
            name: Name::Stage(stage, field),
            unit: Unit::Ms,
            min_samples: 0,
            read: Read::Stage(read),
        };
        table.push(of("p50", |stage| stage.p50));
        table.push(of("p99", |stage| stage.p99));
        table.push(of("max", |stage| stage.max));
    }
    for metric in &mut table {
        metric.min_samples = min_samples(&metric.name);
    }
    table
}

fn min_samples(name: &Name) -> u64 {
    let field = match name {
        Name::Plain(name) => name.strip_prefix("latency_ms."),
        Name::Stage(_, field) => Some(*field),
    };
    QUANTILES.iter().find(|(quantile, _)| Some(*quantile) == field).map_or(0, |(_, samples)| *samples)
}

fn whole(frames: Option<u64>) -> Option<f64> {
    frames.map(|frames| frames as f64)
}

/// The metric of a name, with or without units and `latency.`.
fn find(name: &str) -> Option<Metric> {
    let wanted = short(name);
    table().into_iter().find(|metric| short(&metric.name.to_string()) == wanted)
}

/// A name without what may be left out of it.
fn short(name: &str) -> String {
    let name = name.replace("p99.9", "p99_9");
    let parts = name
        .split('.')
        .map(|part| ["_ms", "_kbps", "_s", "_us"].iter().find_map(|unit| part.strip_suffix(unit)).unwrap_or(part));
    let short = parts.collect::<Vec<_>>().join(".");
    short.strip_prefix("latency.").map(str::to_owned).unwrap_or(short)
}

/// The metrics whose names are most like `name`.
fn near(name: &str) -> Vec<String> {
    let wanted = short(name);
    let mut names = metrics();
    names.sort_by_cached_key(|candidate| {
        let candidate = short(candidate);
        let last = candidate.rsplit('.').next().unwrap_or(&candidate);
        distance(&wanted, &candidate).min(distance(&wanted, last) + 1)
    });
    names.truncate(MAX_SUGGESTIONS);
    names
}

/// Letters to add, remove or change to make `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
