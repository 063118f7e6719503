//! The files of a report folder that are made from its other files: `report.html`, `summary.md`, `junit.xml`. The end of a
//! run and `framelag report` write them alike.

use std::path::Path;

use report::dir::Dir;
use report::folder::{self, PAGES, replace};
use report::saved::{self, Saved};

use crate::{html, junit, markdown};

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
    let dir = Dir::open(folder).map_err(|source| folder::Error { path: folder.to_owned(), source })?;
    pages_of(&dir)
}

/// As [`pages`], of a folder that is open.
///
/// # Errors
/// As of [`pages`].
pub fn pages_of(dir: &Dir) -> Result<(), Error> {
    let saved = Saved::open(dir.path())?;
    let [page, summary, suite] = PAGES;
    replace(dir, page, &html::report(&saved)?)?;
    replace(dir, summary, &markdown::summary(&saved.run))?;
    replace(dir, suite, &junit::suite(&saved.run))?;
    Ok(())
}

#[cfg(test)]
mod tests;
