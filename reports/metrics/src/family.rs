//! Metrics as every format has them: families of points. [`openmetrics`](crate::openmetrics) makes text of them.

use common::time::WallTime;

use crate::Buckets;

/// A metric with its points.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name, with its unit, without a suffix such as `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its values are in; its name ends with it.
    pub unit: Unit,
    /// What it says, in a sentence.
    pub help: &'static str,
    /// Its values.
    pub points: Vec<Point>,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Never decreases.
    Counter,
    /// The current state.
    Gauge,
    /// Durations in buckets.
    Histogram,
    /// Says something by its labels; its value is 1.
    Info,
}

impl Kind {
    /// Its name in OpenMetrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// What values are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// They are plain numbers.
    None,
    /// s.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Per second.
    Hertz,
}

impl Unit {
    /// Its name in OpenMetrics; empty for plain numbers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Hertz => "hertz",
        }
    }
}

/// A label: its name and its value, which may be any text.
pub type Label = (&'static str, String);

/// One value.
#[derive(Clone, Debug)]
pub struct Point {
    /// What tells it from the others of its family.
    pub labels: Vec<Label>,
    /// What a counter or a histogram counts from.
    pub created: Option<WallTime>,
    /// The value itself.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// Durations. In seconds, however it keeps them.
    Durations(Buckets),
}

/// µs to s.
pub fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
