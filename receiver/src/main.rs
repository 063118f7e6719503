//! The `receiver` program.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

use std::process::ExitCode;

use common::host::command_line::{self, USAGE};
use common::host::logging::LevelFilter;
use common::host::signals::{self, SecondSignal};
use common::host::{Stop, credentials, descriptors, logging, parent_death};
use common::redact;
use receiver::args::Args;
use receiver::config::Config;

/// Exit code when the run cannot begin.
const FAILED: u8 = 1;
/// retina warns of much that the receiver reports itself.
const LEVELS: &str = "warn,retina=error";

fn main() -> ExitCode {
    // As the browser of another receiver.
    if let Some(error) = parent_death::run_if_asked() {
        eprintln!("receiver: {error}");
        return ExitCode::from(FAILED);
    }
    let config = match config() {
        Ok(config) => config,
        Err(code) => return code,
    };
    logging::start(LEVELS, LevelFilter::TRACE);
    if let Err(error) = descriptors::require() {
        eprintln!("receiver: {error}");
        return ExitCode::from(FAILED);
    }
    let stop = Stop::new();
    if let Err(why) = signals::watch(&stop, SecondSignal::Exits) {
        tracing::warn!("{why}: it will end the run without a summary");
    }
    match receiver::run(&config, &stop) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("receiver: {}", redact::secrets(&error.to_string()));
            ExitCode::from(if error.is_usage() { USAGE } else { FAILED })
        }
    }
}

/// The checked flags, or the exit code if there is nothing to run.
fn config() -> Result<Config, ExitCode> {
    let args: Args = command_line::parse("receiver")?;
    if let Some(warning) = credentials::warning(args.credentials.as_deref()) {
        eprintln!("receiver: {warning}");
    }
    Config::try_from(args).map_err(|error| {
        eprintln!("receiver: {}", redact::secrets(&error.to_string()));
        ExitCode::from(USAGE)
    })
}
