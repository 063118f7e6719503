//! `framelag gate`: whether a candidate's runs are worse than a baseline's, by an exit code.

mod output;
mod runs;

use std::path::PathBuf;

use analyze::gate::{Comparison, Gate, Limits, Verdict};
use analyze::store::{self, Place, Store};
use common::units::parse_share;
use report::threshold::Metric;

use crate::exit::Error;
use runs::Runs;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag gate --baseline before/* --candidate after/*
  framelag gate --baseline before --candidate after --max-regression 10% --max-delta 5ms
      each subfolder is a run; with both limits, both have to be kept
  framelag gate --candidate runs --save-baseline main
      keep the runs in the store, and compare with them later:
  framelag gate --baseline main --candidate runs

A run is one sample, however many frames it has. Measure 5 runs of 30 s per side, and alternate the sides if you can. \
A verdict takes at least 4 per side.

Exit codes: 0 pass; 99 regression: worse by more than the limit, and by more than noise; 3 inconclusive: too few runs \
or too much noise (the output says how many more are needed); 2 wrong usage, or different settings or machines; 1 a \
file cannot be read or written (a regression still exits 99). See docs/gate.md.")]
pub struct Args {
    /// Runs to compare with: report folders, folders of report folders, or a baseline's name in the store.
    #[arg(long, value_name = "DIR|NAME", num_args = 1.., required_unless_present = "save_baseline")]
    baseline: Vec<PathBuf>,
    /// Runs to judge: report folders, or folders of report folders.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    candidate: Vec<PathBuf>,
    /// Metric to compare, named as in an assertion. Only one: each further one would add false alarms.
    #[arg(long, default_value = "p99")]
    metric: Metric,
    /// Allow the metric to be worse by this share of the baseline [default: 5%, unless --max-delta is given].
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    max_regression: Option<f64>,
    /// Allow the metric to be worse by this much, in its unit, as in 5ms.
    #[arg(long, value_name = "DIFFERENCE")]
    max_delta: Option<String>,
    /// Compare runs of different settings or machines, and show what differs.
    #[arg(long)]
    allow_different: bool,
    /// Store with the baselines: an SQLite file, or postgres://… [default: framelag/runs.sqlite in $XDG_STATE_HOME or
    /// ~/.local/state].
    #[arg(long, value_name = "PLACE")]
    store: Option<Place>,
    /// Keep the candidate as the baseline of this name if it passes, or if no --baseline is given.
    #[arg(long, value_name = "NAME", value_parser = baseline_name)]
    save_baseline: Option<String>,
    /// Write gate.json and gate.md to this folder.
    #[arg(long, value_name = "DIR", requires = "baseline")]
    report: Option<PathBuf>,
    /// Print one line of JSON, and nothing else, on standard output.
    #[arg(long, requires = "baseline")]
    json: bool,
}

/// A name that can be typed, and shown on any terminal.
fn baseline_name(text: &str) -> Result<String, String> {
    /// A longer one is a mistake: a quotation mark that is missing.
    const MAX_CHARS: usize = 200;
    let is_name = !text.trim().is_empty() && text.chars().count() <= MAX_CHARS && !text.contains(char::is_control);
    is_name
        .then(|| text.to_owned())
        .ok_or_else(|| format!("a baseline's name has 1 to {MAX_CHARS} printable characters, as in main or feature/x"))
}

/// Judges the candidate.
pub fn run(args: &Args) -> Result<u8, Error> {
    let gate = Gate { metric: args.metric.clone(), limits: args.limits()?, allow_different: args.allow_different };
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
    let comparison = gate.compare(&baseline.inputs(), &candidate.inputs(), missing);
    comparison.map_err(|refusal| Error::Usage(refusal.to_string()))
}

/// Keeps runs that there is nothing to compare with yet. Inconclusive runs are no baseline.
fn first(args: &Args, comparison: &Comparison, candidate: &Runs) -> Result<u8, Error> {
    let left_out = &comparison.candidate.left_out;
    for run in left_out {
        eprintln!("{} cannot be used: {}", run.name, run.why);
    }
    if !left_out.is_empty() {
        eprintln!("no baseline was saved: measure these runs again");
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
            eprintln!("baseline {name} not replaced: the candidate did not pass");
            return Ok(());
        }
        candidate.keep(&mut self.open(Store::open)?, name)?;
        eprintln!("saved as baseline {name}");
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

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag compare before after
      two runs, or two folders of runs; an interval needs several runs per side
  framelag compare before after --metric stages.decode.p50 --metric fps

Exit codes: 0 compared; 2 wrong usage, or different settings or machines; 1 a file cannot be read.")]
pub struct CompareArgs {
    /// Report folder, or folder of report folders, to compare with.
    #[arg(value_name = "BEFORE")]
    baseline: PathBuf,
    /// Report folder, or folder of report folders, to compare.
    #[arg(value_name = "AFTER")]
    candidate: PathBuf,
    /// Metric to compare, named as in an assertion; may be repeated.
    #[arg(long, default_values = ["p50", "p95", "p99", "max", "picture_age.p99", "fps", "bitrate_kbps", "frames.lost"])]
    metric: Vec<Metric>,
    /// Compare runs of different settings or machines, and show what differs.
    #[arg(long)]
    allow_different: bool,
    /// Print one line of JSON per metric, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
}

/// Compares without a verdict.
pub fn compare(args: &CompareArgs) -> Result<u8, Error> {
    let read = |folder: &PathBuf| Runs::read(std::slice::from_ref(folder));
    let (baseline, candidate) = (read(&args.baseline)?, read(&args.candidate)?);
    let compared = args.metric.iter().map(|metric| {
        let gate = Gate { metric: metric.clone(), limits: Limits::NONE, allow_different: args.allow_different };
        compared(&gate, &baseline, &candidate)
    });
    output::print_changes(&compared.collect::<Result<Vec<_>, _>>()?, args.json);
    Ok(0)
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
