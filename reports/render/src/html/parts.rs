//! What latency is made of, and where the frames went: stages, frame types, buckets, starting up.

use common::marks::Stage;
use measure::figures::StageMs;
use measure::sample::Bucket;
use measure::units::ms;
use report::run::Run;

use super::elements::{cell, section, table};
use super::frames::{Frames, Kind};
use crate::plot::{Bar, Part, Tone, escape, stacked};
use crate::words;

/// The stages that make up latency.
fn parts(of: impl Fn(Stage) -> Option<f64>) -> Vec<Part> {
    let part = |stage: Stage| {
        let value = of(stage)?;
        let title = format!("{}: {} ms", stage.name(), words::ms(value));
        Some(Part { name: stage.name().to_owned(), value, tone: tone(stage), title })
    };
    Stage::ALL.iter().copied().filter(|stage| stage.is_in_latency()).filter_map(part).collect()
}

/// The colour of a stage. A browser's take those of the stages that no browser has, from the network on.
fn tone(stage: Stage) -> Tone {
    let place = |stage: Stage| stage as usize;
    let moved = if stage.is_of_browser() { place(Stage::Package) - place(Stage::Network) } else { 0 };
    Tone::Series(place(stage).saturating_sub(moved))
}

/// Each stage's p50 and p99, stacked.
pub fn stages(run: &Run) -> String {
    let known: Vec<_> = run.stages_ms.iter().filter(|(_, ms)| ms.count > 0).collect();
    if known.is_empty() {
        return String::new();
    }
    let bar = |name: &str, figure: fn(&StageMs) -> Option<f64>| {
        let parts = parts(|stage| figure(&run.stages_ms[stage]));
        Bar { name: name.to_owned(), parts }
    };
    let bars = [bar("p50 of each stage", |ms| ms.p50), bar("p99 of each stage", |ms| ms.p99)];
    let mut out = stacked("Stages: the median and the 99th percentile of each, stacked", "ms", &bars);
    let beside: Vec<_> = known.iter().map(|(stage, _)| *stage).filter(|stage| !stage.is_in_latency()).collect();
    let beside = beside.into_iter().map(Stage::name).collect::<Vec<_>>().join(" and ");
    let beside = if beside.is_empty() { beside } else { format!(", without {beside},") };
    out.push_str(&format!(
        "<p class=\"soft\">The stages of one frame{beside} add up to its latency. Their quantiles do not: the slow frames of \
         one stage are not those of another.</p>\n",
    ));
    let rows: Vec<_> = known
        .into_iter()
        .map(|(stage, ms)| {
            vec![
                stage.name().to_owned(),
                cell(ms.p50),
                cell(ms.p99),
                cell(ms.max),
                ms.count.to_string(),
                stage.what().to_owned(),
            ]
        })
        .collect();
    out.push_str(
        &table(&["ms", "p50", "p99", "max", "frames", ""], &rows).replace("<table>", "<table class=\"last-text\">"),
    );
    section("Where the time goes", &out)
}

/// IDR frames beside the others: they are larger, and so slower to send.
pub fn kinds(frames: &Frames) -> String {
    let kinds: Vec<(&str, &Kind)> = [("IDR", &frames.idr), ("other (P)", &frames.other)]
        .into_iter()
        .filter(|(_, kind)| kind.latency.count() > 0)
        .collect();
    if kinds.is_empty() {
        return String::new();
    }
    let quantile = |kind: &Kind, q: f64| kind.latency.quantile_us(q).map(ms);
    let bar = |(name, kind): &(&str, &Kind)| Bar {
        name: format!("{name}: median of each stage"),
        parts: parts(|stage| kind.stages[stage].quantile_us(0.5).map(ms)),
    };
    let bars: Vec<_> = kinds.iter().map(bar).filter(|bar| !bar.parts.is_empty()).collect();
    let mut out = String::new();
    if !bars.is_empty() {
        out.push_str(&stacked("Median of each stage for IDR frames and for the others", "ms", &bars));
    }
    let rows: Vec<_> = kinds
        .iter()
        .map(|(name, kind)| {
            let size = (kind.sized > 0).then(|| kind.bytes as f64 / kind.sized as f64 / 1e3);
            let size = size.map_or("–".to_owned(), |size| format!("{size:.1}"));
            let of = |q| cell(quantile(kind, q));
            vec![(*name).to_owned(), kind.latency.count().to_string(), of(0.5), of(0.99), of(1.0), size]
        })
        .collect();
    out.push_str(&table(&["", "frames", "p50 ms", "p99 ms", "max ms", "mean kB"], &rows));
    section("IDR against P", &out)
}

