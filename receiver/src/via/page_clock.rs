//! Estimates the page's clock from probes over the WebSocket. Pure.
//!
//! The page's clock never steps and belongs to one page load, so each join starts a new estimate.

use std::ops::RangeInclusive;
use std::time::Duration;

use common::sync::{Estimate, Estimator, Fix, Sample, Verdict};
use common::time::{MonoTime, Now, WallTime};
use measure::figures::Probes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use report::comparison::{Comparison, Source};

use super::protocol::Answer;

/// Number and spacing of the probes in the initial burst.
const BURST: u64 = 8;
const BURST_APART: Duration = Duration::from_millis(40);
/// Interval between later probes.
const EVERY: Duration = Duration::from_millis(250);
/// Most probes awaiting an answer: a busy page answers late, but it answers.
const MAX_ASKED: usize = 64;
/// What a page may say of the steps of its timer, in µs. Browsers have 5 to 1,000.
const STEP_US: RangeInclusive<u32> = 1..=100_000;

/// Schedules probes and matches answers to them.
#[derive(Debug)]
pub(super) struct Prober {
    rng: StdRng,
    asked: Vec<(String, MonoTime)>,
    sent: u64,
    next: MonoTime,
}

/// A probe and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    sent: MonoTime,
    there_in: i64,
    there_out: i64,
    received: MonoTime,
    step_us: u32,
    /// Probes sent so far, this one too.
    number: u64,
}

impl Prober {
    /// Nonces derive from `seed`, which must be unpredictable.
    pub(super) fn new(seed: u64, now: MonoTime) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), asked: Vec::new(), sent: 0, next: now }
    }

    /// Returns when the next probe is due.
    pub(super) const fn next(&self) -> MonoTime {
        self.next
    }

    /// Returns the nonce of the next probe, recorded as sent at `now`.
    pub(super) fn ask(&mut self, now: MonoTime) -> String {
        let nonce = format!("{:016x}", self.rng.random::<u64>());
        if self.asked.len() >= MAX_ASKED {
            self.asked.remove(0);
        }
        self.asked.push((nonce.clone(), now));
        self.sent += 1;
        self.next = now + if self.sent < BURST { BURST_APART } else { EVERY };
        nonce
    }

    /// Matches an answer received at `now`; `None` if no probe has its nonce.
    pub(super) fn answered(&mut self, answer: &Answer, now: MonoTime) -> Option<Probe> {
        let at = self.asked.iter().position(|(nonce, _)| *nonce == answer.nonce)?;
        let (_, sent) = self.asked.remove(at);
        let step_us = answer.step_us.clamp(*STEP_US.start(), *STEP_US.end());
        let (there_in, there_out) = (answer.in_us, answer.out_us);
        Some(Probe { sent, there_in, there_out, received: now, step_us, number: self.sent })
    }
}

/// The estimate of the page's clock.
#[derive(Debug, Default)]
pub(super) struct PageClock {
    estimator: Estimator,
    /// The newest fix. It also converts times while a new answer contradicts it: a page's clock does not step.
    last: Option<Fix>,
    sent: u64,
    answered: u64,
    refused: u64,
    contradicted: u64,
}

impl PageClock {
    /// Adds an answer.
    pub(super) fn add(&mut self, probe: Probe) {
        let Probe { sent, received, step_us: distance_us, number, .. } = probe;
        let [there_in, there_out] = [probe.there_in, probe.there_out].map(WallTime::from_micros);
        self.sent = self.sent.max(number);
        match self.estimator.handle_sample(Sample { sent, there_in, there_out, received, distance_us }) {
            Verdict::Impossible => self.refused += 1,
            Verdict::Cleared(wrong) => {
                self.answered = (self.answered + 1).saturating_sub(wrong);
                self.contradicted += wrong;
            }
            Verdict::Taken | Verdict::Doubted | Verdict::Restarted(_) => self.answered += 1,
        }
        self.last = self.estimator.fix().or(self.last);
    }

    /// Whether there are enough answers to convert the first pictures' times.
    pub(super) fn is_settled(&self) -> bool {
        self.answered >= BURST && self.estimator.fix().is_some()
    }

