//! `framelag tune`: runs every combination of settings several times in random order, and compares them.
//!
//! ```text
//! plan (TOML) → matrix: cells, each checked → order → run after run → journal → analyze::sweep
//! ```
//!
//! Nothing runs before the whole plan is known to be possible. After each run its figures are on disk twice: in the journal,
//! from which an interrupted sweep resumes, and in the files that people read.

mod journal;
mod matrix;
mod output;
mod route;
mod run;
mod server;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use analyze::sweep::{self, Outcome, Row, Sweep};
use chrono::{SecondsFormat, Utc};
use common::host::Stop;
use framelag::plan::{self, Plan};
use report::dir::Dir;
use report::host;

use crate::exit::{Error, INCONCLUSIVE};
use crate::processes::{sibling, watch_for_interrupt};
use journal::Journal;
use matrix::{Cell, Trial};
use output::Output;

/// What a run needs on disk beside the pictures to compare: its report and its logs. With less it would fail, and count as failed.
const MIN_FREE_BYTES: u64 = 128 << 20;

/// A run that failed with less than this free may have failed because of it.
const LOST_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag tune plans/quick.toml                 two bit rates and two GOPs, in a minute
  framelag tune plans/gop-bitrate.toml --dry-run list the cells, their order and the time
  framelag tune plans/low-bandwidth.toml --out night
                                                 after an interruption, the same command resumes

A plan lists settings and their values: see docs/tune.md. Finished runs are kept, and the same command continues with \
the rest. Results go to DIR: tune.html to read, tune.csv and tune.json for programs. With fewer than 4 repeats, settings \
cannot be told apart.

Exit codes: 0 every run was measured; 1 cannot continue (finished runs are kept); 2 the plan or a flag is wrong; 3 all \
runs finished, and some failed or were inconclusive.")]
pub struct Args {
    /// Plan to run.
    #[arg(value_name = "PLAN.toml")]
    plan: PathBuf,
    /// Write everything to this folder: new, empty, or with the beginning of this sweep [default: framelag-tune/NAME,
    /// with the plan's name].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show the cells, their order and the time they take, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON lines, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// Seed for the order of runs and for simulated networks, in place of the plan's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Start over: move what is in DIR aside first.
    #[arg(long)]
    fresh: bool,
}

pub fn run(args: &Args) -> Result<u8, Error> {
    let mut plan = Plan::open(&args.plan).map_err(Error::Usage)?;
    plan.seed = args.seed.unwrap_or(plan.seed);
    let cells = matrix::cells(&plan).map_err(|mistakes| Error::Usage(plan::list(&args.plan, &mistakes)))?;
    let order = matrix::order(cells.len(), plan.repeat, plan.seed);
    let out = args.out.clone().unwrap_or_else(|| default_out(&plan.name));
    if args.dry_run {
        output::dry_run(&plan, &cells, &order, args.json);
        return Ok(0);
    }
    output::warn(&cells);
    for program in ["publisher", "receiver"] {
        sibling(program)?;
    }
    let stopped = watch_for_interrupt()?;
    if args.fresh
        && let Some(aside) = journal::move_aside(&out)?
    {
        eprintln!("tune: moved the previous sweep to {}", aside.display());
    }
    let journal = Journal::open(&out, identity(&plan), now())?;
    let mut session = Session { plan: &plan, cells: &cells, order: &order, journal, out: &out, stopped: &stopped };
    session.run_missing(args.json)
}

/// Below the working directory, by the plan's name with every character replaced that does not belong in a file name.
fn default_out(name: &str) -> PathBuf {
    let safe = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' };
    Path::new("framelag-tune").join(name.chars().map(safe).collect::<String>())
}

