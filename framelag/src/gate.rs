//! `framelag gate`: whether a candidate's runs are worse than a baseline's, by an exit code.

mod output;
mod runs;

use std::path::PathBuf;
use std::process::ExitCode;

use analyze::gate::{Comparison, Gate, Limits, Verdict};
use analyze::store::{self, Place, Store};
use common::units::parse_share;
use report::threshold::Metric;

use crate::USAGE;
use runs::{Error, Runs};

/// Says whether runs got worse: by more than is allowed, and by more than noise.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag gate --baseline before/* --candidate after/*
  framelag gate --baseline before --candidate after --metric p95 --max-regression 10% --max-delta 5ms
      each folder in such a folder of runs counts as one; each limit that is given has to be kept
  framelag gate --candidate runs --save-baseline main
      keeps them in the store, to be compared with later:
  framelag gate --baseline main --candidate runs

A run is one sample, however many frames it has: give 5 a side, of 30 s each, and alternate the two sides where you
can. 4 a side are the fewest that can fail.

Exit codes: 0 passed, 99 a regression: worse by more than the limit, and more than noise, 3 inconclusive: too few runs
or too much noise (it says how many more), 2 wrong usage, or runs of different settings or machines, 1 a file cannot
be read, or written where there is no regression. docs/gate.md has the method and how often it is wrong.")]
pub struct Args {
    /// Runs to compare with: report folders, folders of them, or the name of a baseline in the store.
    #[arg(long, value_name = "DIR|NAME", num_args = 1.., required_unless_present = "save_baseline")]
    baseline: Vec<PathBuf>,
    /// Runs to judge: report folders, or folders of them.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    candidate: Vec<PathBuf>,
    /// The figure to compare, named as in an assertion. One: each more would add its own false alarms.
    #[arg(long, default_value = "p99")]
    metric: Metric,
    /// How much worse it may be than the baseline [default: 5%, without --max-delta].
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    max_regression: Option<f64>,
    /// How much worse it may be, in the metric's unit, as in 5ms.
    #[arg(long, value_name = "DIFFERENCE")]
    max_delta: Option<String>,
    /// Compare runs of different settings or machines too, and say what differs.
    #[arg(long)]
    allow_different: bool,
    /// Where baselines are kept: an SQLite file, or postgres://… [default: framelag/runs.sqlite in $XDG_STATE_HOME or
    /// ~/.local/state].
    #[arg(long, value_name = "PLACE")]
    store: Option<Place>,
    /// Keep the candidate's runs as the baseline of this name, where they pass or there is nothing to compare with.
    #[arg(long, value_name = "NAME", value_parser = baseline_name)]
    save_baseline: Option<String>,
    /// Folder for gate.json and gate.md.
    #[arg(long, value_name = "DIR", requires = "baseline")]
    report: Option<PathBuf>,
    /// One line of JSON on standard output, and nothing else there.
    #[arg(long, requires = "baseline")]
    json: bool,
}

/// A name that can be typed, and shown on any terminal.
fn baseline_name(text: &str) -> Result<String, String> {
    /// A longer one is a mistake: a quotation mark that is missing.
    const MAX_CHARS: usize = 200;
    let is_name = !text.trim().is_empty() && text.chars().count() <= MAX_CHARS && !text.contains(char::is_control);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        format!("a baseline is called by a word or more, as in main or feature/x, of at most {MAX_CHARS} characters")
    })
}

