//! `frames.csv` and `intervals.csv`. Fields that do not exist are empty; no field needs quoting.
//!
//! Lines are written straight into the caller's buffer: the thread that measures writes one for each frame.

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

/// Appends a frame's line, where it has one.
pub fn frame(out: &mut String, entry: &Entry<'_>) {
    if entry.is_listed {
        frame_row(out, &FrameRow::from(entry), None);
    }
}

/// The first line of the `frames.csv` of many receivers.
pub fn merged_frames_header() -> String {
    format!("{},receiver\n", frames_header().trim_end())
}

/// Appends a frame's line, with the number of its receiver where there are many.
pub fn frame_row(out: &mut String, row: &FrameRow, receiver: Option<usize>) {
    field(out, row.seq);
    field(out, row.outcome.name());
    row.stages_us.iter().for_each(|(_, micros)| optional(out, *micros));
    optional(out, row.latency_us);
    field(out, row.segment);
    optional(out, row.presented_us);
    optional(out, row.bytes);
    optional(out, row.idr.map(u8::from));
    optional(out, row.offset_us);
    receiver.into_iter().for_each(|receiver| field(out, receiver));
    end_line(out);
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
    field(out, row.second);
    field(out, rounded(row.length_s));
    field(out, row.expected);
    row.buckets.iter().chain([&row.count]).for_each(|count| field(out, count));
    let figures = [row.p50_ms, row.p99_ms, row.max_ms, row.fps, row.kbps, row.age_mean_ms, row.age_max_ms];
    figures.into_iter().for_each(|figure| optional(out, figure.map(rounded)));
    end_line(out);
}

/// Appends a field, and the comma after it.
fn field(out: &mut String, value: impl Display) {
    // A string takes everything.
    let _ = write!(out, "{value},");
}

/// Appends a field that may be empty, and the comma after it.
fn optional(out: &mut String, value: Option<impl Display>) {
    match value {
        Some(value) => field(out, value),
        None => out.push(','),
    }
}

/// Ends a line in place of the last field's comma.
fn end_line(out: &mut String) {
    out.pop();
    out.push('\n');
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
