//! The front door: takes what a receiver saw, keeps the accounts, and writes the report as the run goes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::time::{MonoTime, Now};
use measure::account::{Counts, Entry};
use measure::cost::Costs;
use measure::live::Metrics;
use measure::sample::{Bucket, Clocks, StartupStep};
use measure::units::ms;

use crate::calibration::Quote;
use crate::codec::{csv, json};
use crate::dir::Dir;
use crate::folder;
use crate::folder::lock::{Lock, Taken};
use crate::folder::{Batch, Folder, Lines};
use crate::observation::Observation;
use crate::run::{Host, Run, Settings};
use crate::summary::Summary;
use crate::tally::{About, Tally};
use crate::threshold::Assertion;
use crate::warning::{Code, Warning};

/// How often the report is written: half of what a kill may lose.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Bytes of lines that wait for a slow disk; beyond them frames are left out of `frames.csv`, with a
/// warning.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Intervals whose histograms wait for a slow disk; beyond them they are left out of `latency.hlog`, with a warning.
const MAX_WAITING_INTERVALS: usize = 30;

/// What a run is about, and where its report goes.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When the receiver began to connect. Start-up is counted from here.
    pub started: Now,
    /// Left out of every figure, from the first picture on.
    pub warmup: Duration,
    /// What is played, without user info.
    pub url: String,
    /// What the address says about the clocks of publisher and receiver.
    pub clocks: Clocks,
    /// The receiver's settings, for `run.json`.
    pub config: Settings,
    /// The receiver's machine, for `run.json`: [`crate::host::describe`].
    pub host: Host,
    /// The report folder, made where it is missing; none where there is to be no report.
    pub folder: Option<Place>,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The folder that the user named, wherever that leads.
    Folder(PathBuf),
    /// A folder in it, by a name of ours.
    Inside(PathBuf, String),
}

impl Place {
    fn open(&self) -> Result<Dir, folder::Error> {
        let opened = match self {
            Self::Folder(path) => Dir::make(path),
            Self::Inside(path, name) => Dir::make(path).and_then(|dir| dir.inside(name)),
        };
        opened.map_err(|source| folder::Error { path: self.path(), source })
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Folder(path) => path.clone(),
            Self::Inside(path, name) => path.join(name),
        }
    }
}

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

/// The figures of the moment, for an overlay or a line of progress.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// The warm-up is over.
    pub measuring: bool,
    /// Pictures per second, over the last one; `None` before the second picture.
    pub fps: Option<f64>,
    /// Latency of the newest frame read, ms.
    pub latency_ms: Option<f64>,
    /// The bound of every latency, ± ms, where two clocks are part of it and were compared.
    pub bound_ms: Option<f64>,
    /// When the newest frame was read and shown.
    pub read_at: Option<MonoTime>,
    /// The median latency of the run so far, ms.
    pub p50_ms: Option<f64>,
    /// 99 % of the run's latencies are not above it, ms.
    pub p99_ms: Option<f64>,
    /// The age of the picture on screen, ms.
    pub age_ms: Option<f64>,
    /// Where the frames ended so far.
    pub counts: Counts,
}

/// Records a run. No call waits for a disk, but for [`Recorder::new`] and [`Recorder::finish`].
#[derive(Debug)]
pub struct Recorder {
    tally: Tally,
    report: Option<Report>,
    now: MonoTime,
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
    settled: String,
    left_out: u64,
    /// Refused by a slow disk.
    waiting: Option<Box<Batch>>,
    next: MonoTime,
    /// That nothing is written any more.
    told: bool,
}

