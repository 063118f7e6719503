//! What came of comparing the receiver's clock with the publisher's, and which latencies may stand beside each other.

use measure::figures::{ClockFigures, ProbeFigures};
use measure::sample::{Clocks, Correction};
use measure::units::{ms, rounded};

use crate::run::Run;
use crate::warning::{Code, Warning};

/// A bound beyond this part of the median latency is warned of.
const MAX_BOUND_SHARE: f64 = 0.1;

/// Clocks that are further apart were never set, or wrongly: a day, beyond every mistaken time zone.
const FAR_US: u64 = 86_400 * 1_000_000;

/// How far two clocks are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Receiver's clock − publisher's clock, µs.
    pub offset_us: i64,
    /// The bound of that, ± µs.
    pub bound_us: i64,
    /// How fast the receiver's clock gains on the one that it asks, ppm; `None` where that cannot be told yet.
    pub drift_ppm: Option<f64>,
    /// Whose clock was asked.
    pub source: Source,
}

/// Whose clock the receiver asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// That of the publisher's host.
    Publisher,
    /// A server's, with which the publisher has compared its own.
    Server,
    /// An NTP server's, with which the publisher has compared its own.
    Ntp,
    /// The browser's that plays, on the publisher's host: the offset is that of the two.
    Browser,
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Server => "server",
            Self::Ntp => "ntp",
            Self::Browser => "browser",
        }
    }
}

/// What became of asking another clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// Requests sent.
    pub sent: u64,
    /// Answers believed.
    pub answered: u64,
    /// Answers not believed.
    pub refused: u64,
    /// Of these, answers that contradicted those around them.
    pub contradicted: u64,
    /// Times that the estimate started over: the other clock stepped, or this host slept.
    pub restarts: u64,
}

/// What becomes of a latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is kept with those before it.
    Keep,
    /// It is kept, and those before it are not: nobody knows how far their clocks were apart.
    Replace,
    /// It is left out.
    LeaveOut,
}

impl Probes {
    /// Enough answers contradict the others to be another clock, rather than one that was held up now and then.
    const fn disagrees(self) -> bool {
        const FEW: u64 = 3;
        self.contradicted > FEW && self.contradicted * 10 > self.answered
    }
}

/// The comparison over a run.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    newest: Option<Comparison>,
    max_bound_us: Option<i64>,
    probes: Option<Probes>,
    /// Latencies in the histograms that contain the unknown difference of the clocks.
    raw: u64,
    left_out: u64,
    /// Restarts of the estimate before the first corrected latency.
    restarts_before: Option<u64>,
    advice: Option<String>,
}

impl Compared {
    /// The offset for the frames that follow.
    pub fn known(&mut self, comparison: Comparison) {
        self.newest = Some(comparison);
    }

    /// What became of asking so far.
    pub fn probes(&mut self, probes: Probes) {
        self.probes = Some(probes);
    }

    /// Why nothing is known and what would help, for the warning that says so.
    pub fn advise(&mut self, advice: String) {
        self.advice = Some(advice);
    }

    /// The newest offset, where latencies were corrected by one and none is left that was not.
    fn applied(&self) -> Option<Comparison> {
        self.newest.filter(|_| self.max_bound_us.is_some() && self.raw == 0)
    }

    /// The bound of the newest offset, ± µs.
    pub(crate) fn bound_us(&self) -> Option<i64> {
        self.newest.map(|newest| newest.bound_us)
    }

    /// A step of the publisher's clock changes the offset at once: the publisher compares its clock with another one.
    pub(crate) fn follows_publisher(&self) -> bool {
        self.applied().is_some_and(|newest| newest.source != Source::Publisher)
    }

    /// Frames left out of the latencies because their clocks could not be compared while others' could.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether a latency is to be kept. Those with an unknown difference of two clocks in them are kept only as long as there
    /// are no others: with the first that is corrected they go.
    pub(crate) fn admit(&mut self, correction: Correction) -> Admission {
        match correction {
            Correction::None => Admission::Keep,
            Correction::Missing if self.max_bound_us.is_some() => {
                self.left_out += 1;
                Admission::LeaveOut
            }
            Correction::Missing => {
                self.raw += 1;
                Admission::Keep
            }
            Correction::By(_) => {
                self.max_bound_us = self.max_bound_us.max(self.newest.map(|newest| newest.bound_us));
                self.restarts_before.get_or_insert(self.restarts());
                match std::mem::take(&mut self.raw) {
                    0 => Admission::Keep,
                    raw => {
                        self.left_out += raw;
                        Admission::Replace
                    }
                }
            }
        }
    }

