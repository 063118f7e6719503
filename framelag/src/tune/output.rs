//! A progress bar with the time left on a terminal, a line per run elsewhere, JSON lines with `--json`.

use std::path::Path;
use std::time::Duration;

use analyze::sweep::{Outcome, Row};
use common::printable::escaped;
use framelag::plan::Plan;
use indicatif::ProgressBar;
use render::words::counted;
use serde_json::json;

use super::matrix::{Cell, Trial};
use crate::progress;

/// What a run takes beyond warm-up and duration, until the first has shown it: three processes start, connect and end.
const OVERHEAD: Duration = Duration::from_secs(3);

/// Overhead of a join beyond warm-up and duration, for reloading the page.
const JOIN_OVERHEAD: Duration = Duration::from_secs(1);

/// Estimates how long the rest takes from the runs so far.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    run: Duration,
    left: usize,
    took: Duration,
    ran: u32,
}

impl Estimate {
    /// Estimates `left` runs of `plan`, evenly distributed over its `cells`.
    pub fn new(plan: &Plan, cells: &[Cell], left: usize) -> Self {
        let once = plan.warmup + plan.duration;
        let time = |cell: &Cell| {
            let played = if cell.via.is_some() { (once + JOIN_OVERHEAD) * plan.joins() } else { once };
            played + cell.fill + OVERHEAD
        };
        let all: Duration = cells.iter().map(time).sum();
        let run = all.checked_div(u32::try_from(cells.len()).unwrap_or(u32::MAX)).unwrap_or(once);
        Self { run, left, took: Duration::ZERO, ran: 0 }
    }

    /// Takes in how long a run took.
    pub fn ran(&mut self, took: Duration) {
        self.left = self.left.saturating_sub(1);
        self.took += took;
        self.ran += 1;
    }

    /// How long the runs that are left will take.
    pub fn left(&self) -> Duration {
        let run = self.took.checked_div(self.ran).unwrap_or(self.run);
        Duration::from_secs_f64(run.as_secs_f64() * self.left as f64)
    }
}

/// A time in words: `40 s`, `12 min`, `3 h 05 min`.
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

pub struct Output<'a> {
    plan: &'a Plan,
    json: bool,
    bar: ProgressBar,
    total: usize,
    done: usize,
    estimate: Estimate,
}

impl<'a> Output<'a> {
    /// For a sweep of `total` runs, of which `done` are finished.
    pub fn new(plan: &'a Plan, cells: &[Cell], json: bool, total: usize, done: usize) -> Self {
        let bar = progress::bar(json, total);
        bar.set_position(done as u64);
        Self { plan, json, bar, total, done, estimate: Estimate::new(plan, cells, total - done) }
    }

