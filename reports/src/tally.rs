//! The figures of a run as it goes: pure, takes `now`, opens no file.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::{MonoTime, Now, WallTime};
use serde_json::Value;

use crate::account::{Entry, Ledger, Reading};
use crate::age::Screen;
use crate::calibration::Quote;
use crate::comparison::{Admission, Compared};
use crate::cost::Costs;
use crate::interval::{Closed, Histograms, Interval, Intervals};
use crate::metrics::Latencies;
use crate::publisher_clock::{self, PublisherClock};
use crate::run::Pictures;
use crate::sample::{Clocks, Correction, Mark, Sample};
use crate::stamps::Stamps;
use crate::steps::{self, Watch};
use crate::timeline::{Kind, Timeline};
use crate::warning::Warning;

mod figures;
mod live;

/// Warnings that are kept of those handed in.
const MAX_WARNINGS: usize = 100;

/// A frame under way at a clock step is at most this old.
const MAX_UNDER_WAY: Duration = Duration::from_secs(60);

/// A latency beyond this is no path: a clock was never set. Machines without a battery start in 1970.
const IMPLAUSIBLE: Duration = Duration::from_secs(365 * 86_400);

/// What a run is about: fixed before it begins.
#[derive(Clone, Debug)]
pub struct About {
    /// When the receiver began to connect.
    pub started: Now,
    /// Left out of every figure, from the first picture on.
    pub warmup: Duration,
    /// What is played, without user info.
    pub url: String,
    /// What is known of the clocks of publisher and receiver.
    pub clocks: Clocks,
    /// The receiver's settings, as they go into `run.json`.
    pub config: Value,
    /// The receiver's machine: [`crate::host::describe`].
    pub host: Value,
}

/// The figures so far.
#[derive(Clone, Debug)]
pub struct Tally {
    about: About,
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
    scraped: Latencies,
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
    bytes: u64,
    connection: Outages,
    costs: Costs,
    calibration: Option<Quote>,
    stamps: Stamps,
    warnings: Vec<Warning>,
    newest: Option<Sample>,
    /// When pictures were shown in the last second.
    recent: VecDeque<MonoTime>,
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
    pub fn new(about: About) -> Self {
        Self {
            last: about.started.mono,
            about,
            startup: [None; 4],
            ledger: Ledger::default(),
            screen: Screen::default(),
            on_screen: None,
            intervals: None,
            measured_from: None,
            histograms: Histograms::default(),
            scraped: Latencies::default(),
            over: false,
            clock: Watch::default(),
            publisher: PublisherClock::default(),
            timeline: Timeline::default(),
            implausible: None,
            usual: None,
            compared: Compared::default(),
            parked: None,
            left_out: 0,
            pictures: Pictures::default(),
            bytes: 0,
            connection: Outages::default(),
            costs: Costs::default(),
            calibration: None,
            stamps: Stamps::default(),
            warnings: Vec::new(),
            newest: None,
            recent: VecDeque::new(),
            closed: Vec::new(),
        }
    }

    /// A moment of starting up; only the first of its kind counts.
    pub fn mark(&mut self, mark: Mark, at: MonoTime) {
        self.startup[mark as usize].get_or_insert(at);
    }

    /// Something was found out about the clocks.
    pub fn clocks(&mut self, found: Clocks) {
        self.about.clocks = self.about.clocks.max(found);
    }

    /// How far figures may be off on this machine.
    pub fn calibration(&mut self, found: Quote) {
        self.calibration = Some(found);
    }

    /// The bound of the newest latency, ± µs, where two clocks are part of it and were compared.
    pub fn bound_us(&self) -> Option<i64> {
        let corrected = self.newest.is_some_and(|newest| matches!(newest.correction, Correction::By(_)));
        self.compared.bound_us().filter(|_| corrected)
    }

