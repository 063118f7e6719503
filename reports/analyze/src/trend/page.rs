//! A trend as one self-contained HTML page.

use std::fmt::Write;

use measure::latency::Distribution;
use render::html;
use render::plot::{self, Axis, Chart, Tone, escape};
use render::words::counted;

use super::{Point, Series, Shift, Trend};

/// The page.
pub fn page(trend: &Trend) -> String {
    let mut body = String::from("<h1>Latency over runs</h1>\n");
    let _ = writeln!(body, "<p class=\"soft\">{}</p>", escape(&span(&trend.runs)));
    for (number, series) in trend.series.iter().enumerate() {
        figure(&mut body, trend, series, number);
    }
    percentiles(&mut body, trend);
    changes(&mut body, trend);
    for left_out in &trend.left_out {
        let _ = writeln!(body, "<p>Left out: {} {}.</p>", left_out.runs, escape(&left_out.why));
    }
    for different in &trend.different {
        let _ = writeln!(body, "<p>Joined all the same: {} {}.</p>", different.runs, escape(&different.why));
    }
    runs(&mut body, trend);
    html::page("framelag: latency over runs", &body)
}

/// `31 runs from 2026-01-01 08:00 to 2026-01-31 08:00 UTC`.
fn span(runs: &[Point]) -> String {
    match (runs.first(), runs.last()) {
        (Some(first), Some(last)) => {
            format!("{} from {} to {} UTC", counted(runs.len() as u64, "run"), first.minute(), last.minute())
        }
        _ => "No run.".to_owned(),
    }
}

/// A figure over runs with its changes, and the centre between them.
fn figure(body: &mut String, trend: &Trend, series: &Series, number: usize) {
    let known: Vec<(f64, f64)> =
        series.values.iter().enumerate().filter_map(|(at, value)| Some((at as f64, (*value)?))).collect();
    if known.is_empty() {
        return;
    }
    let label = format!("{} of each run, {}", series.name(), series.unit);
    let tone = Tone::Series(number);
    let points = known.iter().map(|(x, y)| plot::Point {
        x: *x,
        y: *y,
        title: format!("{} {}: {}", trend.runs[*x as usize].minute(), trend.runs[*x as usize].name(), series.shown(*y)),
        ..plot::Point::default()
    });
    let mut chart = Chart::new(&label, runs_axis(&trend.runs), Axis::linear(series.unit));
    chart = chart.points(series.name(), tone, points.collect());
    if !series.changes.is_empty() {
        chart = chart.line("mean between changes", Tone::Muted, &steps(trend, series)).key("change", Tone::Warn);
    }
    for change in &series.changes {
        // Between the last run before it and the first after it.
        chart = chart.rule(Tone::Warn, change.at as f64 - 0.5, &change.size());
    }
    let _ = writeln!(body, "<h2>{}</h2>\n{}", escape(series.name()), chart.svg());
}

/// The centres of the stretches, as a line with a gap at each change.
fn steps(trend: &Trend, series: &Series) -> Vec<(f64, f64)> {
    let Some(first) = series.changes.first() else { return Vec::new() };
    let mut points = vec![(0.0, first.before)];
    for (change, next) in series.changes.iter().zip(series.changes.iter().skip(1).map(Some).chain([None])) {
        let at = change.at as f64;
        let end = next.map_or(trend.runs.len(), |next| next.at) as f64 - 1.0;
        let before = points.last().map_or(change.before, |(_, y)| *y);
        points.extend([(at - 1.0, before), (at - 0.5, f64::NAN), (at, change.after), (end, change.after)]);
    }
    points
}

/// One tick per run, as far as there is room.
fn runs_axis(runs: &[Point]) -> Axis {
    const NAMES: usize = 6;
    let step = runs.len().div_ceil(NAMES).max(1);
    let ticks = (0..runs.len()).step_by(step).map(|at| (at as f64, runs[at].name())).collect();
    Axis::named("run", ticks).from(-0.5).to(runs.len() as f64 - 0.5)
}

