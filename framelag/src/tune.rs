//! `framelag tune`: a matrix of settings, each combination run several times in random order, and what they are worth.
//!
//! ```text
//! plan (TOML) → matrix: cells, each checked → order → run after run → journal → analyze::sweep
//! ```
//!
//! Nothing runs before the whole plan is known to be possible. After each run its figures are on disk twice: in the journal,
//! which a sweep that was interrupted goes on from, and in the files that people read.

mod journal;
mod matrix;
mod meeting;
mod output;
mod path;
mod run;

use common::host::Stop;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use analyze::sweep::{self, Outcome, Row, Sweep};
use chrono::{SecondsFormat, Utc};
use framelag::plan::{self, Plan};
use report::dir::Dir;
use report::host;

use crate::processes::{self, sibling, watch_for_interrupt};
use common::host::command_line::USAGE;
use journal::Journal;
use matrix::{Cell, Turn};
use output::Output;

/// Room that a run needs beside the pictures that are compared: its report and its logs. With less it would fail for want of
/// room, and that would stand in the results.
const MIN_FREE_BYTES: u64 = 128 << 20;

/// A run that failed with less than this free may have failed for want of room.
const LOST_BYTES: u64 = 1 << 20;

/// Exit code where all runs finished, and some failed or were inconclusive.
const INCONCLUSIVE: u8 = 3;

/// Benchmark every combination of settings, several times in random order, and recommend one.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag tune plans/quick.toml                 two bit rates and two GOPs, in a minute
  framelag tune plans/gop-bitrate.toml --dry-run list the cells, their order and the time
  framelag tune plans/low-bandwidth.toml --out night
                                                 after an interruption, the same command resumes

A plan lists settings and their values: see docs/tune.md. Finished runs are kept, and the same command continues with
the rest. Results go to DIR: tune.html to read, tune.csv and tune.json for programs. With fewer than 4 repeats settings
cannot be told apart.

Exit codes: 0 every run was measured; 1 cannot continue (finished runs are kept); 2 the plan or a flag is wrong; 3 all
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

/// Why a sweep does not come to its end.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Plan(String),
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error("{0}: finished runs are kept in the journal; run the same command to write it again")]
    Write(#[from] sweep::Error),
    #[error("interrupted after {0} of {1} runs: run the same command to continue")]
    Interrupted(usize, usize),
    #[error(
        "disk full at {0}: {1} bytes free, a run needs {2}. Finished runs are kept: free some space, then run the same \
         command to continue"
    )]
    Full(PathBuf, u64, u64),
    #[error("{0}")]
    Failed(String),
}

