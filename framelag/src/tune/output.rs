//! What the user is told: a bar with the time left on a terminal, a line for each run elsewhere, JSON lines where asked.

use std::path::Path;
use std::time::Duration;

use analyze::sweep::{Outcome, Row};
use common::host::terminal;
use common::printable::escaped;
use framelag::plan::Plan;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::matrix::{Cell, Turn};

/// What a run takes beyond warm-up and duration, before the first has shown it: three processes start, connect and end.
const OVERHEAD: Duration = Duration::from_secs(3);

/// How long the rest takes, from what the runs before took.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    run: Duration,
    left: usize,
    took: Duration,
    ran: u32,
}

impl Estimate {
    /// Of `left` runs of `plan`.
    pub fn new(plan: &Plan, left: usize) -> Self {
        Self { run: plan.warmup + plan.duration + OVERHEAD, left, took: Duration::ZERO, ran: 0 }
    }

    /// A run took so long.
    pub fn ran(&mut self, took: Duration) {
        self.left = self.left.saturating_sub(1);
        self.took += took;
        self.ran += 1;
    }

    /// Until the last one has ended.
    pub fn left(&self) -> Duration {
        let run = self.took.checked_div(self.ran).unwrap_or(self.run);
        Duration::from_secs_f64(run.as_secs_f64() * self.left as f64)
    }
}

/// A time as it is told: `40 s`, `12 min`, `3 h 05 min`.
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Tells the user.
pub struct Output<'a> {
    plan: &'a Plan,
    json: bool,
    terminal: bool,
    bar: ProgressBar,
    total: usize,
    done: usize,
    estimate: Estimate,
}

impl<'a> Output<'a> {
    /// Tells of a sweep of `total` runs of which `done` are there already.
    pub fn new(plan: &'a Plan, json: bool, total: usize, done: usize) -> Self {
        let terminal = !json && terminal::is_lively();
        let bar = if terminal { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_position(done as u64);
        Self { plan, json, terminal, bar, total, done, estimate: Estimate::new(plan, total - done) }
    }

    /// The sweep begins, or goes on.
    pub fn begin(&self, cells: usize, out: &Path) {
        let left = self.estimate.left();
        if self.json {
            let Self { total, done, .. } = self;
            print(
                &json!({ "event": "begin", "cells": cells, "runs": total, "done": done, "out": out, "left_s": left.as_secs() }),
            );
            return;
        }
        let on = if self.done > 0 { format!(", {} already done", self.done) } else { String::new() };
        eprintln!(
            "tune: {}: {cells} cells, {} runs{on}, about {}, results in {}",
            self.plan.name,
            self.total,
            words(left),
            out.display()
        );
    }

    /// A run begins.
    pub fn run(&self, cell: &Cell) {
        let left = words(self.estimate.left());
        let message = format!("{left} left · {}", self.plan.told(&cell.values));
        self.bar.set_message(escaped(&message).into_owned());
    }

    /// A run is over.
    pub fn ran(&mut self, row: &Row, took: Duration) {
        self.estimate.ran(took);
        self.done += 1;
        self.bar.inc(1);
        let left = self.estimate.left();
        if self.json {
            let settings = self.plan.told(&row.values);
            return print(&json!({ "event": "run", "settings": settings, "run": row, "left_s": left.as_secs() }));
        }
        let line = format!(
            "{:>width$}/{} {}",
            self.done,
            self.total,
            line(self.plan, row),
            width = self.total.to_string().len()
        );
        if self.terminal {
            // Failures stay to be read above the bar; the others are in the table.
            if row.outcome != Outcome::Ok {
                self.bar.println(escaped(&line));
            }
        } else {
            eprintln!("{line} · {} left", words(left));
        }
    }

    /// All runs are over: `failed` and `inconclusive` of them gave no figures.
    pub fn end(&self, failed: usize, inconclusive: usize, out: &Path) {
        self.bar.finish_and_clear();
        if self.json {
            let Self { total, .. } = self;
            return print(
                &json!({ "event": "end", "runs": total, "failed": failed, "inconclusive": inconclusive, "out": out }),
            );
        }
        let mut text = format!("{} runs", self.total);
        if failed + inconclusive > 0 {
            text.push_str(&format!(", {failed} failed and {inconclusive} inconclusive"));
        }
        print_text(&format!("{text}: see {}", out.join("tune.html").display()));
    }
}

/// A run in a line.
fn line(plan: &Plan, row: &Row) -> String {
    let told = plan.told(&row.values);
    let ms = |name: &str, value: Option<f64>| value.map(|value| format!(" · {name} {value:.1} ms")).unwrap_or_default();
    let why = row.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let outcome = if row.outcome == Outcome::Ok { String::new() } else { format!(" · {}{why}", row.outcome.name()) };
    format!("{told}{}{}{outcome}", ms("p50", row.figures.p50_ms), ms("p99", row.figures.p99_ms))
}

/// The cells, the order and the time that a plan would take.
pub fn dry_run(plan: &Plan, cells: &[Cell], order: &[Turn], json: bool) {
    let left = Estimate::new(plan, order.len()).left();
    if json {
        for cell in cells {
            print(
                &json!({ "event": "cell", "cell": cell.number, "settings": plan.told(&cell.values), "values": cell.values }),
            );
        }
        let turns: Vec<_> = order.iter().map(|turn| (turn.cell, turn.repeat)).collect();
        return print(
            &json!({ "event": "plan", "cells": cells.len(), "runs": order.len(), "order": turns, "left_s": left.as_secs() }),
        );
    }
    let mut text = String::new();
    for cell in cells {
        text.push_str(&format!("cell {:>3}  {}\n", cell.number, plan.told(&cell.values)));
    }
    for (repeat, block) in order.chunks(cells.len()).enumerate() {
        let numbers: Vec<String> = block.iter().map(|turn| turn.cell.to_string()).collect();
        text.push_str(&format!("block {}: {}\n", repeat + 1, numbers.join(" ")));
    }
    text.push_str(&format!("{} cells × {} = {} runs; about {}", cells.len(), plan.repeat, order.len(), words(left)));
    print_text(&text);
}

fn print(line: &serde_json::Value) {
    print_text(&line.to_string());
}

fn print_text(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use framelag::plan;

    use super::*;

    #[test]
    fn the_time_left_follows_what_runs_took() {
        let plan = plan::read("name = \"t\"\nsource = \"test\"\nduration = \"5s\"\n[axes]\npublisher.gop = [10, 20]\n")
            .expect("good");
        let mut estimate = Estimate::new(&plan, 6);
        assert_eq!(estimate.left(), Duration::from_secs(60));
        estimate.ran(Duration::from_secs(8));
        estimate.ran(Duration::from_secs(10));
        assert_eq!(estimate.left(), Duration::from_secs(36));
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let told = [0, 99, 100, 3540, 5400, 11_100].map(|seconds| words(Duration::from_secs(seconds)));
        assert_eq!(told, ["0 s", "99 s", "2 min", "59 min", "1 h 30 min", "3 h 05 min"]);
    }
}
