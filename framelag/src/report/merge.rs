//! `framelag report merge`: the runs of many receivers as one report.

use std::path::PathBuf;

use analyze::merge;
use report::Assertion;

use crate::exit::Error;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag report merge a b c --out all
  framelag report merge grid/* --out all --assert 'p99<150ms' --assert 'frames.lost<0.1%'

Without --assert, the runs' own assertions and their results are kept; with it, only the given ones are checked, on the \
merged figures.
Exit codes: 0 done and every assertion held, 1 a file cannot be read or written, or a run had failed, 2 usage error, a \
folder that is not a report, or a run that would count twice, 3 a run is inconclusive, 99 an assertion was broken.")]
pub struct Args {
    /// Report folders, one per receiver.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Write the merged report to this folder; created if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Assert this of the merged figures, as in receiver --assert; may be repeated.
    #[arg(long = "assert", value_name = "METRIC OP VALUE")]
    asserts: Vec<Assertion>,
}

pub fn run(args: &Args) -> Result<u8, Error> {
    let summary = merge::merge(&args.folders, &args.out, &args.asserts)?;
    print!("{}", render::terminal(&summary.run, summary.report.as_deref()));
    Ok(summary.exit_code)
}
