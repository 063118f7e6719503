//! What a browser went through that played: how it played, and what its player said of itself.

use serde::{Deserialize, Serialize};

use crate::latency::Distribution;
use crate::units::{ms, ms_of, rounded};

/// A join, or several: what `run.json` has more where a browser played.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Viewing {
    /// Times that playing stood still for want of data, after the first picture.
    pub stalls: Stalls,
    /// Seeks by why they were made: `start`, `live-edge`, `gap`, `player`.
    pub seeks: Counted,
    /// How fast it played: 1 is the source's speed.
    pub playback_rate: Spread,
    /// What was buffered ahead of the picture, ms.
    pub ahead_ms: Spread,
    /// What the player says of its own latency, by name.
    pub claims: Claims,
    /// What the stream's own dates say: PROGRAM-DATE-TIME, `prft`.
    pub dates: DatesMs,
    /// Frame callbacks.
    pub presented: Presented,
}

/// Names and how often.
pub type Counted = std::collections::BTreeMap<String, u64>;

/// Names and what was claimed.
pub type Claims = std::collections::BTreeMap<String, ClaimMs>;

/// Times that playing stood still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Stalls {
    /// How many.
    pub count: u64,
    /// All together, ms.
    pub total_ms: f64,
    /// The longest, ms; `None` where there was none.
    pub longest_ms: Option<f64>,
}

/// The values of something over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Spread {
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// What a player says of its own latency, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClaimMs {
    /// How often it said something.
    pub count: u64,
    /// The median of what it said.
    pub p50: Option<f64>,
    /// The median of claim − latency of the picture shown then; negative where the player is too hopeful.
    pub difference_p50: Option<f64>,
}

/// How old pictures are by the dates that the stream gives them, beside what their codes say, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct DatesMs {
    /// Frames with both.
    pub count: u64,
    /// The median of presented − date.
    pub p50: Option<f64>,
    /// The median of its difference from the latency by the code.
    pub difference_p50: Option<f64>,
    /// 99 % of the differences are not above it.
    pub difference_p99: Option<f64>,
}

/// Frame callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Presented {
    /// Callbacks.
    pub callbacks: u64,
    /// Frames presented without one.
    pub missed: u64,
    /// Frames that the browser decoded and did not present.
    pub dropped: u64,
}

/// Collects what becomes a [`Viewing`]: bounded by its counts, not by time.
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

/// Kinds of seeks, and names of claims, that are kept apart.
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
        self.count += other.count;
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
    /// Playing stood still for so long.
    pub fn stall(&mut self, length_us: i64) {
        let length = ms(length_us.max(0));
        self.stalls.add(&Stalls { count: 1, total_ms: length, longest_ms: Some(length) });
    }

    /// A seek, and why.
    pub fn seek(&mut self, why: &str) {
        if self.seeks.len() < MAX_NAMES || self.seeks.contains_key(why) {
            *self.seeks.entry(why.to_owned()).or_default() += 1;
        }
    }

    /// How it plays at the moment.
    pub fn state(&mut self, playback_rate: Option<f64>, ahead_us: Option<i64>, presented: Presented) {
        playback_rate.into_iter().for_each(|rate| self.rate.add(rate));
        ahead_us.into_iter().for_each(|ahead| self.ahead.add(ms_of(ahead as f64)));
        self.presented = presented;
    }

    /// The player says that it is `claim_us` behind; the picture says `latency_us`, where that is known.
    pub fn claim(&mut self, name: &str, claim_us: i64, latency_us: Option<i64>) {
        if self.claims.len() >= MAX_NAMES && !self.claims.contains_key(name) {
            return;
        }
        self.claims.entry(name.to_owned()).or_default().add(claim_us, latency_us);
    }

    /// By its date a picture is `by_date_us` old, by its code `latency_us`.
    pub fn date(&mut self, by_date_us: i64, latency_us: i64) {
        self.dates.add(by_date_us, Some(latency_us));
    }

    /// Adds another join's.
    pub fn merge(&mut self, other: &Self) {
        self.stalls.add(&other.stalls);
        other.seeks.iter().for_each(|(why, count)| *self.seeks.entry(why.clone()).or_default() += count);
        self.rate.merge(&other.rate);
        self.ahead.merge(&other.ahead);
        for (name, claimed) in &other.claims {
            self.claims.entry(name.clone()).or_default().merge(claimed);
        }
        self.dates.merge(&other.dates);
        let Presented { callbacks, missed, dropped } = &mut self.presented;
        let all = [
            (callbacks, other.presented.callbacks),
            (missed, other.presented.missed),
            (dropped, other.presented.dropped),
        ];
        all.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }

    /// The figures so far.
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
        one.state(Some(1.0), Some(60_000), Presented { callbacks: 100, missed: 1, dropped: 0 });
        let mut other = Viewed::default();
        other.stall(100_000);
        other.seek("start");
        other.state(Some(1.2), None, Presented { callbacks: 50, missed: 0, dropped: 2 });
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
