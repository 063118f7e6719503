//! `summary.md`: the run on half a page, in GitHub's Markdown, for the page of a CI job.

use common::printable::is_obeyed;
use report::run::{Outcome, Run};

use crate::words;

/// Warnings and assertions that are shown each; a job's page takes no more than 1 MiB.
const MAX_LINES: usize = 100;

/// The whole file.
pub fn summary(run: &Run) -> String {
    let (sign, word) = match run.outcome {
        Outcome::Ok => ("✅", "ok"),
        Outcome::Failed => ("❌", "failed"),
        Outcome::Inconclusive => ("⚠️", "inconclusive"),
    };
    let mut out = format!(
        "### {sign} Latency: {word} · p50 {} · p99 {}\n\n{}: {}.\n",
        words::ms_or_none(words::headline_p50(run).ms),
        words::ms_or_none(run.latency_ms.p99),
        text(&run.url),
        text(&words::asserted(run))
    );
    if let reasons @ [_, ..] = words::reasons(run, MAX_LINES).as_slice() {
        out.push('\n');
        reasons.iter().for_each(|reason| out.push_str(&format!("- {}\n", text(reason))));
    }
    figures(&mut out, run);
    assertions(&mut out, run);
    stages(&mut out, run);
    warnings(&mut out, run);
    out
}

fn figures(out: &mut String, run: &Run) {
    let (latency, age) = (&run.latency_ms, &run.picture_age_ms);
    let cells = |values: [Option<f64>; 4]| values.map(words::ms_or_none).join(" | ");
    out.push_str("\n| | p50 | p95 | p99 | max |\n|---|--:|--:|--:|--:|\n");
    let name = if words::has_joins(run) { "latency, all joins together" } else { "latency" };
    out.push_str(&format!("| {name} | {} |\n", cells([latency.p50, latency.p95, latency.p99, latency.max])));
    out.push_str(&format!("| picture age | {} |\n", cells([age.p50, None, age.p99, age.max])));
    let mut lines = Vec::new();
    lines.extend(words::buckets(run).map(|(sent, parts)| format!("{sent} frames sent = {parts}")));
    lines.extend(words::freezes(run).map(|freezes| format!("freezes: {freezes}")));
    let rate = |value: Option<f64>, unit: &str| value.map(|value| format!("{value:.1} {unit}"));
    let rates = [
        rate(run.duration_s, "s measured"),
        rate(run.fps, "pictures/s"),
        rate(run.bitrate_kbps, "kbit/s"),
        run.startup.first_frame_ms.map(|first| format!("first picture after {first:.0} ms")),
    ];
    lines.push(rates.into_iter().flatten().collect::<Vec<_>>().join(" · "));
    lines.push(words::clocks(run));
    lines.extend(run.browser.iter().flat_map(|browser| [words::browser(browser), words::played(browser)]));
    if let Some(quote) = &run.calibration {
        lines.push(format!("{} ({})", quote.sentence(), quote.age()));
    }
    out.push('\n');
    lines.iter().filter(|line| !line.is_empty()).for_each(|line| out.push_str(&format!("- {}\n", text(line))));
}

fn assertions(out: &mut String, run: &Run) {
    if run.assertions.is_empty() {
        return;
    }
    out.push_str("\n| assertion | | |\n|---|---|---|\n");
    for verdict in run.assertions.iter().take(MAX_LINES) {
        let sign = match verdict.ok {
            Some(true) => "✅",
            Some(false) => "❌",
            None => "⚠️",
        };
        let (what, judged, found) = (text(&verdict.text), words::judged(verdict), text(&words::found(verdict)));
        out.push_str(&format!("| {what} | {sign} {judged} | {found} |\n"));
    }
    words::more(run.assertions.len(), MAX_LINES)
        .into_iter()
        .for_each(|more| out.push_str(&format!("| {more} | | |\n")));
}

fn stages(out: &mut String, run: &Run) {
    let known: Vec<_> = run.stages_ms.iter().filter(|(_, ms)| ms.count > 0).collect();
    if known.is_empty() {
        return;
    }
    out.push_str("\n<details><summary>Stages</summary>\n\n| stage | p50 | p99 | max |\n|---|--:|--:|--:|\n");
    for (stage, figures) in known {
        let cells = [figures.p50, figures.p99, figures.max].map(words::ms_or_none).join(" | ");
        out.push_str(&format!("| {} | {cells} |\n", stage.name()));
    }
    out.push_str("\n</details>\n");
}

fn warnings(out: &mut String, run: &Run) {
    if run.warnings.is_empty() {
        return;
    }
    out.push_str("\n**Warnings**\n\n");
    for warning in run.warnings.iter().take(MAX_LINES) {
        out.push_str(&format!("- {} ({})\n", text(&warning.message), warning.code.name()));
    }
    words::more(run.warnings.len(), MAX_LINES).into_iter().for_each(|more| out.push_str(&format!("- {more}\n")));
}

/// A text from a run on one line, with nothing in it that Markdown or HTML would take for its own.
pub fn text(raw: &str) -> String {
    let mut out = String::new();
    for c in words::shown(raw).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '@' | '!' => out.extend(['\\', c]),
            c if c.is_whitespace() => out.push(' '),
            c if is_obeyed(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}
