//! The joined run: its figures, and what came of it.

use std::borrow::Cow;

use common::time::WallTime;
use measure::figures::{
    AgeMs, CaptureFigures, ClockFigures, Connection, CostUs, Frames, Freezes, OwnCostUs, Pictures, Probes,
    StampFigures, Startup,
};
use measure::timeline::{Event, MAX_EVENTS};
use measure::units::{rfc3339, rounded};
use report::run::{Merged, Outcome, Receiver, Run, SCHEMA, Verdict};
use report::summary::Summary;
use report::threshold::Assertion;
use report::warning::Warning;

use super::latency::{latency, sections, stages};
use super::part::Part;
use super::runs::{Runs, distinct, same};
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
    let runs = Runs::of(parts);
    let zero = zero_us(parts);
    let (latency_ms, stages_ms) = (latency(parts), stages(parts));
    Run {
        schema: Cow::Borrowed(SCHEMA),
        partial: runs.iter().any(|run| run.partial),
        started: runs.iter().map(|run| run.started.clone()).min().unwrap_or_default(),
        url: distinct(runs.iter().map(|run| run.url.as_str())),
        duration_s: runs.sum_of_times(|run| run.duration_s),
        warmup_s: runs.iter().map(|run| run.warmup_s).fold(0.0, f64::max),
        config: settings::join(&runs.each(|run| run.config.to_json())).0.into(),
        host: settings::join(&runs.each(|run| run.host.to_json())).0.into(),
        frames: frames(&runs),
        pictures: pictures(&runs),
        sections: sections(parts, zero, &latency_ms),
        latency_ms,
        picture_age_ms: AgeMs {
            mean: runs.mean(|run| Some((run.picture_age_ms.mean?, run.duration_s?))),
            p50: runs.only(|run| run.picture_age_ms.p50),
            p99: runs.only(|run| run.picture_age_ms.p99),
            max: runs.largest(|run| run.picture_age_ms.max),
        },
        freezes: Freezes {
            count: runs.sum(|run| run.freezes.count),
            total_ms: runs.sum_of_times(|run| run.freezes.total_ms),
            longest_ms: runs.largest(|run| run.freezes.longest_ms),
        },
        stages_ms,
        startup: startup(&runs),
        fps: runs.mean(|run| Some((run.fps?, run.duration_s?))),
        bitrate_kbps: runs.mean(|run| Some((run.bitrate_kbps?, run.duration_s?))),
        connection: Connection {
            disconnects: runs.total(|run| run.connection.disconnects),
            disconnected_ms: runs.sum_of_times(|run| Some(run.connection.disconnected_ms)).unwrap_or(0.0),
        },
        own_cost_us: costs(&runs),
        clock: clock(parts, &runs, zero),
        calibration: calibration(&runs),
        stamps: stamps(&runs),
        capture: CaptureFigures {
            clock: same(runs.iter().map(|run| run.capture.clock.clone())).flatten(),
            implausible: runs.total(|run| run.capture.implausible),
        },
        warnings: Vec::new(),
        assertions: Vec::new(),
        outcome: Outcome::Ok,
        merged: Some(Merged {
            second_zero: zero.map(|zero| rfc3339(WallTime::from_micros(zero))),
            receivers: receivers(parts),
        }),
    }
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

fn frames(runs: &Runs<'_>) -> Frames {
    let sum = |of: fn(&Frames) -> Option<u64>| runs.sum(|run| of(&run.frames));
    Frames {
        expected: sum(|frames| frames.expected),
        measured: sum(|frames| frames.measured),
        lost: sum(|frames| frames.lost),
        unlisted: sum(|frames| frames.unlisted),
        duplicate: sum(|frames| frames.duplicate),
        late: sum(|frames| frames.late),
        unreadable: sum(|frames| frames.unreadable),
        undecodable: sum(|frames| frames.undecodable),
        restarts: sum(|frames| frames.restarts),
    }
}

fn pictures(runs: &Runs<'_>) -> Pictures {
    let total = |of: fn(&Pictures) -> u64| runs.total(|run| of(&run.pictures));
    Pictures {
        shown: total(|pictures| pictures.shown),
        unreadable: total(|pictures| pictures.unreadable),
        undecodable: total(|pictures| pictures.undecodable),
        refused: total(|pictures| pictures.refused),
        repeated: total(|pictures| pictures.repeated),
        unplaced: total(|pictures| pictures.unplaced),
        stale: total(|pictures| pictures.stale),
        idr: total(|pictures| pictures.idr),
    }
}

fn startup(runs: &Runs<'_>) -> Startup {
    let slowest = |of: fn(&Startup) -> Option<f64>| runs.largest(|run| of(&run.startup));
    Startup {
        connected_ms: slowest(|startup| startup.connected_ms),
        first_packet_ms: slowest(|startup| startup.first_packet_ms),
        first_frame_ms: slowest(|startup| startup.first_frame_ms),
        first_reading_ms: slowest(|startup| startup.first_reading_ms),
    }
}

/// Means are weighted by the pictures shown.
fn costs(runs: &Runs<'_>) -> OwnCostUs {
    let cost = |of: fn(&OwnCostUs) -> Option<CostUs>| {
        let mean = runs.mean(|run| Some((of(&run.own_cost_us)?.mean, run.pictures.shown as f64)))?;
        Some(CostUs { mean, max: runs.largest(|run| Some(of(&run.own_cost_us)?.max))? })
    };
    OwnCostUs {
        wake: cost(|costs| costs.wake),
        read: cost(|costs| costs.read),
        convert: cost(|costs| costs.convert),
        compose: cost(|costs| costs.compose),
        hand_over: cost(|costs| costs.hand_over),
    }
}

fn clock(parts: &[Part], runs: &Runs<'_>, zero: Option<i64>) -> ClockFigures {
    let one_clock = runs.iter().all(|run| run.clock.same_host);
    // A bound of all: known where each one's is.
    let bound = |of: fn(&ClockFigures) -> Option<i64>| {
        let bounds: Option<Vec<i64>> = runs.iter().map(|run| of(&run.clock)).collect();
        bounds?.into_iter().max()
    };
    let probes = |of: fn(&Probes) -> u64| runs.total(|run| run.clock.probes.as_ref().map_or(0, of));
    ClockFigures {
        same_host: one_clock,
        assumed: runs.iter().any(|run| run.clock.assumed),
        offset_us: if one_clock { Some(0) } else { runs.only(|run| run.clock.offset_us) },
        uncertainty_us: bound(|clock| clock.uncertainty_us),
        max_uncertainty_us: bound(|clock| clock.max_uncertainty_us),
        drift_ppm: runs.only(|run| run.clock.drift_ppm),
        source: same(runs.iter().map(|run| run.clock.source.clone())).flatten(),
        probes: runs.iter().any(|run| run.clock.probes.is_some()).then(|| Probes {
            sent: probes(|probes| probes.sent),
            answered: probes(|probes| probes.answered),
            refused: probes(|probes| probes.refused),
            ..Probes::default()
        }),
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

fn stamps(runs: &Runs<'_>) -> StampFigures {
    StampFigures {
        agreeing: runs.total(|run| run.stamps.agreeing),
        missing_sei: runs.total(|run| run.stamps.missing_sei),
        contradicted: runs.total(|run| run.stamps.contradicted),
        largest_difference_us: runs.of_greatest_magnitude(|run| run.stamps.largest_difference_us),
        sender_reports: runs.total(|run| run.stamps.sender_reports),
        sender_reports_off: runs.total(|run| run.stamps.sender_reports_off),
        sender_report_difference_us: runs.only(|run| run.stamps.sender_report_difference_us),
    }
}
