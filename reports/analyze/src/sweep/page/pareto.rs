//! Latency against bit rate and quality: a plot of each, under each condition of the network.

use render::plot::{Axis, Chart, Point, Tone, escape};

use super::super::analysis::Analysis;
use super::super::cells::MAX_MISSING_PERCENT;
use super::super::front::Standing;
use super::super::metric::Metric;
use super::parts::{CONFIDENCE, PAIR, trade_offs, with_unit};
use crate::statistics::Scale;

/// The most conditions with plots; others are only in the table.
const MAX_CONDITIONS: usize = 12;

pub fn section(analysis: &Analysis<'_>) -> String {
    let others = trade_offs(analysis);
    let Some(front) = analysis.fronts.first().filter(|_| !others.is_empty()) else { return String::new() };
    let labels: Vec<&str> = front.objectives.iter().map(|metric| metric.label()).collect();
    let mut out = format!(
        "<h2>Latency against {}</h2>\n<p class=\"soft\">A setting is on the front if no other setting beats it in {} at once, and off \
         it only if another one does so by more than noise. Settings with more than {MAX_MISSING_PERCENT} % of their frames not seen are \
         not compared. Bars are {CONFIDENCE} % intervals; a bar that reaches the edge continues beyond it.</p>\n",
        escape(&others.iter().map(|metric| metric.label()).collect::<Vec<_>>().join(" and ")),
        escape(&labels.join(", "))
    );
    if !front.noise_known {
        out.push_str("<p class=\"warn\">Not conclusive: too few runs per setting to tell them apart.</p>\n");
    }
    for (group, advice) in analysis.groups.iter().zip(&analysis.advice).take(MAX_CONDITIONS) {
        if !advice.condition.is_empty() {
            out.push_str(&format!("<h3>With {}</h3>\n", escape(&advice.condition)));
        }
        out.push_str(PAIR);
        others.iter().for_each(|metric| out.push_str(&chart(analysis, group, *metric)));
        out.push_str("</div>\n");
    }
    out
}

fn chart(analysis: &Analysis<'_>, group: &[usize], metric: Metric) -> String {
    let label = format!("p50 latency against {} of each setting", metric.label());
    let axis = |of: Metric| {
        let values = || group.iter().filter_map(|cell| Some(analysis.interval(of, *cell)?.value));
        let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
        let text = if of == Metric::P50 { "p50 latency, ms".to_owned() } else { with_unit(of) };
        // Where the largest is many times the smallest, a linear axis would crowd all others.
        let is_ratio = analysis.samples(of).is_some_and(|samples| samples.scale == Scale::Ratio);
        if is_ratio && most > 8.0 * least { Axis::log(&text) } else { Axis::linear(&text) }
    };
    let mut chart = Chart::new(&label, axis(metric), axis(Metric::P50)).height(280);
    for (name, tone, standing) in [
        ("off the front", Tone::Muted, Some(Standing::Out)),
        ("not compared", Tone::Warn, None),
        ("perhaps on it", Tone::Series(1), Some(Standing::Perhaps)),
        ("on the front", Tone::Series(0), Some(Standing::On)),
    ] {
        let with = |cell: &&usize| analysis.fronts[0].standing[**cell] == standing;
        let points: Vec<Point> =
            group.iter().filter(with).filter_map(|cell| point(analysis, *cell, metric, standing)).collect();
        if !points.is_empty() {
            chart = chart.points(name, tone, points);
        }
    }
    chart.svg()
}

fn point(analysis: &Analysis<'_>, cell: usize, metric: Metric, standing: Option<Standing>) -> Option<Point> {
    let (x, y) = (analysis.interval(metric, cell)?, analysis.interval(Metric::P50, cell)?);
    let named = matches!(standing, Some(Standing::On | Standing::Perhaps));
    Some(Point {
        x: x.value,
        y: y.value,
        x_error: x.low.zip(x.high),
        y_error: y.low.zip(y.high),
        label: if named { values(analysis, cell) } else { String::new() },
        title: format!("{}: {}, {}", analysis.choice(cell), y.range(Metric::P50), x.range(metric)),
    })
}

/// The chosen values, if they are short enough for a label; else the number in the table.
fn values(analysis: &Analysis<'_>, cell: usize) -> String {
    const MAX_CHARS: usize = 22;
    let of = &analysis.cells[cell];
    let chosen = (analysis.sweep.axes.iter().zip(of.values)).filter(|(axis, _)| !axis.is_condition());
    let text = chosen.map(|(axis, value)| axis.values[*value].as_str()).collect::<Vec<_>>().join(" · ");
    if text.chars().count() <= MAX_CHARS { text } else { format!("№ {}", of.id) }
}