/// Where each frame ended.
pub fn buckets(run: &Run) -> String {
    let Some(expected) = run.frames.expected else {
        return section(
            "Frames",
            "<p>No code was read after the warm-up, so nobody knows how many frames were sent.</p>\n",
        );
    };
    let meaning = |bucket| match bucket {
        Bucket::Measured => "read once, in order",
        Bucket::Lost => "nothing of it arrived",
        Bucket::Duplicate => "read more than once",
        Bucket::Late => "read after a later one",
        Bucket::Unreadable => "shown, but its code could not be read",
        Bucket::Undecodable => "arrived, but gave no picture",
    };
    let share = |frames: u64| {
        if expected == 0 { String::new() } else { format!("{:.2} %", frames as f64 * 100.0 / expected as f64) }
    };
    let rows: Vec<_> = Bucket::ALL
        .into_iter()
        .map(|bucket| (bucket, run.frames.of(bucket).unwrap_or(0)))
        .map(|(bucket, frames)| {
            vec![bucket.name().to_owned(), frames.to_string(), share(frames), meaning(bucket).to_owned()]
        })
        .collect();
    let mut out = format!("<p>{expected} frames were sent after the warm-up; each ended in one bucket.</p>\n");
    out.push_str(&table(&["", "frames", "share", ""], &rows).replace("<table>", "<table class=\"last-text\">"));
    let pictures = &run.pictures;
    let mut more = vec![format!("{} pictures shown, {} of them IDR", pictures.shown, pictures.idr)];
    let counts = [
        (run.frames.restarts.unwrap_or(0), "restart", " of the publisher"),
        (pictures.repeated, "picture", " shown again"),
        (pictures.unplaced, "unread picture", " beyond the missing frames"),
        (pictures.stale, "reading", " too late to count"),
        (run.connection.disconnects, "loss", " of the stream"),
    ];
    let told = counts.iter().filter(|(count, ..)| *count > 0);
    more.extend(told.map(|(count, thing, what)| format!("{}{what}", words::counted(*count, thing))));
    out.push_str(&format!("<p class=\"soft\">{}.</p>\n", escape(&more.join(" · "))));
    section("Frames", &out)
}

/// From connecting to the first reading.
pub fn startup(run: &Run) -> String {
    let startup = &run.startup;
    let moments = [
        ("session plays", startup.connected_ms),
        ("first packet", startup.first_packet_ms),
        ("first picture", startup.first_frame_ms),
        ("first code read", startup.first_reading_ms),
    ];
    let known: Vec<_> = moments.into_iter().filter_map(|(name, ms)| Some((name, ms?))).collect();
    if known.is_empty() {
        return String::new();
    }
    let mut before = 0.0;
    let mut part = |(index, (name, ms)): (usize, &(&str, f64))| {
        let value = (ms - before).max(0.0);
        before = ms.max(before);
        let title = format!("{name}: {} ms after connecting began", words::ms(*ms));
        Part { name: format!("until: {name}"), value, tone: Tone::Series(index), title }
    };
    let parts = known.iter().enumerate().map(&mut part).collect();
    let bar = Bar { name: "since the receiver began to connect".to_owned(), parts };
    let mut out = stacked("Starting up", "ms", &[bar]);
    let rows: Vec<_> = known.iter().map(|(name, ms)| vec![(*name).to_owned(), cell(Some(*ms))]).collect();
    out.push_str(&table(&["ms since connecting began", ""], &rows));
    section("Starting up", &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_of_one_picture_have_different_colours() {
        let with_browser = |stage: &&Stage| **stage as usize <= Stage::Send as usize || stage.is_of_browser();
        let in_latency = || Stage::ALL.iter().filter(|stage| stage.is_in_latency());
        let browser: Vec<_> = in_latency().filter(with_browser).map(|stage| tone(*stage).class()).collect();
        let receiver: Vec<_> =
            in_latency().filter(|stage| !stage.is_of_browser()).map(|stage| tone(*stage).class()).collect();
        for mut classes in [browser, receiver] {
            let all = classes.len();
            classes.sort_unstable();
            classes.dedup();
            assert_eq!((classes.len(), all), (8, 8));
        }
    }
}
