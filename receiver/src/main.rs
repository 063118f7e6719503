//! The `receiver` program.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use common::rtsp::auth::readable_by_others;
use common::{descriptors, printable, redact};
use receiver::args::Args;
use receiver::config::Config;
use receiver::stop::Stop;
use tracing_subscriber::EnvFilter;

/// Exit code where the run cannot begin.
const FAILED: u8 = 1;
/// Exit code for wrong flags.
const USAGE: u8 = 2;
/// Exit code of a second Ctrl-C: the run did not end in good order.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let config = match parse() {
        Ok(config) => config,
        Err(code) => return code,
    };
    start_logging();
    if let Err(error) = descriptors::require() {
        eprintln!("receiver: {error}");
        return ExitCode::from(FAILED);
    }
    let stop = Stop::new();
    stop_on_signals(&stop);
    match receiver::run(&config, &stop) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("receiver: {}", redact::secrets(&error.to_string()));
            ExitCode::from(if error.is_usage() { USAGE } else { FAILED })
        }
    }
}

/// The flags, checked; or the exit code where there is nothing to run: after `--help`, or with a line that says what is
/// wrong.
fn parse() -> Result<Config, ExitCode> {
    let wrong = |text: String| {
        eprintln!("receiver: {text}");
        ExitCode::from(USAGE)
    };
    match Args::try_parse() {
        Ok(args) => {
            if let Some(warning) =
                args.credentials.as_deref().and_then(|file| readable_by_others("--credentials", file))
            {
                eprintln!("receiver: {warning}");
            }
            Config::try_from(args).map_err(|error| wrong(redact::secrets(&error.to_string())))
        }
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A reader that has seen enough, as `head` has, is no failure.
            let _ = error.print();
            Err(ExitCode::SUCCESS)
        }
        Err(error) => Err(wrong(redact::one_line(&error.to_string()))),
    }
}

/// Log lines go to standard error; `RUST_LOG` sets how many. retina warns of much that is told here in other words.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,retina=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| printable::Writer(redact::Redacting(std::io::stderr())))
        .with_ansi(false)
        .with_target(false)
        .init();
}

/// The first Ctrl-C or SIGTERM ends the run with its summary, the second at once.
fn stop_on_signals(stop: &Stop) {
    let stop = stop.clone();
    let handler = move || {
        if stop.is_requested() {
            std::process::exit(INTERRUPTED);
        }
        stop.request();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "Ctrl-C will end the run without a summary");
    }
}
