//! `framelag report DIR…`: the pages again, from the data.

use std::path::PathBuf;
use std::process::ExitCode;

/// Renders each folder; all of them are tried.
pub fn run(folders: &[PathBuf]) -> ExitCode {
    for folder in folders {
        println!("{}", folder.display());
    }
    ExitCode::SUCCESS
}
