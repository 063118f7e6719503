//! `framelag report`: everything that reads report folders back.

mod keep;
mod list;
mod merge;
mod render;
mod show;
mod trend;
mod which;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use analyze::store;
use clap::Subcommand;

use common::host::command_line::USAGE;

/// Re-renders the pages of report folders, stores runs, shows trends and merges runs.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "Examples:
  framelag report out                      re-render the pages of out/ and print the summary
  framelag report night/*                  the same for many folders
  framelag report merge a b c --out all    merge the runs of three receivers
  framelag report out --store runs.sqlite --label branch=main
                                           store the run
  framelag report trend --store runs.sqlite --out trend.html
                                           p50 and p99 over the stored runs, and their changes

Write ./NAME for a folder named like a subcommand.
Exit codes: 0 done, 1 a file cannot be written, 2 a folder or file is not a report."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Report folders, as --report wrote them.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    keep: keep::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Merges the runs of many receivers into one report.
    Merge(merge::Args),
    /// Lists the stored runs.
    List(list::Args),
    /// Shows a stored run.
    Show(show::Args),
    /// Shows metrics over the stored runs, and where they changed.
    Trend(trend::Args),
}

/// Does what was asked for.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Some(Command::Merge(args)) => merge::run(args),
        Some(Command::List(args)) => finish(list::run(args), store::Error::exit_code),
        Some(Command::Show(args)) => finish(show::run(args), store::Error::exit_code),
        Some(Command::Trend(args)) => finish(trend::run(args), trend::Error::exit_code),
        None => {
            if let Err(why) = args.keep.check() {
                eprintln!("error: {why}");
                return ExitCode::from(USAGE);
            }
            let kept = keep::run(&args.keep, &args.folders);
            let rendered = render::run(&args.folders);
            // What could not be kept is not to be lost among pages that were made.
            if kept == 0 { rendered } else { ExitCode::from(kept) }
        }
    }
}

fn finish<E: Display>(done: Result<u8, E>, code: impl Fn(&E) -> u8) -> ExitCode {
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(code(&error))
        }
    }
}
