//! The joined run: its figures, and what came of it.

use std::borrow::Cow;

use common::time::WallTime;
use measure::figures::{
    AgeMs, CaptureFigures, ClockFigures, Connection, Frames, Freezes, OwnCostUs, Pictures, Probes, StampFigures,
    Startup,
};
use measure::timeline::{Event, MAX_EVENTS};
use measure::units::{rfc3339, rounded};
use report::run::{Merged, Outcome, Receiver, Run, SCHEMA, Verdict};
use report::summary::Summary;
use report::threshold::Assertion;
use report::warning::Warning;

use super::latency::{latency, sections, stages};
use super::part::Part;
use super::runs::{Runs, joined};
use super::settings;
use super::warnings::{failure, warnings};

/// When second 0 of the joined run begins, in µs since the Unix epoch: with the first receiver's.
pub(super) fn zero_us(parts: &[Part]) -> Option<i64> {
    parts.iter().filter_map(Part::zero_us).min()
}

/// The joined run, judged.
pub(super) fn join(parts: &[Part], assertions: &[Assertion]) -> Summary {
    let mut run = figures(parts);
    run.warnings = warnings(parts);
    let mut summary = judge(run, parts, assertions);
    for (name, failure) in parts.iter().filter_map(|part| Some((&part.name, failure(part.run())?))) {
        summary.fail(Warning::new(failure.code, format!("{name}: {}", failure.message)));
    }
    summary
}

/// Judges by new assertions, or else by those of the parts, as they were judged.
fn judge(run: Run, parts: &[Part], assertions: &[Assertion]) -> Summary {
    if !assertions.is_empty() {
        return Summary::judge(run, assertions);
    }
    let of_part = |part: &Part, verdict: &Verdict| {
        let text = format!("{}: {}", part.name, verdict.text);
        Verdict { text, ..verdict.clone() }
    };
    let verdicts = parts.iter().flat_map(|part| part.run().assertions.iter().map(|verdict| of_part(part, verdict)));
    Summary::judged(run, verdicts.collect())
}

fn figures(parts: &[Part]) -> Run {
    let runs = Runs::new(parts.iter().map(Part::run));
    let zero = zero_us(parts);
    let (latency_ms, stages_ms) = (latency(parts), stages(parts));
    Run {
        schema: Cow::Borrowed(SCHEMA),
        partial: runs.any(|run| run.partial),
        started: runs.iter().map(|run| run.started.clone()).min().unwrap_or_default(),
        url: distinct(runs.iter().map(|run| run.url.as_str())),
        duration_s: runs.sum_of_times(|run| run.duration_s),
        warmup_s: runs.largest(|run| Some(run.warmup_s)).unwrap_or_default(),
        config: settings::join(&runs.each(|run| run.config.to_json())).0.into(),
        host: settings::join(&runs.each(|run| run.host.to_json())).0.into(),
        frames: joined!(runs.frames: Frames {
            sum: expected measured lost unlisted duplicate late unreadable undecodable restarts
        }),
        pictures: joined!(runs.pictures: Pictures {
            total: shown unreadable undecodable refused repeated unplaced stale idr
        }),
        sections: sections(parts, zero, &latency_ms),
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
        clock: clock(parts, &runs, zero),
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
        merged: Some(Merged {
            second_zero: zero.map(|zero| rfc3339(WallTime::from_micros(zero))),
            receivers: receivers(parts),
        }),
    }
}

/// Each text once, with commas between them.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut out: Vec<&str> = Vec::new();
    for text in texts {
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out.join(", ")
}

fn receivers(parts: &[Part]) -> Vec<Receiver> {
    let mut first = 0_u32;
    let mut out = Vec::new();
    for part in parts {
        // A run that was joined before is one of several folders now, its receivers' names say which.
        let again = part.run().merged.is_some();
        out.extend(part.receivers.iter().map(|receiver| Receiver {
            folder: if again { format!("{}: {}", part.name, receiver.folder) } else { receiver.folder.clone() },
            first_segment: first.saturating_add(part.segment(receiver.first_segment)),
            pooled: receiver.pooled && part.is_pooled(),
            ..receiver.clone()
        }));
        first = first.saturating_add(u32::try_from(part.segments.len()).unwrap_or(u32::MAX));
    }
    out
}

fn clock(parts: &[Part], runs: &Runs<'_>, zero: Option<i64>) -> ClockFigures {
    let same_host = runs.iter().all(|run| run.clock.same_host);
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
        uncertainty_us: runs.bound(|run| run.clock.uncertainty_us),
        max_uncertainty_us: runs.bound(|run| run.clock.max_uncertainty_us),
        drift_ppm: runs.only(|run| run.clock.drift_ppm),
        source: runs.common(|run| run.clock.source.clone()),
        probes,
        restarts: runs.total(|run| run.clock.restarts),
        steps: runs.total(|run| run.clock.steps),
        largest_step_us: runs.of_greatest_magnitude(|run| run.clock.largest_step_us),
        suspends: runs.total(|run| run.clock.suspends),
        publisher_steps: runs.total(|run| run.clock.publisher_steps),
        events: events(parts, zero),
    }
}

fn events(parts: &[Part], zero: Option<i64>) -> Vec<Event> {
    let mut out = Vec::new();
    for part in parts {
        let shift = zero.map_or(0, |zero| part.shift(zero)) as f64;
        out.extend(
            part.run()
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

/// The least that can be said of all: the largest, where each run has one.
fn calibration(runs: &Runs<'_>) -> Option<report::calibration::Quote> {
    let quotes: Option<Vec<_>> = runs.iter().map(|run| run.calibration.clone()).collect();
    quotes?.into_iter().max_by(|one, other| one.accuracy_ms.total_cmp(&other.accuracy_ms))
}
