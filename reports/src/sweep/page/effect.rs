//! What each setting does by itself: one plot for each axis and metric, and in words how sure that is.

use super::super::analysis::Analysis;
use super::super::effects::{Effect, Interval};
use super::super::metric::Metric;
use super::{GRID, metrics, with_unit};
use crate::plot::{Axis, Chart, Point, Tone, escape};

pub fn section(found: &Analysis<'_>) -> String {
    if !found.effects.iter().any(|effect| effect.span.is_some()) {
        return String::new();
    }
    let mut out =
        "<h2>What each setting does</h2>\n<p class=\"soft\">Each value's mean over all combinations of the other \
                   settings, with its 95 % interval. Latency and bit rate are compared by ratio.</p>\n"
            .to_owned();
    for axis in 0..found.sweep.axes.len() {
        let of: Vec<(Metric, &Effect)> = metrics(found)
            .filter_map(|metric| Some((metric, find(found, axis, metric)?)))
            .filter(|(_, effect)| effect.span.is_some())
            .collect();
        out.push_str(&format!("<h3>{}</h3>\n", escape(&found.sweep.axes[axis].name)));
        let why = found.effects.iter().find(|effect| effect.axis == axis).and_then(|effect| effect.why.as_deref());
        if let Some(why) = why.filter(|_| of.is_empty()) {
            out.push_str(&format!("<p>No effect can be given: {}.</p>\n", escape(why)));
            continue;
        }
        out.push_str("<ul>\n");
        of.iter().for_each(|(metric, effect)| out.push_str(&format!("<li>{}</li>\n", escape(&words(*metric, effect)))));
        out.push_str("</ul>\n");
        out.push_str(&depends(found, axis));
        out.push_str(GRID);
        out.push_str(&latency(&of));
        let others = of.iter().filter(|(metric, _)| !matches!(metric, Metric::P50 | Metric::P99));
        others.for_each(|(metric, effect)| out.push_str(&chart(&with_unit(*metric), &[(*metric, *effect)])));
        out.push_str("</div>\n");
    }
    out
}

fn find<'a>(found: &'a Analysis<'_>, axis: usize, metric: Metric) -> Option<&'a Effect> {
    found.effects.iter().find(|effect| effect.axis == axis && effect.metric == metric.name())
}

/// `p50: +114 % from 500k to 4M (90 to 140): more than noise.`
fn words(metric: Metric, effect: &Effect) -> String {
    let Some(span) = &effect.span else { return String::new() };
    let digits = usize::from(effect.change_unit != "kbit/s") + 3 * usize::from(metric == Metric::Ssim);
    let Interval { value, low, high } = span.by;
    let range = low.zip(high).map(|(low, high)| format!(" ({low:+.digits$} to {high:+.digits$})")).unwrap_or_default();
    let sure = match (span.clear, low) {
        (true, _) => "more than noise",
        (false, Some(_)) => "no more than noise",
        (false, None) => "whether that is noise is not known",
    };
    let unit = if effect.change_unit.is_empty() { String::new() } else { format!(" {}", effect.change_unit) };
    format!("{}: {value:+.digits$}{unit}{range} from {} to {}: {sure}.", metric.label(), span.smallest, span.largest)
}

/// The axes that its effect on latency depends on.
fn depends(found: &Analysis<'_>, axis: usize) -> String {
    let latency = |metric: &str| metric == Metric::P50.name() || metric == Metric::P99.name();
    let clear = found.interactions.iter().filter(|of| of.clear && latency(of.metric) && of.pair.contains(&axis));
    let mut on: Vec<&str> =
        clear.map(|of| found.names.axis(if of.pair[0] == axis { of.pair[1] } else { of.pair[0] })).collect();
    on.sort_unstable();
    on.dedup();
    if on.is_empty() {
        return String::new();
    }
    format!("<p class=\"warn\">What it does to latency depends on {}: see the heat maps.</p>\n", escape(&on.join(", ")))
}

/// p50 and p99 in one plot.
fn latency(of: &[(Metric, &Effect)]) -> String {
    let latency: Vec<(Metric, &Effect)> =
        of.iter().copied().filter(|(metric, _)| matches!(metric, Metric::P50 | Metric::P99)).collect();
    if latency.is_empty() { String::new() } else { chart("latency, ms", &latency) }
}

fn chart(label: &str, of: &[(Metric, &Effect)]) -> String {
    /// How far two series are apart, so that their intervals do not lie on each other.
    const APART: f64 = 0.08;
    let effect = of[0].1;
    let ticks = effect.levels.iter().enumerate().map(|(at, level)| (at as f64, level.value.clone())).collect();
    let last = effect.levels.len().saturating_sub(1) as f64;
    let x = Axis::named(&effect.name, ticks).from(-0.4).to(last + 0.4);
    let mut chart = Chart::new(&format!("{label} by {}", effect.name), x, Axis::linear(label)).height(190);
    for (series, (metric, effect)) in of.iter().enumerate() {
        let shift = (series as f64 - (of.len() - 1) as f64 / 2.0) * 2.0 * APART;
        let points: Vec<Point> = (effect.levels.iter().enumerate())
            .filter_map(|(at, level)| {
                let mean = level.mean?;
                Some(Point {
                    x: at as f64 + shift,
                    y: mean.value,
                    y_error: mean.low.zip(mean.high),
                    title: format!("{}: {} {}", level.value, metric.label(), range(*metric, mean)),
                    ..Point::default()
                })
            })
            .collect();
        let tone = Tone::Series(match metric {
            Metric::P50 => 0,
            Metric::P99 => 1,
            Metric::Bitrate => 2,
            Metric::Psnr | Metric::Ssim => 4,
        });
        chart = chart.points(metric.label(), tone, points);
    }
    chart.svg()
}

fn range(metric: Metric, of: Interval) -> String {
    match of.low.zip(of.high) {
        Some((low, high)) => format!("{} ({} to {})", metric.text(of.value), metric.number(low), metric.number(high)),
        None => metric.text(of.value),
    }
}
