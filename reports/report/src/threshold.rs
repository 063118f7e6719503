//! Assertions: `METRIC OP VALUE`, with the names of `run.json`.
//!
//! `p99<150ms`, `latency.p50<=20ms`, `frames.lost<0.1%`, `fps>=29`, `stages.decode.p99<5ms`, `freezes.count==0`.
//! [`metrics`] lists every name. The ending of a block or field that says its unit may be left out (`latency` for
//! `latency_ms`, `startup.first_frame`), and so may `latency.` itself.
//!
//! Values: times take `us`, `ms`, `s` or `m` and are ms without (`duration_s` is in s, `clock.*_us` in µs); frames
//! are a number, or with `%` a part of `frames.expected`; bit rates take `k` and `M` and are kbit/s without.

use std::fmt;
use std::str::FromStr;

use measure::units::rounded;

use crate::run::{Run, Verdict};

mod figures;
mod metric;

pub use figures::metrics;
pub use metric::{Metric, UnknownMetric, frames_for};
use metric::{find, near};

/// A condition on the figures of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    text: String,
    metric: Metric,
    /// One of [`OPERATORS`].
    operator: &'static str,
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

/// Those that are the beginning of another come after it.
const OPERATORS: [&str; 6] = ["<=", ">=", "==", "!=", "<", ">"];

impl Assertion {
    /// Whether it holds in a run, where that can be said.
    pub fn check(&self, run: &Run) -> Verdict {
        let unit = if self.percent { "%" } else { self.metric.unit.symbol() };
        let (value, why) = match self.value(run) {
            None => (None, Some("there is no such figure in this run".to_owned())),
            Some(value) => (Some(value), self.metric.too_few(run).or_else(|| self.too_close(value, run))),
        };
        let ok = value.filter(|_| why.is_none()).map(|value| holds(value, self.operator, self.limit));
        Verdict { text: self.text.clone(), value: value.map(rounded), limit: self.limit, unit: unit.into(), ok, why }
    }

    fn value(&self, run: &Run) -> Option<f64> {
        let value = self.metric.value(run)?;
        if !self.percent {
            return Some(value);
        }
        let expected = run.frames.expected.filter(|expected| *expected > 0)?;
        Some(value * 100.0 / expected as f64)
    }

    /// Where the clocks of two hosts are part of the figure: whether another value within its bound would be judged
    /// otherwise.
    fn too_close(&self, value: f64, run: &Run) -> Option<String> {
        let bound = self.metric.bound_ms(run).filter(|bound| *bound > 0.0)?;
        let [least, most] = [value - bound, value + bound].map(|value| holds(value, self.operator, self.limit));
        let limit_between = (value - self.limit).abs() <= bound;
        let decided = match self.operator {
            "==" | "!=" => !limit_between,
            _ => least == most,
        };
        (!decided).then(|| format!("two clocks make it ± {bound:.3} ms, and the limit is within that"))
    }
}

impl FromStr for Assertion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let form = || ParseError::Form(text.to_owned());
        let at = text.find(['<', '>', '=', '!']).ok_or_else(form)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let split = |operator: &'static str| Some((operator, rest.strip_prefix(operator)?));
        let (operator, value) = OPERATORS.into_iter().find_map(split).ok_or_else(form)?;
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
            metric: metric.to_string(),
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

fn holds(value: f64, operator: &str, limit: f64) -> bool {
    match operator {
        "<" => value < limit,
        "<=" => value <= limit,
        ">" => value > limit,
        ">=" => value >= limit,
        "==" => value == limit,
        _ => value != limit && !value.is_nan(),
    }
}

#[cfg(test)]
mod tests;
