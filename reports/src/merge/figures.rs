//! The figures of a joined run, and what must be known about them.

use std::borrow::Cow;

use common::frame::Stage;
use common::time::WallTime;

use super::intervals::larger;
use super::part::Part;
use super::{Merged, Receiver, settings};
use crate::export::json::rfc3339;
use crate::latency::Distribution;
use crate::run::{
    AgeMs, CaptureFigures, ClockFigures, Connection, CostUs, Frames, Freezes, LatencyMs, Outcome, OwnCostUs, Pictures,
    ProbeFigures, Run, SCHEMA, StageMs, StagesMs, StampFigures, Startup, Verdict, ms, rounded,
};
use crate::summary::Summary;
use crate::threshold::Assertion;
use crate::timeline::{Event, MAX_EVENTS, MAX_SECTIONS, Section, SectionMs};
use crate::warning::{Code, Warning};

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

/// Why a run failed, where it did so by itself and not by an assertion.
fn failure(run: &Run) -> Option<&Warning> {
    let failed = |warning: &&Warning| matches!(warning.code, Code::Failed | Code::ReportNotWritten);
    run.warnings.iter().find(failed).filter(|_| run.outcome == Outcome::Failed)
}

fn warnings(parts: &[Part]) -> Vec<Warning> {
    let mut out = Vec::new();
    for part in parts {
        let (name, run) = (&part.name, part.run());
        let mut say = |code, message: String| out.push(Warning::new(code, format!("{name}: {message}")));
        let failure = failure(run);
        for warning in run.warnings.iter().filter(|warning| failure != Some(*warning)) {
            say(warning.code, warning.message.clone());
        }
        if !part.is_pooled() {
            let left = "its latencies cannot be compared with those of others, and are left out of the joined ones";
            say(Code::MergePart, left.to_owned());
        } else if !part.short.is_empty() {
            let short = part.short.join(", ");
            say(
                Code::MergePart,
                format!("its files have not all values of {short}: quantiles are of those that are left"),
            );
        }
        part.notes.iter().for_each(|note| say(Code::MergePart, note.clone()));
        part.saved.notes.iter().for_each(|note| say(Code::MergeDifferent, note.clone()));
        let known = run.warnings.iter().any(|warning| warning.code.is_inconclusive());
        let undecided = run.assertions.iter().any(|verdict| verdict.ok.is_none());
        if run.outcome == Outcome::Inconclusive && !known && !undecided {
            say(Code::MergePart, "it was inconclusive, for a reason that this framelag does not know".to_owned());
        }
    }
    let (_, mut different) = settings::join(&each(parts, |run| &run.config));
    if parts.iter().any(|part| part.run().warmup_s != parts[0].run().warmup_s) {
        different.push("warmup_s".to_owned());
    }
    if !different.is_empty() {
        let message = format!("the receivers were set differently: {}", different.join(", "));
        out.push(Warning::new(Code::MergeDifferent, message));
    }
    out
}

fn each<'a, T>(parts: &'a [Part], of: impl Fn(&'a Run) -> T) -> Vec<T> {
    parts.iter().map(|part| of(part.run())).collect()
}

