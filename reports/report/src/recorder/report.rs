//! Buffers report data until it is written.

use std::sync::Arc;
use std::time::Duration;

use common::time::MonoTime;
use measure::interval::{Closed, Interval};
use measure::latency::Distribution;
use measure::ledger::Entry;

use super::joins::Base;
use crate::codec::csv::{self, Columns};
use crate::codec::rows::IntervalRow;
use crate::dir::Dir;
use crate::folder::{self, Batch, Folder, Lines};
use crate::run::Run;
use crate::summary::Summary;
use crate::tally::Tally;
use crate::warning::{Code, Warning};

/// Write interval: a kill loses at most twice this.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Most bytes of lines queued for a slow disk; further lines of `frames.csv` are dropped with a warning.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Most interval histograms queued for a slow disk; further ones are dropped from `latency.hlog` with a warning.
const MAX_WAITING_INTERVALS: usize = 30;

/// A report written during the run, and its buffered data.
#[derive(Debug)]
pub(super) struct Report {
    folder: Folder,
    columns: Columns,
    finalized: String,
    /// Rows of joins that ended since the last batch.
    intervals: String,
    closed: Vec<Closed>,
    /// Seconds written so far.
    next_second: u64,
    left_out: u64,
    /// Rows rejected by a slow disk.
    waiting: Option<Box<Batch>>,
    next: MonoTime,
    /// Set once writing has stopped.
    told: bool,
}

impl Report {
    /// Writes only the beginning of each file; `run` determines the columns.
    pub(super) fn new(folder: Folder, run: &Run, started: MonoTime) -> Self {
        Self {
            folder,
            columns: Columns::of(run),
            finalized: String::new(),
            intervals: String::new(),
            closed: Vec::new(),
            next_second: 0,
            left_out: 0,
            waiting: None,
            next: started + WRITE_EVERY,
            told: false,
        }
    }

    /// Returns the report's folder.
    pub(super) fn dir(&self) -> &Arc<Dir> {
        self.folder.dir()
    }

    /// Returns the number of seconds written so far.
    pub(super) const fn next_second(&self) -> u64 {
        self.next_second
    }

    /// Whether a write is due; restarts the interval if so.
    pub(super) fn is_due(&mut self, now: MonoTime) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + WRITE_EVERY;
        }
        is_due
    }

    /// Returns why writing stopped, once.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        let trouble = self.folder.trouble().filter(|_| !self.told)?.to_owned();
        self.told = true;
        Some(trouble)
    }

    /// Passes new data to the writer.
    pub(super) fn send(&mut self, tally: &mut Tally, (run, latency): (Run, Distribution), base: Base) {
        let batch = self.batch(tally, run, latency, base);
        self.waiting = self.folder.send(batch).err();
    }

    /// Passes the remaining data and waits until it is written.
    ///
    /// # Errors
    /// Returns the first file that could not be written.
    pub(super) fn close(
        mut self,
        tally: &mut Tally,
        summary: &Summary,
        latency: Distribution,
        base: Base,
    ) -> Result<(), folder::Error> {
        let batch = self.batch(tally, summary.run.clone(), latency, base);
        self.folder.close(batch)
    }

    /// Takes the final rows of a tally.
    pub(super) fn collect(&mut self, tally: &mut Tally, base: Base) {
        for interval in tally.take_final_intervals() {
            self.next_second = self.next_second.max(base.second + interval.second + 1);
            csv::interval(&mut self.intervals, &placed(&interval, base));
        }
        let closed = tally.take_closed().into_iter();
        self.closed.extend(closed.map(|closed| Closed { start: closed.start + base.start, ..closed }));
    }

    /// Returns the new data, preceded by what a slow disk rejected.
    fn batch(&mut self, tally: &mut Tally, run: Run, latency: Distribution, base: Base) -> Batch {
        self.collect(tally, base);
        let (mut frames, mut intervals, mut closed) = match self.waiting.take() {
            Some(batch) => (batch.frames.finalized, batch.intervals.finalized, batch.closed),
            None => Default::default(),
        };
        frames.push_str(&std::mem::take(&mut self.finalized));
        intervals.push_str(&std::mem::take(&mut self.intervals));
        closed.append(&mut self.closed);
        let too_many = closed.len().saturating_sub(MAX_WAITING_INTERVALS);
        self.left_out += closed.drain(..too_many).count() as u64;
        let mut batch = Batch {
            run,
            frames: Lines { finalized: frames, pending: String::new() },
            intervals: Lines { finalized: intervals, pending: String::new() },
            closed,
            latency,
        };
        tally.ledger().pending(&mut |entry| line(&mut batch.frames.pending, &entry, self.columns, base));
        tally.pending_intervals().iter().for_each(|interval| {
            csv::interval(&mut batch.intervals.pending, &placed(interval, base));
        });
        batch
    }

    /// Returns a warning if rows were dropped.
    pub(super) fn left_out_warning(&self) -> Option<Warning> {
        let message =
            format!("the disk was too slow: {} lines of frames.csv and latency.hlog are missing", self.left_out);
        (self.left_out > 0).then(|| Warning::new(Code::ReportNotWritten, message))
    }
}

/// Keeps the line of a final frame for the next batch.
pub(super) fn keep(report: &mut Option<Report>, entry: &Entry<'_>, base: Base) {
    let Some(report) = report else { return };
    let waiting = report.waiting.as_ref().map_or(0, |batch| batch.frames.finalized.len());
    if report.finalized.len() + waiting < MAX_WAITING_BYTES {
        line(&mut report.finalized, entry, report.columns, base);
    } else {
        report.left_out += 1;
    }
}

/// Appends a frame's line.
fn line(out: &mut String, entry: &Entry<'_>, columns: Columns, base: Base) {
    columns.frame(out, &Entry { segment: entry.segment + base.segments, ..*entry }, base.join);
}

fn placed(interval: &Interval, base: Base) -> IntervalRow {
    IntervalRow { second: base.second + interval.second, ..interval.into() }
}

/// Without a report, discard these.
pub(super) fn drop_unwritten(tally: &mut Tally) {
    drop(tally.take_closed());
    drop(tally.take_final_intervals());
}
