//! Latencies and stages of many runs as one: what a run says exactly is pooled from that, quantiles from the histograms.

use measure::figures::{LatencyMs, StageMs};
use measure::latency::Distribution;
use measure::stages::PerStage;
use measure::timeline::{MAX_SECTIONS, Section, SectionMs};
use measure::units::{ms, rounded};

use super::intervals::larger;
use super::part::Part;

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

pub(super) fn latency(parts: &[Part]) -> LatencyMs {
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

pub(super) fn stages(parts: &[Part]) -> PerStage<StageMs> {
    PerStage::new(|stage| {
        let mut histogram = Distribution::default();
        let mut joined = StageMs::default();
        for part in parts.iter().filter(|part| part.is_pooled()) {
            let own = &part.run().stages_ms[stage];
            histogram.add(&part.histograms.stages[stage]);
            joined.count = joined.count.saturating_add(own.count);
            joined.max = larger(joined.max, own.max);
        }
        let most = joined.max.unwrap_or(f64::INFINITY);
        let quantiles = Quantiles { of: histogram, least: f64::NEG_INFINITY, most };
        StageMs { p50: quantiles.get(0.5), p99: quantiles.get(0.99), ..joined }
    })
}

/// Those of all receivers where a clock split the run of any; one where none did.
pub(super) fn sections(parts: &[Part], zero: Option<i64>, latency: &LatencyMs) -> Vec<Section> {
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