impl Error {
    const fn is_usage(&self) -> bool {
        match self {
            Self::Plan(_) => true,
            Self::Journal(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Sweeps. Exit code: see [`Args`].
pub fn run(args: &Args) -> ExitCode {
    match tune(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.is_usage() { USAGE } else { 1 })
        }
    }
}

fn tune(args: &Args) -> Result<u8, Error> {
    let mut plan = Plan::open(&args.plan).map_err(Error::Plan)?;
    plan.seed = args.seed.unwrap_or(plan.seed);
    let cells = matrix::cells(&plan);
    let cells = cells.map_err(|mistakes| Error::Plan(plan::list(&args.plan, &mistakes)))?;
    let order = matrix::order(cells.len(), plan.repeat, plan.seed);
    let out = args.out.clone().unwrap_or_else(|| default_out(&plan.name));
    if args.dry_run {
        output::dry_run(&plan, &cells, &order, args.json);
        return Ok(0);
    }
    for program in ["publisher", "receiver"] {
        sibling(program).map_err(Error::Failed)?;
    }
    let stopped = watch_for_interrupt().map_err(Error::Failed)?;
    if args.fresh
        && let Some(aside) = journal::put_aside(&out)?
    {
        eprintln!("tune: moved the previous sweep to {}", aside.display());
    }
    let mut journal = Journal::open(&out, essence(&plan), now())?;
    sweep(&plan, &cells, &order, &mut journal, &out, args.json, &stopped)
}

/// In the folder where it is typed, by the plan's name as far as it makes one of a file.
fn default_out(name: &str) -> PathBuf {
    let safe = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' };
    Path::new("framelag-tune").join(name.chars().map(safe).collect::<String>())
}

/// What a sweep that goes on must have in common with its beginning: the plan, the machine and the instrument.
fn essence(plan: &Plan) -> Vec<(String, String)> {
    let mut all = plan.essence();
    all.push(("machine".to_owned(), host::machine().unwrap_or_else(|| "unknown".to_owned())));
    all.push(("framelag".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    all
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Makes the runs that are not there yet.
fn sweep(
    plan: &Plan,
    cells: &[Cell],
    order: &[Turn],
    journal: &mut Journal,
    out: &Path,
    json: bool,
    stopped: &Stop,
) -> Result<u8, Error> {
    let done = finished(journal.rows());
    let left: Vec<(usize, Turn)> =
        order.iter().copied().enumerate().filter(|(_, turn)| !done.contains_key(turn)).collect();
    let mut output = Output::new(plan, json, order.len(), order.len() - left.len());
    output.begin(cells.len(), out);
    for (number, (place, turn)) in left.iter().enumerate() {
        let interrupted = || Error::Interrupted(order.len() - left.len() + number, order.len());
        if stopped.is_requested() {
            return Err(interrupted());
        }
        let cell = &cells[turn.cell];
        let room = MIN_FREE_BYTES.saturating_add(if plan.quality { cell.pictures_bytes } else { 0 });
        check_room(out, room)?;
        check_place(journal.dir())?;
        output.run(cell);
        let (begun, started) = (Instant::now(), now());
        let report = run::place(*turn);
        let ran = match run::run(plan, cell, *turn, journal.dir(), stopped) {
            Ok(ran) => ran,
            Err(processes::Error::Interrupted) => return Err(interrupted()),
            Err(processes::Error::Failed(why)) => return Err(Error::Failed(why)),
        };
        if ran.outcome == Outcome::Failed {
            // What came of Ctrl-C or of a full disk is no result: the run is made again.
            if stopped.is_requested() {
                return Err(interrupted());
            }
            check_room(out, LOST_BYTES)?;
        }
        let row = Row {
            cell: turn.cell,
            repeat: turn.repeat,
            order: *place,
            started,
            values: cell.values.clone(),
            outcome: ran.outcome,
            why: ran.why,
            figures: ran.figures,
            report: out.join(&report).join("run.json").is_file().then_some(report),
        };
        journal.append(row.clone())?;
        sweep::write(journal.dir(), &result(plan, journal, order))?;
        output.ran(&row, begun.elapsed());
    }
    // Also where the last one was written and a kill came before this.
    sweep::write(journal.dir(), &result(plan, journal, order))?;
    check_place(journal.dir())?;
    let finished = finished(journal.rows());
    let count = |outcome| order.iter().filter(|turn| finished.get(turn) == Some(&outcome)).count();
    let (failed, inconclusive) = (count(Outcome::Failed), count(Outcome::Inconclusive));
    output.end(failed, inconclusive, out);
    Ok(if failed + inconclusive > 0 { INCONCLUSIVE } else { 0 })
}

/// An error where a run would not have the room that it needs. A file system that does not say is taken to have it.
fn check_room(out: &Path, needed: u64) -> Result<(), Error> {
    let free = rustix::fs::statvfs(out).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    if free < needed { Err(Error::Full(out.to_owned(), free, needed)) } else { Ok(()) }
}

/// An error where the folder is not the one any more that the journal is in: the runs' own programs would write into another.
fn check_place(dir: &Dir) -> Result<(), Error> {
    dir.check().map_err(|error| Error::Failed(format!("{}: {error}", dir.path().display())))
}

/// What came of each run that was made.
fn finished(rows: &[Row]) -> HashMap<Turn, Outcome> {
    rows.iter().map(|row| (Turn { cell: row.cell, repeat: row.repeat }, row.outcome)).collect()
}

/// The sweep so far, as it is analysed.
fn result(plan: &Plan, journal: &Journal, order: &[Turn]) -> Sweep {
    let done = finished(journal.rows());
    let axis = |axis: &plan::Axis| sweep::Axis {
        name: axis.name.clone(),
        values: axis.points.iter().map(|point| point.label.clone()).collect(),
    };
    let mut fixed = vec![
        ("warmup".to_owned(), format!("{:?}", plan.warmup)),
        ("duration".to_owned(), format!("{:?}", plan.duration)),
    ];
    fixed.extend(plan.fixed.iter().map(|choice| (choice.setting.name.to_owned(), choice.told())));
    Sweep {
        name: plan.name.clone(),
        started: journal.started().to_owned(),
        seed: plan.seed,
        axes: plan.axes.iter().map(axis).collect(),
        fixed,
        rows: journal.rows().to_vec(),
        host: host::describe().into(),
        complete: order.iter().all(|turn| done.contains_key(turn)),
    }
}
