//! Playback figures of a browser, and its player's claims.

use serde::{Deserialize, Serialize};

use crate::latency::Distribution;
use crate::units::{ms, ms_of, rounded};

/// Playback figures of one or more joins, added to `run.json` after runs in a browser.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Viewing {
    /// Stalls for lack of data after the first picture.
    pub stalls: Stalls,
    /// Number of seeks by reason: `start`, `live-edge`, `gap`, `player`.
    pub seeks: Counted,
    /// Playback rate; 1 is real time.
    pub playback_rate: Spread,
    /// Media buffered ahead of the element's clock, ms. The picture on screen may be up to a frame ahead of that clock.
    pub ahead_ms: Spread,
    /// The player's claims about its own latency, by name.
    pub claims: Claims,
    /// Latency by the stream's own dates: PROGRAM-DATE-TIME, `prft`.
    pub dates: DatesMs,
    /// Frame callbacks.
    pub presented: Presented,
}

/// Counts by name.
pub type Counted = std::collections::BTreeMap<String, u64>;

/// Claims by name.
pub type Claims = std::collections::BTreeMap<String, ClaimMs>;

/// Playback stalls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Stalls {
    /// Number of stalls.
    pub count: u64,
    /// Total duration, ms.
    pub total_ms: f64,
    /// Longest stall, ms; `None` without stalls.
    pub longest_ms: Option<f64>,
}

/// Distribution of a value over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Minimum.
    pub min: Option<f64>,
    /// Maximum.
    pub max: Option<f64>,
}

/// A player's claim about its own latency, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClaimMs {
    /// Number of claims.
    pub count: u64,
    /// Median claim.
    pub p50: Option<f64>,
    /// Median of claim − latency of the picture then on screen; negative if the player underestimates.
    pub difference_p50: Option<f64>,
}

/// Age of pictures by the dates in the stream compared with their codes, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct DatesMs {
    /// Frames with both.
    pub count: u64,
    /// Median of presented − date.
    pub p50: Option<f64>,
    /// Median difference from the latency by the code.
    pub difference_p50: Option<f64>,
    /// 99th percentile of the differences.
    pub difference_p99: Option<f64>,
}

/// Frame callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Presented {
    /// Number of callbacks after the warm-up.
    pub callbacks: u64,
    /// Frames presented without a callback, after the warm-up.
    pub missed: u64,
    /// Frames decoded but not presented.
    pub dropped: u64,
}

impl Presented {
    fn add(&mut self, other: &Self) {
        self.callbacks = self.callbacks.saturating_add(other.callbacks);
        self.missed = self.missed.saturating_add(other.missed);
        self.dropped = self.dropped.saturating_add(other.dropped);
    }
}

/// Accumulates a [`Viewing`] in bounded memory.
#[derive(Clone, Debug, Default)]
pub struct Viewed {
    stalls: Stalls,
    seeks: Counted,
    rate: Running,
    ahead: Running,
    claims: std::collections::BTreeMap<String, Claimed>,
    dates: Claimed,
    presented: Presented,
}

/// Most kinds of seeks and names of claims kept apart.
const MAX_NAMES: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
struct Running {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

#[derive(Clone, Debug, Default)]
struct Claimed {
    values: Distribution,
    /// Claim − latency.
    difference: Distribution,
}

impl Stalls {
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.total_ms = rounded(self.total_ms + other.total_ms);
        self.longest_ms = [self.longest_ms, other.longest_ms].into_iter().flatten().reduce(f64::max);
    }
}

impl Running {
    fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let first = self.count == 0;
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        self.sum += value;
        self.count += 1;
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (count, sum) = (self.count + other.count, self.sum + other.sum);
        self.add(other.min);
        self.add(other.max);
        (self.count, self.sum) = (count, sum);
    }

    fn spread(&self) -> Spread {
        let known = |value: f64| (self.count > 0).then(|| rounded(value));
        Spread { mean: known(self.sum / self.count as f64), min: known(self.min), max: known(self.max) }
    }
}

impl Viewed {
    /// Adds a stall.
    pub fn stall(&mut self, length_us: i64) {
        let length = ms(length_us.max(0));
        self.stalls.add(&Stalls { count: 1, total_ms: length, longest_ms: Some(length) });
    }

    /// Adds a seek and its reason.
    pub fn seek(&mut self, why: &str) {
        if self.seeks.len() < MAX_NAMES || self.seeks.contains_key(why) {
            *self.seeks.entry(why.to_owned()).or_default() += 1;
        }
    }

    /// Adds the current playback state.
    pub fn state(&mut self, playback_rate: Option<f64>, ahead_us: Option<i64>, dropped: u64) {
        playback_rate.into_iter().for_each(|rate| self.rate.add(rate));
        ahead_us.into_iter().for_each(|ahead| self.ahead.add(ms_of(ahead as f64)));
        self.presented.dropped = dropped;
    }

