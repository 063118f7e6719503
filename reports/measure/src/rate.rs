//! Rates over a span, by intervals instead of arrivals: the number of pictures that fall between two moments can be off by one,
//! depending on where the moments lie. Over a second that is 3 % at 30 pictures/s, over six it is still 0.5 %.
//!
//! So a picture counts gradually, over the time that it is [expected](crate::age::Screen::usual_interval) to stay on screen, and
//! in full once the next one arrives: a picture that straddles an end of the span counts in part on either side. A steady stream
//! has its exact rate in any span. A freeze lowers the rate wherever it lies, because nothing counts during it.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::MonoTime;

/// What [`Recent`] is over.
const RECENT: Duration = Duration::from_secs(1);

/// What counts of pictures and of compressed video.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amounts {
    /// Pictures; `None` before the second one, as one alone has no interval.
    pub pictures: Option<f64>,
    /// Of their access units, and of those that gave no picture.
    pub kilobits: f64,
}

/// The rates of a run.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    pictures: Flow,
    kilobits: Flow,
    recent: Recent,
    /// Two pictures were shown, or more.
    has_interval: bool,
}

impl Rates {
    /// Another picture is shown at `at`.
    pub fn picture(&mut self, at: MonoTime) {
        self.has_interval |= self.pictures.newest.is_some();
        self.pictures.add(at, 1.0);
        self.recent.add(at);
    }

    /// An access unit came at `at`.
    pub fn unit(&mut self, at: MonoTime, bytes: u32) {
        self.kilobits.add(at, f64::from(bytes) * 8.0 / 1_000.0);
    }

    /// Time passes up to `to`, with a picture expected every `interval`; `None` where that is not known.
    pub fn advance(&mut self, to: MonoTime, interval: Option<Duration>) {
        self.pictures.advance(to, interval);
        self.kilobits.advance(to, interval);
        self.recent.advance(to);
    }

    /// Nothing counts so far.
    pub fn open(&mut self) {
        self.pictures.open();
        self.kilobits.open();
    }

    /// What counts since this was last called.
    pub fn take(&mut self) -> Amounts {
        let (pictures, kilobits) = (self.pictures.take(), self.kilobits.take());
        Amounts { pictures: self.has_interval.then_some(pictures), kilobits }
    }

    /// What counts since the opening.
    pub fn whole(&self) -> Amounts {
        let (pictures, kilobits) = (self.pictures.whole(), self.kilobits.whole());
        Amounts { pictures: self.has_interval.then_some(pictures), kilobits }
    }

    /// Pictures per second in the second before `to`, or since the first picture where that was later. `None` before the second
    /// picture.
    pub fn recent(&self, to: MonoTime, interval: Option<Duration>) -> Option<f64> {
        self.has_interval.then(|| self.recent.per_second(to, interval))?
    }
}

/// Something that arrives picture by picture.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// When the newest arrived, how much it is, and how much of it counts so far.
    newest: Option<(MonoTime, f64, f64)>,
    counted: f64,
    /// Counted before, and taken since the opening.
    taken: f64,
}

impl Flow {
    /// `amount` arrives at `at`. Everything before it counts in full.
    fn add(&mut self, at: MonoTime, amount: f64) {
        if let Some((_, before, counted)) = self.newest.replace((at, amount, 0.0)) {
            self.counted += before - counted;
        }
    }

    /// Time passes up to `to`, with a picture expected every `interval`; `None` where that is not known.
    fn advance(&mut self, to: MonoTime, interval: Option<Duration>) {
        if let Some((at, amount, counted)) = &mut self.newest {
            let now = *amount * share(to.saturating_since(*at), interval);
            self.counted += (now - *counted).max(0.0);
            *counted = counted.max(now);
        }
    }

    fn open(&mut self) {
        (self.counted, self.taken) = (0.0, 0.0);
    }

    fn take(&mut self) -> f64 {
        self.taken += self.counted;
        std::mem::take(&mut self.counted)
    }

    fn whole(&self) -> f64 {
        self.taken + self.counted
    }
}

/// Pictures per second, lately.
#[derive(Clone, Debug, Default)]
struct Recent {
    /// Those of the last second, and the one before them.
    shown: VecDeque<MonoTime>,
}

impl Recent {
    /// A picture is shown at `at`.
    fn add(&mut self, at: MonoTime) {
        self.shown.push_back(at);
    }

    /// Forgets what lies more than a second before `to`.
    fn advance(&mut self, to: MonoTime) {
        let past = |second: &MonoTime| to.saturating_since(*second) >= RECENT;
        while self.shown.get(1).is_some_and(past) {
            self.shown.pop_front();
        }
    }

    /// Pictures per second in the second before `to`, or since the first picture where that was later, with one expected every
    /// `interval`. `None` where no time has passed since.
    fn per_second(&self, to: MonoTime, interval: Option<Duration>) -> Option<f64> {
        let (&first, &last) = self.shown.front().zip(self.shown.back())?;
        let span = to.saturating_since(first).min(RECENT);
        if span.is_zero() {
            return None;
        }
        let before = |at: MonoTime| to.saturating_since(at).saturating_sub(RECENT);
        let whole: f64 = self
            .shown
            .iter()
            .zip(self.shown.iter().skip(1))
            .map(|(&at, &next)| 1.0 - share(before(at), Some(next.saturating_since(at))))
            .sum();
        let newest = share(to.saturating_since(last), interval) - share(before(last), interval);
        Some((whole + newest) / span.as_secs_f64())
    }
}

/// The part of `interval` that has passed after `time`: 1 at most, 0 where it is not known.
fn share(time: Duration, interval: Option<Duration>) -> f64 {
    match interval {
        Some(interval) if !interval.is_zero() => (time.as_secs_f64() / interval.as_secs_f64()).min(1.0),
        Some(_) | None => 0.0,
    }
}
