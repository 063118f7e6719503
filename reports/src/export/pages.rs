//! The files of a report folder that are made from its other files: `report.html`, `summary.md`, `junit.xml`. The end of a
//! run and `framelag report` write them alike.

use std::path::Path;

use super::{html, junit, markdown};
use crate::dir::Dir;
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
    let dir = Dir::open(folder).map_err(|source| folder::Error { path: folder.to_owned(), source })?;
    pages_of(&dir)
}

/// As [`pages`], of a folder that is open.
///
/// # Errors
/// As of [`pages`].
pub(crate) fn pages_of(dir: &Dir) -> Result<(), Error> {
    let saved = Saved::open(dir.path())?;
    let [page, summary, suite] = NAMES;
    replace(dir, page, &html::report(&saved)?)?;
    replace(dir, summary, &markdown::summary(&saved.run))?;
    replace(dir, suite, &junit::suite(&saved.run))?;
    Ok(())
}

/// Takes away the pages of an earlier run: beside the files of a run that is killed they would say what is not so.
///
/// # Errors
/// The first that is there and cannot be taken away.
pub(crate) fn remove(dir: &Dir) -> Result<(), folder::Error> {
    NAMES
        .into_iter()
        .try_for_each(|name| dir.remove(name).map_err(|source| folder::Error { path: dir.path().join(name), source }))
}

#[cfg(test)]
mod tests;
