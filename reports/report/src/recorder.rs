//! The front door: takes what a receiver saw, keeps the accounts, and writes the report as the run goes.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use common::time::{MonoTime, Now};
use measure::ledger::Entry;

use crate::codec::{csv, json};
use crate::dir::Dir;
use crate::folder;
use crate::folder::lock::{Lock, Taken};
use crate::folder::{Batch, Folder, Lines};
use crate::observation::Observation;
use crate::run::Run;
use crate::setup::{Place, Setup};
use crate::summary::Summary;
use crate::tally::Tally;
use crate::threshold::Assertion;
use crate::warning::{Code, Warning};

/// How often the report is written: half of what a kill may lose.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Bytes of lines that wait for a slow disk; beyond them frames are left out of `frames.csv`, with a
/// warning.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Intervals whose histograms wait for a slow disk; beyond them they are left out of `latency.hlog`, with a warning.
const MAX_WAITING_INTERVALS: usize = 30;

/// Why a run cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The report folder cannot be written.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// Another run writes into the report folder.
    #[error(transparent)]
    Taken(#[from] Taken),
}

/// Records a run. No call waits for a disk, but for [`Recorder::new`] and [`Recorder::finish`].
#[derive(Debug)]
pub struct Recorder {
    tally: Tally,
    report: Option<Report>,
    failure: Option<Warning>,
    lock: Option<Lock>,
}

/// A run that has ended. Its report lacks the pages, which [`Finished::with_pages`] adds.
#[derive(Debug)]
pub struct Finished {
    /// What came of it.
    pub summary: Summary,
    /// Where its data was written.
    dir: Option<Arc<Dir>>,
    /// Until the last page is written.
    _lock: Option<Lock>,
}

/// What waits to be written.
#[derive(Debug)]
struct Report {
    folder: Folder,
    finalized: String,
    left_out: u64,
    /// Refused by a slow disk.
    waiting: Option<Box<Batch>>,
    next: MonoTime,
    /// That nothing is written any more.
    told: bool,
}

/// Everything but observing and writing goes straight to the tally.
impl Deref for Recorder {
    type Target = Tally;

    fn deref(&self) -> &Tally {
        &self.tally
    }
}

impl DerefMut for Recorder {
    fn deref_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

impl Recorder {
    /// Begins a run, and opens its report.
    ///
    /// # Errors
    /// Where the report folder cannot be written, or another run writes into it.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let started = setup.started;
        let dir = setup.folder.as_ref().map(Place::open).transpose()?;
        let tally = Tally::new(setup);
        let lock = dir.as_ref().map(Lock::take).transpose()?;
        let report = match dir {
            None => None,
            Some(dir) => Some(Report {
                folder: Folder::create(dir, started.wall, &tally.run(true))?,
                finalized: String::new(),
                left_out: 0,
                waiting: None,
                next: started.mono + WRITE_EVERY,
                told: false,
            }),
        };
        Ok(Self { tally, report, failure: None, lock })
    }

    /// An access unit or bare picture came: the one call for each.
    pub fn observe(&mut self, observation: &Observation) {
        let report = &mut self.report;
        self.tally.observe(observation, &mut |entry| keep(report, &entry));
    }

    /// The run has failed, whatever its figures: it will be [`Outcome::Failed`](crate::Outcome::Failed) with exit code
    /// 1. The first reason counts.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failure.get_or_insert_with(|| Warning::new(Code::Failed, why));
    }

    /// Time passes: to be called at least 20 times a second. Hands what is due to the report's writer.
    pub fn tick(&mut self, now: Now) {
        let report = &mut self.report;
        self.tally.tick(now, &mut |entry| keep(report, &entry));
        match &mut self.report {
            Some(report) if now.mono >= report.next => {
                report.next = now.mono + WRITE_EVERY;
                report.send(&mut self.tally);
            }
            Some(_) => {}
            None => drop_unwritten(&mut self.tally),
        }
    }

    /// Why the report is not written any more, a full disk say; told once. Measuring goes on, and the run will be
    /// [`Outcome::Failed`](crate::Outcome::Failed).
    pub fn take_trouble(&mut self) -> Option<String> {
        let report = self.report.as_mut().filter(|report| !report.told)?;
        let trouble = report.folder.trouble()?.to_owned();
        report.told = true;
        Some(trouble)
    }

    /// Ends the run, judges it, and writes the rest of the report's data. A report that could not be written is a warning
    /// and makes the run [`Outcome::Failed`](crate::Outcome::Failed) with exit code 1, but the figures are there.
    pub fn finish(mut self, now: Now, assertions: &[Assertion]) -> Finished {
        let report = &mut self.report;
        self.tally.finish(now, &mut |entry| keep(report, &entry));
        let mut run = self.tally.run(false);
        if let Some(report) = self.report.as_ref().filter(|report| report.left_out > 0) {
            run.warnings.push(report.left_out_warning());
        }
        let mut summary = Summary::judge(run, assertions);
        summary.metrics = Some(self.tally.metrics(now));
        if let Some(failure) = self.failure {
            summary.fail(failure);
        }
        let mut finished = Finished { summary, dir: None, _lock: self.lock };
        if let Some(report) = self.report {
            let dir = Arc::clone(report.folder.dir());
            match report.close(&mut self.tally, &finished.summary) {
                Ok(()) => {
                    finished.summary.report = Some(dir.path().to_owned());
                    finished.dir = Some(dir);
                }
                Err(error) => finished.not_written(&dir, &error),
            }
        }
        finished
    }
}

