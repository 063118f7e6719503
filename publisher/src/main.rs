//! The `publisher` program.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

use std::process::ExitCode;

use common::host::signals::{self, SecondSignal};
use common::host::{Stop, command_line, credentials, descriptors, logging};
use common::redact;
use publisher::args::Args;
use publisher::config::Config;
use publisher::error::Error;
use publisher::event::Log;
use publisher::{capture, pipeline};

/// The embedded server logs only trouble: that this publisher connected to it is no news.
const LEVELS: &str = "info,server=warn";

fn main() -> ExitCode {
    let args = match command_line::parse("publisher") {
        Ok(args) => args,
        Err(code) => return code,
    };
    logging::start(LEVELS, server::LogLimit);
    if let Err(error) = descriptors::require() {
        eprintln!("publisher: {error}");
        return ExitCode::FAILURE;
    }
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("publisher: {}", redact::secrets(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: Args) -> Result<(), Error> {
    if args.list_cameras {
        print!("{}", capture::camera::list(args.camera_driver.unwrap_or_default()));
        return Ok(());
    }
    if let Some(warning) = credentials::warning(args.credentials.as_deref()) {
        eprintln!("publisher: {warning}");
    }
    let config = Config::resolve(args)?;
    let stop = Stop::new();
    if let Err(why) = signals::watch(&stop, SecondSignal::Exits) {
        tracing::warn!("{why}: it will end the run without closing the session");
    }
    pipeline::run(&config, &stop, Log::new(config.json))?;
    Ok(())
}
