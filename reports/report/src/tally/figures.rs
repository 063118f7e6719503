//! The figures of a tally, shaped as `run.json`.

use std::time::Duration;

use measure::figures::{
    AgeMs, ClockFigures, Connection, Frames, Freezes, LatencyMs, OwnCostUs, Pictures, StageMs, Startup,
};
use measure::sample::{Clocks, StartupStep};
use measure::stages::PerStage;
use measure::timeline::Kind;
use measure::units::{in_ms, ms, ms_of, rounded};

use super::Tally;
use crate::run::{Outcome, Run, SCHEMA};
use crate::warning::{self, Code, Warning};

impl Tally {
    /// All figures up to the newest event. `partial` marks a run that goes on.
    pub fn run(&self, partial: bool) -> Run {
        let duration = self.measured_from.map(|from| self.last.saturating_since(from)).filter(|d| !d.is_zero());
        let per_second = |amount: f64| duration.map(|duration| rounded(amount / duration.as_secs_f64()));
        let mut run = Run {
            schema: SCHEMA.into(),
            partial,
            started: measure::units::rfc3339(self.about.started.wall),
            url: self.about.url.clone(),
            duration_s: duration.map(|duration| rounded(duration.as_secs_f64())),
            warmup_s: self.about.warmup.as_secs_f64(),
            config: self.about.config.clone(),
            host: self.about.host.clone(),
            frames: Frames::new(&self.ledger.counts(), self.ledger.segments()),
            pictures: Pictures { unplaced: self.ledger.unplaced(), stale: self.ledger.stale(), ..self.pictures },
            latency_ms: LatencyMs {
                uncompared: self.compared.left_out(),
                ..LatencyMs::new(&self.histograms.total, self.left_out)
            },
            sections: self.timeline.sections(self.last),
            picture_age_ms: self.age_figures(),
            freezes: self.freeze_figures(),
            stages_ms: PerStage::new(|stage| StageMs::new(&self.histograms.stages[stage])),
            startup: self.startup_figures(),
            fps: self.rates.whole().pictures.and_then(per_second).filter(|_| self.pictures.shown > 1),
            bitrate_kbps: per_second(self.rates.whole().kilobits).filter(|_| self.units > 1),
            connection: self.outages(),
            own_cost_us: OwnCostUs::new(&self.costs),
            clock: self.clock_figures(),
            calibration: self.calibration.clone(),
            stamps: self.stamps.figures(),
            capture: self.stamps.capture(),
            warnings: Vec::new(),
            assertions: Vec::new(),
            outcome: Outcome::Ok,
            browser: None,
            merged: None,
        };
        run.warnings = warning::of(&run);
        self.give_reasons(&mut run.warnings);
        self.name_the_cause(&mut run.warnings);
        self.compared.explain(&mut run.warnings);
        run.warnings.extend(self.warnings.iter().cloned());
        if partial {
            let message = "these are the figures up to the last write: the run goes on, or was killed";
            run.warnings.insert(0, Warning::new(Code::Partial, message));
        }
        if run.warnings.iter().any(|warning| warning.code.is_inconclusive()) {
            run.outcome = Outcome::Inconclusive;
        }
        run
    }

    /// Adds what is known from elsewhere to what the figures warn of.
    fn give_reasons(&self, warnings: &mut [Warning]) {
        for warning in warnings {
            if let Some((_, why)) = self.reasons.iter().find(|(code, _)| *code == warning.code) {
                warning.message = format!("{}; {why}", warning.message);
            }
        }
    }

    /// Puts what was found out about the publisher in the place of what it leads to.
    fn name_the_cause(&self, warnings: &mut Vec<Warning>) {
        if let Some((publisher, receiver)) = self.implausible {
            warnings.retain(|warning| warning.code != Code::Overflow);
            warnings.insert(0, warning::clock_never_set(publisher, receiver));
        }
        if self.ledger.has_two_publishers() {
            warnings.retain(|warning| warning.code != Code::Restart);
            warnings.insert(0, warning::two_publishers());
        }
    }

    fn age_figures(&self) -> AgeMs {
        let (whole, ages) = (self.screen.whole(), self.screen.ages());
        AgeMs {
            mean: whole.mean_us().map(ms_of),
            p50: ages.quantile_us(0.5).map(ms),
            p99: ages.quantile_us(0.99).map(ms),
            max: whole.max_us().map(ms),
        }
    }

    fn freeze_figures(&self) -> Freezes {
        if !self.is_measuring() {
            return Freezes::default();
        }
        let freezes = self.screen.freezes(self.last);
        Freezes {
            count: Some(freezes.count),
            total_ms: Some(in_ms(freezes.total)),
            longest_ms: (freezes.count > 0).then(|| in_ms(freezes.longest)),
        }
    }

    fn startup_figures(&self) -> Startup {
        let after = |step: StartupStep| {
            let at = self.startup[step as usize]?;
            Some(in_ms(at.saturating_since(self.about.started.mono)))
        };
        Startup {
            connected_ms: after(StartupStep::Connected),
            first_packet_ms: after(StartupStep::FirstPacket),
            first_frame_ms: after(StartupStep::FirstPicture),
            first_reading_ms: after(StartupStep::FirstReading),
        }
    }

    fn outages(&self) -> Connection {
        let running = self.connection.since.map_or(Duration::ZERO, |since| self.last.saturating_since(since));
        Connection { disconnects: self.connection.count, disconnected_ms: in_ms(self.connection.total + running) }
    }

    fn clock_figures(&self) -> ClockFigures {
        let clocks = self.about.clocks;
        let figures = ClockFigures {
            same_host: clocks.are_one(),
            assumed: matches!(clocks, Clocks::Assumed | Clocks::ByUser),
            steps: self.clock.steps(),
            largest_step_us: Some(self.clock.largest_us()).filter(|_| self.clock.steps() > 0),
            suspends: self.timeline.count(Kind::Suspend),
            publisher_steps: self.timeline.count(Kind::PublisherStep),
            events: self.timeline.events(),
            ..ClockFigures::default()
        };
        self.compared.figures(clocks, figures)
    }
}
