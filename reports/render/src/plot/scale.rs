//! How the values of an axis are laid out along it.

/// A scale of an axis.
#[derive(Clone, Debug)]
pub(super) enum Scale {
    Linear,
    Log,
    /// Seconds since a beginning.
    Time,
    /// A quantile q at log(1 / (1 − q)), as HdrHistogram's plots have it: each further nine takes the same room.
    Percentile,
    /// Linear, with ticks of the caller's.
    Named(Vec<(f64, String)>),
}

impl Scale {
    pub(super) fn takes(&self, value: f64) -> bool {
        match self {
            Self::Log => value > 0.0,
            Self::Percentile => (0.0..1.0).contains(&value),
            _ => true,
        }
    }

    pub(super) fn of_nothing(&self) -> (f64, f64) {
        match self {
            Self::Log => (1.0, 10.0),
            Self::Percentile => (0.0, 0.99),
            _ => (0.0, 1.0),
        }
    }

    /// How much an axis spans at least that begins at `low`.
    pub(super) fn least_span(&self, low: f64) -> f64 {
        match self {
            Self::Log => low.abs().max(f64::MIN_POSITIVE),
            Self::Percentile => (1.0 - low) / 2.0,
            _ => (low.abs() * 0.1).max(1e-3),
        }
    }

    /// Where on a straight line a value lies.
    pub(super) fn straight(&self, value: f64) -> f64 {
        match self {
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Percentile => -(1.0 - value.clamp(0.0, 1.0 - 1e-12)).log10(),
            _ => value,
        }
    }
}
