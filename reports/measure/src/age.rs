//! How old the picture on screen is, over time, and where it froze.
//!
//! Per-frame latency says nothing about the time in which no frame came: a picture that froze for two seconds is one
//! late frame among thousands. The *age of the picture on screen* is now − PUB of the picture that is shown: it grows
//! by a second a second and falls back with each new picture (age of information: Kaul, Yates and Gruteser 2012).
//! Its mean and maximum are exact, its quantiles are those of the age at every `GRID`.
//!
//! A **freeze** is a time between two pictures of at least max(3δ, δ + 150 ms), with δ the mean time between the last
//! 30 pictures, as W3C's webrtc-stats defines `freezeCount`; its whole length counts, but for what lies in the warm-up.
//! Two differences: the freezes themselves are left out of δ, and while δ is unknown the limit is `FREEZE_WITHOUT_RATE`.
//!
//! While the host is **suspended** nobody looks and monotonic time stands still, but the picture grows old: at waking up
//! it is older by as long as the host slept, and so much longer is the freeze. The mean and the quantiles are over the
//! time awake.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::MonoTime;

use crate::latency::Distribution;
use crate::units::micros;

/// How far apart the ages lie whose quantiles are taken.
pub(crate) const GRID: Duration = Duration::from_millis(1);

/// A freeze is at least this much longer than the usual time between two pictures.
pub(crate) const FREEZE_MARGIN: Duration = Duration::from_millis(150);

/// A freeze, as long as the time between pictures is unknown.
pub(crate) const FREEZE_WITHOUT_RATE: Duration = Duration::from_secs(1);

/// A stream has not stopped before this much time without a picture.
const MIN_STOP: Duration = Duration::from_secs(2);

/// Times between pictures that δ is the mean of.
const PACE_LEN: usize = 30;

/// Longer stretches than this many grid points are recorded with wider steps.
const MAX_GRID_POINTS: u64 = 60_000;

/// The mean and the largest age over a stretch of time, in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    area: f64,
    length: f64,
    max: Option<i64>,
}

impl Span {
    /// The mean over time.
    pub fn mean_us(&self) -> Option<f64> {
        (self.length > 0.0).then(|| self.area / self.length)
    }

    /// The largest.
    pub fn max_us(&self) -> Option<i64> {
        self.max
    }

    fn add(&mut self, from_us: i64, to_us: i64, length_us: u64) {
        self.area += (from_us as f64 + to_us as f64) / 2.0 * length_us as f64;
        self.length += length_us as f64;
        self.max = Some(self.max.map_or(to_us, |max| max.max(to_us)));
    }
}

/// Freezes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freezes {
    /// How many.
    pub count: u64,
    /// All together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Freezes {
    fn add(&mut self, length: Duration) {
        self.count += 1;
        self.total += length;
        self.longest = self.longest.max(length);
    }
}

/// The picture on screen.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// When the picture on screen was handed over, and its age then.
    shown: Option<(MonoTime, i64)>,
    /// When the picture on screen last became another one.
    changed: Option<MonoTime>,
    /// How long the host slept since.
    slept: Duration,
    /// When the first picture was shown, and how many were shown after it.
    first: Option<MonoTime>,
    changes: u32,
    /// Statistics begin here, and are taken up to `done`.
    open: Option<MonoTime>,
    done: MonoTime,
    pace: VecDeque<Duration>,
    freezes: Freezes,
    ages: Distribution,
    whole: Span,
    recent: Span,
}

impl Screen {
    /// Ends the warm-up.
    pub fn open(&mut self, at: MonoTime) {
        self.open = Some(at);
        self.done = at;
        self.slept = Duration::ZERO;
    }

    /// Another picture is shown from `at` on: `latency_us` old, or `None` where its code could not be read; then the
    /// age goes on growing from the last one that could.
    pub fn show(&mut self, at: MonoTime, latency_us: Option<i64>) {
        self.advance(at);
        if let Some(latency_us) = latency_us {
            self.shown = Some((at, latency_us));
        }
        self.first.get_or_insert(at);
        if let Some(changed) = self.changed.replace(at) {
            self.changes = self.changes.saturating_add(1);
            let gap = at.saturating_since(changed) + std::mem::take(&mut self.slept);
            if gap >= self.freeze_limit() {
                if let Some(open) = self.open.filter(|open| at > *open) {
                    self.freezes.add(gap - open.saturating_since(changed));
                }
            } else {
                self.pace.push_back(gap);
                if self.pace.len() > PACE_LEN {
                    self.pace.pop_front();
                }
            }
        }
    }

    /// Nobody knows how old the picture on screen is from `at` on.
    pub fn lose_age(&mut self, at: MonoTime) {
        self.advance(at);
        self.shown = None;
    }

