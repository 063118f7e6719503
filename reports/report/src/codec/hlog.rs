//! `latency.hlog`: an HdrHistogram interval log, version 1.3, as HdrHistogram's `HistogramLogProcessor` reads it.
//!
//! One line for each second with a latency, untagged for the total, then tagged with the name of each stage that was
//! known. Values are µs, and the third field, the maximum, is in ms. Times are seconds since the base time, which is
//! the start of the run.

use std::fmt::Write;
use std::time::Duration;

use common::marks::Stage;
use common::time::WallTime;
use measure::interval::{Closed, Histograms};
use measure::latency::Distribution;
use measure::units::rfc3339;

use super::lines;

/// Values of the log in one unit of the maximum: µs in a ms.
const MAX_VALUE_DIVISOR: f64 = 1_000.0;

/// The lines before the first interval.
pub fn header(started: WallTime) -> String {
    let seconds = started.as_micros() as f64 / 1e6;
    format!(
        "#[Latency of frames by framelag: values in microseconds, maximum in milliseconds]\n\
         #[Histogram log format version 1.3]\n\
         #[StartTime: {seconds:.3} (seconds since epoch), {}]\n\
         #[BaseTime: {seconds:.3} (seconds since epoch)]\n\
         #[MaxValueDivisor: {MAX_VALUE_DIVISOR:.3}]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        rfc3339(started)
    )
}

/// Appends the lines of an interval.
pub fn interval(out: &mut String, closed: &Closed) {
    line(out, None, closed.start, closed.length, &closed.histograms.total);
    for (stage, distribution) in closed.histograms.stages.iter() {
        line(out, Some(stage), closed.start, closed.length, distribution);
    }
}

fn line(out: &mut String, tag: Option<Stage>, start: Duration, length: Duration, of: &Distribution) {
    let Some(histogram) = of.encoded() else { return };
    let tag = tag.map_or(String::new(), |stage| format!("Tag={},", stage.name()));
    let (start, length) = (start.as_secs_f64(), length.as_secs_f64());
    let max = of.encoded_max_us() as f64 / MAX_VALUE_DIVISOR;
    writeln!(out, "{tag}{start:.3},{length:.3},{max:.3},{histogram}").expect("writing to a string does not fail");
}

/// A line of an interval, read back.
pub struct Entry {
    /// Seconds since the base time.
    pub start_s: f64,
    /// Its length, s.
    pub length_s: f64,
    /// The stage; none for the total.
    pub stage: Option<Stage>,
    /// The values.
    pub values: Distribution,
}

/// Seconds that no run lasts: 300 years.
const MAX_SECONDS: f64 = 1e10;

/// Reads a line; `None` where it is a comment, or of a tag of a later version.
///
/// # Errors
/// What is wrong with it.
pub fn entry(line: &str) -> Result<Option<Entry>, String> {
    if line.starts_with('#') || line.starts_with('"') {
        return Ok(None);
    }
    let (tag, rest) = match line.strip_prefix("Tag=") {
        Some(tagged) => tagged.split_once(',').map(|(tag, rest)| (Some(tag), rest)).ok_or("it ends in its tag")?,
        None => (None, line),
    };
    let mut fields = rest.splitn(4, ',');
    let mut seconds = |what: &str| {
        let seconds = fields.next().and_then(|field| field.parse().ok());
        seconds.filter(|seconds| (0.0..MAX_SECONDS).contains(seconds)).ok_or_else(|| format!("it has no {what}"))
    };
    let (start_s, length_s) = (seconds("start")?, seconds("length")?);
    let histogram = fields.nth(1).ok_or("it has no histogram")?;
    let stage = match tag {
        None => None,
        Some(tag) => match Stage::named(tag) {
            None => return Ok(None),
            known => known,
        },
    };
    let values = Distribution::decoded(histogram).map_err(|error| error.to_string())?;
    Ok(Some(Entry { start_s, length_s, stage, values }))
}

/// Adds up the histograms of a log, line by line.
pub struct Reader<'a> {
    into: &'a mut Histograms,
    begun: bool,
}

impl<'a> Reader<'a> {
    /// Adds them to `into`.
    pub fn new(into: &'a mut Histograms) -> Self {
        Self { into, begun: false }
    }
}

impl lines::Reader for Reader<'_> {
    const BEGINS_WITH: &'static str = "#[Latency of frames by framelag…";

    fn line(&mut self, line: &str) -> Result<(), String> {
        if !std::mem::replace(&mut self.begun, true) && !line.starts_with("#[") {
            return Err("it begins with no comment".to_owned());
        }
        if let Some(entry) = entry(line)? {
            self.into.of_mut(entry.stage).add(&entry.values);
        }
        Ok(())
    }
}
