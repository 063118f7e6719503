//! Why runs cannot be joined.

use std::path::PathBuf;

use report::{folder, saved};

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
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Saved(error) => error.is_usage(),
            Self::Folder(_) | Self::Pages(_) => false,
            Self::Same { .. } | Self::Part { .. } | Self::Overlap { .. } | Self::Out { .. } => true,
        }
    }
}
