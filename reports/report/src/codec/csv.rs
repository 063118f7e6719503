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
use crate::run::Run;

/// The optional columns of a `frames.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// A browser's stages.
    pub in_browser: bool,
    /// Meaning of the last column: `receiver` or `join`.
    pub part: Option<&'static str>,
}

impl Columns {
    /// Returns the columns of one run.
    pub(crate) fn of(run: &Run) -> Self {
        let in_browser = run.browser.is_some();
        Self { in_browser, part: in_browser.then_some("join") }
    }

    fn stages(self) -> impl Iterator<Item = Stage> {
        Stage::ALL.iter().copied().filter(move |stage| self.in_browser || !stage.is_of_browser())
    }

    /// Returns the header line.
    pub fn header(self) -> String {
        let stages: String = self.stages().map(|stage| stage_column(stage) + ",").collect();
        let part = self.part.map(|part| format!(",{part}")).unwrap_or_default();
        format!("seq,outcome,{stages}latency_us,segment,presented_us,bytes,idr,offset_us{part}\n")
    }

    /// Appends a frame's line, if it has one. `part` is the number of its receiver or join.
    pub fn frame(self, out: &mut String, entry: &Entry<'_>, part: usize) {
        if entry.is_listed {
            let row = FrameRow::from(entry);
            // A page knows nothing about access units.
            self.row(out, &FrameRow { idr: row.idr.filter(|_| !self.in_browser), ..row }, part);
        }
    }

    /// Appends a frame's line.
    pub fn row(self, out: &mut String, row: &FrameRow, part: usize) {
        field(out, row.seq);
        field(out, row.outcome.name());
        self.stages().for_each(|stage| optional(out, row.stages_us[stage]));
        optional(out, row.latency_us);
        field(out, row.segment);
        optional(out, row.presented_us);
        optional(out, row.bytes);
        optional(out, row.idr.map(u8::from));
        optional(out, row.offset_us);
        self.part.into_iter().for_each(|_| field(out, part));
        end_line(out);
    }
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
