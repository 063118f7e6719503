//! `framelag`: the umbrella command around `publisher` and `receiver`.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

mod calibrate;
mod demo;
mod doctor;
mod gate;
mod impair;
mod leash;
mod playing;
mod processes;
mod report;
mod serve;
mod serving;
mod shell;
mod tune;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use common::{descriptors, printable, redact};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::prelude::*;

/// Measures the latency of live video, frame by frame.
#[derive(Debug, Parser)]
#[command(name = "framelag", version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  framelag demo                      server, publisher and receiver for 10 s, then the summary
  framelag demo --source test --headless --report out
  framelag serve                     the RTSP server alone, on 127.0.0.1:8554
  framelag calibrate                 proves the figures on this machine, in about a minute
  framelag impair --listen tcp://127.0.0.1:9554 --to tcp://127.0.0.1:8554 --delay 20ms
                                     the same server through a slower network
  framelag report merge a b --out all
                                     the runs of many receivers as one report
  framelag gate --baseline before/* --candidate after/*
                                     exit code 99 where latency got worse
  framelag tune plans/quick.toml     which settings to choose: each combination, measured several times
  framelag doctor                    what this machine has, what it lacks and how to mend it
  framelag completions bash > ~/.local/share/bash-completion/completions/framelag
  framelag man ./man                 man pages of all three commands";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs server, publisher and receiver as three processes and ends with the latency summary.
    Demo(demo::Args),
    /// Runs the media server alone.
    Serve(serve::Args),
    /// Proves the figures on this machine: injects known delays and says how far the measured ones are off.
    Calibrate(calibrate::Args),
    /// Passes TCP or UDP on through a network that is worse than it is.
    Impair(impair::Args),
    /// Renders report folders again, keeps runs and shows them over time, and joins runs.
    Report(report::Args),
    /// Fail when runs got worse by more than a limit, and by more than noise.
    Gate(gate::Args),
    /// Compare runs metric by metric, without a verdict.
    Compare(gate::CompareArgs),
    /// Measure a matrix of settings, each several times in random order, and recommend one.
    Tune(tune::Args),
    /// Says what is there, what is missing, and the command that mends it.
    Doctor(doctor::Args),
    /// Prints shell completions of framelag, publisher and receiver.
    Completions(shell::CompletionsArgs),
    /// Writes man pages of framelag, publisher and receiver.
    Man(shell::ManArgs),
    /// Becomes another program that ends with its parent.
    #[command(hide = true)]
    Leash(leash::Args),
}

/// Exit code for wrong flags.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    start_logging();
    if let Err(error) = descriptors::require() {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    match args.command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Impair(args) => impair::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Compare(args) => gate::compare(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => shell::completions(&args, &mut commands()),
        Command::Man(args) => shell::man(&args, &commands()),
        Command::Leash(args) => leash::run(&args),
    }
}

/// The flags, or the exit code where there is nothing to run: after help, or with a line that says what is wrong.
fn parse() -> Result<Args, ExitCode> {
    let error = match Args::try_parse() {
        Ok(args) => return Ok(args),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has seen enough, as `head` has, is no failure.
            let _ = error.print();
            Err(ExitCode::SUCCESS)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Err(ExitCode::from(USAGE))
        }
        _ => {
            eprintln!("error: {}", redact::one_line(&error.to_string()));
            Err(ExitCode::from(USAGE))
        }
    }
}

/// Log lines go to standard error; `RUST_LOG` sets how many.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| printable::Writer(redact::Redacting(std::io::stderr())))
        .with_ansi(false)
        .with_filter(filter.and(server::ByCount));
    tracing_subscriber::registry().with(lines).init();
}

/// The three commands that completions and man pages are made of.
fn commands() -> [clap::Command; 3] {
    use clap::CommandFactory;
    [Args::command(), publisher::args::Args::command(), receiver::args::Args::command()]
}
