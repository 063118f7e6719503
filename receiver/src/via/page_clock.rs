//! Estimates the page's clock from probes over the WebSocket. Pure.
//!
//! The page's clock never steps and belongs to one page load, so each join starts a new estimate.

use std::time::Duration;

use common::sync::{Estimate, Estimator, Sample, Verdict};
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
/// Timer resolution of pages with and without cross-origin isolation.
const STEP_US: [u32; 2] = [5, 100];

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
        Some(Probe { sent, there_in: answer.in_us, there_out: answer.out_us, received: now })
    }
}

/// The estimate of the page's clock.
#[derive(Debug, Default)]
pub(super) struct PageClock {
    estimator: Estimator,
    answered: u64,
    refused: u64,
    is_isolated: bool,
}

impl PageClock {
    /// Adds an answer.
    pub(super) fn add(&mut self, Probe { sent, there_in, there_out, received }: Probe) {
        let [there_in, there_out] = [there_in, there_out].map(WallTime::from_micros);
        let distance_us = STEP_US[usize::from(!self.is_isolated)];
        let sample = Sample { sent, there_in, there_out, received, distance_us };
        match self.estimator.handle_sample(sample) {
            Verdict::Impossible => self.refused += 1,
            _ => self.answered += 1,
        }
    }

    /// Notes whether the page is cross-origin isolated, with fine timers.
    pub(super) const fn isolated(&mut self, is_isolated: bool) {
        self.is_isolated = is_isolated;
    }

    /// Whether there are enough answers to convert the first pictures' times.
    pub(super) fn is_settled(&self) -> bool {
        self.answered >= BURST && self.estimator.fix().is_some()
    }

    fn estimate(&self, now: Now) -> Option<Estimate> {
        self.estimator.fix()?.estimate(now, now.mono)
    }

    /// Converts `page_us` of the page's clock to the receiver's clocks, capped at `now`. `None` until the page's
    /// clock is known.
    pub(super) fn here(&self, page_us: i64, now: Now) -> Option<Now> {
        let wall = WallTime::from_micros(page_us).offset(self.estimate(now)?.offset_us);
        let before = now.wall.micros_since(wall);
        let Ok(before) = u64::try_from(before) else { return Some(now) };
        let mono = MonoTime::from_origin(now.mono.since_origin().saturating_sub(Duration::from_micros(before)));
        Some(Now { wall, mono })
    }

    /// Compares the page's clock with the receiver's, which stands for the publisher's here: a browser's times are
    /// converted through it.
    pub(super) fn comparison(&self, now: Now) -> Option<Comparison> {
        let Estimate { offset_us, bound_us } = self.estimate(now)?;
        let drift_ppm = self.estimator.drift().map(|drift| drift.ppm);
        Some(Comparison { offset_us: -offset_us, bound_us, drift_ppm, source: Source::Browser })
    }

    pub(super) fn probes(&self) -> Probes {
        let restarts = self.estimator.restarts().count;
        let (answered, refused) = (self.answered, self.refused);
        Probes { sent: answered + refused, answered, refused, contradicted: 0, restarts }
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
        clock.isolated(true);
        let (shift, epoch) = (3_000_000, 1_763_722_800_000_000);
        for _ in 0..BURST {
            assert!(!clock.is_settled());
            let sent = prober.next();
            let nonce = prober.ask(sent);
            let there = epoch + shift + sent.since_origin().as_micros() as i64 + 300;
            let answer = Answer { nonce, in_us: there, out_us: there };
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
    fn an_answer_that_nobody_asked_for_is_none_and_questions_do_not_pile_up() {
        let mut prober = Prober::new(1, at(0));
        (0..1_000).for_each(|i| drop(prober.ask(at(i))));
        assert_eq!(prober.asked.len(), MAX_ASKED);
        assert_eq!(prober.answered(&Answer { nonce: "x".into(), in_us: 1, out_us: 1 }, at(5)), None);
    }
}
