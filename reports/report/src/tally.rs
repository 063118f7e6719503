//! The figures of a run as it goes: pure, takes `now`, opens no file.

use std::time::Duration;

use common::time::{MonoTime, Now, WallTime};
use measure::age::Screen;
use measure::cost::Costs;
use measure::figures::Pictures;
use measure::interval::{Closed, Histograms, Interval, Intervals};
use measure::ledger::{Entry, Ledger, Reading};
use measure::live::LatencyBuckets;
use measure::publisher_clock::PublisherClock;
use measure::rate::Rates;
use measure::sample::{Correction, Sample, StartupStep};
use measure::stamps::Stamps;
use measure::steps::{self, Watch};
use measure::timeline::{Kind, Timeline};
use measure::units::micros;

use crate::calibration::Quote;
use crate::comparison::Compared;
use crate::setup::Setup;
use crate::warning::{Code, Warning};

mod figures;
mod latencies;
mod live;
mod observe;
mod state;

pub use state::Live;

/// Warnings that are kept of those handed in.
const MAX_WARNINGS: usize = 100;

/// The figures so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    about: Setup,
    startup: [Option<MonoTime>; 4],
    ledger: Ledger,
    screen: Screen,
    /// Stream id and sequence of the picture on screen, where its code was read.
    on_screen: Option<(u8, u32)>,
    /// `None` during the warm-up.
    intervals: Option<Intervals>,
    measured_from: Option<MonoTime>,
    histograms: Histograms,
    /// For [`Tally::metrics`].
    scraped: LatencyBuckets,
    /// Nothing more will come.
    over: bool,
    clock: Watch,
    publisher: PublisherClock,
    timeline: Timeline,
    /// PUB of the first frame with a latency that no path has, and when it was presented.
    implausible: Option<(WallTime, WallTime)>,
    /// The newest latency that was not in doubt, µs.
    usual: Option<i64>,
    compared: Compared,
    /// A latency whose clock reading is in doubt until the next reading.
    parked: Option<Sample>,
    left_out: u64,
    pictures: Pictures,
    /// Access units, and their bytes.
    units: u64,
    bytes: u64,
    connection: Outages,
    costs: Costs,
    calibration: Option<Quote>,
    stamps: Stamps,
    warnings: Vec<Warning>,
    reasons: Vec<(Code, String)>,
    newest: Option<Sample>,
    rates: Rates,
    last: MonoTime,
    closed: Vec<Closed>,
}

/// Interruptions of the stream.
#[derive(Clone, Debug, Default)]
struct Outages {
    count: u64,
    total: Duration,
    since: Option<MonoTime>,
}

impl Tally {
    /// Nothing measured yet.
    pub fn new(about: Setup) -> Self {
        Self { last: about.started.mono, about, ..Self::default() }
    }

    /// Notes that a browser starts to play; startup times count from here.
    pub fn begin_join(&mut self, started: Now) {
        self.about.started = started;
        self.last = self.last.max(started.mono);
    }

    /// A step of starting up is done; only the first time counts.
    pub fn started(&mut self, step: StartupStep, at: MonoTime) {
        self.startup[step as usize].get_or_insert(at);
    }

    /// How far figures may be off on this machine.
    pub fn calibration(&mut self, found: Quote) {
        self.calibration = Some(found);
    }

    /// What comparing the clocks of publisher and receiver comes to.
    pub fn compared(&mut self) -> &mut Compared {
        &mut self.compared
    }

    /// What measuring and showing cost so far.
    pub fn costs(&mut self) -> &mut Costs {
        &mut self.costs
    }