    /// The sweep begins, or goes on.
    pub fn begin(&self, cells: usize, out: &Path) {
        let left = self.estimate.left();
        if self.json {
            let Self { total, done, .. } = self;
            let left_s = left.as_secs();
            let begin =
                json!({ "event": "begin", "cells": cells, "runs": total, "done": done, "out": out, "left_s": left_s });
            return println!("{begin}");
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
        let message = format!("{left} left · {}", self.plan.describe(&cell.values));
        self.bar.set_message(escaped(&message).into_owned());
    }

    /// A run is over.
    pub fn ran(&mut self, row: &Row, took: Duration) {
        self.estimate.ran(took);
        self.done += 1;
        self.bar.inc(1);
        let left = self.estimate.left();
        if self.json {
            let settings = self.plan.describe(&row.values);
            let run = json!({ "event": "run", "settings": settings, "run": row, "left_s": left.as_secs() });
            return println!("{run}");
        }
        let line = format!(
            "{:>width$}/{} {}",
            self.done,
            self.total,
            line(self.plan, row),
            width = self.total.to_string().len()
        );
        if self.bar.is_hidden() {
            eprintln!("{line} · {} left", words(left));
        } else if row.outcome != Outcome::Ok {
            // Failures stay above the bar; the others are in the table.
            self.bar.println(escaped(&line));
        }
    }

    /// All runs are over: `failed` and `inconclusive` of them gave no figures.
    pub fn end(&self, failed: usize, inconclusive: usize, out: &Path) {
        self.bar.finish_and_clear();
        if self.json {
            let (runs, event) = (self.total, "end");
            let end =
                json!({ "event": event, "runs": runs, "failed": failed, "inconclusive": inconclusive, "out": out });
            return println!("{end}");
        }
        let mut text = counted(self.total as u64, "run");
        if failed + inconclusive > 0 {
            text.push_str(&format!(", {failed} failed and {inconclusive} inconclusive"));
        }
        println!("{text}: see {}", out.join("tune.html").display());
    }
}

/// A run in a line.
fn line(plan: &Plan, row: &Row) -> String {
    let told = plan.describe(&row.values);
    let ms = |name: &str, value: Option<f64>| value.map(|value| format!(" · {name} {value:.1} ms")).unwrap_or_default();
    let why = row.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let outcome = if row.outcome == Outcome::Ok { String::new() } else { format!(" · {}{why}", row.outcome.name()) };
    format!("{told}{}{}{outcome}", ms("p50", row.figures.p50_ms), ms("p99", row.figures.p99_ms))
}

/// Prints the cells' warnings, each one once.
pub fn warn(cells: &[Cell]) {
    let mut told: Vec<&str> = Vec::new();
    for warning in cells.iter().filter_map(|cell| cell.warning.as_deref()) {
        if !told.contains(&warning) {
            eprintln!("tune: {warning}");
            told.push(warning);
        }
    }
}

/// Prints the cells, their order and the time they would take.
pub fn dry_run(plan: &Plan, cells: &[Cell], order: &[Trial], json: bool) {
    let left = Estimate::new(plan, cells, order.len()).left();
    warn(cells);
    if json {
        for cell in cells {
            let (number, settings) = (cell.number, plan.describe(&cell.values));
            println!("{}", json!({ "event": "cell", "cell": number, "settings": settings, "values": cell.values }));
        }
        let trials: Vec<_> = order.iter().map(|trial| (trial.cell, trial.repeat)).collect();
        let (cells, runs, left_s) = (cells.len(), order.len(), left.as_secs());
        return println!(
            "{}",
            json!({ "event": "plan", "cells": cells, "runs": runs, "order": trials, "left_s": left_s })
        );
    }
    for cell in cells {
        println!("cell {:>3}  {}", cell.number, plan.describe(&cell.values));
    }
    for (repeat, block) in order.chunks(cells.len()).enumerate() {
        let numbers: Vec<String> = block.iter().map(|trial| trial.cell.to_string()).collect();
        println!("block {}: {}", repeat + 1, numbers.join(" "));
    }
    println!("{} cells × {} = {} runs; about {}", cells.len(), plan.repeat, order.len(), words(left));
}

#[cfg(test)]
mod tests {
    use framelag::plan;

    use super::*;

    #[test]
    fn the_time_left_follows_what_runs_took() {
        let plan = plan::read("name = \"t\"\nsource = \"test\"\nduration = \"5s\"\n[axes]\npublisher.gop = [10, 20]\n")
            .expect("good");
        let cells = crate::tune::matrix::cells(&plan).expect("good");
        let mut estimate = Estimate::new(&plan, &cells, 6);
        assert_eq!(estimate.left(), Duration::from_secs(60));
        estimate.ran(Duration::from_secs(8));
        estimate.ran(Duration::from_secs(10));
        assert_eq!(estimate.left(), Duration::from_secs(36));

        let plan =
            "name = \"t\"\nsource = \"test\"\nduration = \"5s\"\njoins = 3\n[fixed]\nvia = \"hls\"\nplaylist = 4\n";
        let plan = plan::read(&format!("{plan}[axes]\nsegment = [\"1s\", \"4s\"]\n")).expect("good");
        let cells = crate::tune::matrix::cells(&plan).expect("good");
        // Three joins of 2 + 5 + 1 s, a playlist that fills in 4 s or 16 s, and 3 s.
        assert_eq!(Estimate::new(&plan, &cells, 2).left(), Duration::from_secs(31 + 43));
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let told = [0, 99, 100, 3540, 5400, 11_100].map(|seconds| words(Duration::from_secs(seconds)));
        assert_eq!(told, ["0 s", "99 s", "2 min", "59 min", "1 h 30 min", "3 h 05 min"]);
    }
}
