//! What is known of the clocks that latency is the difference of.

use measure::timeline::Kind;
use measure::units::ms;
use report::run::Run;

use super::elements::{cell, section, table};
use crate::plot::escape;
use crate::words;

/// Clocks, their events, and how far the instrument itself may be off.
pub fn clocks(run: &Run) -> String {
    let clock = &run.clock;
    let mut out = format!("<p>{}.</p>\n", escape(&words::clocks(run)));
    if let Some(quote) = &run.calibration {
        let (sentence, age) = (escape(&words::shown(&quote.sentence())), escape(&quote.age()));
        out.push_str(&format!("<p>The instrument itself: {sentence} <span class=\"soft\">({age})</span>.</p>\n"));
    } else {
        out.push_str("<p class=\"soft\">Not calibrated: <code>framelag calibrate</code> finds out how far figures may be off on this machine.</p>\n");
    }
    let signed = |us: Option<i64>| us.map(|us| format!("{:+.3} ms", ms(us)));
    let bound = |us: Option<i64>| us.map(|us| format!("± {:.3} ms", ms(us)));
    let count = |count: u64| (count > 0).then(|| count.to_string());
    let two = |value: Option<String>| value.filter(|_| !clock.same_host);
    let apart = match run.browser {
        Some(_) => "browser's clock − publisher's, the furthest",
        None => "receiver's clock − publisher's",
    };
    let rows = [
        (apart, two(signed(clock.offset_us))),
        ("bound at the end", two(bound(clock.uncertainty_us))),
        ("bound at worst", two(bound(clock.max_uncertainty_us))),
        ("drift", clock.drift_ppm.map(|ppm| format!("{ppm:+.2} ppm"))),
        ("known by", clock.source.as_deref().map(words::shown)),
        ("steps of the receiver's clock", count(clock.steps)),
        ("steps of the publisher's clock", count(clock.publisher_steps)),
        ("times the host slept", count(clock.suspends)),
    ];
    let rows: Vec<_> = rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect();
    if !rows.is_empty() {
        out.push_str(&table(&[], &rows));
    }
    out.push_str(&events(run));
    out.push_str(&sections(run));
    section("Clocks", &out)
}

const fn happened(kind: Kind) -> &'static str {
    match kind {
        Kind::Step => "the receiver's clock stepped",
        Kind::Suspend => "the host slept",
        Kind::PublisherStep => "the publisher's clock stepped",
        Kind::ComparedStep => "the clock it is compared with stepped",
    }
}

fn events(run: &Run) -> String {
    if run.clock.events.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = run
        .clock
        .events
        .iter()
        .take(measure::timeline::MAX_EVENTS)
        .map(|event| {
            let second = event.second.map_or("in the warm-up".to_owned(), |second| format!("{second:.1} s"));
            vec![happened(event.kind).to_owned(), second, format!("{:+.3} ms", ms(event.by_us))]
        })
        .collect();
    table(&["event", "at", "by"], &rows)
}

/// Where a clock split the run.
fn sections(run: &Run) -> String {
    if run.sections.len() < 2 {
        return String::new();
    }
    let rows: Vec<_> = run
        .sections
        .iter()
        .take(measure::timeline::MAX_SECTIONS)
        .map(|section| {
            let latency = &section.latency_ms;
            let span = format!("{:.1} to {:.1} s", section.from_s, section.to_s);
            vec![span, latency.count.to_string(), cell(latency.p50), cell(latency.p99), cell(latency.max)]
        })
        .collect();
    let table = table(&["between events", "frames", "p50 ms", "p99 ms", "max ms"], &rows);
    format!("<p>Latencies between two events can be compared with each other:</p>\n{table}")
}