    /// Adds a frame callback after the warm-up, and the frames presented without one before it.
    pub fn called(&mut self, missed: u32) {
        self.presented.callbacks += 1;
        self.presented.missed += u64::from(missed);
    }

    /// Adds a claim of `claim_us`; `latency_us` is the measured latency, if known.
    pub fn claim(&mut self, name: &str, claim_us: i64, latency_us: Option<i64>) {
        if self.claims.len() >= MAX_NAMES && !self.claims.contains_key(name) {
            return;
        }
        self.claims.entry(name.to_owned()).or_default().add(claim_us, latency_us);
    }

    /// Adds a picture that is `by_date_us` old by its date and `latency_us` old by its code.
    pub fn date(&mut self, by_date_us: i64, latency_us: i64) {
        self.dates.add(by_date_us, Some(latency_us));
    }

    /// Adds another join's figures, but for its claims, whose medians count join by join.
    pub fn merge(&mut self, other: &Self) {
        self.stalls.add(&other.stalls);
        for (name, count) in &other.seeks {
            let sum = self.seeks.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.rate.merge(&other.rate);
        self.ahead.merge(&other.ahead);
        self.dates.merge(&other.dates);
        self.presented.add(&other.presented);
    }

    /// Returns the figures so far.
    pub fn figures(&self) -> Viewing {
        Viewing {
            stalls: self.stalls,
            seeks: self.seeks.clone(),
            playback_rate: self.rate.spread(),
            ahead_ms: self.ahead.spread(),
            claims: self.claims.iter().map(|(name, claimed)| (name.clone(), claimed.figures())).collect(),
            dates: self.dates.dates(),
            presented: self.presented,
        }
    }
}

impl Claimed {
    fn add(&mut self, claim_us: i64, latency_us: Option<i64>) {
        self.values.record(claim_us);
        latency_us.into_iter().for_each(|latency| self.difference.record(claim_us.saturating_sub(latency)));
    }

    fn merge(&mut self, other: &Self) {
        self.values.add(&other.values);
        self.difference.add(&other.difference);
    }

    fn dates(&self) -> DatesMs {
        let ClaimMs { count, p50, difference_p50 } = self.figures();
        DatesMs { count, p50, difference_p50, difference_p99: self.difference.quantile_us(0.99).map(ms) }
    }

    fn figures(&self) -> ClaimMs {
        ClaimMs {
            count: self.values.count(),
            p50: self.values.quantile_us(0.5).map(ms),
            difference_p50: self.difference.quantile_us(0.5).map(ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_stands_beside_the_truth() {
        let mut viewed = Viewed::default();
        for i in 0..9 {
            viewed.claim("hls_latency_ms", 300_000 + i, Some(315_000));
            viewed.claim("dash_live_latency_ms", 300_000, Some(290_000 + i));
        }
        viewed.claim("hls_latency_ms", 300_000, None);
        (0..9).for_each(|i| viewed.date(61_000 + i, 60_000));
        let dates = viewed.figures().dates;
        assert_eq!((dates.count, dates.difference_p50.map(f64::round)), (9, Some(1.0)));
        let claims = viewed.figures().claims;
        let (hls, dash) = (claims["hls_latency_ms"], claims["dash_live_latency_ms"]);
        assert!((hls.difference_p50.expect("known") + 15.0).abs() < 0.2 && hls.count == 10, "{hls:?}");
        assert!((dash.difference_p50.expect("known") - 10.0).abs() < 0.2, "{dash:?}");
    }

    #[test]
    fn joins_add_up() {
        let mut one = Viewed::default();
        one.stall(300_000);
        one.seek("start");
        one.state(Some(1.0), Some(60_000), 0);
        (0..100).for_each(|_| one.called(0));
        let mut other = Viewed::default();
        other.stall(100_000);
        other.seek("start");
        other.state(Some(1.2), None, 2);
        (0..50).for_each(|_| other.called(0));
        one.merge(&other);
        let figures = one.figures();
        assert_eq!(figures.stalls, Stalls { count: 2, total_ms: 400.0, longest_ms: Some(300.0) });
        assert_eq!((figures.seeks["start"], figures.presented.callbacks), (2, 150));
        assert_eq!(figures.playback_rate, Spread { mean: Some(1.1), min: Some(1.0), max: Some(1.2) });
        assert_eq!(figures.ahead_ms.mean, Some(60.0));
        assert_eq!(Viewed::default().figures().playback_rate, Spread::default());
    }

    #[test]
    fn names_of_a_page_do_not_pile_up() {
        let mut viewed = Viewed::default();
        (0..100).for_each(|i| viewed.seek(&i.to_string()));
        (0..100).for_each(|i| viewed.claim(&i.to_string(), i, None));
        assert_eq!((viewed.figures().seeks.len(), viewed.figures().claims.len()), (MAX_NAMES, MAX_NAMES));
    }
}