/// Compares. Exit code: see [`Args`].
pub fn run(args: &Args) -> ExitCode {
    let error = match judge(args) {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    eprintln!("error: {error}");
    ExitCode::from(if matches!(error, Error::Usage(_)) { USAGE } else { 1 })
}

fn judge(args: &Args) -> Result<u8, Error> {
    let gate = Gate { metric: args.metric, limits: args.limits()?, allow_different: args.allow_different };
    let baseline = Runs::read_or_find(&args.baseline, || args.open(Store::open_existing))?;
    let candidate = Runs::read(&args.candidate)?;
    let comparison = compared(&gate, &baseline, &candidate)?;
    if args.baseline.is_empty() {
        return first(args, &comparison, &candidate);
    }
    output::print(&comparison, args.json);
    let verdict = comparison.judgement.verdict;
    let written = output::write(&comparison, args.report.as_deref()).and_then(|()| args.save(verdict, &candidate));
    match (verdict, written) {
        // A regression stays one, whatever became of its files.
        (Verdict::Regression, Err(error)) => {
            eprintln!("error: {error}");
            Ok(verdict.exit_code())
        }
        (verdict, written) => written.map(|()| verdict.exit_code()),
    }
}

fn compared(gate: &Gate, baseline: &Runs, candidate: &Runs) -> Result<Comparison, Error> {
    let missing = [baseline.missing(), candidate.missing()];
    let comparison = gate.compare_with(&baseline.inputs(), &candidate.inputs(), missing);
    comparison.map_err(|refusal| Error::Usage(refusal.to_string()))
}

/// Keeps runs that there is nothing to compare with yet. Such as prove nothing are no baseline.
fn first(args: &Args, comparison: &Comparison, candidate: &Runs) -> Result<u8, Error> {
    let left_out = &comparison.candidate.left_out;
    for run in left_out {
        eprintln!("{} is no sample: {}", run.name, run.why);
    }
    if !left_out.is_empty() {
        eprintln!("no baseline was kept: measure these again");
        return Ok(Verdict::Inconclusive.exit_code());
    }
    args.save(Verdict::Pass, candidate)?;
    Ok(Verdict::Pass.exit_code())
}

impl Args {
    fn open(&self, open: impl FnOnce(&Place) -> Result<Store, store::Error>) -> Result<Store, store::Error> {
        open(&self.store.clone().map_or_else(Place::unnamed, Ok)?)
    }

    /// Keeps the candidate as the next baseline, where it passed. What got slower, or may have, would hide the next change.
    fn save(&self, verdict: Verdict, candidate: &Runs) -> Result<(), Error> {
        let Some(name) = &self.save_baseline else { return Ok(()) };
        if verdict != Verdict::Pass {
            eprintln!("the baseline {name} stays as it was: only runs that pass take its place");
            return Ok(());
        }
        candidate.keep(&mut self.open(Store::open)?, name)?;
        eprintln!("kept as the baseline {name}");
        Ok(())
    }

    fn limits(&self) -> Result<Limits, Error> {
        let delta = self.max_delta.as_deref().map(|text| self.metric.parse_difference(text)).transpose();
        let delta = delta.map_err(|why| Error::Usage(format!("--max-delta: {why}")))?;
        Ok(match (self.max_regression, delta) {
            (None, None) => Limits::default(),
            (share, delta) => Limits { share, delta },
        })
    }
}

/// Shows what changed from some runs to others, and leaves the verdict to you.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag compare before after
      two runs, or two folders of runs: with several a side each change has its interval
  framelag compare before after --metric stages.decode.p50 --metric fps

Exit codes: 0 compared, 2 wrong usage, or runs of different settings or machines, 1 a file cannot be read.")]
pub struct CompareArgs {
    /// A report folder, or a folder of them.
    baseline: PathBuf,
    /// Another.
    candidate: PathBuf,
    /// A figure to compare, named as in an assertion; may be given several times.
    #[arg(long, default_values = ["p50", "p95", "p99", "max", "picture_age.p99", "fps", "bitrate_kbps", "frames.lost"])]
    metric: Vec<Metric>,
    /// Compare runs of different settings or machines too, and say what differs.
    #[arg(long)]
    allow_different: bool,
    /// A line of JSON for each metric on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
}

/// Compares without a verdict. Exit code: see [`CompareArgs`].
pub fn compare(args: &CompareArgs) -> ExitCode {
    match comparisons(args) {
        Ok(comparisons) => {
            comparisons.iter().for_each(|comparison| output::print_change(comparison, args.json));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) { USAGE } else { 1 })
        }
    }
}

fn comparisons(args: &CompareArgs) -> Result<Vec<Comparison>, Error> {
    let read = |folder: &PathBuf| Runs::read(std::slice::from_ref(folder));
    let (baseline, candidate) = (read(&args.baseline)?, read(&args.candidate)?);
    let compared = args.metric.iter().map(|metric| {
        let gate = Gate { metric: *metric, limits: Limits::default(), allow_different: args.allow_different };
        compared(&gate, &baseline, &candidate)
    });
    compared.collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn limits(flags: &str) -> Result<Limits, String> {
        let all = format!("gate --baseline a b --candidate c {flags}");
        let command = Command::try_parse_from(all.split_whitespace()).map_err(|error| error.to_string())?;
        command.args.limits().map_err(|error| error.to_string())
    }

    #[test]
    fn a_limit_that_is_given_takes_the_place_of_the_default() {
        assert_eq!(limits(""), Ok(Limits { share: Some(0.05), delta: None }));
        assert_eq!(limits("--max-regression 10%"), Ok(Limits { share: Some(0.1), delta: None }));
        assert_eq!(limits("--max-delta 5ms"), Ok(Limits { share: None, delta: Some(5.0) }));
        assert_eq!(limits("--metric duration --max-delta 5ms"), Ok(Limits { share: None, delta: Some(0.005) }));
        assert_eq!(
            limits("--metric frames.lost --max-delta 5 --max-regression 0%"),
            Ok(Limits { share: Some(0.0), delta: Some(5.0) })
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (flags, words) in [
            ("--metric p98", "close to it: latency_ms.p90, latency_ms.p95, latency_ms.p99"),
            ("--metric p98", "stages_ms.decode.p99"),
            ("--max-regression 10", "1%"),
            ("--max-delta 10%", "--max-delta"),
            ("--max-delta=-1ms", "a time"),
            ("--metric frames.lost --max-delta 1%", "a number of frames"),
        ] {
            let why = limits(flags).expect_err(flags);
            assert!(why.contains(words), "{flags}: {why}");
        }
    }
}
