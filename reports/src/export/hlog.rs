//! `latency.hlog`: an HdrHistogram interval log, version 1.3, as HdrHistogram's `HistogramLogProcessor` reads it.
//!
//! One line for each second with a latency, untagged for the total, then tagged with the name of each stage that was
//! known. Values are µs, and the third field, the maximum, is in ms. Times are seconds since the base time, which is
//! the start of the run.

use std::fmt::Write;
use std::time::Duration;

use common::frame::Stage;
use common::time::WallTime;

use crate::interval::Closed;
use crate::latency::Distribution;

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
        super::json::rfc3339(started)
    )
}

/// Appends the lines of an interval.
pub fn interval(out: &mut String, closed: &Closed) {
    line(out, None, closed.start, closed.length, &closed.histograms.total);
    for (stage, distribution) in Stage::ALL.iter().zip(&closed.histograms.stages) {
        line(out, Some(*stage), closed.start, closed.length, distribution);
    }
}

fn line(out: &mut String, tag: Option<Stage>, start: Duration, length: Duration, of: &Distribution) {
    let Some(histogram) = of.encoded() else { return };
    let tag = tag.map_or(String::new(), |stage| format!("Tag={},", stage.name()));
    let (start, length) = (start.as_secs_f64(), length.as_secs_f64());
    let max = of.encoded_max_us() as f64 / MAX_VALUE_DIVISOR;
    writeln!(out, "{tag}{start:.3},{length:.3},{max:.3},{histogram}").expect("writing to a string does not fail");
}
