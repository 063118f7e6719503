//! The table of all cells, fastest first; those without figures last, with why.

use render::plot::escape;
use report::run::Outcome;

use super::super::Figures;
use super::super::analysis::Analysis;
use super::super::cells::MAX_MISSING_PERCENT;
use super::super::front::Standing;
use super::super::metric::Metric;
use super::parts::{CONFIDENCE, metrics, trade_offs, with_unit};

pub fn section(analysis: &Analysis<'_>) -> String {
    if analysis.cells.is_empty() {
        return String::new();
    }
    let mut order: Vec<usize> = (0..analysis.cells.len()).collect();
    let latency = |cell: usize| analysis.interval(Metric::P50, cell).map_or(f64::INFINITY, |interval| interval.value);
    order.sort_by(|a, b| latency(*a).total_cmp(&latency(*b)));
    let mut out = format!(
        "<h2>All settings</h2>\n<p class=\"soft\">Fastest first; in brackets the {CONFIDENCE} % interval of the mean. Further \
                 intervals are in tune.json.{}</p>\n<div class=\"scroll\"><table style=\"white-space:nowrap\">\n<thead><tr>",
        on_the_front(analysis)
    );
    let mut column = |name: &str, number: bool| {
        let class = if number { " class=\"number\"" } else { "" };
        out.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(name)));
    };
    column("№", true);
    (0..analysis.sweep.axes.len()).for_each(|axis| column(analysis.names.axis(axis), false));
    if !analysis.fronts.is_empty() {
        column("front", false);
    }
    column("runs", true);
    metrics(analysis).for_each(|metric| column(&with_unit(metric), true));
    ["not seen, %", "fps"].iter().for_each(|name| column(name, true));
    if in_browser(analysis) {
        column("player", false);
        IN_BROWSER.iter().for_each(|(name, _, _)| column(name, true));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    order.iter().for_each(|cell| row(analysis, *cell, &mut out));
    out.push_str("</tbody>\n</table></div>\n");
    out
}

/// Explains the column `front`, if there is one.
fn on_the_front(analysis: &Analysis<'_>) -> String {
    // The plots explain it where there are some.
    let Some(front) = analysis.fronts.first().filter(|_| trade_offs(analysis).is_empty()) else { return String::new() };
    let labels: Vec<&str> = front.objectives.iter().map(|metric| metric.label()).collect();
    format!(
        " A setting is off the front if another one beats it in {} at once, by more than noise; – was not compared: it has no latency, \
         or more than {MAX_MISSING_PERCENT} % of its frames were not seen.",
        escape(&labels.join(", "))
    )
}

/// A column: name, figure to average, and decimals.
type Column = (&'static str, fn(&Figures) -> Option<f64>, usize);

/// Columns for runs in a browser.
const IN_BROWSER: [Column; 5] = [
    ("stalled, %", |figures| figures.stalled_percent, 2),
    ("stalls a join", |figures| figures.stalls, 1),
    ("first picture, ms", |figures| figures.first_frame_ms, 0),
    ("player claims, ms", |figures| figures.claim_ms, 0),
    ("claim − truth, ms", |figures| figures.claim_difference_ms, 0),
];

fn in_browser(analysis: &Analysis<'_>) -> bool {
    analysis.cells.iter().flat_map(|cell| &cell.rows).any(|row| row.player.is_some())
}

fn row(analysis: &Analysis<'_>, cell: usize, out: &mut String) {
    let of = &analysis.cells[cell];
    out.push_str("<tr>");
    let mut field = |class: &str, text: &str| out.push_str(&format!("<td class=\"{class}\">{}</td>", escape(text)));
    field("number", &of.id.to_string());
    for (axis, value) in analysis.sweep.axes.iter().zip(of.values) {
        field("", &axis.values[*value]);
    }
    if let Some(front) = analysis.fronts.first() {
        let (class, text) = match front.standing[cell] {
            Some(Standing::On) => ("good", "on"),
            Some(Standing::Perhaps) => ("warn", "perhaps"),
            Some(Standing::Out) => ("soft", "off"),
            None => ("soft", "–"),
        };
        let chosen = analysis.advice.iter().any(|advice| advice.cell == Some(cell));
        field(class, &format!("{text}{}", if chosen { " · fastest" } else { "" }));
    }
    match (of.count(Outcome::Ok), of.rows.len()) {
        (ok, all) if ok == all && of.measured() > all => field("number", &format!("{} joins", of.measured())),
        (ok, all) if ok == all => field("number", &all.to_string()),
        (ok, all) => field("number bad", &format!("{ok} of {all}")),
    }
    for metric in metrics(analysis) {
        field("number", &figure(analysis, cell, metric));
    }
    let missing = of.missing_percent();
    field(
        if of.unseen_percent().is_some() { "number bad" } else { "number" },
        &missing.map_or("–".to_owned(), |missing| format!("{missing:.2}")),
    );
    let fps = of.mean(|figures| figures.fps);
    field("number", &fps.map_or("–".to_owned(), |fps| format!("{fps:.1}")));
    if in_browser(analysis) {
        field("", of.rows.iter().find_map(|row| row.player.as_deref()).unwrap_or("–"));
        let class = if of.stalled_percent().is_some() { "number bad" } else { "number" };
        for (at, (_, figure, decimals)) in IN_BROWSER.iter().enumerate() {
            let text = of.mean(figure).map_or("–".to_owned(), |value| format!("{value:.decimals$}"));
            field(if at == 0 { class } else { "number" }, &text);
        }
    }
    out.push_str("</tr>\n");
}

/// The mean; of latencies with its interval.
fn figure(analysis: &Analysis<'_>, cell: usize, metric: Metric) -> String {
    let Some(of) = analysis.interval(metric, cell) else { return "–".to_owned() };
    let range = of.low.zip(of.high).filter(|_| matches!(metric, Metric::P50 | Metric::P99));
    let range = range.map(|(low, high)| format!(" ({}–{})", metric.number(low), metric.number(high)));
    format!("{}{}", metric.number(of.value), range.unwrap_or_default())
}