    /// The newest latency does not contain an unknown difference of clocks, or all do.
    pub fn newest_is_comparable(&self) -> bool {
        let raw = self.newest.is_some_and(|newest| newest.correction == Correction::Missing);
        !raw || self.compared.bound_us().is_none()
    }

    /// Publisher and receiver are known to read two clocks.
    pub fn clocks_differ(&self) -> bool {
        self.about.clocks == Clocks::Different
    }

    /// The other clock was found to have stepped.
    pub fn compared_step(&mut self, now: Now, by_us: i64) {
        self.timeline.event(now, Kind::ComparedStep, by_us);
    }

    /// What comparing the clocks of publisher and receiver comes to.
    pub fn compared(&mut self) -> &mut Compared {
        &mut self.compared
    }

    /// What measuring and showing cost so far.
    pub fn costs(&mut self) -> &mut Costs {
        &mut self.costs
    }

    /// What the times that come with a frame say of each other.
    pub fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }

    /// A picture whose code was read. Frames that settle go to `settle`, here and below.
    pub fn frame(&mut self, sample: &Sample, settle: &mut dyn FnMut(Entry<'_>)) {
        let sample = &self.with_clocks(sample);
        self.mark(Mark::FirstPicture, sample.presented);
        self.mark(Mark::FirstReading, sample.presented);
        let step = self.clock.observe(sample.now());
        self.advance(sample.presented, settle);
        self.resolve(step, sample.presented);
        self.count_unit(sample.bytes, sample.idr);
        let reading = self.account(sample, settle);
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
        let doubtful = step == steps::Verdict::Unsure || self.clock.is_unsettled(sample.presented);
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

    /// Nothing was done to a sample's times: that is right where there is one clock, as far as is known so far.
    fn with_clocks(&self, sample: &Sample) -> Sample {
        match sample.correction {
            Correction::None if !self.about.clocks.are_one() => Sample { correction: Correction::Missing, ..*sample },
            _ => *sample,
        }
    }

    /// A picture that was shown, but whose code could not be read.
    pub fn unreadable(&mut self, now: Now, bytes: u32, idr: bool, settle: &mut dyn FnMut(Entry<'_>)) {
        self.mark(Mark::FirstPicture, now.mono);
        self.tick(now, settle);
        self.count_unit(bytes, idr);
        self.ledger.unreadable();
        self.pictures.unreadable += u64::from(self.is_measuring());
        self.on_screen = None;
        self.show(now.mono, None);
    }

    /// An access unit that gave no picture.
    pub fn undecodable(&mut self, now: Now, bytes: u32, settle: &mut dyn FnMut(Entry<'_>)) {
        self.tick(now, settle);
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

    /// For how long no picture has come, where a stream that goes on would have brought one.
    pub fn overdue(&self, now: MonoTime) -> Option<Duration> {
        let gap = self.screen.unchanged_for(now)?;
        (self.connection.since.is_some() || self.screen.has_stopped(now)).then_some(gap)
    }

    /// The host has slept for `total` since the run began, by a reading not before `now`.
    pub fn slept(&mut self, total: Duration, now: Now) {
        let Some(time) = self.clock.slept(total) else { return };
        self.screen.slept(time);
        self.timeline.event(now, Kind::Suspend, i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        self.unsettle(now.mono);
    }

    /// Something that a reader of the figures must know. Only the first hundred are kept, each once.
    pub fn warn(&mut self, warning: Warning) {
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Time passes: call it at least 20 times a second.
    pub fn tick(&mut self, now: Now, settle: &mut dyn FnMut(Entry<'_>)) {
        let step = self.clock.observe(now);
        self.advance(now.mono, settle);
        self.resolve(step, now.mono);
    }

    /// Ends the run: settles every frame and closes the last interval.
    pub fn finish(&mut self, now: Now, settle: &mut dyn FnMut(Entry<'_>)) {
        self.tick(now, settle);
        self.reconnected(now.mono);
        self.unpark();
        self.over = true;
        let Some(intervals) = &mut self.intervals else { return };
        self.ledger.close(&mut |entry| {
            intervals.settle(&entry);
            settle(entry);
        });
        let age = self.screen.take_recent();
        self.closed.push(intervals.close(self.last, age));
    }

    /// Takes the histograms of the intervals that were closed since this was last called.
    pub fn take_closed(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.closed)
    }

    /// Takes the intervals all of whose frames are settled.
    pub fn take_settled_intervals(&mut self) -> Vec<Interval> {
        let Some(intervals) = &mut self.intervals else { return Vec::new() };
        intervals.take_settled(self.ledger.oldest_second().unwrap_or(u64::MAX))
    }

    /// The closed intervals that are left, with the buckets as they are so far.
    pub fn unsettled_intervals(&self) -> Vec<Interval> {
        let mut left: Vec<_> = self.intervals.iter().flat_map(|intervals| intervals.unsettled()).copied().collect();
        self.ledger.unsettled(&mut |entry| {
            if let Some(interval) = left.iter_mut().find(|interval| interval.second == entry.second) {
                interval.counts.add(entry.bucket);
            }
        });
        left
    }

    /// The accounts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Latency in total and by stage.
    pub fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    /// The newest frame read, of the warm-up too.
    pub fn newest(&self) -> Option<&Sample> {
        self.newest.as_ref()
    }

    /// The age of the picture on screen, µs.
    pub fn age_us(&self, now: MonoTime) -> Option<i64> {
        self.screen.age_us(now)
    }

    /// Pictures shown in the second before the newest event.
    pub fn recent_fps(&self) -> f64 {
        self.recent.len() as f64
    }

    /// Whether the warm-up is over.
    pub fn is_measuring(&self) -> bool {
        self.intervals.is_some()
    }

    /// Ends the warm-up and closes intervals where `to` is past their ends.
    fn advance(&mut self, to: MonoTime, settle: &mut dyn FnMut(Entry<'_>)) {
        self.last = self.last.max(to);
        while self.recent.front().is_some_and(|first| to.saturating_since(*first) >= Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        let first = self.startup[Mark::FirstPicture as usize];
        let warm = first.map(|first| first + self.about.warmup);
        if let (None, Some(from)) = (&self.intervals, warm.filter(|from| *from <= to)) {
            self.screen.open(from);
            self.ledger.open();
            self.timeline.open(from);
            self.measured_from = Some(from);
            self.intervals = Some(Intervals::new(self.about.started.mono, from));
        }
        let Some(intervals) = &mut self.intervals else { return };
        while intervals.end() <= to {
            self.screen.advance(intervals.end());
            let age = self.screen.take_recent();
            self.closed.push(intervals.close(intervals.end(), age));
        }
        self.screen.advance(to);
        self.ledger.settle(to, &mut |entry| {
            intervals.settle(&entry);
            settle(entry);
        });
    }

    fn account(&mut self, sample: &Sample, settle: &mut dyn FnMut(Entry<'_>)) -> Reading {
        let second = self.intervals.as_ref().map_or(0, Intervals::second);
        let intervals = &mut self.intervals;
        self.ledger.read(sample, second, &mut |entry| {
            if let Some(intervals) = intervals {
                intervals.settle(&entry);
            }
            settle(entry);
        })
    }

    /// Settles what became of a latency in doubt, now that the clocks were read again.
    fn resolve(&mut self, step: steps::Verdict, at: MonoTime) {
        match step {
            steps::Verdict::Stepped { at: stepped, by_us } => {
                self.left_out += u64::from(self.parked.take().is_some());
                self.timeline.event(stepped, Kind::Step, by_us);
                self.unsettle(at);
            }
            steps::Verdict::Steady | steps::Verdict::Unsure => self.unpark(),
        }
    }

    /// A clock went its own way: frames under way at `at` have a latency that is none.
    fn unsettle(&mut self, at: MonoTime) {
        let oldest = self.histograms.total.max_us().unwrap_or(0);
        let under_way = Duration::from_micros(u64::try_from(oldest).unwrap_or(0)).min(MAX_UNDER_WAY);
        self.clock.unsettled_until(at + steps::SETTLING + under_way);
    }

    fn unpark(&mut self) {
        let Some(sample) = self.parked.take() else { return };
        if self.clock.is_unsettled(sample.presented) {
            self.left_out += 1;
        } else {
            self.record(&sample, publisher_clock::Verdict::Steady);
        }
    }

    /// Sees whether the publisher's clock stepped. Where there is one clock it is the receiver's own, which is watched.
    fn watch_publisher(&mut self, sample: &Sample, reading: Reading, doubtful: bool) -> publisher_clock::Verdict {
        if doubtful || self.about.clocks == Clocks::Same || self.compared.follows_publisher() {
            self.publisher.reset();
        } else if matches!(reading, Reading::First | Reading::WarmUp) {
            let verdict = self.publisher.observe(sample, self.screen.freeze_limit());
            if let publisher_clock::Verdict::Stepped { at, by_us } = verdict {
                self.timeline.event(at, Kind::PublisherStep, by_us);
            }
            return verdict;
        }
        publisher_clock::Verdict::Steady
    }

    /// The latency of a frame around a step of the wall clock, for the age of the picture: of a frame that was stamped
    /// before the step the difference of the clocks contains it. Which of the two is right is judged by the latency before.
    fn likely_latency(&self, sample: &Sample) -> i64 {
        let measured = sample.times.latency_us();
        let without = measured.saturating_sub(self.clock.doubt_us(sample.presented));
        let nearer = |usual: i64| without.abs_diff(usual) < measured.abs_diff(usual);
        if self.usual.is_some_and(nearer) { without } else { measured }
    }

    /// Whether a latency is to be kept. Those before it go where they cannot stand beside it.
    fn admits(&mut self, correction: Correction) -> bool {
        let verdict = self.compared.admit(correction);
        if verdict == Admission::Instead {
            self.histograms = Histograms::default();
            self.timeline.forget_latencies();
            self.implausible = None;
        }
        verdict != Admission::Refused
    }

    fn record(&mut self, sample: &Sample, publisher: publisher_clock::Verdict) {
        if !self.admits(sample.correction) {
            return;
        }
        let latency = sample.times.latency_us();
        self.usual = Some(latency);
        if u128::from(latency.unsigned_abs()) > IMPLAUSIBLE.as_micros() {
            self.implausible.get_or_insert((sample.times.stamp, sample.times.receiver.presented));
        }
        self.histograms.record(sample);
        match publisher {
            publisher_clock::Verdict::Unsure => self.timeline.hold(latency),
            publisher_clock::Verdict::Steady | publisher_clock::Verdict::Stepped { .. } => {
                self.timeline.record(latency)
            }
        }
        // What was written of a second, or scraped, cannot be taken back: there are no latencies of doubtful worth in it.
        if let Some(intervals) = self.intervals.as_mut().filter(|_| sample.correction != Correction::Missing) {
            intervals.record(sample);
            self.scraped.record(sample);
        }
    }

    fn count_unit(&mut self, bytes: u32, idr: bool) {
        if let Some(intervals) = &mut self.intervals {
            intervals.bytes(bytes);
            self.bytes += u64::from(bytes);
            self.pictures.idr += u64::from(idr);
        }
    }

    /// Another picture is on screen.
    fn show(&mut self, at: MonoTime, latency_us: Option<i64>) {
        self.screen.show(at, latency_us);
        self.recent.push_back(at);
        if let Some(intervals) = &mut self.intervals {
            intervals.picture();
            self.pictures.shown += 1;
        }
    }
}

#[cfg(test)]
mod tests;
