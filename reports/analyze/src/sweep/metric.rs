//! What of a run's figures is analysed, and on which scale.

use measure::units::rounded;

use super::{Figures, Row};
use crate::statistics::Scale;

/// Larger magnitudes are no measurement.
const MAX_MAGNITUDE: f64 = 1e12;

/// A figure that settings are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Median latency.
    P50,
    /// The latency that 99 % do not exceed.
    P99,
    /// The age of the picture on screen that it has for all but 1 % of the time: what a slow frame rate costs.
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

    /// The name in `tune.csv` and `tune.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50_ms",
            Self::P99 => "p99_ms",
            Self::Age => "age_p99_ms",
            Self::Bitrate => "bitrate_kbps",
            Self::Psnr => "psnr_db",
            Self::Ssim => "ssim",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Age => "picture age p99",
            Self::Bitrate => "bit rate",
            Self::Psnr => "PSNR",
            Self::Ssim => "SSIM",
        }
    }

    /// With a space before it, or empty.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::P50 | Self::P99 | Self::Age => " ms",
            Self::Bitrate => " kbit/s",
            Self::Psnr => " dB",
            Self::Ssim => "",
        }
    }

    /// Of a row, where it can be and the run was measured.
    pub fn of(self, row: &Row) -> Option<f64> {
        let Figures { p50_ms, p99_ms, age_p99_ms, bitrate_kbps, psnr_db, ssim, .. } = row.figures;
        let value = match self {
            Self::P50 => p50_ms,
            Self::P99 => p99_ms,
            Self::Age => age_p99_ms,
            Self::Bitrate => bitrate_kbps,
            Self::Psnr => psnr_db,
            Self::Ssim => ssim,
        };
        value.filter(|value| value.abs() <= MAX_MAGNITUDE && row.outcome == super::Outcome::Ok)
    }

    /// More is better.
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Psnr | Self::Ssim)
    }

    /// The scale for these values: latency, age and bit rate by ratio, unless one is not positive (two clocks that disagree).
    pub fn scale<'a>(self, values: impl Iterator<Item = &'a f64>) -> Scale {
        match self {
            Self::P50 | Self::P99 | Self::Age | Self::Bitrate => Scale::fitting(values),
            Self::Psnr | Self::Ssim => Scale::Difference,
        }
    }

    /// A difference that nobody would choose a setting for, on `scale`: 2 % (or 0.5 ms, 10 kbit/s where ratios mean nothing),
    /// 0.2 dB, 0.002 of SSIM.
    pub fn margin(self, scale: Scale) -> f64 {
        match (self, scale) {
            (Self::P50 | Self::P99 | Self::Age | Self::Bitrate, Scale::Ratio) => 0.02,
            (Self::P50 | Self::P99 | Self::Age, Scale::Difference) => 0.5,
            (Self::Bitrate, Scale::Difference) => 10.0,
            (Self::Psnr, _) => 0.2,
            (Self::Ssim, _) => 0.002,
        }
    }

    /// A value with its unit, for people: `41.2 ms`.
    pub fn text(self, value: f64) -> String {
        format!("{}{}", self.number(value), self.unit())
    }

    /// A value without its unit, with as many digits as mean something.
    pub fn number(self, value: f64) -> String {
        match self {
            Self::Ssim => format!("{value:.4}"),
            Self::Bitrate => format!("{value:.0}"),
            Self::P50 | Self::P99 | Self::Age if value.abs() >= 1_000.0 => format!("{value:.0}"),
            Self::P50 | Self::P99 | Self::Age | Self::Psnr => format!("{value:.1}"),
        }
    }
}

/// With as many decimals as a file needs.
pub fn decimals(metric: Metric, value: f64) -> f64 {
    match metric {
        Metric::Ssim => (value * 1e5).round() / 1e5,
        _ => rounded(value),
    }
}