/// Latencies before and after the latest change, pooled over the runs between two changes of the figure that changed last: one
/// event may move two figures some runs apart.
fn percentiles(body: &mut String, trend: &Trend) {
    let latest = trend.series.iter().max_by_key(|series| series.changes.last().map(|change| change.at));
    let Some((series, [earlier @ .., last])) = latest.map(|series| (series, series.changes.as_slice())) else { return };
    let (from, last) = (earlier.last().map_or(0, |change| change.at), last.at);
    let stretches = [("before", Tone::Muted, &trend.runs[from..last]), ("after", Tone::Series(0), &trend.runs[last..])];
    let mut chart = Chart::new("Latency percentiles", Axis::percentile("percentile"), Axis::linear("ms"));
    let mut without = 0;
    for (name, tone, runs) in stretches {
        let (merged, missing) = merged(runs);
        without += missing;
        let curve: Vec<_> = merged.percentiles().iter().filter(|step| step.fraction < 1.0).map(point).collect();
        chart = chart.line(&format!("{name} ({} runs)", runs.len() - missing), tone, &curve);
    }
    let _ = writeln!(body, "<h2>Before and after the latest change of {}</h2>\n{}", escape(series.name()), chart.svg());
    if without > 0 {
        let _ = writeln!(body, "<p>{without} runs have no histogram and are not in this plot.</p>");
    }
}

fn point(step: &measure::latency::Percentile) -> (f64, f64) {
    (step.fraction, step.value_us as f64 / 1_000.0)
}

/// All histograms added up, and how many runs have none.
fn merged(runs: &[Point]) -> (Distribution, usize) {
    let mut merged = Distribution::default();
    let mut missing = 0;
    for run in runs {
        match run.histogram.as_deref().map(Distribution::decoded) {
            Some(Ok(histogram)) => merged.add(&histogram),
            Some(Err(_)) | None => missing += 1,
        }
    }
    (merged, missing)
}

fn changes(body: &mut String, trend: &Trend) {
    body.push_str("<h2>Changes</h2>\n");
    let rows: Vec<Vec<String>> = trend.series.iter().flat_map(|series| change_rows(trend, series)).collect();
    if rows.is_empty() {
        body.push_str("<p>None beyond noise.</p>\n");
        return;
    }
    let heads = ["metric", "since (UTC)", "run", "before", "after", "change", "p"].map(str::to_owned);
    table(body, &heads, &rows, 3);
}

fn change_rows(trend: &Trend, series: &Series) -> Vec<Vec<String>> {
    let row = |change: &Shift| {
        let run = &trend.runs[change.at];
        let [before, after] = [change.before, change.after].map(|value| series.shown(value));
        let (name, p) = (series.name().to_owned(), format!("{:.3}", change.p));
        vec![name, run.minute(), run.name(), before, after, change.text.clone(), p]
    };
    series.changes.iter().map(row).collect()
}

/// All runs, the latest first.
fn runs(body: &mut String, trend: &Trend) {
    body.push_str("<h2>Runs</h2>\n");
    let figures = trend.series.iter().map(|series| format!("{} {}", series.name(), series.unit));
    let heads: Vec<String> = ["started (UTC)", "run"].map(str::to_owned).into_iter().chain(figures).collect();
    let row = |(at, run): (usize, &Point)| {
        let value = |series: &Series| series.values[at].map_or("—".to_owned(), |value| format!("{value:.3}"));
        [run.minute(), run.name()].into_iter().chain(trend.series.iter().map(value)).collect()
    };
    let rows: Vec<Vec<String>> = trend.runs.iter().enumerate().rev().map(row).collect();
    table(body, &heads, &rows, 2);
}

/// A table whose first `texts` columns are texts, and the others numbers.
fn table(body: &mut String, heads: &[String], rows: &[Vec<String>], texts: usize) {
    body.push_str("<div class=\"scroll\"><table style=\"white-space: nowrap\">\n");
    let mut line = |cell: &str, cells: &[String]| {
        body.push_str("<tr>");
        for (column, text) in cells.iter().enumerate() {
            let class = if column < texts { "" } else { " class=\"number\"" };
            let _ = write!(body, "<{cell}{class}>{}</{cell}>", escape(text));
        }
        body.push_str("</tr>\n");
    };
    line("th", heads);
    rows.iter().for_each(|row| line("td", row));
    body.push_str("</table></div>\n");
}
