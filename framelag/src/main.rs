//! `framelag`: the umbrella command around `publisher` and `receiver`.

mod demo;
mod doctor;
mod processes;
mod serve;
mod shell;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

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
  framelag doctor                    what this machine has, what it lacks and how to mend it
  framelag completions bash > ~/.local/share/bash-completion/completions/framelag
  framelag man ./man                 man pages of all three commands";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs server, publisher and receiver as three processes and ends with the latency summary.
    Demo(demo::Args),
    /// Runs the media server alone.
    Serve(serve::Args),
    /// Says what is there, what is missing, and the command that mends it.
    Doctor(doctor::Args),
    /// Prints shell completions of framelag, publisher and receiver.
    Completions(shell::CompletionsArgs),
    /// Writes man pages of framelag, publisher and receiver.
    Man(shell::ManArgs),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(is_terminal).init();
    match Args::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => shell::completions(&args, &mut commands()),
        Command::Man(args) => shell::man(&args, &commands()),
    }
}

/// The three commands that completions and man pages are made of.
fn commands() -> [clap::Command; 3] {
    use clap::CommandFactory;
    [Args::command(), publisher::args::Args::command(), receiver::args::Args::command()]
}
