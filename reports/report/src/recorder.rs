//! The front door: takes what a receiver saw, keeps the accounts, and writes the report as the run goes.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use common::time::Now;
use measure::figures::browser::Viewed;
use measure::latency::Distribution;

use crate::codec::json;
use crate::dir::Dir;
use crate::folder;
use crate::folder::Folder;
use crate::folder::lock::{Lock, Taken};
use crate::observation::Observation;
use crate::run::Run;
use crate::setup::{Place, Setup};
use crate::summary::Summary;
use crate::tally::Tally;
use crate::threshold::Assertion;
use crate::warning::{Code, Warning};

mod joins;
mod report;

use joins::{Base, Joins};
use report::{Report, drop_unwritten, keep};

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
    /// Joins of a run in a browser.
    joins: Option<Joins>,
    about: Setup,
    base: Base,
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

/// Most methods forward to the tally.
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
        Self::open(setup, None)
    }

    /// Starts a run in a browser, in which `player` plays a stream delivered `via` a protocol. Each join is measured
    /// by itself, between [`Recorder::begin_join`] and [`Recorder::end_join`].
    ///
    /// # Errors
    /// Fails like [`Recorder::new`].
    pub fn in_browser(setup: Setup, via: &str, player: &str) -> Result<Self, Error> {
        Self::open(setup, Some(Joins::new(via, player)))
    }

    fn open(setup: Setup, joins: Option<Joins>) -> Result<Self, Error> {
        let started = setup.started;
        let dir = setup.folder.as_ref().map(Place::open).transpose()?;
        let tally = Tally::new(setup.clone());
        let lock = dir.as_ref().map(Lock::take).transpose()?;
        let base = Base { join: 1, ..Base::default() };
        let mut recorder = Self { tally, joins, about: setup, base, report: None, failure: None, lock };
        if let Some(dir) = dir {
            let run = recorder.run(true);
            let folder = Folder::create(dir, started.wall, &run)?;
            recorder.report = Some(Report::new(folder, &run, started.mono));
        }
        Ok(recorder)
    }

    /// Returns the figures so far.
    fn run(&self, partial: bool) -> Run {
        match &self.joins {
            Some(joins) => joins.run(&self.tally, partial, self.base),
            None => self.tally.run(partial),
        }
    }

    /// Returns all latencies so far.
    fn latency(&self) -> Distribution {
        match &self.joins {
            Some(joins) => joins.latency(&self.tally, self.base),
            None => self.tally.histograms().total.clone(),
        }
    }

    /// Notes that the player of another join was started.
    pub fn begin_join(&mut self, started: Now) {
        let next_second = self.report.as_ref().map_or(0, Report::next_second);
        if let Some(joins) = &mut self.joins {
            self.base = joins.begin(started.mono, self.base, next_second);
            self.tally.begin_join(started);
        }
    }

    /// Records how `browser` (name and version) has played since the join began.
    pub fn viewed(&mut self, browser: Option<(String, String)>, viewed: Viewed) {
        self.joins.iter_mut().for_each(|joins| joins.viewed(browser.clone(), viewed.clone()));
    }

    /// Sets the shift of the publisher's pictures in the next join, in µs; `None` if they cannot be shifted.
    pub fn shifted(&mut self, phase_us: Option<u64>) {
        self.joins.iter_mut().for_each(|joins| joins.phase_us = phase_us);
    }

    /// Ends a join and its measurement.
    pub fn end_join(&mut self, now: Now) {
        let Some(joins) = self.joins.as_mut().filter(|joins| joins.is_playing) else { return };
        let (report, base) = (&mut self.report, self.base);
        self.tally.finish(now, &mut |entry| keep(report, &entry, base));
        joins.end(&self.tally, base);
        match report {
            Some(report) => report.collect(&mut self.tally, base),
            None => drop_unwritten(&mut self.tally),
        }
        self.base.segments += self.tally.ledger().segments().max(1);
        self.tally = Tally::new(self.about.clone());
    }

    /// Leaves out the current join if it has measured nothing yet and another one has ended. Returns whether it did.
    pub fn leave_out_join(&mut self) -> bool {
        let is_idle = !self.tally.is_measuring();
        let Some(joins) = self.joins.as_mut().filter(|joins| is_idle && joins.can_leave_out()) else { return false };
        joins.is_playing = false;
        self.tally = Tally::new(self.about.clone());
        true
    }

    /// Whether the warm-up is over.
    pub fn is_measuring(&self) -> bool {
        self.tally.is_measuring()
    }

    /// An access unit or bare picture came: the one call for each.
    pub fn observe(&mut self, observation: &Observation) {
        let (report, base) = (&mut self.report, self.base);
        self.tally.observe(observation, &mut |entry| keep(report, &entry, base));
    }

    /// The run has failed, whatever its figures: it will be [`Outcome::Failed`](crate::Outcome::Failed) with exit code
    /// 1. The first reason counts.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failure.get_or_insert_with(|| Warning::new(Code::Failed, why));
    }

    /// Time passes: to be called at least 20 times a second. Hands what is due to the report's writer.
    pub fn tick(&mut self, now: Now) {
        let (report, base) = (&mut self.report, self.base);
        self.tally.tick(now, &mut |entry| keep(report, &entry, base));
        let Some(report) = &mut self.report else { return drop_unwritten(&mut self.tally) };
        if !report.is_due(now.mono) {
            return;
        }
        let figures = (self.run(true), self.latency());
        if let Some(report) = &mut self.report {
            report.send(&mut self.tally, figures, base);
        }
    }

    /// Why the report is not written any more, a full disk say; told once. Measuring goes on, and the run will be
    /// [`Outcome::Failed`](crate::Outcome::Failed).
    pub fn take_trouble(&mut self) -> Option<String> {
        self.report.as_mut()?.take_trouble()
    }

    /// Ends the run, judges it, and writes the rest of the report's data. A report that could not be written is a warning
    /// and makes the run [`Outcome::Failed`](crate::Outcome::Failed) with exit code 1, but the figures are there.
    pub fn finish(mut self, now: Now, assertions: &[Assertion]) -> Finished {
        self.end_join(now);
        let (report, base) = (&mut self.report, self.base);
        if self.joins.is_none() {
            self.tally.finish(now, &mut |entry| keep(report, &entry, base));
        }
        let (mut run, latency) = (self.run(false), self.latency());
        run.warnings.extend(self.report.as_ref().and_then(Report::left_out_warning));
        let mut summary = Summary::judge(run, assertions);
        summary.metrics = Some(self.tally.metrics(now));
        if let Some(failure) = self.failure {
            summary.fail(failure);
        }
        let mut finished = Finished { summary, dir: None, _lock: self.lock };
        if let Some(report) = self.report {
            let dir = Arc::clone(report.dir());
            match report.close(&mut self.tally, &finished.summary, latency, base) {
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
