//! Pools latencies and stages of several runs: exact figures from the runs, quantiles from the histograms.

use measure::figures::{LatencyMs, StageMs};
use measure::interval::Histograms;
use measure::latency::Distribution;
use measure::stages::PerStage;
use measure::timeline::{MAX_SECTIONS, Section, SectionMs};
use measure::units::{ms, rounded};

use super::part::Part;
use super::runs::Runs;

/// Returns quantiles of the added histograms, clamped to the runs' exact extremes.
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

/// The histograms of the pooled parts, added up.
pub fn added<'a>(parts: &[Part<'a>], of: impl Fn(&'a Histograms) -> &'a Distribution) -> Distribution {
    let mut sum = Distribution::default();
    parts.iter().filter(|part| part.is_pooled()).for_each(|part| sum.add(of(part.histograms)));
    sum
}

pub(super) fn latency(parts: &[Part<'_>]) -> LatencyMs {
    let of_parts =
        |pooled: bool| Runs::new(parts.iter().filter(move |part| part.is_pooled() == pooled).map(|part| part.run));
    let (runs, left_out) = (of_parts(true), of_parts(false));
    let (min, max) = (runs.smallest(|run| run.latency_ms.min), runs.largest(|run| run.latency_ms.max));
    let (least, most) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
    let quantiles = Quantiles { of: added(parts, |histograms| &histograms.total), least, most };
    let (mean, stdev) = moments(&runs);
    let uncompared = runs.total(|run| run.latency_ms.uncompared);
    LatencyMs {
        count: runs.total(|run| run.latency_ms.count),
        min,
        mean,
        stdev,
        p50: quantiles.get(0.5),
        p90: quantiles.get(0.9),
        p95: quantiles.get(0.95),
        p99: quantiles.get(0.99),
        p99_9: quantiles.get(0.999),
        max,
        negative: runs.total(|run| run.latency_ms.negative),
        overflow: runs.total(|run| run.latency_ms.overflow),
        clock_step: runs.total(|run| run.latency_ms.clock_step),
        uncompared: uncompared.saturating_add(left_out.total(|run| run.latency_ms.count)),
    }
}

/// Returns mean and standard deviation of all values from those of the parts (Chan, Golub and LeVeque 1983).
fn moments(runs: &Runs<'_>) -> (Option<f64>, Option<f64>) {
    let (mut count, mut mean, mut spread) = (0.0, 0.0, 0.0);
    for latency in runs.iter().map(|run| &run.latency_ms) {
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

pub(super) fn stages(parts: &[Part<'_>]) -> PerStage<StageMs> {
    let runs = Runs::new(parts.iter().filter(|part| part.is_pooled()).map(|part| part.run));
    PerStage::new(|stage| {
        let max = runs.largest(|run| run.stages_ms[stage].max);
        let of = added(parts, |histograms| &histograms.stages[stage]);
        let quantiles = Quantiles { of, least: f64::NEG_INFINITY, most: max.unwrap_or(f64::INFINITY) };
        let count = runs.total(|run| run.stages_ms[stage].count);
        StageMs { count, p50: quantiles.get(0.5), p99: quantiles.get(0.99), max }
    })
}

/// Returns the sections of all receivers if a clock split any run, else one.
pub(super) fn sections(parts: &[Part<'_>], latency: &LatencyMs) -> Vec<Section> {
    let pooled = || parts.iter().filter(|part| part.is_pooled());
    let all = pooled().flat_map(|part| {
        let shift = part.shift_s;
        let moved = |section: &Section| Section {
            from_s: rounded(section.from_s + shift),
            to_s: rounded(section.to_s + shift),
            ..section.clone()
        };
        part.run.sections.iter().map(moved).collect::<Vec<_>>()
    });
    let all: Vec<Section> = all.collect();
    if all.is_empty() || pooled().any(|part| part.run.sections.len() > 1) {
        return all.into_iter().take(MAX_SECTIONS).collect();
    }
    let LatencyMs { count, min, p50, p99, max, .. } = *latency;
    let (from_s, to_s) = all
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(from, to), section| (from.min(section.from_s), to.max(section.to_s)));
    vec![Section { from_s, to_s, because: None, latency_ms: SectionMs { count, min, p50, p99, max } }]
}
