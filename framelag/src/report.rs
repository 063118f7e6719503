//! `framelag report`: everything that reads report folders back.

mod merge;
mod render;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

/// Renders the pages of report folders again, and joins runs.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "Examples:
  framelag report out                      the pages of out/ again, from its data, and the summary
  framelag report night/*                  those of many folders
  framelag report merge a b c --out all    the runs of three receivers as one

A folder that is called like a command is ./NAME.
Exit codes: 0 done, 1 a file cannot be written, 2 a folder or file is not what it should be."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Report folders, as --report wrote them.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Joins the runs of many receivers into one report.
    Merge(merge::Args),
}

/// Does what was asked for.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Some(Command::Merge(args)) => merge::run(args),
        None => render::run(&args.folders),
    }
}
