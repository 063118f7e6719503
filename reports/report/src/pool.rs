//! Pools the figures of several runs: of merged receivers, or of one run's joins.

use std::borrow::Cow;

use measure::figures::{
    AgeMs, CaptureFigures, ClockFigures, Connection, Frames, Freezes, OwnCostUs, Pictures, Probes, StampFigures,
    Startup,
};
use measure::timeline::{Event, MAX_EVENTS};
use measure::units::rounded;

use crate::run::{Outcome, Run, SCHEMA};

mod browser;
mod latency;
mod part;
mod runs;

pub use browser::in_browsers;
pub use latency::added;
use latency::{latency, sections, stages};
pub use part::{Part, is_comparable};
use runs::{Runs, joined};

/// The figures of all. Settings and machine are those of the first; warnings and assertions are not pooled.
pub fn figures(parts: &[Part<'_>]) -> Run {
    let runs = Runs::new(parts.iter().map(|part| part.run));
    let (latency_ms, stages_ms) = (latency(parts), stages(parts));
    Run {
        schema: Cow::Borrowed(SCHEMA),
        partial: runs.any(|run| run.partial),
        started: runs.iter().map(|run| run.started.clone()).min().unwrap_or_default(),
        url: distinct(runs.iter().map(|run| run.url.as_str())),
        duration_s: runs.sum_of_times(|run| run.duration_s),
        warmup_s: runs.largest(|run| Some(run.warmup_s)).unwrap_or_default(),
        config: parts.first().map(|part| part.run.config.clone()).unwrap_or_default(),
        host: parts.first().map(|part| part.run.host.clone()).unwrap_or_default(),
        frames: joined!(runs.frames: Frames {
            sum: expected measured lost unlisted duplicate late unreadable undecodable restarts
        }),
        pictures: joined!(runs.pictures: Pictures {
            total: shown unreadable undecodable refused repeated unplaced stale idr
        }),
        sections: sections(parts, &latency_ms),
        latency_ms,
        picture_age_ms: joined!(runs.picture_age_ms: AgeMs { over_time: mean, only: p50 p99, largest: max }),
        freezes: joined!(runs.freezes: Freezes { sum: count, sum_of_times: total_ms, largest: longest_ms }),
        stages_ms,
        startup: joined!(runs.startup: Startup {
            largest: connected_ms first_packet_ms first_frame_ms first_reading_ms
        }),
        fps: runs.over_time(|run| run.fps),
        bitrate_kbps: runs.over_time(|run| run.bitrate_kbps),
        connection: Connection {
            disconnects: runs.total(|run| run.connection.disconnects),
            disconnected_ms: runs.sum_of_times(|run| Some(run.connection.disconnected_ms)).unwrap_or(0.0),
        },
        own_cost_us: joined!(runs.own_cost_us: OwnCostUs { cost: wake read convert compose hand_over }),
        clock: clock(parts, &runs),
        calibration: calibration(&runs),
        stamps: joined!(runs.stamps: StampFigures {
            total: agreeing missing_sei contradicted sender_reports sender_reports_off,
            of_greatest_magnitude: largest_difference_us,
            only: sender_report_difference_us
        }),
        capture: joined!(runs.capture: CaptureFigures { common: clock, total: implausible }),
        warnings: Vec::new(),
        assertions: Vec::new(),
        outcome: Outcome::Ok,
        browser: None,
        merged: None,
    }
}

/// Joins the distinct texts with commas.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut out: Vec<&str> = Vec::new();
    for text in texts {
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out.join(", ")
}

fn clock(parts: &[Part<'_>], runs: &Runs<'_>) -> ClockFigures {
    let same_host = runs.iter().all(|run| run.clock.same_host);
    // A run without latencies needs no bound.
    let measured = Runs::new(runs.iter().filter(|run| run.latency_ms.count > 0 || run.latency_ms.uncompared > 0));
    let probes = runs.iter().filter_map(|run| run.clock.probes).reduce(|one, other| Probes {
        sent: one.sent.saturating_add(other.sent),
        answered: one.answered.saturating_add(other.answered),
        refused: one.refused.saturating_add(other.refused),
        ..one
    });
    ClockFigures {
        same_host,
        assumed: runs.any(|run| run.clock.assumed),
        offset_us: if same_host { Some(0) } else { runs.only(|run| run.clock.offset_us) },
        uncertainty_us: measured.bound(|run| run.clock.uncertainty_us),
        max_uncertainty_us: measured.bound(|run| run.clock.max_uncertainty_us),
        drift_ppm: runs.only(|run| run.clock.drift_ppm),
        source: runs.common(|run| run.clock.source.clone()),
        probes,
        restarts: runs.total(|run| run.clock.restarts),
        steps: runs.total(|run| run.clock.steps),
        largest_step_us: runs.of_greatest_magnitude(|run| run.clock.largest_step_us),
        suspends: runs.total(|run| run.clock.suspends),
        publisher_steps: runs.total(|run| run.clock.publisher_steps),
        events: events(parts),
    }
}

fn events(parts: &[Part<'_>]) -> Vec<Event> {
    let mut out = Vec::new();
    for part in parts {
        let shift = part.shift_s;
        out.extend(
            part.run
                .clock
                .events
                .iter()
                .map(|event| Event { second: event.second.map(|second| rounded(second + shift)), ..event.clone() }),
        );
    }
    out.sort_by(|one, other| one.at.cmp(&other.at));
    out.truncate(MAX_EVENTS);
    out
}

/// The bound that holds for all runs: the largest, if each run has one.
fn calibration(runs: &Runs<'_>) -> Option<crate::calibration::Quote> {
    let quotes: Option<Vec<_>> = runs.iter().map(|run| run.calibration.clone()).collect();
    quotes?.into_iter().max_by(|one, other| one.accuracy_ms.total_cmp(&other.accuracy_ms))
}
