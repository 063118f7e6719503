//! The files of a report folder that are made from its other files: `report.html`, `summary.md`, `junit.xml`. The end of a
//! run and `framelag report` write them alike.

use std::fs;
use std::path::{Path, PathBuf};

use super::{html, junit, markdown};
use crate::folder::{self, replace};
use crate::saved::{self, Saved};

/// The files, by their names.
pub const NAMES: [&str; 3] = ["report.html", "summary.md", "junit.xml"];

/// Why they are not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The report cannot be read.
    #[error(transparent)]
    Read(#[from] saved::Error),
    /// A page cannot be written.
    #[error(transparent)]
    Write(#[from] folder::Error),
}

/// Renders the pages of the report in `folder`, again where they are there.
///
/// # Errors
/// The first file that cannot be read or written.
pub fn pages(folder: &Path) -> Result<(), Error> {
    let saved = Saved::open(folder)?;
    let [page, summary, suite] = NAMES.map(|name| folder.join(name));
    replace(&page, &html::report(&saved)?)?;
    replace(&summary, &markdown::summary(&saved.run))?;
    replace(&suite, &junit::suite(&saved.run))?;
    Ok(())
}

/// Takes away the pages of an earlier run: beside the files of a run that is killed they would say what is not so.
///
/// # Errors
/// The first that is there and cannot be taken away.
pub fn remove(folder: &Path) -> Result<(), folder::Error> {
    for name in NAMES {
        let path: PathBuf = folder.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(folder::Error { path, source }),
            _ => {}
        }
    }
    Ok(())
}
