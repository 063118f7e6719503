//! The `publisher` program.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use common::rtsp::auth::readable_by_others;
use common::{descriptors, printable, redact};
use publisher::args::Args;
use publisher::config::Config;
use publisher::error::Error;
use publisher::event::Log;
use publisher::stop::Stop;
use publisher::{capture, pipeline};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::prelude::*;

/// Exit code of a second Ctrl-C: the run did not end in good order.
const INTERRUPTED: i32 = 130;
/// Exit code for wrong flags.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    start_logging();
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
    if let Some(warning) = args.credentials.as_deref().and_then(|file| readable_by_others("--credentials", file)) {
        eprintln!("publisher: {warning}");
    }
    let config = Config::resolve(args)?;
    let stop = Stop::new();
    stop_on_signals(&stop);
    pipeline::run(&config, &stop, Log::new(config.json))?;
    Ok(())
}

/// The flags, or the exit code where there is nothing to run: after `--help`, or with a line that says what is wrong.
fn parse() -> Result<Args, ExitCode> {
    let error = match Args::try_parse() {
        Ok(args) => return Ok(args),
        Err(error) => error,
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that has seen enough, as `head` has, is no failure.
        let _ = error.print();
        return Err(ExitCode::SUCCESS);
    }
    eprintln!("publisher: {}", redact::one_line(&error.to_string()));
    Err(ExitCode::from(USAGE))
}

/// Log lines go to standard error; `RUST_LOG` sets how many. The embedded server tells only of trouble: that this
/// publisher connected to it is no news.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,server=warn"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| printable::Writer(redact::Redacting(std::io::stderr())))
        .with_ansi(false)
        .with_target(false)
        .with_filter(filter.and(server::ByCount));
    tracing_subscriber::registry().with(lines).init();
}

/// The first Ctrl-C or SIGTERM ends the run in good order, the second at once.
fn stop_on_signals(stop: &Stop) {
    let stop = stop.clone();
    let handler = move || {
        if stop.is_asked() {
            std::process::exit(INTERRUPTED);
        }
        stop.ask();
    };
    if let Err(why) = ctrlc::set_handler(handler) {
        tracing::warn!("Ctrl-C will end the run without closing the session: {why}");
    }
}
