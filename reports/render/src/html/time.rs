//! The run over time: latency with what went wrong beside it, and the age of the picture.

use report::run::Run;
use report::saved::IntervalRow;

use super::elements::{cell, section, table};
use super::frames::Frames;
use crate::plot::{Axis, Chart, Tone, escape};
use crate::words;

/// Freezes that are drawn each.
const MAX_FREEZES: usize = 500;

const TIME: &str = "seconds since the end of the warm-up";

/// Latency frame by frame, or second by second where the frames are not there.
pub fn latency(run: &Run, frames: &Frames, intervals: &[IntervalRow]) -> String {
    let drawn = frames.latency.iter().any(|(_, ms)| ms.is_finite());
    if !drawn && intervals.iter().all(|row| row.p50_ms.is_none()) {
        return String::new();
    }
    let mut chart = Chart::new(&spoken(run), time_axis(), Axis::linear("ms").from(lowest(run))).height(260);
    for (from, to) in frames.freezes.iter().take(MAX_FREEZES) {
        let title = format!("freeze: {:.0} ms from {from:.1} s", (to - from) * 1e3);
        chart = chart.band(Tone::Warn, (*from, *to), &title);
    }
    if drawn {
        chart = chart.line("latency of each frame", Tone::Series(0), &frames.latency);
    } else {
        for (name, tone, of) in [
            ("p99 of each second", Tone::Series(1), (|row| row.p99_ms) as fn(&IntervalRow) -> Option<f64>),
            ("p50 of each second", Tone::Series(0), |row| row.p50_ms),
        ] {
            chart = chart.line(name, tone, &line(intervals, of));
        }
    }
    chart = chart.marks(Tone::Bad, &frames.missing, "frame not seen");
    if !frames.freezes.is_empty() {
        chart = chart.key(&format!("freeze ({})", frames.freezes.len()), Tone::Warn);
    }
    if !frames.missing.is_empty() {
        chart = chart.key(&format!("frame not seen ({})", frames.missing.len()), Tone::Bad);
    }
    let mut out = chart.svg();
    out.push_str(&format!("<p class=\"soft\">{}</p>\n", explained(run, frames)));
    section("Latency over time", &out)
}

fn explained(run: &Run, frames: &Frames) -> String {
    if let Some(merged) = &run.merged {
        let zero = merged.second_zero.as_deref().unwrap_or("the first receiver's start");
        return format!(
            "Second by second, of all receivers together: the frames of {} receivers are no single line. Second 0 is {}.",
            merged.receivers.len(),
            escape(&words::shown(zero))
        );
    }
    let end = if run.browser.is_some() { "its presentation by the browser" } else { "handing it to the window" };
    let mut text = format!("From painting the stamp into a picture to {end}, frame by frame in the order shown.");
    if words::has_joins(run) {
        text.push_str(" Where the line is broken, the page loads anew for the next join and warms up.");
    }
    if frames.freezes.is_empty() && frames.missing.is_empty() {
        text.push_str(" No freezes, and every frame was seen.");
    }
    if run.freezes.count.is_some_and(|count| count != frames.freezes.len() as u64) {
        text.push_str(
            " The freezes drawn are those between frames whose code was read; the figure above is of all pictures.",
        );
    }
    text
}

fn spoken(run: &Run) -> String {
    let latency = &run.latency_ms;
    format!(
        "Latency over time: p50 {}, p99 {}, at most {}",
        words::ms_or_none(latency.p50),
        words::ms_or_none(latency.p99),
        words::ms_or_none(latency.max)
    )
}

/// Zero, or below where latencies are.
fn lowest(run: &Run) -> f64 {
    run.latency_ms.min.unwrap_or(0.0).min(0.0)
}

/// From zero; the end is the run's, where nothing lies beyond it.
fn time_axis() -> Axis {
    Axis::time(TIME).from(0.0)
}

fn line(intervals: &[IntervalRow], of: fn(&IntervalRow) -> Option<f64>) -> Vec<(f64, f64)> {
    intervals.iter().map(|row| (row.second as f64 + row.length_s / 2.0, of(row).unwrap_or(f64::NAN))).collect()
}

/// The age of the picture on screen, second by second.
pub fn age(run: &Run, intervals: &[IntervalRow]) -> String {
    let age = &run.picture_age_ms;
    if age.max.is_none() && intervals.iter().all(|row| row.age_max_ms.is_none()) {
        return String::new();
    }
    let mut out =
        "<p>How old the picture on screen is at any moment: it ages until the next one comes, so that a freeze shows \
                   its whole length.</p>\n"
            .to_owned();
    if intervals.iter().any(|row| row.age_max_ms.is_some()) {
        let label = format!("Picture age over time: at most {}", words::ms_or_none(age.max));
        out.push_str(
            &Chart::new(&label, time_axis(), Axis::linear("ms").from(0.0))
                .line("oldest in each second", Tone::Series(1), &line(intervals, |row| row.age_max_ms))
                .line("mean of each second", Tone::Series(0), &line(intervals, |row| row.age_mean_ms))
                .svg(),
        );
    }
    let row = vec![String::new(), cell(age.mean), cell(age.p50), cell(age.p99), cell(age.max)];
    out.push_str(&table(&["ms", "mean", "p50", "p99", "max"], &[row]));
    if let Some(freezes) = words::freezes(run).filter(|_| run.freezes.count > Some(0)) {
        out.push_str(&format!("<p>Freezes: {freezes}.</p>\n"));
    }
    section("Picture age", &out)
}