impl Recorder {
    /// Begins a run, and opens its report.
    ///
    /// # Errors
    /// Where the report folder cannot be written, or another run writes into it.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let Setup { started, warmup, url, clocks, config, host, folder } = setup;
        let tally = Tally::new(About { started, warmup, url, clocks, config, host });
        let dir = folder.map(|place| place.open()).transpose()?;
        let lock = dir.as_ref().map(Lock::take).transpose()?;
        let report = match dir {
            None => None,
            Some(dir) => Some(Report {
                folder: Folder::create(dir, started.wall, &tally.run(true))?,
                settled: String::new(),
                left_out: 0,
                waiting: None,
                next: started.mono + WRITE_EVERY,
                told: false,
            }),
        };
        Ok(Self { tally, report, now: started.mono, failure: None, lock })
    }

    /// A step of starting up is done; only the first time counts.
    pub fn started(&mut self, step: StartupStep, now: Now) {
        self.tally.started(step, now.mono);
    }

    /// How far figures may be off on this machine: for `run.json` and the summary.
    pub fn calibration(&mut self, found: Quote) {
        self.tally.calibration(found);
    }

    /// Publisher and receiver are known to read two clocks.
    pub fn clocks_differ(&self) -> bool {
        self.tally.clocks_differ()
    }

    /// Why the clocks of publisher and receiver cannot be compared and what would help, for the warning that says so.
    pub fn clock_advice(&mut self, advice: String) {
        self.tally.compared().advise(advice);
    }

    /// What measuring and showing cost so far.
    pub fn costs(&mut self) -> &mut Costs {
        self.tally.costs()
    }

    /// An access unit or bare picture came: the one call for each.
    pub fn observe(&mut self, observation: &Observation) {
        self.now = self.now.max(observation.presented());
        let report = &mut self.report;
        self.tally.observe(observation, &mut |entry| keep(report, &entry));
    }

    /// The stream was lost: its last access unit came at `last`.
    pub fn disconnected(&mut self, last: MonoTime) {
        self.tally.disconnected(last);
    }

    /// The stream is back: its first access unit came at `first`.
    pub fn reconnected(&mut self, first: MonoTime) {
        self.tally.reconnected(first);
    }

    /// For how long no picture has come, where a stream that goes on would have brought one: it is lost, or has
    /// [stopped](measure::age::Screen::has_stopped).
    pub fn overdue(&self, now: MonoTime) -> Option<Duration> {
        self.tally.overdue(now)
    }

    /// The host has slept for `total` since the run began: [`Clock::slept`](common::clock::Clock::slept), read just after
    /// `now` and handed in before anything that is timed by it.
    pub fn slept(&mut self, total: Duration, now: Now) {
        self.tally.slept(total, now);
    }

    /// Something that a reader of the figures must know. The same warning again is not repeated.
    pub fn warn(&mut self, warning: Warning) {
        self.tally.warn(warning);
    }

    /// Why there is a warning with `code`, for where the figures give rise to one: it is added to its message. The newest reason counts.
    pub fn explain(&mut self, code: Code, why: impl Into<String>) {
        self.tally.explain(code, why.into());
    }

    /// The run has failed, whatever its figures: it will be [`Outcome::Failed`](crate::Outcome::Failed) with exit code
    /// 1. The first reason counts.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failure.get_or_insert_with(|| Warning::new(Code::Failed, why));
    }

    /// Time passes: to be called at least 20 times a second. Hands what is due to the report's writer.
    pub fn tick(&mut self, now: Now) {
        self.now = self.now.max(now.mono);
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

    /// Stream id and run of the newest frame read, where its run is known.
    pub fn publisher(&self) -> Option<(u8, u32)> {
        self.tally.newest().and_then(|sample| Some((sample.stream_id, sample.run?)))
    }

    /// The figures of the moment.
    pub fn live(&self) -> Live {
        let newest = self.tally.newest();
        let latency = &self.tally.histograms().total;
        Live {
            measuring: self.tally.is_measuring(),
            fps: self.tally.recent_fps(),
            latency_ms: newest.filter(|_| self.tally.newest_is_comparable()).map(|s| ms(s.marks.latency_us())),
            bound_ms: self.tally.bound_us().map(ms),
            read_at: newest.map(|sample| sample.presented),
            p50_ms: latency.quantile_us(0.5).map(ms),
            p99_ms: latency.quantile_us(0.99).map(ms),
            age_ms: self.tally.age_us(self.now).map(ms),
            counts: self.tally.ledger().counts(),
        }
    }

    /// The figures of the moment, for programs that watch the run.
    pub fn metrics(&self, now: Now) -> Metrics {
        self.tally.metrics(now)
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
        // So that it does not say that all is well. Where it cannot be written either, the exit code still tells.
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
            Some(batch) => (batch.frames.settled, batch.intervals.settled, batch.closed),
            None => Default::default(),
        };
        frames.push_str(&std::mem::take(&mut self.settled));
        tally.take_settled_intervals().iter().for_each(|interval| csv::interval(&mut intervals, &interval.into()));
        closed.append(&mut tally.take_closed());
        let too_many = closed.len().saturating_sub(MAX_WAITING_INTERVALS);
        self.left_out += closed.drain(..too_many).count() as u64;
        let mut batch = Batch {
            run,
            frames: Lines { settled: frames, unsettled: String::new() },
            intervals: Lines { settled: intervals, unsettled: String::new() },
            closed,
            latency: tally.histograms().total.clone(),
        };
        tally.ledger().unsettled(&mut |entry| csv::frame(&mut batch.frames.unsettled, &entry));
        tally.unsettled_intervals().iter().for_each(|interval| {
            csv::interval(&mut batch.intervals.unsettled, &interval.into());
        });
        batch
    }

    fn left_out_warning(&self) -> Warning {
        let message =
            format!("the disk was too slow: {} lines of frames.csv and latency.hlog are missing", self.left_out);
        Warning::new(Code::ReportNotWritten, message)
    }
}

/// Keeps the line of a settled frame for the next batch.
fn keep(report: &mut Option<Report>, entry: &Entry<'_>) {
    let Some(report) = report else { return };
    let waiting = report.waiting.as_ref().map_or(0, |batch| batch.frames.settled.len());
    if report.settled.len() + waiting < MAX_WAITING_BYTES {
        csv::frame(&mut report.settled, entry);
    } else {
        report.left_out += 1;
    }
}

/// Without a report nobody takes these.
fn drop_unwritten(tally: &mut Tally) {
    drop(tally.take_closed());
    drop(tally.take_settled_intervals());
}

impl Live {
    /// Frames of the range that were not read.
    pub fn missing(&self) -> u64 {
        let of = |bucket| self.counts.of(bucket);
        of(Bucket::Lost) + of(Bucket::Unreadable) + of(Bucket::Undecodable)
    }
}
