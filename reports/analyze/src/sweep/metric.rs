//! The figures of a run that are analysed, and their scales.

use measure::units::rounded;
use report::run::Outcome;

use super::{Figures, Row};
use crate::statistics::Scale;

/// Larger magnitudes are no measurements.
const MAX_MAGNITUDE: f64 = 1e12;

/// A figure that settings are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Median latency.
    P50,
    /// The latency that 99 % do not exceed.
    P99,
    /// The p99 over time of the age of the picture on screen: the cost of a slow frame rate.
    Age,
    /// Compressed video.
    Bitrate,
    /// PSNR against the stamped source.
    Psnr,
    /// SSIM against the stamped source.
    Ssim,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::P50, Self::P99, Self::Age, Self::Bitrate, Self::Psnr, Self::Ssim];

    /// The name in `tune.csv` and `tune.json`, the name for people, and the unit: with a space before it, or empty.
    const fn words(self) -> [&'static str; 3] {
        match self {
            Self::P50 => ["p50_ms", "p50", " ms"],
            Self::P99 => ["p99_ms", "p99", " ms"],
            Self::Age => ["age_p99_ms", "picture age p99", " ms"],
            Self::Bitrate => ["bitrate_kbps", "bit rate", " kbit/s"],
            Self::Psnr => ["psnr_db", "PSNR", " dB"],
            Self::Ssim => ["ssim", "SSIM", ""],
        }
    }

    /// The name in `tune.csv` and `tune.json`.
    pub const fn name(self) -> &'static str {
        self.words()[0]
    }

    /// The name for people.
    pub const fn label(self) -> &'static str {
        self.words()[1]
    }

    /// The unit, with a space before it; empty for SSIM.
    pub const fn unit(self) -> &'static str {
        self.words()[2]
    }

    /// Its value in a run that was measured, if there is one.
    pub fn of(self, row: &Row) -> Option<f64> {
        self.of_figures(&row.figures).filter(|_| row.outcome == Outcome::Ok)
    }

    /// Returns the values of a measured run: one, or one per join.
    pub fn values(self, row: &Row) -> Vec<f64> {
        if row.outcome == Outcome::Ok { row.values(|figures| self.of_figures(figures)) } else { Vec::new() }
    }

    fn of_figures(self, figures: &Figures) -> Option<f64> {
        let (_, value) = figures.named().into_iter().find(|(name, _)| *name == self.name())?;
        value.filter(|value| value.abs() <= MAX_MAGNITUDE)
    }

    /// More is better.
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Psnr | Self::Ssim)
    }

    /// The scale for these values: quality by difference, everything else by ratio, unless a value is not positive (two clocks that disagree).
    pub fn scale<'a>(self, values: impl Iterator<Item = &'a f64>) -> Scale {
        if self.more_is_better() { Scale::Difference } else { Scale::fitting(values) }
    }

    /// A negligible difference on `scale`: 2 % (or 0.5 ms, 10 kbit/s where ratios mean nothing),
    /// 0.2 dB, 0.002 of SSIM.
    pub const fn margin(self, scale: Scale) -> f64 {
        match (self, scale) {
            (Self::Psnr, _) => 0.2,
            (Self::Ssim, _) => 0.002,
            (_, Scale::Ratio) => 0.02,
            (Self::Bitrate, Scale::Difference) => 10.0,
            (_, Scale::Difference) => 0.5,
        }
    }

    /// A value with its unit, for people: `41.2 ms`.
    pub fn text(self, value: f64) -> String {
        format!("{}{}", self.number(value), self.unit())
    }

    /// A value without its unit, with as many digits as mean something.
    pub fn number(self, value: f64) -> String {
        let decimals = match self {
            Self::Ssim => 4,
            Self::Bitrate => 0,
            Self::P50 | Self::P99 | Self::Age if value.abs() >= 1_000.0 => 0,
            _ => 1,
        };
        format!("{value:.decimals$}")
    }

    /// A value with as many decimals as a file needs.
    pub fn for_file(self, value: f64) -> f64 {
        if self == Self::Ssim { (value * 1e5).round() / 1e5 } else { rounded(value) }
    }
}