impl Finished {
    /// Has `pages` make the pages of a report whose data was written. Pages that cannot be are like data that cannot be.
    pub fn with_pages<E: ToString>(mut self, pages: impl FnOnce(&Dir) -> Result<(), E>) -> Summary {
        if let Some(dir) = self.dir.take()
            && let Err(error) = pages(&dir)
        {
            self.not_written(&dir, &error);
        }
        self.summary
    }

    fn not_written(&mut self, dir: &Dir, error: &impl ToString) {
        self.summary.report = None;
        self.summary.fail(Warning::new(Code::ReportNotWritten, error.to_string()));
        // So that it does not claim success. If it cannot be written either, the exit code still tells.
        let _ = folder::replace(dir, "run.json", &json::run(&self.summary.run));
    }
}

impl Report {
    fn send(&mut self, tally: &mut Tally) {
        let batch = self.batch(tally, tally.run(true));
        self.waiting = self.folder.send(batch).err();
    }

    fn close(mut self, tally: &mut Tally, summary: &Summary) -> Result<(), folder::Error> {
        let batch = self.batch(tally, summary.run.clone());
        self.folder.close(batch)
    }

    /// What is new, with what a slow disk refused before it.
    fn batch(&mut self, tally: &mut Tally, run: Run) -> Batch {
        let (mut frames, mut intervals, mut closed) = match self.waiting.take() {
            Some(batch) => (batch.frames.finalized, batch.intervals.finalized, batch.closed),
            None => Default::default(),
        };
        frames.push_str(&std::mem::take(&mut self.finalized));
        tally.take_final_intervals().iter().for_each(|interval| csv::interval(&mut intervals, &interval.into()));
        closed.append(&mut tally.take_closed());
        let too_many = closed.len().saturating_sub(MAX_WAITING_INTERVALS);
        self.left_out += closed.drain(..too_many).count() as u64;
        let mut batch = Batch {
            run,
            frames: Lines { finalized: frames, pending: String::new() },
            intervals: Lines { finalized: intervals, pending: String::new() },
            closed,
            latency: tally.histograms().total.clone(),
        };
        tally.ledger().pending(&mut |entry| csv::frame(&mut batch.frames.pending, &entry));
        tally.pending_intervals().iter().for_each(|interval| {
            csv::interval(&mut batch.intervals.pending, &interval.into());
        });
        batch
    }

    fn left_out_warning(&self) -> Warning {
        let message =
            format!("the disk was too slow: {} lines of frames.csv and latency.hlog are missing", self.left_out);
        Warning::new(Code::ReportNotWritten, message)
    }
}

/// Keeps the line of a final frame for the next batch.
fn keep(report: &mut Option<Report>, entry: &Entry<'_>) {
    let Some(report) = report else { return };
    let waiting = report.waiting.as_ref().map_or(0, |batch| batch.frames.finalized.len());
    if report.finalized.len() + waiting < MAX_WAITING_BYTES {
        csv::frame(&mut report.finalized, entry);
    } else {
        report.left_out += 1;
    }
}

/// Without a report nobody takes these.
fn drop_unwritten(tally: &mut Tally) {
    drop(tally.take_closed());
    drop(tally.take_final_intervals());
}