    /// `figures` with what is known here.
    pub(crate) fn figures(&self, clocks: Clocks, figures: ClockFigures) -> ClockFigures {
        let apart = self.applied().filter(|_| !clocks.are_one());
        let one = clocks.are_one().then_some(0);
        let source = match clocks {
            Clocks::Same => Some("same-host"),
            Clocks::ByUser => Some("user"),
            Clocks::Unknown | Clocks::Assumed | Clocks::Different => apart.map(|newest| newest.source.name()),
        };
        ClockFigures {
            offset_us: one.or(apart.map(|newest| newest.offset_us)),
            uncertainty_us: one.or(apart.map(|newest| newest.bound_us)),
            max_uncertainty_us: one.or(apart.map(|newest| self.max_bound_us.unwrap_or(newest.bound_us))),
            drift_ppm: apart.and_then(|newest| newest.drift_ppm).map(rounded),
            source: source.map(Into::into),
            probes: self.probes.map(|Probes { sent, answered, refused, .. }| ProbeFigures { sent, answered, refused }),
            restarts: self.restarts(),
            ..figures
        }
    }

    fn restarts(&self) -> u64 {
        self.probes.map_or(0, |probes| probes.restarts)
    }

    /// Adds what is known here to the warnings.
    pub(crate) fn explain(&self, warnings: &mut Vec<Warning>) {
        if let Some(advice) = &self.advice {
            let lacking = |warning: &&mut Warning| matches!(warning.code, Code::ClockUnknown | Code::Uncompared);
            for warning in warnings.iter_mut().filter(lacking) {
                warning.message = format!("{}; {advice}", warning.message);
            }
        }
        if let Some(probes) = self.probes.filter(|probes| probes.disagrees()) {
            let message = format!(
                "the clock that was asked contradicts itself in {} of {} answers, as two servers behind one name would: \
                 no offset is sure",
                probes.contradicted,
                probes.answered + probes.refused
            );
            warnings.push(Warning::new(Code::ClockUnknown, message));
        }
        let restarts = self.restarts_before.map_or(0, |before| self.restarts() - before);
        if restarts > 0 {
            // A step is found out by the answers after it: up to then, frames were corrected by an offset that did not hold.
            let message = format!(
                "the clock that latencies are corrected by stepped {restarts} times while they were measured: frames around it \
                 have latencies that are off by up to the step"
            );
            warnings.push(Warning::new(Code::ComparedStep, message));
        }
    }
}

