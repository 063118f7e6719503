//! What came of comparing the receiver's clock with the publisher's, and which latencies may stand beside each other.

use measure::figures::{ClockFigures, Probes};
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
    /// The clock of a browser on the publisher's host.
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

/// Enough answers contradict the others to be another clock, rather than one that was held up now and then.
const fn disagree(probes: &Probes) -> bool {
    const FEW: u64 = 3;
    probes.contradicted > FEW && probes.contradicted * 10 > probes.answered
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
            probes: self.probes,
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
        if let Some(probes) = self.probes.filter(disagree) {
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
mod tests;
