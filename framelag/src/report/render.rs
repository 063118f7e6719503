//! `framelag report DIR…`: the pages again, from the data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use report::saved::{self, Saved};

use common::host::command_line::USAGE;

/// Why a folder is not rendered.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// It is no report, or cannot be read.
    #[error(transparent)]
    Read(#[from] saved::Error),
    /// Its pages cannot be written.
    #[error(transparent)]
    Write(#[from] ::render::Error),
}

impl Error {
    fn code(&self) -> u8 {
        match self {
            Self::Read(error) if error.is_usage() => USAGE,
            _ => 1,
        }
    }
}

/// Renders each folder; all of them are tried, and the first failure is the exit code.
pub fn run(folders: &[PathBuf]) -> ExitCode {
    let mut code = None;
    for folder in folders {
        if let Err(error) = render(folder) {
            eprintln!("error: {error}");
            code.get_or_insert(error.code());
        }
    }
    ExitCode::from(code.unwrap_or(0))
}

/// Renders a folder, prints its summary, and says what of its files is not whole.
fn render(folder: &Path) -> Result<(), Error> {
    let saved = Saved::open(folder)?;
    ::render::pages(folder)?;
    let of_files = [saved.each_frame(|_| {})?, saved.intervals()?.note, saved.histograms()?.1];
    for note in saved.notes.iter().chain(of_files.iter().flatten()) {
        eprintln!("{}: {note}", folder.display());
    }
    print!("{}", ::render::terminal(&saved.run, Some(folder)));
    Ok(())
}