/// What the figures warn of.
pub(crate) fn warnings(run: &Run) -> Vec<Warning> {
    let (clock, latency) = (&run.clock, &run.latency_ms);
    let mut warnings = Vec::new();
    let bound = clock.max_uncertainty_us.map(ms).filter(|_| !clock.same_host);
    if let Some((bound, p50)) = bound.zip(latency.p50).filter(|(bound, p50)| *bound > p50.abs() * MAX_BOUND_SHARE) {
        let message = format!(
            "every latency is known to ± {bound:.3} ms only, which is more than a tenth of p50 ({p50:.3} ms): \
             the round trip to the clock that was asked, the \
                 time since its last answer and its own distance from its source make that"
        );
        warnings.push(Warning::new(Code::ClockUncertain, message));
    }
    let bound_ms = clock.max_uncertainty_us.map_or(0.0, ms);
    if latency.negative > 0 && latency.min.is_some_and(|min| min >= -bound_ms) {
        let message = format!(
            "{} of {} frames seem to have been shown before they were stamped, by no more than the ± {bound_ms:.3} ms that \
             latencies are known to",
            latency.negative, latency.count
        );
        warnings.push(Warning::new(Code::ClockUncertain, message));
    }
    if let Some(offset) = clock.offset_us.filter(|offset| offset.unsigned_abs() > FAR_US) {
        let days = offset as f64 / 86_400e6;
        let message = format!(
            "the publisher's clock is {:.1} days {} this host's: set the wrong one; latencies are corrected by that",
            days.abs(),
            if days > 0.0 { "behind" } else { "ahead of" }
        );
        warnings.push(Warning::new(Code::ClockFar, message));
    }
    if latency.uncompared > latency.count {
        let message = format!(
            "of {} frames only {} were shown while it was known how far the two clocks are apart",
            latency.uncompared + latency.count,
            latency.count
        );
        warnings.push(Warning::new(Code::ClockUnknown, message));
    } else if latency.uncompared > 0 {
        let message = format!(
            "{} frames were shown while it was not known how far the two clocks are apart: they are left out of the \
             latencies",
            latency.uncompared
        );
        warnings.push(Warning::new(Code::Uncompared, message));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use common::marks::{ClockName, Mark};
    use std::time::Duration;

    use super::*;
    use crate::tally::Tally;
    use crate::testing::{about, now, sample};
    use measure::sample::Sample;

    const OFFSET: i64 = 3_600_000_000;

    fn comparison(bound_us: i64) -> Comparison {
        Comparison { offset_us: OFFSET, bound_us, drift_ppm: Some(-12.3456), source: Source::Server }
    }

    fn tally() -> Tally {
        let mut about = about(Duration::ZERO);
        about.clocks = Clocks::Different;
        Tally::new(about)
    }

    /// Frame `i`, 10 ms old; where it is not corrected an hour older.
    fn frame(i: u64, correction: Correction) -> Sample {
        let mut frame = sample(i, i * 40, i * 40 + 10);
        frame.correction = correction;
        if !matches!(correction, Correction::By(_)) {
            frame.marks = frame.marks.shifted(ClockName::Receiver, OFFSET);
        }
        frame
    }

    #[test]
    fn corrected_latencies_are_never_mixed_with_raw_ones() {
        let mut tally = tally();
        (0..50).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
        assert_eq!((tally.run(true).latency_ms.count, tally.run(true).latency_ms.min), (50, Some(3_600_010.0)));
        tally.compared().known(comparison(400));
        (50..150).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
        (150..160).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
        tally.finish(now(6_410), &mut |_| {});
        let run = tally.run(false);
        assert_eq!((run.latency_ms.count, run.latency_ms.uncompared, run.latency_ms.max), (100, 60, Some(10.0)));
        assert!(run.picture_age_ms.max < Some(1_000.0), "{:?}", run.picture_age_ms);
        assert!(run.warnings.iter().any(|w| w.code == Code::Uncompared && w.message.contains("60 frames")));
        assert!(!run.warnings.iter().any(|w| w.code == Code::ClockUnknown), "{:?}", run.warnings);
    }

    #[test]
    fn the_clock_block_says_offset_bound_and_source() {
        let mut tally = tally();
        tally.compared().probes(Probes { sent: 9, answered: 7, refused: 1, contradicted: 0, restarts: 2 });
        for (i, bound) in [(0, 900), (1, 2_000), (2, 300)] {
            tally.compared().known(comparison(bound));
            tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {});
        }
        let run = tally.run(false);
        let clock = run.clock;
        assert_eq!((clock.same_host, clock.offset_us, clock.uncertainty_us), (false, Some(OFFSET), Some(300)));
        assert_eq!((clock.max_uncertainty_us, clock.drift_ppm), (Some(2_000), Some(-12.346)));
        assert_eq!((clock.source.as_deref(), clock.restarts), (Some("server"), 2));
        assert_eq!(clock.probes, Some(ProbeFigures { sent: 9, answered: 7, refused: 1 }));
        let uncertain = run.warnings.iter().find(|warning| warning.code == Code::ClockUncertain).expect("2 of 10 ms");
        assert!(uncertain.message.contains("± 2.000 ms") && uncertain.message.contains("10.000 ms"));
    }

    #[test]
    fn where_nothing_is_known_the_warning_says_what_would_help() {
        let mut tally = tally();
        tally.compared().advise("ask somebody".to_owned());
        (0..50).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
        let run = tally.run(false);
        let unknown = run.warnings.iter().find(|warning| warning.code == Code::ClockUnknown).expect("it is said");
        assert!(unknown.message.ends_with("; ask somebody"), "{}", unknown.message);
        assert_eq!((run.clock.offset_us, run.clock.source), (None, None));
    }

    #[test]
    fn a_comparison_that_is_lost_leaves_the_age_unknown_and_the_frames_out() {
        let mut tally = tally();
        tally.compared().known(comparison(300));
        (0..100).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
        (100..150).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
        assert_eq!((tally.live().age_ms, tally.newest_is_comparable(), tally.bound_us()), (None, false, None));
        let run = tally.run(false);
        assert_eq!((run.latency_ms.count, run.latency_ms.uncompared), (100, 50));
        assert!(run.picture_age_ms.max <= Some(60.0), "{:?}", run.picture_age_ms);
        assert!(run.warnings.iter().all(|warning| !warning.code.is_inconclusive()), "{:?}", run.warnings);

        (150..250).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
        let run = tally.run(false);
        let unknown =
            run.warnings.iter().find(|warning| warning.code == Code::ClockUnknown).expect("most are not known");
        assert!(unknown.message.contains("of 250 frames only 100"), "{}", unknown.message);
    }

    #[test]
    fn without_a_word_on_the_hosts_nothing_counts_as_corrected() {
        let mut about = about(Duration::ZERO);
        about.clocks = Clocks::Unknown;
        let mut tally = Tally::new(about);
        (0..50).for_each(|i| tally.frame(&frame(i, Correction::None), &mut |_| {}));
        assert_eq!((tally.run(false).latency_ms.count, tally.run(false).clock.offset_us), (50, None));
        tally.compared().known(comparison(300));
        // Known, but no latency was corrected by it yet.
        assert_eq!(tally.run(false).clock.offset_us, None);
        (50..110).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
        let run = tally.run(false);
        assert_eq!((run.latency_ms.count, run.latency_ms.uncompared, run.clock.offset_us), (60, 50, Some(OFFSET)));
        assert_eq!(run.sections[0].latency_ms.count, 60, "raw latencies are in no section either");
    }

    #[test]
    fn a_clock_that_stepped_while_it_was_compared_with_proves_nothing() {
        let mut tally = tally();
        let probes = |restarts| Probes { sent: 9, answered: 9, refused: 0, contradicted: 0, restarts };
        for (i, restarts) in (0..100).map(|i| (i, if i < 50 { 1 } else { 3 })) {
            tally.compared().probes(probes(restarts));
            tally.compared().known(comparison(300));
            tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {});
            let stepped = tally.run(false).warnings.into_iter().find(|warning| warning.code == Code::ComparedStep);
            assert_eq!(stepped.is_some(), i >= 50, "a step before the first of them is none");
            assert!(
                stepped.is_none_or(|warning| warning.code.is_inconclusive() && warning.message.contains("2 times"))
            );
        }
    }

    #[test]
    fn latencies_below_zero_within_the_bound_are_no_contradiction() {
        for (bound, contradicts) in [(20_000, false), (4_000, true)] {
            let mut tally = tally();
            tally.compared().known(comparison(bound));
            for i in 0..50 {
                let mut frame = frame(i, Correction::By(OFFSET));
                frame.marks = frame.marks.with(Mark::Stamped, frame.marks.stamped().offset(15_000));
                tally.frame(&frame, &mut |_| {});
            }
            let run = tally.run(false);
            assert_eq!((run.latency_ms.negative, run.latency_ms.min), (50, Some(-5.0)));
            assert_eq!(run.warnings.iter().any(|warning| warning.code == Code::NegativeLatency), contradicts);
            assert!(run.warnings.iter().any(|warning| warning.code == Code::ClockUncertain));
        }
    }

    #[test]
    fn a_clock_that_contradicts_itself_proves_nothing() {
        for (contradicted, sure) in [(3, true), (4, true), (12, false)] {
            let mut tally = tally();
            tally.compared().probes(Probes { sent: 60, answered: 40, refused: 20, contradicted, restarts: 0 });
            tally.compared().known(comparison(300));
            (0..50).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
            let warnings = tally.run(false).warnings;
            let unsure = warnings.iter().find(|warning| warning.code == Code::ClockUnknown);
            assert_eq!(unsure.is_none(), sure, "{contradicted}: {warnings:?}");
            assert!(unsure.is_none_or(|warning| warning.message.contains("12 of 60 answers")));
        }
    }

    #[test]
    fn clocks_that_are_days_apart_are_told_and_corrected() {
        let mut tally = tally();
        tally.compared().known(Comparison { offset_us: -3 * 86_400_000_000, ..comparison(300) });
        (0..50).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
        let run = tally.run(false);
        let far = run.warnings.iter().find(|warning| warning.code == Code::ClockFar).expect("three days");
        assert!(far.message.contains("3.0 days ahead of"), "{}", far.message);
        assert_eq!(run.latency_ms.p50, Some(10.0));
    }

    #[test]
    fn a_step_is_looked_for_in_the_clock_as_it_was_read() {
        let corrected = frame(1, Correction::By(500));
        assert_eq!(corrected.now().wall, corrected.marks.presented().offset(500));
    }
}
