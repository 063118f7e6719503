//! `frames.csv` and `intervals.csv`. Fields that do not exist are empty; no field needs quoting.

use std::fmt::{Display, Write};

use common::frame::Stage;
use measure::account::Entry;
use measure::interval::Interval;
use measure::sample::{Bucket, Sample};
use measure::units::{ms, ms_of, rounded};

use super::rows::{FrameRow, IntervalRow};

/// The first line of `frames.csv`.
pub(crate) fn frames_header() -> String {
    let stages: String = Stage::ALL.iter().map(|stage| format!("{}_us,", stage.name())).collect();
    format!("seq,outcome,{stages}latency_us,segment,presented_us,bytes,idr,offset_us\n")
}

/// Appends a frame's line, where it has one.
pub fn frame(out: &mut String, entry: &Entry<'_>) {
    if !entry.is_listed {
        return;
    }
    let mut line = Line::new(out);
    line.field(entry.sequence);
    line.field(entry.bucket.name());
    let times = entry.sample.map(|sample| &sample.times);
    let stages = entry.sample.map_or([None; Stage::ALL.len()], Sample::stages_us);
    stages.into_iter().for_each(|stage| line.optional(stage));
    line.optional(times.map(|times| times.latency_us()));
    line.field(entry.segment);
    line.optional(times.map(|times| times.receiver.presented.as_micros()));
    line.optional(entry.sample.map(|sample| sample.bytes).filter(|bytes| *bytes > 0));
    line.optional(entry.sample.map(|sample| u8::from(sample.idr)));
    line.optional(entry.sample.and_then(|sample| sample.correction.offset_us()));
    line.end();
}

/// The first line of the `frames.csv` of many receivers.
pub fn merged_frames_header() -> String {
    format!("{},receiver\n", frames_header().trim_end())
}

/// Appends a frame's line of the run of `receiver`, which began its segments at another number.
pub fn merged_frame(out: &mut String, row: &FrameRow, segment: u32, receiver: usize) {
    let mut line = Line::new(out);
    line.field(row.seq);
    line.field(row.outcome.name());
    row.stages_us.into_iter().for_each(|stage| line.optional(stage));
    line.optional(row.latency_us);
    line.field(segment);
    line.optional(row.presented_us);
    line.optional(row.bytes);
    line.optional(row.idr.map(u8::from));
    line.optional(row.offset_us);
    line.field(receiver);
    line.end();
}

/// The first line of `intervals.csv`.
pub fn intervals_header() -> String {
    let buckets: String = Bucket::ALL.iter().map(|bucket| format!("{},", bucket.name())).collect();
    format!("second,length_s,expected,{buckets}count,p50_ms,p99_ms,max_ms,fps,kbps,age_mean_ms,age_max_ms\n")
}

/// Appends a second's line.
pub fn interval(out: &mut String, interval: &Interval) {
    let mut line = Line::new(out);
    line.field(interval.second);
    line.field(rounded(interval.length.as_secs_f64()));
    line.field(interval.counts.expected());
    Bucket::ALL.iter().for_each(|bucket| line.field(interval.counts.of(*bucket)));
    line.field(interval.latencies);
    [interval.p50_us, interval.p99_us, interval.max_us].into_iter().for_each(|us| line.optional(us.map(ms)));
    line.optional(interval.fps().map(rounded));
    line.optional(interval.kbps().map(rounded));
    line.optional(interval.age.mean_us().map(ms_of));
    line.optional(interval.age.max_us().map(ms));
    line.end();
}

/// Appends a second's line as it was read.
pub fn interval_row(out: &mut String, row: &IntervalRow) {
    let mut line = Line::new(out);
    line.field(row.second);
    line.field(rounded(row.length_s));
    line.field(row.expected);
    row.buckets.into_iter().for_each(|count| line.field(count));
    line.field(row.count);
    let figures = [row.p50_ms, row.p99_ms, row.max_ms, row.fps, row.kbps, row.age_mean_ms, row.age_max_ms];
    figures.into_iter().for_each(|figure| line.optional(figure.map(rounded)));
    line.end();
}

/// A line that is being written.
struct Line<'a> {
    out: &'a mut String,
    start: usize,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut String) -> Self {
        Self { start: out.len(), out }
    }

    fn field(&mut self, value: impl Display) {
        self.optional(Some(value));
    }

    fn optional(&mut self, value: Option<impl Display>) {
        if self.out.len() > self.start {
            self.out.push(',');
        }
        if let Some(value) = value {
            write!(self.out, "{value}").expect("writing to a string does not fail");
        }
    }

    fn end(self) {
        self.out.push('\n');
    }
}
