//! The Pareto front: the settings that no other one beats in latency, bit rate and picture quality at once.
//!
//! A setting is beaten only where that is more than noise: another one is better in something for sure, and for sure not worse in
//! anything by more than nobody would choose a setting for ([`Metric::margin`]). It is on the front only where it is sure that none
//! beats it. What is neither is perhaps on it. All comparisons of one setting hold together at 95 % (Bonferroni over the
//! other settings and the objectives), as in the comparison of all with the best of them (Hsu, *Constrained Simultaneous
//! Confidence Intervals for Multiple Comparisons with the Best*, Annals of Statistics 12, 1984).

use serde::Serialize;

use super::effects::of;
use super::metric::Metric;
use super::noise::{Estimate, Means};

/// Where a setting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// No other one beats it, for sure.
    On,
    /// It cannot be told: too little is known of the noise, or another one is too much like it.
    Perhaps,
    /// Another one beats it, for sure.
    Out,
}

/// The front for one figure of latency.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// Latency first, then what there is of bit rate and quality.
    pub objectives: Vec<Metric>,
    /// By cell; `None` for cells without latency, and for those in no group.
    pub standing: Vec<Option<Standing>>,
    /// Something is known of noise. Without it no setting is out, and only those that no other one beats in every figure as it was
    /// measured are perhaps on the front.
    pub noise_known: bool,
}

/// The metric of quality that there is: PSNR before SSIM, as both see the same.
pub fn quality(means: &[Means]) -> Option<Metric> {
    [Metric::Psnr, Metric::Ssim].into_iter().find(|metric| of(means, *metric).is_some())
}

/// The front of `groups` of cells, each by itself; `None` without latency.
pub fn front(latency: Metric, groups: &[Vec<usize>], means: &[Means]) -> Option<Front> {
    let first = of(means, latency)?;
    let objectives: Vec<&Means> =
        [Some(first), of(means, Metric::Bitrate), quality(means).and_then(|metric| of(means, metric))]
            .into_iter()
            .flatten()
            .collect();
    let mut standing = vec![None; first.of.len()];
    for group in groups {
        let known: Vec<usize> = group.iter().copied().filter(|cell| first.of[*cell].is_some()).collect();
        let comparisons = (known.len().saturating_sub(1) * objectives.len()).max(1);
        for cell in &known {
            let others = known.iter().filter(|other| *other != cell);
            let against = others.map(|other| against(&objectives, *other, *cell, comparisons));
            standing[*cell] = stand(first.df > 0.0, against);
        }
    }
    let objectives = objectives.iter().map(|means| means.metric).collect();
    Some(Front { objectives, standing, noise_known: first.df > 0.0 })
}

/// What is known of one cell against another.
#[derive(Clone, Copy, Debug, Default)]
struct Against {
    /// It beats it, for sure.
    beats: bool,
    /// It cannot beat it, for sure.
    cannot: bool,
    /// It is at least as good in every figure as measured, and better in one.
    as_measured: bool,
}

fn stand(noise_known: bool, mut others: impl Iterator<Item = Against>) -> Option<Standing> {
    if !noise_known {
        return (!others.any(|other| other.as_measured)).then_some(Standing::Perhaps);
    }
    let mut standing = Standing::On;
    for other in others {
        match other {
            Against { beats: true, .. } => return Some(Standing::Out),
            Against { cannot: false, .. } => standing = Standing::Perhaps,
            Against { .. } => {}
        }
    }
    Some(standing)
}

fn against(objectives: &[&Means], one: usize, other: usize, comparisons: usize) -> Against {
    let (mut not_worse, mut better, mut worse, mut no_better) = (true, false, false, true);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for means in objectives {
        let advantage = means.difference(one, other).map(|estimate| match means.metric.more_is_better() {
            true => estimate,
            false => Estimate { value: -estimate.value, ..estimate },
        });
        let margin = means.metric.margin(means.scale);
        let (value, half) = advantage.map_or((f64::NAN, None), |of| (of.value, of.half(comparisons)));
        let half = half.unwrap_or(f64::INFINITY);
        // Comparisons with what is not known are false.
        better |= value - half > 0.0;
        worse |= value + half < 0.0;
        not_worse &= value - half >= -margin;
        no_better &= value + half <= margin;
        least = if value.is_nan() { f64::NEG_INFINITY } else { least.min(value) };
        most = most.max(value);
    }
    Against { beats: not_worse && better, cannot: worse || no_better, as_measured: least >= 0.0 && most > 0.0 }
}

#[cfg(test)]
mod tests;