    /// The host slept for so long, between the newest event and the next.
    pub fn slept(&mut self, time: Duration) {
        if let Some((_, latency_us)) = &mut self.shown {
            *latency_us = latency_us.saturating_add(micros(time));
        }
        if self.changed.is_some() {
            self.slept = self.slept.saturating_add(time);
        }
    }

    /// Takes the statistics up to `to`.
    pub fn advance(&mut self, to: MonoTime) {
        let (Some(_), Some((since, latency_us))) = (self.open, self.shown) else {
            self.done = self.done.max(to);
            return;
        };
        // Nothing is known of the time before the first picture.
        let from = self.done.max(since);
        if to <= from {
            return;
        }
        let age_at = |at: MonoTime| latency_us.saturating_add(micros(at.saturating_since(since)));
        let length = to.saturating_since(from);
        self.whole.add(age_at(from), age_at(to), micros(length).unsigned_abs());
        self.recent.add(age_at(from), age_at(to), micros(length).unsigned_abs());
        self.record_grid(from, to, age_at);
        self.done = to;
    }

    /// The age now, in µs.
    pub fn age_us(&self, now: MonoTime) -> Option<i64> {
        let (since, latency_us) = self.shown?;
        Some(latency_us.saturating_add(micros(now.saturating_since(since))))
    }

    /// The age over the whole run.
    pub fn whole(&self) -> Span {
        self.whole
    }

    /// The age since this was last asked.
    pub fn take_recent(&mut self) -> Span {
        std::mem::take(&mut self.recent)
    }

    /// The age at every grid point.
    pub fn ages(&self) -> &Distribution {
        &self.ages
    }

    /// Freezes that are over.
    pub fn past_freezes(&self) -> Freezes {
        self.freezes
    }

    /// Freezes up to `now`, one that goes on included.
    pub fn freezes(&self, now: MonoTime) -> Freezes {
        let mut freezes = self.freezes;
        if let (Some(changed), Some(open)) = (self.changed, self.open) {
            let gap = now.saturating_since(changed) + self.slept;
            if gap >= self.freeze_limit() && now > open {
                freezes.add(gap - open.saturating_since(changed));
            }
        }
        freezes
    }

    /// For how long the picture on screen has been the same; `None` before the first.
    pub fn unchanged_for(&self, now: MonoTime) -> Option<Duration> {
        Some(now.saturating_since(self.changed?))
    }

    /// Whether the picture on screen has been the same for longer than pictures of this stream usually are: 2 s, the
    /// length of a freeze, and three times the mean time between pictures. The last is for streams that are slower
    /// than any pace that is followed.
    pub fn has_stopped(&self, now: MonoTime) -> bool {
        let Some(changed) = self.changed else { return false };
        let mean = self.mean_interval().unwrap_or_default();
        now.saturating_since(changed) > MIN_STOP.max(self.freeze_limit()).max(3 * mean)
    }

    /// A time between two pictures of at least this is a freeze.
    pub fn freeze_limit(&self) -> Duration {
        self.pace().map_or(FREEZE_WITHOUT_RATE, |pace| (3 * pace).max(pace + FREEZE_MARGIN))
    }

    /// How long a picture is expected to stand: the median of the times that δ is the mean of, which a lost frame does not move, or
    /// the mean of all times between pictures where they are longer than any pace that is followed. `None` before the second picture.
    pub fn usual_interval(&self) -> Option<Duration> {
        let mut pace = [Duration::ZERO; PACE_LEN];
        let pace = &mut pace[..self.pace.len()];
        if pace.is_empty() {
            return self.mean_interval();
        }
        pace.iter_mut().zip(&self.pace).for_each(|(to, gap)| *to = *gap);
        let middle = pace.len() / 2;
        Some(*pace.select_nth_unstable(middle).1)
    }

    /// δ.
    fn pace(&self) -> Option<Duration> {
        let len = u32::try_from(self.pace.len()).ok()?;
        self.pace.iter().sum::<Duration>().checked_div(len)
    }

    fn mean_interval(&self) -> Option<Duration> {
        self.changed?.saturating_since(self.first?).checked_div(self.changes)
    }

    /// Records the ages at the grid points after `from`, up to `to`.
    fn record_grid(&mut self, from: MonoTime, to: MonoTime, age_at: impl Fn(MonoTime) -> i64) {
        let grid = GRID.as_micros() as u64;
        let index = |at: MonoTime| at.since_origin().as_micros() as u64 / grid;
        let (first, last) = (index(from) + 1, index(to));
        let stride = (last + 1).saturating_sub(first) / MAX_GRID_POINTS + 1;
        let times = u32::try_from(stride).unwrap_or(u32::MAX);
        let mut point = first;
        while point <= last {
            let at = MonoTime::from_origin(Duration::from_micros(point * grid));
            self.ages.record_n(age_at(at), times);
            point += stride;
        }
    }
}

#[cfg(test)]
mod tests;
