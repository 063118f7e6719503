//! Shared parts of the page's sections.

use super::super::analysis::Analysis;
use super::super::front;
use super::super::metric::Metric;
use crate::statistics::{LEVEL, confidence};

/// The confidence of every interval, in percent.
pub(super) const CONFIDENCE: f64 = 100.0 * confidence(LEVEL);

/// Two things side by side where there is room.
pub(super) const PAIR: &str = "<div class=\"pair\">\n";

/// The metrics that were measured, latency first.
pub(super) fn metrics<'a>(analysis: &'a Analysis<'a>) -> impl Iterator<Item = Metric> + 'a {
    Metric::ALL.into_iter().filter(|metric| analysis.samples(*metric).is_some())
}

/// The measured metrics that are plotted against latency: bit rate and quality.
pub(super) fn trade_offs(analysis: &Analysis<'_>) -> Vec<Metric> {
    let bitrate = analysis.samples(Metric::Bitrate).map(|_| Metric::Bitrate);
    bitrate.into_iter().chain(front::quality(&analysis.samples)).collect()
}

/// `p50, ms`.
pub(super) fn with_unit(metric: Metric) -> String {
    match metric.unit().trim_start() {
        "" => metric.label().to_owned(),
        unit => format!("{}, {unit}", metric.label()),
    }
}
