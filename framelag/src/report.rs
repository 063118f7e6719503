//! `framelag report`: everything that reads report folders back.

mod keep;
mod list;
mod merge;
mod show;
mod store_args;
mod trend;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use report::saved::Saved;

use crate::exit::Error;

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
Exit codes: 0 done, 1 a file cannot be written, 2 usage error, or a folder is not a report."
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
    /// Merge the runs of many receivers into one report.
    Merge(merge::Args),
    /// List the stored runs.
    List(list::Args),
    /// Show a stored run.
    Show(show::Args),
    /// Show metrics over the stored runs, and where they changed.
    Trend(trend::Args),
}

pub fn run(args: &Args) -> Result<u8, Error> {
    match &args.command {
        Some(Command::Merge(args)) => merge::run(args),
        Some(Command::List(args)) => list::run(args),
        Some(Command::Show(args)) => show::run(args),
        Some(Command::Trend(args)) => trend::run(args),
        None => {
            args.keep.check()?;
            let kept = match args.keep.open() {
                Ok(None) => 0,
                Ok(Some((mut store, place))) => {
                    for_each(&args.folders, |folder| args.keep.add(folder, &mut store, &place))
                }
                Err(error) => failed(&error),
            };
            let rendered = for_each(&args.folders, render);
            Ok(if kept == 0 { rendered } else { kept })
        }
    }
}

/// Does `act` to every folder, and returns the highest exit code.
fn for_each(folders: &[PathBuf], mut act: impl FnMut(&Path) -> Result<(), Error>) -> u8 {
    let codes = folders.iter().map(|folder| act(folder).map_or_else(|error| failed(&error), |()| 0));
    codes.max().unwrap_or(0)
}

fn failed(error: &Error) -> u8 {
    eprintln!("error: {error}");
    error.exit_code()
}

/// Renders a folder, prints its summary, and what is damaged in its files.
fn render(folder: &Path) -> Result<(), Error> {
    let saved = Saved::open(folder)?;
    ::render::pages(folder).map_err(|error| error.to_string())?;
    let of_files = [saved.each_frame(|_| {})?, saved.intervals()?.note, saved.histograms()?.1];
    for note in saved.notes.iter().chain(of_files.iter().flatten()) {
        eprintln!("{}: {note}", folder.display());
    }
    print!("{}", ::render::terminal(&saved.run, Some(folder)));
    Ok(())
}
