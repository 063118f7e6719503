//! `frames.csv` and `intervals.csv`. Fields that do not exist are empty; no field needs quoting.

use std::fmt::{Display, Write};

use common::marks::Stage;
use measure::interval::Interval;
use measure::ledger::Entry;
use measure::sample::Bucket;
use measure::stages::PerStage;
use measure::units::{ms, ms_of, rounded};

use super::rows::{FrameRow, IntervalRow, stage_column};

/// The first line of `frames.csv`.
pub(crate) fn frames_header() -> String {
    let stages: String = Stage::ALL.iter().map(|stage| stage_column(*stage) + ",").collect();
    format!("seq,outcome,{stages}latency_us,segment,presented_us,bytes,idr,offset_us\n")
}

/// The first line of the `frames.csv` of a run in a browser.
pub(crate) fn joins_frames_header() -> String {
    format!("{},join\n", frames_header().trim_end())
}

/// Appends a frame's line, where it has one, with the number of its join where a browser played.
pub fn frame(out: &mut String, entry: &Entry<'_>, join: Option<usize>) {
    if entry.is_listed {
        frame_row(out, &FrameRow::from(entry), join);
    }
}

/// The first line of the `frames.csv` of many receivers.
pub fn merged_frames_header() -> String {
    format!("{},receiver\n", frames_header().trim_end())
}

/// Appends a frame's line, with the number of its receiver or join where there are many.
pub fn frame_row(out: &mut String, row: &FrameRow, part: Option<usize>) {
    let mut line = Line::new(out);
    line.field(row.seq);
    line.field(row.outcome.name());
    row.stages_us.iter().for_each(|(_, micros)| line.optional(*micros));
    line.optional(row.latency_us);
    line.field(row.segment);
    line.optional(row.presented_us);
    line.optional(row.bytes);
    line.optional(row.idr.map(u8::from));
    line.optional(row.offset_us);
    part.into_iter().for_each(|part| line.field(part));
    line.end();
}

impl From<&Entry<'_>> for FrameRow {
    fn from(entry: &Entry<'_>) -> Self {
        let sample = entry.sample;
        Self {
            seq: entry.sequence,
            outcome: entry.bucket,
            stages_us: PerStage::new(|stage| sample?.stage_us(stage)),
            latency_us: sample.map(|sample| sample.marks.latency_us()),
            segment: entry.segment,
            presented_us: sample.map(|sample| sample.marks.presented().as_micros()),
            bytes: sample.map(|sample| u64::from(sample.bytes)).filter(|bytes| *bytes > 0),
            idr: sample.map(|sample| sample.idr),
            offset_us: sample.and_then(|sample| sample.correction.offset_us()),
        }
    }
}

/// The first line of `intervals.csv`.
pub fn intervals_header() -> String {
    let buckets: String = Bucket::ALL.iter().map(|bucket| format!("{},", bucket.name())).collect();
    format!("second,length_s,expected,{buckets}count,p50_ms,p99_ms,max_ms,fps,kbps,age_mean_ms,age_max_ms\n")
}

/// Appends a second's line.
pub fn interval(out: &mut String, row: &IntervalRow) {
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

impl From<&Interval> for IntervalRow {
    fn from(interval: &Interval) -> Self {
        Self {
            second: interval.second,
            length_s: interval.length.as_secs_f64(),
            expected: interval.counts.expected(),
            buckets: Bucket::ALL.map(|bucket| interval.counts.of(bucket)),
            count: interval.latencies,
            p50_ms: interval.p50_us.map(ms),
            p99_ms: interval.p99_us.map(ms),
            max_ms: interval.max_us.map(ms),
            fps: interval.fps(),
            kbps: interval.kbps(),
            age_mean_ms: interval.age.mean_us().map(ms_of),
            age_max_ms: interval.age.max_us().map(ms),
        }
    }
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
