//! The browser section: joins, playback figures, and the player's claims.

use measure::figures::browser::{DatesMs, Viewing};
use report::run::{InBrowser, Join, Run};

use super::elements::{cell, section, table};
use crate::plot::escape;
use crate::words;

/// Most joins listed individually.
const MAX_JOINS: usize = 100;

/// Renders the section for runs in a browser.
pub fn browser(run: &Run) -> String {
    let Some(browser) = &run.browser else { return String::new() };
    let mut out = format!("<p>{}</p>\n", escape(&words::browser(browser)));
    out.push_str(&joins(browser));
    out.push_str(&playing(&browser.viewing));
    out.push_str(&claims(&browser.viewing));
    out.push_str(&dates(&browser.viewing));
    section("In the browser", &out)
}

fn joins(browser: &InBrowser) -> String {
    if browser.joins.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = browser.joins.iter().take(MAX_JOINS).map(join).collect();
    let headings = [
        "join",
        "shift ms",
        "p50 ms",
        "p99 ms",
        "max ms",
        "frames",
        "first picture ms",
        "stalls",
        "longest ms",
        "claim − latency ms",
    ];
    let mut out = "<p>Each join is a run of its own, at a different phase relative to parts and screen refreshes: random, or set by shifting framelag's publisher.</p>\n".to_owned();
    out.push_str(&table(&headings, &rows));
    out.push_str(&format!("<p>{}.</p>\n", words::joins_p50(browser)));
    words::more(browser.joins.len(), MAX_JOINS).into_iter().for_each(|more| out.push_str(&format!("<p>{more}</p>\n")));
    out
}

fn join(join: &Join) -> Vec<String> {
    let (latency, stalls) = (&join.latency_ms, &join.viewing.stalls);
    let claim = join.viewing.claims.values().next().and_then(|claim| claim.difference_p50);
    vec![
        join.number.to_string(),
        cell(join.phase_us.map(|us| us as f64 / 1e3)),
        cell(latency.p50),
        cell(latency.p99),
        cell(latency.max),
        latency.count.to_string(),
        cell(join.startup.first_frame_ms),
        stalls.count.to_string(),
        cell(stalls.longest_ms),
        cell(claim),
    ]
}

fn playing(viewing: &Viewing) -> String {
    let (rate, ahead) = (&viewing.playback_rate, &viewing.ahead_ms);
    let rows = [("playback rate", rate), ("buffered ahead, ms", ahead)].map(|(name, of)| {
        let mut row = vec![name.to_owned()];
        row.extend([of.min, of.mean, of.max].map(|value| value.map_or("–".to_owned(), |value| format!("{value:.3}"))));
        row
    });
    let mut out = table(&["", "least", "mean", "most"], &rows);
    let (stalls, presented) = (&viewing.stalls, &viewing.presented);
    let mut said = vec![
        format!("{}, {} ms all together", words::counted(stalls.count, "stall"), words::ms(stalls.total_ms)),
        format!(
            "{}, {} presented without one",
            words::counted(presented.callbacks, "frame callback"),
            words::counted(presented.missed, "frame"),
        ),
        format!("{} decoded and dropped", words::counted(presented.dropped, "frame")),
    ];
    said.extend(words::seeks(viewing));
    out.push_str(&format!("<p>{}.</p>\n", escape(&said.join(" · "))));
    out
}

fn claims(viewing: &Viewing) -> String {
    let row = |(name, claim): (&String, &measure::figures::browser::ClaimMs)| {
        vec![words::shown(name), cell(claim.p50), cell(claim.difference_p50), claim.count.to_string()]
    };
    let rows: Vec<_> = viewing.claims.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut out =
        "<p>The latency that the player reports, compared with the one measured in the picture.</p>\n".to_owned();
    out.push_str(&table(&["ms, p50", "claim", "claim − latency", "claims"], &rows));
    out
}

fn dates(viewing: &Viewing) -> String {
    let DatesMs { count, p50, difference_p50, difference_p99 } = viewing.dates;
    if count == 0 {
        return String::new();
    }
    let text =
        "<p>An independent check: the age of the pictures by the stream's own dates (PROGRAM-DATE-TIME, prft).</p>\n";
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = [
        row("age by the date, p50 ms", cell(p50)),
        row("date − code, p50 ms", cell(difference_p50)),
        row("date − code, p99 ms", cell(difference_p99)),
        row("frames", count.to_string()),
    ];
    format!("{text}{}", table(&["", ""], &rows))
}
