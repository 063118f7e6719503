//! The metrics that can be asserted on and compared: their names, their units, and how precise they are.

use std::fmt;
use std::str::FromStr;

use common::marks::Stage;
use measure::sample::Bucket;
use measure::units::ms;
use strsim::levenshtein;

use super::figures::{self, metrics};
use crate::run::Run;

/// Quantiles of the latency, each with the number of frames it takes before it is more than the maximum by another
/// name: 1/(1 − q).
const QUANTILES: [(&str, u64); 5] = [("p50", 2), ("p90", 10), ("p95", 20), ("p99", 100), ("p99_9", 1_000)];

/// Names that are offered for a misspelled one.
const MAX_SUGGESTIONS: usize = 3;

/// Figures of which more is better; of all others less is.
const MORE_IS_BETTER: [&str; 5] = ["fps", "frames.expected", "frames.measured", "latency_ms.count", "duration_s"];

/// A figure of a run that can be asserted on. Parsed from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its path in `run.json`, with dots.
    name: String,
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
    fn new(name: String) -> Self {
        let field = name.strip_prefix("latency_ms.").or_else(|| name.strip_prefix("stages_ms.")?.split('.').nth(1));
        let (unit, min_samples) = (Unit::of(&name), field.map_or(0, frames_for));
        Self { name, unit, min_samples }
    }

    /// Its value in a run, where it has one.
    pub fn value(&self, run: &Run) -> Option<f64> {
        let value = match self.stage() {
            Some(stage) => figures::of_stage(self.name.rsplit('.').next()?, &run.stages_ms[stage]),
            None => figures::of_run(&self.name, run),
        };
        value.filter(|value| value.is_finite())
    }

    /// The stage that it is of.
    fn stage(&self) -> Option<Stage> {
        Stage::named(self.name.strip_prefix("stages_ms.")?.split('.').next()?)
    }

    /// The bound of the value, ± ms, where the difference of two clocks is part of it.
    pub(super) fn bound_ms(&self, run: &Run) -> Option<f64> {
        let of_latency =
            self.name.starts_with("latency_ms.") && self.unit == Unit::Ms && self.name != "latency_ms.stdev";
        let contains = of_latency
            || self.spans_joins()
            || self.name.starts_with("picture_age_ms.")
            || self.stage().is_some_and(|stage| stage.spans_clocks());
        run.clock.max_uncertainty_us.filter(|_| contains).map(ms)
    }

    /// Frames that the value comes from.
    pub(super) fn samples(&self, run: &Run) -> u64 {
        self.stage().map_or(run.latency_ms.count, |stage| run.stages_ms[stage].count)
    }

    /// Why its value in a run means nothing, where it has too few frames for it.
    pub fn too_few(&self, run: &Run) -> Option<String> {
        let (count, needed) = (self.samples(run), self.min_samples);
        (count < needed).then(|| format!("{count} frames are too few for {self}: it takes {needed}"))
    }

    /// Whether it is a figure of all joins of a run together, which a single join does not have.
    pub fn spans_joins(&self) -> bool {
        self.name.starts_with("joins_p50_ms.")
    }

    /// `ms`, `s`, `us`, `kbps`, or empty for plain numbers.
    pub const fn unit(&self) -> &'static str {
        self.unit.symbol()
    }

    /// Whether a larger value is the better one.
    pub fn more_is_better(&self) -> bool {
        MORE_IS_BETTER.contains(&self.name.as_str())
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

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Unit {
    /// That of a metric's name.
    fn of(name: &str) -> Self {
        let field = name.rsplit('.').next().unwrap_or(name);
        match field {
            "count" | "negative" => Self::Number,
            "bitrate_kbps" => Self::Kbps,
            "duration_s" => Self::Seconds,
            _ if field.ends_with("_us") => Self::Micros,
            _ if field.ends_with("_ms") || name.contains("_ms.") => Self::Ms,
            _ if Bucket::named(field).is_some() => Self::Frames,
            _ => Self::Number,
        }
    }

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

/// Frames that a quantile (`p99`) takes to be more than the maximum by another name; 0 for other figures.
pub fn frames_for(quantile: &str) -> u64 {
    QUANTILES.iter().find(|(name, _)| *name == quantile).map_or(0, |(_, frames)| *frames)
}

/// The metric of a name, with or without units and `latency.`.
pub(super) fn find(name: &str) -> Option<Metric> {
    let wanted = short(name);
    metrics().into_iter().find(|name| short(name) == wanted).map(Metric::new)
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
        levenshtein(&wanted, &candidate).min(levenshtein(&wanted, last) + 1)
    });
    names.truncate(MAX_SUGGESTIONS);
    names
}