/// What a resumed sweep must have in common with its beginning: the plan, the machine and the instrument.
fn identity(plan: &Plan) -> Vec<(String, String)> {
    let mut all = plan.identity();
    all.push(("machine".to_owned(), host::machine().unwrap_or_else(|| "unknown".to_owned())));
    all.push(("framelag".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    all
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A sweep from where its journal ends.
struct Session<'a> {
    plan: &'a Plan,
    cells: &'a [Cell],
    order: &'a [Trial],
    journal: Journal,
    out: &'a Path,
    stopped: &'a Stop,
}

impl Session<'_> {
    /// Makes the runs that are missing, and gives the exit code.
    fn run_missing(&mut self, json: bool) -> Result<u8, Error> {
        let done = finished(self.journal.rows());
        let order = self.order.iter().copied().enumerate();
        let left: Vec<(usize, Trial)> = order.filter(|(_, trial)| !done.contains_key(trial)).collect();
        let mut output = Output::new(self.plan, self.cells, json, self.order.len(), self.order.len() - left.len());
        output.begin(self.cells.len(), self.out);
        for (place, trial) in left {
            let cell = &self.cells[trial.cell];
            self.check_ready(cell)?;
            output.run(cell);
            let begun = Instant::now();
            let row = self.run(place, trial)?;
            self.journal.append(row.clone())?;
            write(self.plan, &self.journal, self.order)?;
            output.ran(&row, begun.elapsed());
        }
        // Also if a kill came between the last run and its result.
        write(self.plan, &self.journal, self.order)?;
        check_place(self.journal.dir())?;
        let finished = finished(self.journal.rows());
        let count = |outcome| self.order.iter().filter(|trial| finished.get(trial) == Some(&outcome)).count();
        let (failed, inconclusive) = (count(Outcome::Failed), count(Outcome::Inconclusive));
        output.end(failed, inconclusive, self.out);
        Ok(if failed + inconclusive > 0 { INCONCLUSIVE } else { 0 })
    }

    /// An error if the sweep is to end, or has no room for a run.
    fn check_ready(&self, cell: &Cell) -> Result<(), Error> {
        if self.stopped.is_requested() {
            return Err(self.interrupted());
        }
        let keeps = self.plan.quality && cell.via.is_none();
        let room = MIN_FREE_BYTES.saturating_add(if keeps { cell.pictures_bytes } else { 0 });
        check_room(self.out, room)?;
        check_place(self.journal.dir())
    }

    /// Makes one run, the one at this place in the order.
    fn run(&self, place: usize, trial: Trial) -> Result<Row, Error> {
        let (cell, started, report) = (&self.cells[trial.cell], now(), run::place(trial));
        let ran = run::run(self.plan, cell, trial, self.journal.dir(), self.stopped);
        let ran = ran.map_err(|error| if error == Error::Interrupted { self.interrupted() } else { error })?;
        if ran.outcome == Outcome::Failed {
            // A run that Ctrl-C or a full disk ended is repeated.
            if self.stopped.is_requested() {
                return Err(self.interrupted());
            }
            check_room(self.out, LOST_BYTES)?;
        }
        Ok(Row {
            cell: trial.cell,
            repeat: trial.repeat,
            order: place,
            started,
            values: cell.values.clone(),
            outcome: ran.outcome,
            why: ran.why,
            figures: ran.figures,
            joins: ran.joins,
            player: ran.player,
            report: self.out.join(&report).join("run.json").is_file().then_some(report),
        })
    }

    fn interrupted(&self) -> Error {
        let (finished, all) = (finished(self.journal.rows()), self.order.len());
        let done = self.order.iter().filter(|trial| finished.contains_key(trial)).count();
        Error::Failed(format!("interrupted after {done} of {all} runs: run the same command to continue"))
    }
}

/// An error if a run would not fit on the disk. A file system that does not say how much is free is assumed to have it.
fn check_room(out: &Path, needed: u64) -> Result<(), Error> {
    let free = rustix::fs::statvfs(out).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    if free >= needed {
        return Ok(());
    }
    Err(Error::Failed(format!(
        "disk full at {}: {free} bytes free, a run needs {needed}. Finished runs are kept: free some space, then run the same \
         command to continue",
        out.display()
    )))
}

/// An error if the path no longer leads to the journal's folder: the runs' programs would write elsewhere.
fn check_place(dir: &Dir) -> Result<(), Error> {
    dir.check().map_err(|error| Error::Failed(format!("{}: {error}", dir.path().display())))
}

/// The outcome of each finished run.
fn finished(rows: &[Row]) -> HashMap<Trial, Outcome> {
    rows.iter().map(|row| (Trial { cell: row.cell, repeat: row.repeat }, row.outcome)).collect()
}

/// Writes the results so far.
fn write(plan: &Plan, journal: &Journal, order: &[Trial]) -> Result<(), String> {
    sweep::write(journal.dir(), &result(plan, journal, order)).map_err(|error| {
        format!("{error}: finished runs are kept in the journal; run the same command to write it again")
    })
}

/// The sweep so far.
fn result(plan: &Plan, journal: &Journal, order: &[Trial]) -> Sweep {
    let done = finished(journal.rows());
    let axis = |axis: &plan::Axis| sweep::Axis {
        name: axis.name.clone(),
        values: axis.points.iter().map(|point| point.label.clone()).collect(),
    };
    let mut fixed = vec![
        ("warmup".to_owned(), format!("{:?}", plan.warmup)),
        ("duration".to_owned(), format!("{:?}", plan.duration)),
    ];
    if plan.has_browser() {
        fixed.push(("joins".to_owned(), plan.joins().to_string()));
    }
    fixed.extend(plan.fixed.iter().map(|choice| (choice.setting.name.to_owned(), choice.redacted())));
    Sweep {
        name: plan.name.clone(),
        started: journal.started().to_owned(),
        seed: plan.seed,
        axes: plan.axes.iter().map(axis).collect(),
        fixed,
        rows: journal.rows().to_vec(),
        host: host::describe().into(),
        complete: order.iter().all(|trial| done.contains_key(trial)),
    }
}
