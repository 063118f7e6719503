//! Takes an [`Observation`] apart: each figure gets what concerns it, in the order in which they depend on each other.

use measure::ledger::Entry;
use measure::sample::{Clocks, StartupStep};
use measure::timeline::Kind;

use super::Tally;
use crate::observation::{ClockCheck, Content, Observation};

impl Tally {
    /// An access unit or bare picture came. Frames that become final go to `finalize`.
    pub fn observe(&mut self, observation: &Observation, finalize: &mut dyn FnMut(Entry<'_>)) {
        let Observation { content, received, cost, stamps, clocks } = observation;
        if let Some(received) = *received {
            self.started(StartupStep::FirstPacket, received);
        }
        for (sum, time) in self.costs.each_mut().into_iter().zip(cost.each()) {
            time.iter().for_each(|time| sum.add(*time));
        }
        if let Some(check) = stamps {
            self.stamps.code(check.sei, check.capture_clock);
            check.sender_report_us.into_iter().for_each(|us| self.stamps.sender_report(us));
        }
        self.check_clocks(clocks);
        match content {
            Content::Frame(sample) => self.frame(sample, finalize),
            &Content::Unreadable { at, bytes, idr, is_near } => self.unreadable(at, bytes, idr, is_near, finalize),
            &Content::Undecodable { at, bytes, refused } => {
                self.undecodable(at, bytes, finalize);
                self.pictures.refused += u64::from(refused && self.is_measuring());
            }
        }
    }

    /// Before the frame: its latency is kept or left out by what is known of the clocks.
    fn check_clocks(&mut self, check: &ClockCheck) {
        if let Some(step) = check.step {
            self.timeline.event(step.found, Kind::ComparedStep, step.by_us);
        }
        if let Some(probes) = check.probes {
            self.compared.probes(probes);
        }
        if let Some(comparison) = check.comparison {
            self.compared.known(comparison);
        }
        if let Some(clocks) = check.clocks {
            self.clocks(clocks);
        }
    }

    /// Something was found out about the clocks.
    pub(super) fn clocks(&mut self, found: Clocks) {
        self.about.clocks = self.about.clocks.max(found);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::frame::CaptureClock;
    use common::time::MonoTime;

    use super::*;
    use crate::comparison::{Comparison, Source};
    use crate::observation::ClockStep;
    use crate::observation::StampCheck;
    use crate::testing::{about, now, sample};
    use measure::cost::OwnCost;
    use measure::figures::Probes;
    use measure::sample::{Correction, Sample};
    use measure::stamps::Sei;

    #[test]
    fn every_field_of_an_observation_reaches_its_figure() {
        let mut tally = Tally::new(about(Duration::ZERO));
        let us = |n| Some(Duration::from_micros(n));
        let probes = Probes { sent: 9, answered: 7, refused: 1, contradicted: 0, restarts: 0 };
        let offset = Comparison { offset_us: 5_000, bound_us: 300, drift_ppm: None, source: Source::Server };
        let observation = Observation {
            received: Some(MonoTime::default() + Duration::from_millis(7)),
            cost: OwnCost { wake: us(10), read: us(20), convert: us(30), ..OwnCost::default() },
            stamps: Some(StampCheck {
                sei: Sei::SameFrame { difference_us: 40 },
                capture_clock: CaptureClock::Monotonic,
                sender_report_us: Some(-50),
            }),
            clocks: ClockCheck {
                clocks: Some(Clocks::Different),
                comparison: Some(offset),
                probes: Some(probes),
                step: Some(ClockStep { found: now(11), by_us: 60 }),
            },
            ..Observation::frame(Sample { correction: Correction::By(5_000), ..sample(1, 0, 10) })
        };
        tally.observe(&observation, &mut |_| {});
        let run = tally.run(true);
        assert_eq!(run.startup.first_packet_ms, Some(7.0));
        let means =
            [run.own_cost_us.wake, run.own_cost_us.read, run.own_cost_us.convert].map(|cost| cost.map(|c| c.mean));
        assert_eq!(means, [Some(10.0), Some(20.0), Some(30.0)]);
        assert_eq!((run.stamps.agreeing, run.stamps.sender_reports), (1, 1));
        assert_eq!(run.capture.clock.as_deref(), Some("monotonic"));
        assert_eq!((run.clock.offset_us, run.clock.probes.map(|probes| probes.sent)), (Some(5_000), Some(9)));
        assert_eq!(run.clock.events.iter().map(|event| event.by_us).collect::<Vec<_>>(), [60]);
        assert_eq!(run.latency_ms.count, 1);
    }

    #[test]
    fn what_gave_no_frame_is_counted_where_it_came() {
        let mut tally = Tally::new(about(Duration::ZERO));
        for observation in [
            Observation::frame(sample(0, 0, 10)),
            Observation::unreadable(now(50), 900, true),
            Observation::undecodable(now(90), 800, true),
            Observation::undecodable(now(130), 700, false),
            Observation::frame(sample(4, 160, 170)),
        ] {
            tally.observe(&observation, &mut |_| {});
        }
        tally.finish(now(6_000), &mut |_| {});
        let run = tally.run(false);
        assert_eq!((run.frames.unreadable, run.frames.undecodable, run.frames.lost), (Some(1), Some(2), Some(0)));
        assert_eq!((run.pictures.undecodable, run.pictures.refused), (2, 1));
        assert_eq!(run.pictures.idr, 2, "frame 0 and the one that could not be read");
    }
}