    /// A picture whose code was read. Frames that become final go to `finalize`, here and below.
    pub fn frame(&mut self, sample: &Sample, finalize: &mut dyn FnMut(Entry<'_>)) {
        let sample = &self.with_clocks(sample);
        self.started(StartupStep::FirstPicture, sample.presented);
        self.started(StartupStep::FirstReading, sample.presented);
        let step = self.clock.observe(sample.now());
        self.advance(sample.presented, finalize);
        self.resolve(step, sample.presented);
        self.count_unit(sample.bytes, sample.idr);
        let reading = self.account(sample, finalize);
        let identity = (sample.stream_id, sample.sequence);
        if self.on_screen != Some(identity) {
            self.on_screen = Some(identity);
            if sample.correction == Correction::Missing {
                self.screen.lose_age(sample.presented);
                self.show(sample.presented, None);
            } else {
                self.show(sample.presented, Some(self.likely_latency(sample)));
            }
        }
        let doubtful = step == steps::Verdict::Unsure || self.clock.is_doubtful(sample.presented);
        let publisher = self.watch_publisher(sample, reading, doubtful);
        match reading {
            Reading::First if step == steps::Verdict::Unsure => self.parked = Some(*sample),
            Reading::First if doubtful => self.left_out += 1,
            Reading::First => self.record(sample, publisher),
            Reading::Again => self.pictures.repeated += 1,
            Reading::Stale | Reading::WarmUp => {}
        }
        self.newest = Some(*sample);
    }

    /// A picture that was shown, but whose code could not be read; `is_near` if its place among the frames is known roughly.
    pub fn unreadable(&mut self, now: Now, bytes: u32, idr: bool, is_near: bool, finalize: &mut dyn FnMut(Entry<'_>)) {
        self.started(StartupStep::FirstPicture, now.mono);
        self.tick(now, finalize);
        self.count_unit(bytes, idr);
        if is_near {
            self.ledger.unreadable_nearby();
        } else {
            self.ledger.unreadable();
        }
        self.pictures.unreadable += u64::from(self.is_measuring());
        self.on_screen = None;
        self.show(now.mono, None);
    }

    /// An access unit that gave no picture.
    pub fn undecodable(&mut self, now: Now, bytes: u32, finalize: &mut dyn FnMut(Entry<'_>)) {
        self.tick(now, finalize);
        self.count_unit(bytes, false);
        self.ledger.undecodable();
        self.pictures.undecodable += u64::from(self.is_measuring());
    }

    /// The stream was lost: nothing came of it after `last`.
    pub fn disconnected(&mut self, last: MonoTime) {
        if self.connection.since.is_none() {
            self.connection.count += 1;
            self.connection.since = Some(last);
        }
    }

    /// The stream is back: something came of it at `first`.
    pub fn reconnected(&mut self, first: MonoTime) {
        if let Some(since) = self.connection.since.take() {
            self.connection.total += first.saturating_since(since);
        }
    }

    /// The host has slept for `total` since the run began: [`Clock::slept`](common::clock::Clock::slept), read just after
    /// `now` and handed in before anything that is timed by it.
    pub fn slept(&mut self, total: Duration, now: Now) {
        let Some(time) = self.clock.slept(total) else { return };
        self.screen.slept(time);
        self.timeline.event(now, Kind::Suspend, micros(time));
        self.distrust(now.mono);
    }

    /// Something that a reader of the figures must know. Only the first hundred are kept, each once.
    pub fn warn(&mut self, warning: Warning) {
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The warnings handed in.
    pub(crate) fn handed_in(&self) -> &[Warning] {
        &self.warnings
    }

    /// Why there is a warning with `code`, where the figures give rise to one: added to its message. The newest reason counts.
    pub fn explain(&mut self, code: Code, why: impl Into<String>) {
        self.reasons.retain(|(known, _)| *known != code);
        self.reasons.push((code, why.into()));
    }

    /// Time passes: call it at least 20 times a second.
    pub fn tick(&mut self, now: Now, finalize: &mut dyn FnMut(Entry<'_>)) {
        let step = self.clock.observe(now);
        self.advance(now.mono, finalize);
        self.resolve(step, now.mono);
    }

    /// Ends the run: finalizes every frame and closes the last interval.
    pub fn finish(&mut self, now: Now, finalize: &mut dyn FnMut(Entry<'_>)) {
        self.tick(now, finalize);
        self.reconnected(now.mono);
        self.unpark();
        self.over = true;
        let amounts = self.rates.take();
        let Some(intervals) = &mut self.intervals else { return };
        self.ledger.close(&mut |entry| {
            intervals.finalize(&entry);
            finalize(entry);
        });
        let age = self.screen.take_recent();
        self.closed.push(intervals.close(self.last, age, amounts));
    }

    /// Takes the histograms of the intervals that were closed since this was last called.
    pub(crate) fn take_closed(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.closed)
    }

    /// Takes the intervals all of whose frames are final.
    pub(crate) fn take_final_intervals(&mut self) -> Vec<Interval> {
        let Some(intervals) = &mut self.intervals else { return Vec::new() };
        intervals.take_final(self.ledger.oldest_second().unwrap_or(u64::MAX))
    }

    /// Ends the warm-up and closes intervals where `to` is past their ends.
    fn advance(&mut self, to: MonoTime, finalize: &mut dyn FnMut(Entry<'_>)) {
        self.last = self.last.max(to);
        let interval = self.screen.usual_interval();
        let first = self.startup[StartupStep::FirstPicture as usize];
        let warm = first.map(|first| first + self.about.warmup);
        if let (None, Some(from)) = (&self.intervals, warm.filter(|from| *from <= to)) {
            self.screen.open(from);
            self.rates.advance(from, interval);
            self.rates.open();
            self.ledger.open(from);
            self.timeline.open(from);
            self.measured_from = Some(from);
            self.intervals = Some(Intervals::new(self.about.started.mono, from));
        }
        let Some(intervals) = &mut self.intervals else { return self.rates.advance(to, interval) };
        while intervals.end() <= to {
            self.screen.advance(intervals.end());
            self.rates.advance(intervals.end(), interval);
            let age = self.screen.take_recent();
            self.closed.push(intervals.close(intervals.end(), age, self.rates.take()));
        }
        self.rates.advance(to, interval);
        self.screen.advance(to);
        self.ledger.finalize(to, &mut |entry| {
            intervals.finalize(&entry);
            finalize(entry);
        });
    }

    fn account(&mut self, sample: &Sample, finalize: &mut dyn FnMut(Entry<'_>)) -> Reading {
        let second = self.intervals.as_ref().map_or(0, Intervals::second);
        let intervals = &mut self.intervals;
        self.ledger.read(sample, second, &mut |entry| {
            if let Some(intervals) = intervals {
                intervals.finalize(&entry);
            }
            finalize(entry);
        })
    }

    /// An access unit came, at the newest event.
    fn count_unit(&mut self, bytes: u32, idr: bool) {
        self.rates.unit(self.last, bytes);
        if self.is_measuring() {
            self.units += u64::from(bytes > 0);
            self.bytes += u64::from(bytes);
            self.pictures.idr += u64::from(idr);
        }
    }

    /// Another picture is on screen.
    fn show(&mut self, at: MonoTime, latency_us: Option<i64>) {
        self.screen.show(at, latency_us);
        self.rates.picture(at);
        if self.is_measuring() {
            self.pictures.shown += 1;
        }
    }
}

#[cfg(test)]
mod tests;
