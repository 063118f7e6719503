//! `framelag`: the umbrella command around `publisher` and `receiver`.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

mod calibrate;
mod demo;
mod doctor;
mod exit;
mod gate;
mod impair;
mod local_server;
mod parent_death;
mod playback;
mod processes;
mod progress;
mod report;
mod serve;
mod shell;
mod tune;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use common::host::command_line;
use common::host::{descriptors, logging};

/// Measure the latency of live video, frame by frame.
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
  framelag doctor                    check what is installed, and how to install what is missing
  framelag completions bash > ~/.local/share/bash-completion/completions/framelag
  framelag man ./man                 man pages of all three commands";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run server, publisher and receiver, and print the latency summary.
    Demo(demo::Args),
    /// Run the media server: RTSP to publish and play, HTTP for health, metrics and streams.
    Serve(serve::Args),
    /// Check the figures on this machine by injecting known delays.
    Calibrate(calibrate::Args),
    /// Proxy TCP or UDP with added delay, jitter, loss or a bandwidth limit.
    Impair(impair::Args),
    /// Re-render, store, list and merge runs, and show trends.
    Report(report::Args),
    /// Fail if runs got worse by more than a limit, and by more than noise.
    Gate(gate::Args),
    /// Show what changed between two sets of runs.
    Compare(gate::CompareArgs),
    /// Benchmark every combination of settings and recommend one.
    Tune(tune::Args),
    /// Check what is installed, and print how to install what is missing.
    Doctor(doctor::Args),
    /// Print shell completions for framelag, publisher and receiver.
    Completions(shell::CompletionsArgs),
    /// Write man pages of framelag, publisher and receiver.
    Man(shell::ManArgs),
    /// Become another program, killed when its parent ends.
    #[command(hide = true)]
    WithParent(parent_death::Args),
}

fn main() -> ExitCode {
    let args: Args = match command_line::parse("error") {
        Ok(args) => args,
        Err(code) => return code,
    };
    logging::start("info", server::LogLimit);
    ExitCode::from(run(args.command).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.exit_code()
    }))
}

fn run(command: Command) -> Result<u8, exit::Error> {
    descriptors::require().map_err(|error| error.to_string())?;
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Impair(args) => impair::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Compare(args) => gate::compare(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Doctor(args) => Ok(doctor::run(&args)),
        Command::Completions(args) => Ok(shell::completions(&args, &mut commands())),
        Command::Man(args) => shell::man(&args, &commands()),
        Command::WithParent(args) => parent_death::run(&args),
    }
}

/// The three commands that completions and man pages are made of.
fn commands() -> [clap::Command; 3] {
    use clap::CommandFactory;
    [Args::command(), publisher::args::Args::command(), receiver::args::Args::command()]
}
