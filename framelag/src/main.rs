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

use clap::{Parser, Subcommand};
use common::host::command_line;
use common::host::{descriptors, logging};

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
  framelag calibrate                 check the figures on this machine, in about a minute
  framelag impair --listen tcp://127.0.0.1:9554 --to tcp://127.0.0.1:8554 --delay 20ms
                                     the same server behind a slower network
  framelag report merge a b --out all
                                     merge the runs of many receivers into one report
  framelag gate --baseline before/* --candidate after/*
                                     exit code 99 if latency got worse
  framelag tune plans/quick.toml     benchmark every combination of settings and recommend one
  framelag doctor                    check what this machine has and how to install what it lacks
  framelag completions bash > ~/.local/share/bash-completion/completions/framelag
  framelag man ./man                 man pages of all three commands";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs server, publisher and receiver as three processes and prints the latency summary.
    Demo(demo::Args),
    /// Runs the media server alone.
    Serve(serve::Args),
    /// Checks the figures on this machine: injects known delays and reports how far off the measured ones are.
    Calibrate(calibrate::Args),
    /// Proxies TCP or UDP with added delay, jitter or loss.
    Impair(impair::Args),
    /// Re-renders report folders, stores runs, shows trends and merges runs.
    Report(report::Args),
    /// Checks runs for a regression beyond both a limit and the noise.
    Gate(gate::Args),
    /// Shows what changed between two sets of runs.
    Compare(gate::CompareArgs),
    /// Benchmarks every combination of settings and recommends one.
    Tune(tune::Args),
    /// Checks what is installed, and prints the command that installs what is missing.
    Doctor(doctor::Args),
    /// Prints shell completions of framelag, publisher and receiver.
    Completions(shell::CompletionsArgs),
    /// Writes man pages of framelag, publisher and receiver.
    Man(shell::ManArgs),
    /// Runs another program that ends with its parent.
    #[command(hide = true)]
    Leash(leash::Args),
}

fn main() -> ExitCode {
    let args: Args = match command_line::parse("error") {
        Ok(args) => args,
        Err(code) => return code,
    };
    logging::start("info", server::LogLimit);
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

/// The three commands that completions and man pages are made of.
fn commands() -> [clap::Command; 3] {
    use clap::CommandFactory;
    [Args::command(), publisher::args::Args::command(), receiver::args::Args::command()]
}
