//! The metrics that can be asserted on and compared: their names, their units, and where in a run they are.

use std::fmt;
use std::str::FromStr;

use common::marks::Stage;
use measure::figures::StageMs;
use measure::units::ms;

use crate::run::Run;

/// Quantiles of the latency, each with the number of frames it takes before it is more than the maximum by another
/// name: 1/(1 − q).
const QUANTILES: [(&str, u64); 5] = [("p50", 2), ("p90", 10), ("p95", 20), ("p99", 100), ("p99_9", 1_000)];

/// Names that are offered for a misspelled one.
const MAX_SUGGESTIONS: usize = 3;

/// Figures of which more is better; of all others less is.
const MORE_IS_BETTER: [&str; 5] = ["fps", "frames.expected", "frames.measured", "latency_ms.count", "duration_s"];

/// A figure of a run that can be asserted on. Parsed from its name.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    source: Source,
    pub(super) unit: Unit,
    /// Samples below which the value means nothing.
    pub(super) min_samples: u64,
}

/// A name that nothing is measured under: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric {name:?}; close to it: {}; all there are: {}", near.join(", "), metrics().join(", "))]
pub struct UnknownMetric {
    /// The name.
    pub name: String,
    /// Names that are like it.
    pub near: Vec<String>,
}

/// Where a metric is found.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Its name, and itself in a run.
    Run(&'static str, fn(&Run) -> Option<f64>),
    /// Its name in a stage, and itself there.
    Stage(Stage, &'static str, fn(&StageMs) -> Option<f64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Ms,
    Seconds,
    Micros,
    Kbps,
    Frames,
    Number,
}

impl Metric {
    /// Its value in a run, where it has one.
    pub fn value(&self, run: &Run) -> Option<f64> {
        match self.source {
            Source::Run(_, read) => read(run),
            Source::Stage(stage, _, read) => read(&run.stages_ms[stage]),
        }
    }

    /// The bound of the value, ± ms, where the difference of two clocks is part of it.
    pub(super) fn bound_ms(&self, run: &Run) -> Option<f64> {
        let contains = match self.source {
            Source::Run(name, _) => {
                let latency = ["min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max"];
                let of_latency = name.strip_prefix("latency_ms.").is_some_and(|field| latency.contains(&field));
                of_latency || name.starts_with("picture_age_ms.")
            }
            Source::Stage(stage, ..) => stage.spans_clocks(),
        };
        run.clock.max_uncertainty_us.filter(|_| contains).map(ms)
    }

    /// Frames that the value comes from.
    pub(super) fn samples(&self, run: &Run) -> u64 {
        match self.source {
            Source::Run(..) => run.latency_ms.count,
            Source::Stage(stage, ..) => run.stages_ms[stage].count,
        }
    }

    /// Why its value in a run means nothing, where it has too few frames for it.
    pub fn too_few(&self, run: &Run) -> Option<String> {
        let (count, needed) = (self.samples(run), self.min_samples);
        (count < needed).then(|| format!("{count} frames are too few for {self}: it takes {needed}"))
    }

    /// `ms`, `s`, `us`, `kbps`, or empty for plain numbers.
    pub const fn unit(&self) -> &'static str {
        self.unit.symbol()
    }

    /// Whether a larger value is the better one.
    pub fn more_is_better(&self) -> bool {
        matches!(self.source, Source::Run(name, _) if MORE_IS_BETTER.contains(&name))
    }

    /// A difference of two values, such as `5ms`, in the metric's unit.
    ///
    /// # Errors
    ///
    /// What would be right, for a text that is none.
    pub fn parse_difference(&self, text: &str) -> Result<f64, String> {
        let parsed = self.unit.parse(text).filter(|(value, percent)| !percent && value.is_finite() && *value >= 0.0);
        parsed.map(|(value, _)| value).ok_or_else(|| {
            let expected = match self.unit {
                Unit::Frames => "a number of frames",
                other => other.expected(),
            };
            format!("{text:?} is no difference of {self}: write {expected}")
        })
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        find(name).ok_or_else(|| UnknownMetric { name: name.to_owned(), near: near(name) })
    }
}

/// Metrics are the same where their names are.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Run(name, _) => f.write_str(name),
            Source::Stage(stage, field, _) => write!(f, "stages_ms.{}.{field}", stage.name()),
        }
    }
}

impl Unit {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::Seconds => "s",
            Self::Micros => "us",
            Self::Kbps => "kbps",
            Self::Frames | Self::Number => "",
        }
    }

    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Ms | Self::Seconds | Self::Micros => "a time, as in 20ms, 500us or 1.5s",
            Self::Kbps => "a bit rate, as in 900k or 2M",
            Self::Frames => "a number of frames, or a part of those expected, as in 0.1%",
            Self::Number => "a number without a unit",
        }
    }

    /// A value in this unit, and whether it is a percentage.
    pub(super) fn parse(self, text: &str) -> Option<(f64, bool)> {
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
    table().iter().map(|metric| metric.to_string()).collect()
}

fn table() -> Vec<Metric> {
    let plain = |name, unit, read| Metric { source: Source::Run(name, read), unit, min_samples: 0 };
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
        plain("frames.unlisted", Unit::Number, |run| whole(run.frames.unlisted)),
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
        plain("clock.max_uncertainty_us", Unit::Micros, |run| run.clock.max_uncertainty_us.map(|us| us as f64)),
        plain("clock.restarts", Unit::Number, |run| Some(run.clock.restarts as f64)),
        plain("clock.uncertainty_us", Unit::Micros, |run| run.clock.uncertainty_us.map(|us| us as f64)),
    ];
    for &stage in Stage::ALL {
        let of = |field, read| Metric { source: Source::Stage(stage, field, read), unit: Unit::Ms, min_samples: 0 };
        table.push(of("p50", |stage| stage.p50));
        table.push(of("p99", |stage| stage.p99));
        table.push(of("max", |stage| stage.max));
    }
    for metric in &mut table {
        metric.min_samples = min_samples(&metric.source);
    }
    table
}

fn min_samples(source: &Source) -> u64 {
    let field = match source {
        Source::Run(name, _) => name.strip_prefix("latency_ms."),
        Source::Stage(_, field, _) => Some(*field),
    };
    field.map_or(0, frames_for)
}

/// Frames that a quantile (`p99`) takes to be more than the maximum by another name; 0 for other figures.
pub fn frames_for(quantile: &str) -> u64 {
    QUANTILES.iter().find(|(name, _)| *name == quantile).map_or(0, |(_, frames)| *frames)
}

fn whole(frames: Option<u64>) -> Option<f64> {
    frames.map(|frames| frames as f64)
}

/// The metric of a name, with or without units and `latency.`.
pub(super) fn find(name: &str) -> Option<Metric> {
    let wanted = short(name);
    table().into_iter().find(|metric| short(&metric.to_string()) == wanted)
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
pub(super) fn near(name: &str) -> Vec<String> {
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
