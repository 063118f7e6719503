//! What the user is told while a run goes and when it ends: lines and a progress bar on standard error with the summary on
//! standard output, or JSON lines on standard output.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::host::terminal;
use common::printable::lines;
use indicatif::{ProgressBar, ProgressStyle};
use measure::figures::{CostUs, OwnCostUs};
use measure::sample::Bucket;
use report::{Live, Outcome, Summary};
use serde_json::{Value, json};

/// Standard output and standard error.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    bar: ProgressBar,
    several: bool,
    /// Something could not be written to standard output.
    failed: Arc<AtomicBool>,
}

impl Output {
    /// Writes JSON lines, or words for people. `duration` is the length of the bar, `several` says that streams must be named.
    /// indicatif shows the bar only where standard error is a terminal.
    pub(crate) fn new(json: bool, duration: Option<Duration>, several: bool) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (bar, template) = match duration {
            _ if json || !terminal::is_lively() => (ProgressBar::hidden(), "{msg}"),
            Some(duration) => (ProgressBar::new(millis(duration)), "{bar:24} {percent:>3} % {msg}"),
            None => (ProgressBar::no_length(), "{spinner} {msg}"),
        };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { json, bar, several, failed: Arc::default() }
    }

    /// A line about stream `name`: `event` for programs, `text` for people.
    pub(crate) fn event(&self, event: &str, name: &str, text: impl Display) {
        let prefix = if self.several { format!("{name}: ") } else { String::new() };
        let json = json!({ "event": event, "stream": name, "text": text.to_string() });
        self.tell(json, format_args!("{prefix}{text}"));
    }

    /// Prints lines for people only.
    pub(crate) fn block(&self, text: &str) {
        if !self.json {
            self.bar.suspend(|| eprintln!("{text}"));
        }
    }

    /// A file was saved.
    pub(crate) fn saved(&self, path: &Path) {
        let json = json!({ "event": "snapshot", "file": path });
        self.tell(json, format_args!("snapshot saved as {}", path.display()));
    }

    /// Metrics are served at `url`.
    pub(crate) fn metrics(&self, url: &str) {
        self.tell(json!({ "event": "metrics", "url": url }), format_args!("metrics at {url}"));
    }

    /// Something is not as it was asked for.
    pub(crate) fn warn(&self, text: impl Display) {
        self.tell(json!({ "event": "warning", "text": text.to_string() }), text);
    }

    fn tell(&self, json: Value, text: impl Display) {
        if self.json {
            self.print(json);
        } else {
            self.eprint(text);
        }
    }

    /// Time passes: `elapsed` since the first picture, and the figures of each stream.
    pub(crate) fn second<'a>(&self, elapsed: Duration, streams: impl Iterator<Item = (&'a str, Live)>) {
        let mut message = Vec::new();
        for (name, live) in streams {
            if self.json {
                self.print(second(elapsed, name, &live));
            } else {
                let prefix = if self.several { format!("{name}: ") } else { String::new() };
                message.push(prefix + &progress(&live));
            }
        }
        self.bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        self.bar.set_message(message.join("  ·  "));
    }

    /// The run of stream `name` is over.
    pub(crate) fn summary(&self, name: &str, url: &str, summary: &Summary) {
        self.bar.finish_and_clear();
        if self.json {
            self.print(json!({
                "event": "summary",
                "stream": name,
                "exit_code": summary.exit_code,
                "report": summary.report,
                "run": summary.run,
            }));
            return;
        }
        let never_began = summary.outcome() == Outcome::Failed && summary.run.startup.first_frame_ms.is_none();
        if never_began && summary.report.is_none() {
            // Why was said in a line of its own, and there is nothing to sum up.
            return;
        }
        self.print(format_args!(
            "{url}\n{}{}",
            render::terminal(&summary.run, summary.report.as_deref()),
            costs_text(&summary.run.own_cost_us)
        ));
    }

    /// Everything for standard output was written, as far as anybody reads it.
    pub(crate) fn is_written(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }

    fn print(&self, text: impl Display) {
        let mut out = io::stdout().lock();
        let Err(error) = writeln!(out, "{}", lines(&text.to_string())).and_then(|()| out.flush()) else { return };
        // A reader that has gone away is no reason to fail.
        if error.kind() != io::ErrorKind::BrokenPipe && !self.failed.swap(true, Ordering::Relaxed) {
            self.eprint(format_args!("cannot write to standard output: {error}"));
        }
    }

    fn eprint(&self, text: impl Display) {
        self.bar.suspend(|| eprintln!("receiver: {text}"));
    }
}

fn progress(live: &Live) -> String {
    let ms = |value: Option<f64>| value.map_or_else(|| "--".to_owned(), |ms| format!("{ms:.1}ms"));
    let missing = match live.missing() {
        0 => String::new(),
        missing => format!("  {missing} missing"),
    };
    let phase = if live.measuring { "" } else { "  (warming up)" };
    let [now, p50, p99] = [live.latency_ms, live.p50_ms, live.p99_ms].map(ms);
    let bound = live.bound_ms.map_or_else(String::new, |bound| format!(" ± {bound:.1}ms"));
    let fps = live.fps.map_or_else(|| "--".to_owned(), |fps| format!("{fps:.1}"));
    format!("{fps} fps  LAT {now}{bound}  p50 {p50}  p99 {p99}{missing}{phase}")
}

fn second(elapsed: Duration, name: &str, live: &Live) -> Value {
    let frames: serde_json::Map<_, _> =
        Bucket::ALL.iter().map(|&bucket| (bucket.name().to_owned(), live.counts.of(bucket).into())).collect();
    json!({
        "event": "second",
        "stream": name,
        "elapsed_s": elapsed.as_millis() as f64 / 1e3,
        "measuring": live.measuring,
        "fps": live.fps,
        "latency_ms": live.latency_ms,
        "bound_ms": live.bound_ms,
        "p50_ms": live.p50_ms,
        "p99_ms": live.p99_ms,
        "age_ms": live.age_ms,
        "frames": frames,
    })
}

fn costs_text(costs: &OwnCostUs) -> String {
    let cost = |(name, CostUs { mean, max }): (&str, CostUs)| {
        let name = if name == "wake" { "thread wake-up".to_owned() } else { name.replace('_', " ") };
        format!("{name} {mean:.0} ({max:.0})")
    };
    let costs: Vec<_> = costs.named().map(cost).collect();
    if costs.is_empty() {
        String::new()
    } else {
        format!("own cost   µs per picture, mean (max): {}\n", costs.join(" · "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_without_a_reading_has_nulls_and_dashes() {
        let live = Live::default();
        let line = second(Duration::from_millis(1_500), "cam", &live);
        assert_eq!(
            (&line["elapsed_s"], &line["fps"], &line["latency_ms"], &line["frames"]["lost"]),
            (&json!(1.5), &Value::Null, &Value::Null, &json!(0))
        );
        assert_eq!(progress(&live), "-- fps  LAT --  p50 --  p99 --  (warming up)");
    }

    #[test]
    fn costs_that_never_arose_are_left_out() {
        assert_eq!(costs_text(&OwnCostUs::default()), "");
        let (wake, read) = (Some(CostUs { mean: 79.2, max: 430.0 }), Some(CostUs { mean: 20.0, max: 30.0 }));
        assert_eq!(
            costs_text(&OwnCostUs { wake, read, ..OwnCostUs::default() }),
            "own cost   µs per picture, mean (max): thread wake-up 79 (430) · read 20 (30)\n"
        );
    }
}