    /// Converts `page_us` of the page's clock to the receiver's clocks, capped at `now`. `None` until the page's
    /// clock is known.
    pub(super) fn here(&self, page_us: i64, now: Now) -> Option<Now> {
        let wall = WallTime::from_micros(page_us).offset(self.last?.estimate(now, now.mono)?.offset_us);
        let before = now.wall.micros_since(wall);
        let Ok(before) = u64::try_from(before) else { return Some(now) };
        let mono = MonoTime::from_origin(now.mono.since_origin().saturating_sub(Duration::from_micros(before)));
        Some(Now { wall, mono })
    }

    /// Compares the page's clock with the receiver's, which stands for the publisher's here: a browser's times are
    /// converted through it.
    pub(super) fn comparison(&self, now: Now) -> Option<Comparison> {
        let Estimate { offset_us, bound_us } = self.estimator.fix()?.estimate(now, now.mono)?;
        let drift_ppm = self.estimator.drift().map(|drift| drift.ppm);
        Some(Comparison { offset_us: -offset_us, bound_us, drift_ppm, source: Source::Browser })
    }

    pub(super) fn probes(&self) -> Probes {
        let restarts = self.estimator.restarts().count;
        let Self { sent, answered, refused, contradicted, .. } = *self;
        Probes { sent, answered, refused, contradicted, restarts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_micros(micros))
    }

    #[test]
    fn a_clock_that_is_off_by_3_s_is_found_within_the_bound() {
        let (mut prober, mut clock) = (Prober::new(1, at(0)), PageClock::default());
        let (shift, epoch) = (3_000_000, 1_763_722_800_000_000);
        for _ in 0..BURST {
            assert!(!clock.is_settled());
            let sent = prober.next();
            let nonce = prober.ask(sent);
            let there = epoch + shift + sent.since_origin().as_micros() as i64 + 300;
            let answer = Answer { nonce, in_us: there, out_us: there, step_us: 5 };
            let probe = prober.answered(&answer, sent + Duration::from_micros(700)).expect("it was asked");
            assert_eq!(prober.answered(&answer, sent), None, "once");
            clock.add(probe);
        }
        assert!(clock.is_settled());
        let now = Now { wall: WallTime::from_micros(epoch + 1_000_000), mono: at(1_000_000) };
        let found = clock.comparison(now).expect("it is known");
        assert!((found.offset_us - shift).abs() <= found.bound_us && found.bound_us < 1_200, "{found:?}");
        let here = clock.here(epoch + shift + 900_000, now).expect("it is known");
        assert!((here.wall.micros_since(now.wall) + 100_000).abs() <= found.bound_us);
        assert_eq!((now.mono - here.mono).as_micros() as i64, now.wall.micros_since(here.wall));
        assert_eq!(clock.here(i64::MAX, now), Some(now), "no picture is shown in the future");
        assert!(clock.here(i64::MIN, now).is_some());
    }

    #[test]
    fn times_are_converted_while_an_answer_is_doubted_and_nothing_is_compared() {
        let mut clock = PageClock::default();
        let epoch = 1_763_722_800_000_000;
        let mut number = 0;
        let mut add = |clock: &mut PageClock, micros: u64, off: i64| {
            number += 1;
            let there = epoch + micros as i64 + 350 + off;
            let (sent, received) = (at(micros), at(micros + 700));
            clock.add(Probe { sent, there_in: there, there_out: there, received, step_us: 5, number });
        };
        (0..BURST).for_each(|i| add(&mut clock, i * 40_000, 0));
        add(&mut clock, 500_000, 20_000);
        let now = Now { wall: WallTime::from_micros(epoch + 600_000), mono: at(600_000) };
        assert_eq!(clock.comparison(now), None, "one of them is wrong");
        let here = clock.here(epoch + 590_000, now).expect("by the answers before");
        assert!((here.wall.micros_since(now.wall) + 10_000).abs() < 1_000, "{here:?}");
        add(&mut clock, 750_000, 0);
        assert!(clock.comparison(now).is_some());
        let probes = clock.probes();
        assert_eq!((probes.sent, probes.answered, probes.contradicted), (BURST + 2, BURST + 1, 1));
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_none_and_questions_do_not_pile_up() {
        let mut prober = Prober::new(1, at(0));
        (0..1_000).for_each(|i| drop(prober.ask(at(i))));
        assert_eq!(prober.asked.len(), MAX_ASKED);
        assert_eq!(prober.answered(&Answer { nonce: "x".into(), in_us: 1, out_us: 1, step_us: 5 }, at(5)), None);
    }
}
