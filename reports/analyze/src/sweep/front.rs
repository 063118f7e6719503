//! The Pareto front: the settings that no other one beats in latency, bit rate and picture quality at once.
//!
//! A setting is beaten only where that is more than noise: another one is better in something, as [`crate::statistics`] tells it, and
//! not worse in anything by more than nobody would choose a setting for ([`Metric::margin`]). It is on the front only where none can
//! beat it. What is neither is perhaps on it.

use serde::Serialize;

use super::metric::Metric;
use super::samples::{Better, Samples};

/// The place of a setting relative to the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Certainly, no other setting beats it.
    On,
    /// Undecided: too few runs, or another setting is too similar.
    Perhaps,
    /// Certainly, another setting beats it.
    Out,
}

/// The front for one figure of latency.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// Latency first, then what there is of bit rate and quality.
    pub objectives: Vec<Metric>,
    /// By cell; `None` for cells without latency, and for those in no group.
    pub standing: Vec<Option<Standing>>,
    /// There are settings with enough runs to be told apart. Without them none is out, and only those that no other one beats in
    /// every figure as it was measured are perhaps on the front.
    pub noise_known: bool,
}

/// The metric of quality that was measured: PSNR, else SSIM.
pub fn quality(samples: &[Samples]) -> Option<Metric> {
    [Metric::Psnr, Metric::Ssim].into_iter().find(|metric| Samples::find(samples, *metric).is_some())
}

/// The front of `groups` of cells, each by itself; `None` without latency.
pub fn front(latency: Metric, groups: &[Vec<usize>], samples: &[Samples]) -> Option<Front> {
    let find = |metric| Samples::find(samples, metric);
    let first = find(latency)?;
    let objectives: Vec<&Samples> =
        [Some(first), find(Metric::Bitrate), quality(samples).and_then(find)].into_iter().flatten().collect();
    let mut standing = vec![None; first.cells()];
    let known = |group: &[usize]| group.iter().copied().filter(|cell| first.runs(*cell) > 0).collect::<Vec<_>>();
    let groups: Vec<Vec<usize>> = groups.iter().map(|group| known(group)).collect();
    let has_pair = |group: &Vec<usize>| {
        let others = |cell: usize| group.iter().any(move |other| *other != cell && first.can_distinguish(cell, *other));
        group.iter().any(|cell| others(*cell))
    };
    let noise_known = groups.iter().any(has_pair);
    for group in &groups {
        for cell in group {
            let others = group.iter().filter(|other| *other != cell);
            standing[*cell] = standing_of(noise_known, others.map(|other| dominance(&objectives, *other, *cell)));
        }
    }
    let objectives = objectives.iter().map(|samples| samples.metric).collect();
    Some(Front { objectives, standing, noise_known })
}

/// How one cell compares with another.
#[derive(Clone, Copy, Debug, Default)]
struct Dominance {
    /// It certainly beats it.
    beats: bool,
    /// It certainly does not beat it.
    cannot: bool,
    /// It is at least as good in every figure as measured, and better in one.
    as_measured: bool,
}

fn standing_of(noise_known: bool, mut others: impl Iterator<Item = Dominance>) -> Option<Standing> {
    if !noise_known {
        return (!others.any(|other| other.as_measured)).then_some(Standing::Perhaps);
    }
    let mut standing = Standing::On;
    for other in others {
        match other {
            Dominance { beats: true, .. } => return Some(Standing::Out),
            Dominance { cannot: false, .. } => standing = Standing::Perhaps,
            Dominance { .. } => {}
        }
    }
    Some(standing)
}

fn dominance(objectives: &[&Samples], one: usize, other: usize) -> Dominance {
    let (mut not_worse, mut better, mut worse, mut no_better) = (true, false, false, true);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for samples in objectives {
        let margin = samples.metric.margin(samples.scale);
        let Some(Better { by, half, direction }) = samples.better(one, other) else {
            // What is not known is neither.
            (not_worse, no_better, least) = (false, false, f64::NEG_INFINITY);
            continue;
        };
        let half = half.unwrap_or(f64::INFINITY);
        better |= direction.is_gt();
        worse |= direction.is_lt();
        not_worse &= by - half >= -margin;
        no_better &= by + half <= margin;
        least = least.min(by);
        most = most.max(by);
    }
    Dominance { beats: not_worse && better, cannot: worse || no_better, as_measured: least >= 0.0 && most > 0.0 }
}

#[cfg(test)]
mod tests;
