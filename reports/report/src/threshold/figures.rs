//! The table of figures that can be asserted on: their names, and where in a run they are.

use common::marks::Stage;
use measure::figures::StageMs;

use crate::run::Run;

/// A figure's path in `run.json`, with dots, and where it is in `T`.
type Figure<T> = (&'static str, fn(&T) -> Option<f64>);

/// Figures that can be asserted on; beside them [`STAGE_FIGURES`] of each stage.
const FIGURES: &[Figure<Run>] = &[
    ("latency_ms.count", |run| number(run.latency_ms.count)),
    ("latency_ms.min", |run| run.latency_ms.min),
    ("latency_ms.mean", |run| run.latency_ms.mean),
    ("latency_ms.stdev", |run| run.latency_ms.stdev),
    ("latency_ms.p50", |run| run.latency_ms.p50),
    ("latency_ms.p90", |run| run.latency_ms.p90),
    ("latency_ms.p95", |run| run.latency_ms.p95),
    ("latency_ms.p99", |run| run.latency_ms.p99),
    ("latency_ms.p99_9", |run| run.latency_ms.p99_9),
    ("latency_ms.max", |run| run.latency_ms.max),
    ("latency_ms.negative", |run| number(run.latency_ms.negative)),
    ("frames.expected", |run| number(run.frames.expected?)),
    ("frames.measured", |run| number(run.frames.measured?)),
    ("frames.lost", |run| number(run.frames.lost?)),
    ("frames.unlisted", |run| number(run.frames.unlisted?)),
    ("frames.duplicate", |run| number(run.frames.duplicate?)),
    ("frames.late", |run| number(run.frames.late?)),
    ("frames.unreadable", |run| number(run.frames.unreadable?)),
    ("frames.undecodable", |run| number(run.frames.undecodable?)),
    ("frames.restarts", |run| number(run.frames.restarts?)),
    ("picture_age_ms.mean", |run| run.picture_age_ms.mean),
    ("picture_age_ms.p50", |run| run.picture_age_ms.p50),
    ("picture_age_ms.p99", |run| run.picture_age_ms.p99),
    ("picture_age_ms.max", |run| run.picture_age_ms.max),
    ("freezes.count", |run| number(run.freezes.count?)),
    ("freezes.total_ms", |run| run.freezes.total_ms),
    // Of no freeze none is the longest, and an assertion on it holds.
    ("freezes.longest_ms", |run| run.freezes.longest_ms.or(run.freezes.total_ms)),
    ("startup.connected_ms", |run| run.startup.connected_ms),
    ("startup.first_packet_ms", |run| run.startup.first_packet_ms),
    ("startup.first_frame_ms", |run| run.startup.first_frame_ms),
    ("startup.first_reading_ms", |run| run.startup.first_reading_ms),
    ("fps", |run| run.fps),
    ("bitrate_kbps", |run| run.bitrate_kbps),
    ("duration_s", |run| run.duration_s),
    ("connection.disconnects", |run| number(run.connection.disconnects)),
    ("connection.disconnected_ms", |run| Some(run.connection.disconnected_ms)),
    ("clock.steps", |run| number(run.clock.steps)),
    ("clock.offset_us", |run| Some(run.clock.offset_us? as f64)),
    ("clock.max_uncertainty_us", |run| Some(run.clock.max_uncertainty_us? as f64)),
    ("clock.restarts", |run| number(run.clock.restarts)),
    ("clock.uncertainty_us", |run| Some(run.clock.uncertainty_us? as f64)),
    ("stalls.count", |run| number(run.viewing()?.stalls.count)),
    ("stalls.total_ms", |run| Some(run.viewing()?.stalls.total_ms)),
    // Likewise.
    ("stalls.longest_ms", |run| run.viewing()?.stalls.longest_ms.or(Some(run.viewing()?.stalls.total_ms))),
    ("playback_rate.mean", |run| run.viewing()?.playback_rate.mean),
    ("playback_rate.min", |run| run.viewing()?.playback_rate.min),
    ("playback_rate.max", |run| run.viewing()?.playback_rate.max),
    ("ahead_ms.mean", |run| run.viewing()?.ahead_ms.mean),
    ("ahead_ms.min", |run| run.viewing()?.ahead_ms.min),
    ("ahead_ms.max", |run| run.viewing()?.ahead_ms.max),
    ("presented.callbacks", |run| number(run.viewing()?.presented.callbacks)),
    ("presented.missed", |run| number(run.viewing()?.presented.missed)),
    ("presented.dropped", |run| number(run.viewing()?.presented.dropped)),
    ("joins_p50_ms.min", |run| run.browser.as_ref()?.joins_p50_ms.min),
    ("joins_p50_ms.median", |run| run.browser.as_ref()?.joins_p50_ms.median),
    ("joins_p50_ms.max", |run| run.browser.as_ref()?.joins_p50_ms.max),
];

/// Figures of each stage, by the last part of their path.
const STAGE_FIGURES: &[Figure<StageMs>] =
    &[("p50", |stage| stage.p50), ("p99", |stage| stage.p99), ("max", |stage| stage.max)];

/// Every name that can be asserted on.
pub fn metrics() -> Vec<String> {
    let figures = FIGURES.iter().map(|(name, _)| (*name).to_owned());
    let of_stage = |stage: &Stage| {
        let stage = stage.name();
        STAGE_FIGURES.iter().map(move |(field, _)| format!("stages_ms.{stage}.{field}"))
    };
    figures.chain(Stage::ALL.iter().flat_map(of_stage)).collect()
}

/// The figure of this name in a run.
pub(super) fn of_run(name: &str, run: &Run) -> Option<f64> {
    value(FIGURES, name, run)
}

/// The figure of this name, such as `p50`, of a stage.
pub(super) fn of_stage(name: &str, stage: &StageMs) -> Option<f64> {
    value(STAGE_FIGURES, name, stage)
}

fn value<T>(figures: &[Figure<T>], name: &str, of: &T) -> Option<f64> {
    let (_, value) = figures.iter().find(|(known, _)| *known == name)?;
    value(of)
}

fn number(count: u64) -> Option<f64> {
    Some(count as f64)
}
