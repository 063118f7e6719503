//! `tune.html`: the recommendation and its certainty, then the figures behind it. No script, nothing fetched.

use report::run::Outcome;

use super::Axis;
use super::advice::per_setting;
use super::analysis::{Advice, Analysis, Confidence};
use super::metric::Metric;
use render::plot::escape;
use render::words::counted;

mod heat;
mod method;
mod pareto;
mod parts;
mod table;

/// The whole page.
pub fn sweep(analysis: &Analysis<'_>) -> String {
    let body = [
        head(analysis),
        choice(analysis),
        warnings(analysis),
        pareto::section(analysis),
        heat::section(analysis),
        table::section(analysis),
        method::section(analysis),
    ];
    render::html::page(&format!("{} – framelag tune", analysis.sweep.name), &body.concat())
}

fn head(analysis: &Analysis<'_>) -> String {
    let sweep = analysis.sweep;
    let ok = sweep.rows.iter().filter(|row| row.outcome == Outcome::Ok).count();
    let state = if sweep.complete { "" } else { " · <strong class=\"warn\">not finished</strong>" };
    let axis = |(at, axis): (usize, &Axis)| format!("{} ({})", analysis.names.axis(at), axis.values.len());
    let varied = match sweep.axes.iter().enumerate().map(axis).collect::<Vec<_>>().join(" × ") {
        none if none.is_empty() => none,
        axes => format!("<p class=\"soft\">Varied: {}.</p>\n", escape(&axes)),
    };
    format!(
        "<h1>{}</h1>\n<p class=\"soft\">{} · {} · {ok} of {} measured{state}</p>\n{varied}",
        escape(&sweep.name),
        escape(&sweep.started),
        counted(analysis.cells.len() as u64, "setting"),
        counted(sweep.rows.len() as u64, "run"),
    )
}

/// The recommendation, under each condition of the network.
fn choice(analysis: &Analysis<'_>) -> String {
    let mut out = "<h2>What to choose</h2>\n".to_owned();
    for advice in &analysis.advice {
        if !advice.condition.is_empty() {
            out.push_str(&format!("<h3>With {}</h3>\n", escape(&advice.condition)));
        }
        out.push_str(&card(analysis, advice));
    }
    out
}

fn card(analysis: &Analysis<'_>, advice: &Advice) -> String {
    let (colour, sure) = match advice.confidence {
        Confidence::Clear => ("good", "Conclusive: faster than every other setting".to_owned()),
        Confidence::Tied => {
            ("warn", format!("Not conclusive: {} settings cannot be told apart", advice.tied.len() + 1))
        }
        Confidence::Only => ("warn", "Nothing to compare it with".to_owned()),
        Confidence::Unknown => {
            let runs = advice.cell.zip(analysis.samples(Metric::P50)).map_or(0, |(cell, latency)| latency.runs(cell));
            ("warn", format!("Not conclusive: {}", per_setting(runs)))
        }
        Confidence::Nothing => ("bad", "Nothing to recommend".to_owned()),
    };
    let name = advice.cell.map_or(String::new(), |cell| {
        format!(
            "<p style=\"font-size:19px;line-height:1.3;margin-bottom:6px\"><strong>{}</strong></p>\n",
            escape(&analysis.choice(cell))
        )
    });
    let text: String =
        advice.text.iter().map(|line| format!("<p style=\"margin:6px 0\">{}</p>\n", escape(line))).collect();
    format!(
        "<div class=\"outcome {colour}\">\n<p><strong style=\"font-size:13px;color:var(--{colour})\">{sure}</strong></p>\n{name}{text}</div>\n"
    )
}

fn warnings(analysis: &Analysis<'_>) -> String {
    if analysis.warnings.is_empty() {
        return String::new();
    }
    let lines: String = analysis.warnings.iter().map(|line| format!("<li>{}</li>\n", escape(line))).collect();
    format!("<h2>Before you rely on this</h2>\n<ul style=\"max-width:80ch\">\n{lines}</ul>\n")
}
