//! How latencies are distributed: a histogram, and the percentile curve that shows its tail.

use measure::latency::Distribution;
use measure::units::ms;
use report::run::Run;

use super::elements::{cell, section, table};
use crate::plot::{Axis, Chart, Tone, nice_step};
use crate::words;

/// Bars of the histogram, about.
const BARS: f64 = 40.0;

/// The histogram ends at this quantile, or at so many times the 90th percentile; what is above would press all else
/// together.
const DRAWN: f64 = 0.995;
const DRAWN_P90S: i64 = 4;

/// Points of the percentile curve for each further nine.
const STEPS_PER_NINE: u32 = 40;

/// Histogram, percentile curve and figures.
pub fn distribution(run: &Run, total: &Distribution) -> String {
    let latency = &run.latency_ms;
    if latency.count == 0 {
        return String::new();
    }
    let mut out = String::new();
    let drawn = total.quantile_us(DRAWN).zip(total.quantile_us(0.9));
    if let (Some(least), Some((drawn, p90)), Some(most)) = (total.min_us(), drawn, total.max_us()) {
        let drawn = drawn.min(p90.saturating_mul(DRAWN_P90S)).max(p90);
        out.push_str("<div class=\"pair\">\n");
        out.push_str(&histogram(run, total, least, drawn, most));
        out.push_str(&curve(total));
        out.push_str("</div>\n");
    }
    let headings = ["ms", "min", "mean", "stdev", "p50", "p90", "p95", "p99", "p99.9", "max"];
    let of = [
        latency.min,
        latency.mean,
        latency.stdev,
        latency.p50,
        latency.p90,
        latency.p95,
        latency.p99,
        latency.p99_9,
        latency.max,
    ];
    let row = [String::new()].into_iter().chain(of.map(cell)).collect();
    out.push_str(&table(&headings, &[row]));
    out.push_str(&left_out(run));
    section("Distribution", &out)
}

fn histogram(run: &Run, total: &Distribution, least: i64, drawn: i64, most: i64) -> String {
    let width = nice_step((ms(drawn) - ms(least)) / BARS).max(0.001);
    let first = (ms(least) / width).floor();
    let count = ((ms(drawn) / width).floor() - first) as usize + 1;
    let mut bars = vec![0_u64; count];
    let mut beyond = 0;
    for (us, frames) in total.recorded() {
        match bars.get_mut(((ms(us) / width).floor() - first).max(0.0) as usize) {
            Some(bar) => *bar += frames,
            None => beyond += frames,
        }
    }
    let label = format!("Histogram of latency in steps of {width} ms");
    let mut chart = Chart::new(&label, Axis::linear("ms"), Axis::linear("frames").from(0.0));
    for (bar, frames) in bars.into_iter().enumerate().filter(|(_, frames)| *frames > 0) {
        let from = (first + bar as f64) * width;
        let title = format!("{} to {} ms: {frames} frames", words::ms(from), words::ms(from + width));
        chart = chart.bar(Tone::Series(0), (from, from + width), frames as f64, &title);
    }
    for (name, quantile) in [("p50", run.latency_ms.p50), ("p99", run.latency_ms.p99)] {
        if let Some(ms) = quantile.filter(|quantile| *quantile <= ms(drawn) + width) {
            chart = chart.rule(Tone::Muted, ms, &format!("{name} {} ms", words::ms(ms)));
        }
    }
    let mut out = format!("<div>\n<h3>Histogram</h3>\n{}", chart.svg());
    if beyond > 0 {
        let most = words::ms(ms(most));
        out.push_str(&format!("<p class=\"soft\">{beyond} more to the right, up to {most} ms.</p>\n"));
    }
    out.push_str("</div>\n");
    out
}

fn curve(total: &Distribution) -> String {
    let count = total.count() as f64;
    // The last point is the largest of all: beyond it nothing is known.
    let last = 1.0 - 1.0 / (count + 1.0);
    let quantiles = (0..)
        .map(|step| 1.0 - 10f64.powf(-f64::from(step) / f64::from(STEPS_PER_NINE)))
        .take_while(|quantile| *quantile < last)
        .chain([last]);
    let points: Vec<_> = quantiles.filter_map(|q| Some((q, ms(total.quantile_us(q)?)))).collect();
    let chart = Chart::new(
        "Latency by percentile: each further nine takes the same room",
        Axis::percentile("of the frames are not above"),
        Axis::linear("ms").from(0.0),
    );
    format!("<div>\n<h3>Percentiles</h3>\n{}</div>\n", chart.line("", Tone::Series(0), &points).svg())
}

/// Frames that are in no figure, or that make one doubtful.
fn left_out(run: &Run) -> String {
    let latency = &run.latency_ms;
    let reasons = [
        (latency.negative, "below zero: two clocks that disagree. They are in every figure"),
        (latency.overflow, "beyond an hour. They are in every figure"),
        (latency.clock_step, "left out: the wall clock stepped while they were under way"),
        (latency.uncompared, "left out: it was not known how far the two clocks are apart"),
    ];
    let items = reasons.iter().filter(|(frames, _)| *frames > 0);
    let items: String = items.map(|(frames, why)| format!("<li>{frames} frames {why}.</li>\n")).collect();
    let few = (latency.count < 1_000).then_some("With fewer than 1000 frames, p99.9 is the maximum by another name.");
    let few = few.map_or(String::new(), |few| format!("<p class=\"soft\">{few}</p>\n"));
    if items.is_empty() { few } else { format!("{few}<ul>\n{items}</ul>\n") }
}
