//! The command line of this process.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::redact;

/// Exit code for wrong flags.
pub const USAGE: u8 = 2;

/// Parses the flags. Where there is nothing to run, prints help, or one line `prefix: what is wrong`, and returns the exit
/// code.
///
/// # Errors
/// The exit code.
pub fn parse<A: Parser>(prefix: &str) -> Result<A, ExitCode> {
    let error = match A::try_parse() {
        Ok(args) => return Ok(args),
        Err(error) => error,
    };
    let code = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => ExitCode::from(USAGE),
        _ => {
            crate::eprintln!("{prefix}: {}", redact::one_line(&error.to_string()));
            return Err(ExitCode::from(USAGE));
        }
    };
    // A reader that closes the pipe early, such as head, is not an error.
    let _ = error.print();
    Err(code)
}
