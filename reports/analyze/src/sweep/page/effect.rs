//! What each setting does by itself: one plot for each axis and metric, and in words how sure that is.

use render::plot::{Axis, Chart, Point, Tone, escape, with_ends};

use super::super::analysis::Analysis;
use super::super::effects::{Effect, Interval, Level};
use super::super::metric::Metric;
use super::{THREE, beside_latency, metrics, range, with_unit};

pub fn section(found: &Analysis<'_>) -> String {
    if !found.effects.iter().any(|effect| effect.span.is_some()) {
        return String::new();
    }
    let mut out =
        "<h2>What each setting does</h2>\n<p class=\"soft\">Each value's mean over all combinations of the other \
                   settings, with its 95 % interval; the plots of one figure have the same height for all settings. In words: \
                   from the smallest to the largest, with an interval that holds for every two values at once.</p>\n"
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
        out.push_str(&of.first().map_or(String::new(), |(_, effect)| numbers(&effect.levels)));
        out.push_str(THREE);
        let plots = std::iter::once(vec![Metric::P50, Metric::P99]);
        for of in plots.chain(beside_latency(found).into_iter().map(|metric| vec![metric])) {
            out.push_str(&chart(found, axis, &of));
        }
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
    let unit = if effect.change_unit.is_empty() { String::new() } else { format!(" {}", effect.change_unit) };
    let change = format!("{value:+.digits$}{unit}{range} from {} to {}", span.smallest, span.largest);
    match (span.clear, low) {
        (true, _) => format!("{}: {change}.", metric.label()),
        (false, Some(_)) => format!("{}: nothing beyond noise ({change}).", metric.label()),
        (false, None) => format!("{}: {change}; whether that is noise is not known.", metric.label()),
    }
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

/// The means of an axis' values, with the same y axis for every axis: the eye compares what they do.
fn chart(found: &Analysis<'_>, axis: usize, metrics: &[Metric]) -> String {
    /// How far two series are apart, so that their intervals do not lie on each other.
    const APART: f64 = 0.08;
    let effects: Vec<(Metric, &Effect)> = (metrics.iter())
        .filter_map(|metric| Some((*metric, find(found, axis, *metric).filter(|effect| effect.span.is_some())?)))
        .collect();
    let Some((_, first)) = effects.first() else { return String::new() };
    let label = if metrics.len() > 1 { "latency, ms".to_owned() } else { with_unit(metrics[0]) };
    let numbered = are_long(&first.levels);
    let tick = |at: usize, level: &Level| if numbered { (at + 1).to_string() } else { level.value.clone() };
    let ticks = first.levels.iter().enumerate().map(|(at, level)| (at as f64, tick(at, level))).collect();
    let last = first.levels.len().saturating_sub(1) as f64;
    let x = Axis::named(&first.name, ticks).from(-0.4).to(last + 0.4);
    let (low, high) = spanned(found, metrics);
    let y = Axis::linear(&label).from(low).to(high);
    let mut chart = Chart::new(&format!("{label} by {}", first.name), x, y).height(190);
    for (series, (metric, effect)) in effects.iter().enumerate() {
        let shift = (series as f64 - (effects.len() - 1) as f64 / 2.0) * 2.0 * APART;
        let points = points(*metric, effect, shift);
        let line: Vec<(f64, f64)> = points.iter().map(|point| (point.x, point.y)).collect();
        let tone = tone(*metric);
        chart = chart.line("", tone, &line).points(if effects.len() > 1 { metric.label() } else { "" }, tone, points);
    }
    chart.svg()
}

/// Their names would lie on each other below a plot: numbers stand for them.
fn are_long(levels: &[Level]) -> bool {
    const MAX_CHARS: usize = 36;
    levels.iter().map(|level| level.value.chars().count() + 1).sum::<usize>() > MAX_CHARS
}

/// What the numbers stand for, where there are any.
fn numbers(levels: &[Level]) -> String {
    if !are_long(levels) {
        return String::new();
    }
    let named: Vec<String> =
        levels.iter().enumerate().map(|(at, level)| format!("{} {}", at + 1, level.value)).collect();
    format!("<p class=\"soft\">In the plots: {}.</p>\n", escape(&named.join(" · ")))
}

fn points(metric: Metric, effect: &Effect, shift: f64) -> Vec<Point> {
    let point = |(at, level): (usize, &Level)| {
        let mean = level.mean?;
        Some(Point {
            x: at as f64 + shift,
            y: mean.value,
            y_error: mean.low.zip(mean.high),
            title: format!("{}: {} {}", level.value, metric.label(), range(metric, mean)),
            ..Point::default()
        })
    };
    effect.levels.iter().enumerate().filter_map(point).collect()
}

/// From the lowest end of an interval of any value of any axis to the highest, as far as that leaves something to see of the
/// values, with a little room.
fn spanned(found: &Analysis<'_>, metrics: &[Metric]) -> (f64, f64) {
    let of = |effect: &&Effect| metrics.iter().any(|metric| metric.name() == effect.metric);
    let means = || found.effects.iter().filter(of).flat_map(|effect| &effect.levels).filter_map(|level| level.mean);
    let ends: Vec<f64> = means().flat_map(|mean| [mean.low, mean.high]).flatten().collect();
    let all = with_ends(means().map(|mean| mean.value).collect(), &ends);
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let room = (high - low) * 0.05;
    (low - room, high + room)
}

fn tone(metric: Metric) -> Tone {
    Tone::Series(match metric {
        Metric::P50 => 0,
        Metric::P99 => 1,
        Metric::Age => 3,
        Metric::Bitrate => 2,
        Metric::Psnr | Metric::Ssim => 4,
    })
}