fn figures(parts: &[Part]) -> Run {
    let runs = each(parts, |run| run);
    let zero = zero_us(parts);
    let durations = || runs.iter().filter_map(|run| run.duration_s);
    let duration_s = durations().next().map(|_| rounded(durations().sum()));
    let (latency_ms, stages_ms) = (latency(parts), stages(parts));
    Run {
        schema: Cow::Borrowed(SCHEMA),
        partial: runs.iter().any(|run| run.partial),
        started: runs.iter().map(|run| run.started.clone()).min().unwrap_or_default(),
        url: distinct(runs.iter().map(|run| run.url.as_str())),
        duration_s,
        warmup_s: runs.iter().map(|run| run.warmup_s).fold(0.0, f64::max),
        config: settings::join(&each(parts, |run| &run.config)).0,
        host: settings::join(&each(parts, |run| &run.host)).0,
        frames: frames(&runs),
        pictures: pictures(&runs),
        sections: sections(parts, zero, &latency_ms),
        latency_ms,
        picture_age_ms: AgeMs {
            mean: mean(&runs, |run| Some((run.picture_age_ms.mean?, run.duration_s?))),
            p50: only(&runs, |run| run.picture_age_ms.p50),
            p99: only(&runs, |run| run.picture_age_ms.p99),
            max: largest(&runs, |run| run.picture_age_ms.max),
        },
        freezes: Freezes {
            count: sum(&runs, |run| run.freezes.count),
            total_ms: sum_ms(&runs, |run| run.freezes.total_ms),
            longest_ms: largest(&runs, |run| run.freezes.longest_ms),
        },
        stages_ms,
        startup: Startup {
            connected_ms: largest(&runs, |run| run.startup.connected_ms),
            first_packet_ms: largest(&runs, |run| run.startup.first_packet_ms),
            first_frame_ms: largest(&runs, |run| run.startup.first_frame_ms),
            first_reading_ms: largest(&runs, |run| run.startup.first_reading_ms),
        },
        fps: mean(&runs, |run| Some((run.fps?, run.duration_s?))),
        bitrate_kbps: mean(&runs, |run| Some((run.bitrate_kbps?, run.duration_s?))),
        connection: Connection {
            disconnects: total(&runs, |run| run.connection.disconnects),
            disconnected_ms: sum_ms(&runs, |run| Some(run.connection.disconnected_ms)).unwrap_or(0.0),
        },
        own_cost_us: costs(&runs),
        clock: clock(parts, &runs, zero),
        calibration: calibration(&runs),
        stamps: stamps(&runs),
        capture: CaptureFigures {
            clock: same(runs.iter().map(|run| run.capture.clock.clone())).flatten(),
            implausible: total(&runs, |run| run.capture.implausible),
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

fn frames(runs: &[&Run]) -> Frames {
    Frames {
        expected: sum(runs, |run| run.frames.expected),
        measured: sum(runs, |run| run.frames.measured),
        lost: sum(runs, |run| run.frames.lost),
        duplicate: sum(runs, |run| run.frames.duplicate),
        late: sum(runs, |run| run.frames.late),
        unreadable: sum(runs, |run| run.frames.unreadable),
        undecodable: sum(runs, |run| run.frames.undecodable),
        restarts: sum(runs, |run| run.frames.restarts),
    }
}

fn pictures(runs: &[&Run]) -> Pictures {
    Pictures {
        shown: total(runs, |run| run.pictures.shown),
        unreadable: total(runs, |run| run.pictures.unreadable),
        undecodable: total(runs, |run| run.pictures.undecodable),
        repeated: total(runs, |run| run.pictures.repeated),
        unplaced: total(runs, |run| run.pictures.unplaced),
        stale: total(runs, |run| run.pictures.stale),
        idr: total(runs, |run| run.pictures.idr),
    }
}

/// Quantiles of histograms added up, never outside what the runs say of their extremes.
struct Quantiles {
    of: Distribution,
    least: f64,
    most: f64,
}

impl Quantiles {
    fn get(&self, quantile: f64) -> Option<f64> {
        Some(ms(self.of.quantile_us(quantile)?).min(self.most).max(self.least))
    }
}

fn latency(parts: &[Part]) -> LatencyMs {
    let of = |part: &&Part| part.is_pooled();
    let runs: Vec<&LatencyMs> = parts.iter().filter(of).map(|part| &part.run().latency_ms).collect();
    let others = parts.iter().filter(|part| !part.is_pooled());
    let left_out = others.fold(0_u64, |sum, part| sum.saturating_add(part.run().latency_ms.count));
    let mut histogram = Distribution::default();
    parts.iter().filter(of).for_each(|part| histogram.add(&part.histograms.total));
    let extreme = |of: fn(&LatencyMs) -> Option<f64>, better: fn(f64, f64) -> f64| {
        runs.iter().filter_map(|latency| of(latency)).reduce(better)
    };
    let (min, max) = (extreme(|latency| latency.min, f64::min), extreme(|latency| latency.max, f64::max));
    let (least, most) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
    let quantiles = Quantiles { of: histogram, least, most };
    let (mean, stdev) = moments(&runs);
    let sum = |of: fn(&LatencyMs) -> u64| runs.iter().fold(0_u64, |sum, latency| sum.saturating_add(of(latency)));
    LatencyMs {
        count: sum(|latency| latency.count),
        min,
        mean,
        stdev,
        p50: quantiles.get(0.5),
        p90: quantiles.get(0.9),
        p95: quantiles.get(0.95),
        p99: quantiles.get(0.99),
        p99_9: quantiles.get(0.999),
        max,
        negative: sum(|latency| latency.negative),
        overflow: sum(|latency| latency.overflow),
        clock_step: sum(|latency| latency.clock_step),
        uncompared: sum(|latency| latency.uncompared).saturating_add(left_out),
    }
}

/// Mean and standard deviation of all values, from those of their parts (Chan, Golub and LeVeque 1983).
fn moments(runs: &[&LatencyMs]) -> (Option<f64>, Option<f64>) {
    let (mut count, mut mean, mut spread) = (0.0, 0.0, 0.0);
    for latency in runs {
        let (Some(own), Some(stdev)) = (latency.mean, latency.stdev) else { continue };
        let own_count = latency.count as f64;
        let together = count + own_count;
        if together == 0.0 {
            continue;
        }
        let difference = own - mean;
        mean += difference * own_count / together;
        spread += stdev * stdev * own_count + difference * difference * count * own_count / together;
        count = together;
    }
    let known = (count > 0.0).then_some(());
    (known.map(|()| rounded(mean)), known.map(|()| rounded((spread / count).sqrt())))
}

fn stages(parts: &[Part]) -> StagesMs {
    StagesMs(Stage::ALL.map(|stage| {
        let mut histogram = Distribution::default();
        let mut joined = StageMs::default();
        for part in parts.iter().filter(|part| part.is_pooled()) {
            let own = part.run().stages_ms.of(stage);
            histogram.add(&part.histograms.stages[stage as usize]);
            joined.count = joined.count.saturating_add(own.count);
            joined.max = larger(joined.max, own.max);
        }
        let most = joined.max.unwrap_or(f64::INFINITY);
        let quantiles = Quantiles { of: histogram, least: f64::NEG_INFINITY, most };
        StageMs { p50: quantiles.get(0.5), p99: quantiles.get(0.99), ..joined }
    }))
}

/// Those of all receivers where a clock split the run of any; one where none did.
fn sections(parts: &[Part], zero: Option<i64>, latency: &LatencyMs) -> Vec<Section> {
    let shift = |part: &Part| zero.map_or(0, |zero| part.shift(zero)) as f64;
    let pooled = || parts.iter().filter(|part| part.is_pooled());
    let all = pooled().flat_map(|part| {
        let shift = shift(part);
        let moved = |section: &Section| Section {
            from_s: rounded(section.from_s + shift),
            to_s: rounded(section.to_s + shift),
            ..section.clone()
        };
        part.run().sections.iter().map(moved).collect::<Vec<_>>()
    });
    let all: Vec<Section> = all.collect();
    if all.is_empty() || pooled().any(|part| part.run().sections.len() > 1) {
        return all.into_iter().take(MAX_SECTIONS).collect();
    }
    let LatencyMs { count, min, p50, p99, max, .. } = *latency;
    let (from_s, to_s) = all
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(from, to), section| (from.min(section.from_s), to.max(section.to_s)));
    vec![Section { from_s, to_s, because: None, latency_ms: SectionMs { count, min, p50, p99, max } }]
}

/// Means are weighted by the pictures shown.
fn costs(runs: &[&Run]) -> OwnCostUs {
    let cost = |of: fn(&OwnCostUs) -> Option<CostUs>| {
        let mean = mean(runs, |run| Some((of(&run.own_cost_us)?.mean, run.pictures.shown as f64)))?;
        Some(CostUs { mean, max: largest(runs, |run| Some(of(&run.own_cost_us)?.max))? })
    };
    OwnCostUs {
        wake: cost(|costs| costs.wake),
        read: cost(|costs| costs.read),
        convert: cost(|costs| costs.convert),
        compose: cost(|costs| costs.compose),
        hand_over: cost(|costs| costs.hand_over),
    }
}

fn clock(parts: &[Part], runs: &[&Run], zero: Option<i64>) -> ClockFigures {
    let one_clock = runs.iter().all(|run| run.clock.same_host);
    // A bound of all: known where each one's is.
    let bound = |of: fn(&ClockFigures) -> Option<i64>| {
        let bounds: Option<Vec<i64>> = runs.iter().map(|run| of(&run.clock)).collect();
        bounds?.into_iter().max()
    };
    let probes = |of: fn(&ProbeFigures) -> u64| total(runs, |run| run.clock.probes.as_ref().map_or(0, of));
    ClockFigures {
        same_host: one_clock,
        assumed: runs.iter().any(|run| run.clock.assumed),
        offset_us: if one_clock { Some(0) } else { only(runs, |run| run.clock.offset_us) },
        uncertainty_us: bound(|clock| clock.uncertainty_us),
        max_uncertainty_us: bound(|clock| clock.max_uncertainty_us),
        drift_ppm: only(runs, |run| run.clock.drift_ppm),
        source: same(runs.iter().map(|run| run.clock.source.clone())).flatten(),
        probes: runs.iter().any(|run| run.clock.probes.is_some()).then(|| ProbeFigures {
            sent: probes(|probes| probes.sent),
            answered: probes(|probes| probes.answered),
            refused: probes(|probes| probes.refused),
        }),
        restarts: total(runs, |run| run.clock.restarts),
        steps: total(runs, |run| run.clock.steps),
        largest_step_us: of_greatest_magnitude(runs, |run| run.clock.largest_step_us),
        suspends: total(runs, |run| run.clock.suspends),
        publisher_steps: total(runs, |run| run.clock.publisher_steps),
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
fn calibration(runs: &[&Run]) -> Option<crate::calibration::Quote> {
    let quotes: Option<Vec<_>> = runs.iter().map(|run| run.calibration.clone()).collect();
    quotes?.into_iter().max_by(|one, other| one.accuracy_ms.total_cmp(&other.accuracy_ms))
}

fn stamps(runs: &[&Run]) -> StampFigures {
    StampFigures {
        agreeing: total(runs, |run| run.stamps.agreeing),
        missing_sei: total(runs, |run| run.stamps.missing_sei),
        contradicted: total(runs, |run| run.stamps.contradicted),
        largest_difference_us: of_greatest_magnitude(runs, |run| run.stamps.largest_difference_us),
        sender_reports: total(runs, |run| run.stamps.sender_reports),
        sender_reports_off: total(runs, |run| run.stamps.sender_reports_off),
        sender_report_difference_us: only(runs, |run| run.stamps.sender_report_difference_us),
    }
}

fn total(runs: &[&Run], of: impl Fn(&Run) -> u64) -> u64 {
    runs.iter().fold(0, |sum, run| sum.saturating_add(of(run)))
}

/// Of what is known; `None` where nothing is.
fn sum(runs: &[&Run], of: impl Fn(&Run) -> Option<u64>) -> Option<u64> {
    runs.iter().filter_map(|run| of(run)).reduce(u64::saturating_add)
}

fn sum_ms(runs: &[&Run], of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    runs.iter().filter_map(|run| of(run)).reduce(|one, other| one + other).map(rounded)
}

fn largest(runs: &[&Run], of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    runs.iter().filter_map(|run| of(run)).reduce(f64::max)
}

fn of_greatest_magnitude(runs: &[&Run], of: impl Fn(&Run) -> Option<i64>) -> Option<i64> {
    runs.iter().filter_map(|run| of(run)).max_by_key(|value| value.unsigned_abs())
}

/// A figure that cannot be joined: it is known where one run alone has it.
fn only<T>(runs: &[&Run], of: impl Fn(&Run) -> Option<T>) -> Option<T> {
    let mut known = runs.iter().filter_map(|run| of(run));
    known.next().filter(|_| known.next().is_none())
}

/// Value and weight of each run.
fn mean(runs: &[&Run], of: impl Fn(&Run) -> Option<(f64, f64)>) -> Option<f64> {
    let known = runs.iter().filter_map(|run| of(run));
    let (sum, weight) = known.fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
    (weight > 0.0).then(|| rounded(sum / weight))
}

/// What all are, where they are all the same.
fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
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
