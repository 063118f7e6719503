//! Joins the runs of many receivers into one report: those of a grid, or of several machines that watched one publisher.
//!
//! * Counts, buckets and times add up; `duration_s` is the receivers' seconds together, and rates are those of one receiver
//!   in the mean.
//! * Latencies are pooled: count, minimum, maximum, mean and deviation from the runs' own, exactly; quantiles from the
//!   histograms added up, of `latency.hlog`, or of `frames.csv` where the log is short.
//! * Latencies of a run whose clock nobody knows are left out of all that, which is said.
//! * What cannot be joined of what a report has (quantiles of the picture's age, an offset) is `None`.
//! * Warnings come along with the receiver that they are of; so do assertions, unless there are new ones.
//!
//! The result is a report folder like any other, and can be merged again.

use std::path::{Path, PathBuf};

use report::dir::Dir;
use report::folder;
use report::saved;
use report::summary::Summary;
use report::threshold::Assertion;

mod figures;
mod files;
mod intervals;
mod latency;
mod part;
mod runs;
mod settings;
mod shared;
mod warnings;

use part::Part;
pub(crate) use part::receivers;
pub(crate) use shared::Seen;

/// Why runs cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder is no report.
    #[error(transparent)]
    Saved(#[from] saved::Error),
    /// The result cannot be written.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// Its pages cannot be rendered.
    #[error(transparent)]
    Pages(#[from] render::Error),
    /// The same run twice would count twice.
    #[error("{} and {} are one run, which would count twice: name it once, as {}", whole.display(), copy.display(), whole.display())]
    Same {
        /// The one to name: where only one of the two ended, that.
        whole: PathBuf,
        /// The same.
        copy: PathBuf,
    },
    /// A run and what it was joined into.
    #[error("{} has the run of {} in it, which would count twice: leave out {}", joined.display(), part.display(), part.display())]
    Part {
        /// What it was joined into.
        joined: PathBuf,
        /// The run.
        part: PathBuf,
    },
    /// Runs that were joined before, of which one is in both.
    #[error(
        "{} and {} both have the run of {folder} in them, which would count twice: join the folders that they were made of",
        first.display(), second.display()
    )]
    Overlap {
        /// Named before.
        first: PathBuf,
        /// Has that run too.
        second: PathBuf,
        /// What the first calls it.
        folder: String,
    },
    /// It would be written over while it is read.
    #[error("--out {} is one of the runs to join: name another folder", path.display())]
    Out {
        /// The folder.
        path: PathBuf,
    },
}

impl Error {
    /// Something is wrong with what was named, in contrast to what could not be read or written.
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Saved(error) => error.is_usage(),
            Self::Folder(_) | Self::Pages(_) => false,
            Self::Same { .. } | Self::Part { .. } | Self::Overlap { .. } | Self::Out { .. } => true,
        }
    }
}

/// Joins the runs of `folders` into a report in `out`, which is made where it is missing.
///
/// # Errors
/// [`Error`]. Nothing is written where a folder is no report.
pub fn merge(folders: &[PathBuf], out: &Path, assertions: &[Assertion]) -> Result<Summary, Error> {
    if let Some(path) = folders.iter().find(|folder| is_same_place(folder, out)) {
        return Err(Error::Out { path: path.clone() });
    }
    let parts = folders.iter().map(|folder| Part::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = Seen::default();
    for (at, part) in parts.iter().enumerate() {
        if let Some(first) = seen.add(&part.receivers, at) {
            return Err(twice(&parts[first], part));
        }
    }
    let mut summary = figures::join(&parts, assertions);
    let unwritable = |source| folder::Error { path: out.to_owned(), source };
    let dir = Dir::make(out).map_err(unwritable)?;
    files::write(&parts, &summary.run, &dir)?;
    dir.check().map_err(unwritable)?;
    render::pages_of(&dir)?;
    summary.report = Some(out.to_owned());
    Ok(summary)
}

/// Why a run that is in both cannot be joined, be it as a copy that was made before it ended.
fn twice(first: &Part, second: &Part) -> Error {
    let [one, other] = [first, second].map(|part| part.saved.path.clone());
    match [first, second].map(|part| part.run().merged.is_some()) {
        [false, false] if first.run().partial => Error::Same { whole: other, copy: one },
        [false, false] => Error::Same { whole: one, copy: other },
        [true, false] => Error::Part { joined: one, part: other },
        [false, true] => Error::Part { joined: other, part: one },
        [true, true] => {
            let folder = first.shared_with(second).map(|receiver| receiver.folder.clone()).unwrap_or_default();
            Error::Overlap { first: one, second: other, folder }
        }
    }
}

fn is_same_place(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
