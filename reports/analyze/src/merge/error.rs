//! Why runs cannot be joined.

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
    /// A run would count twice, or be written over while it is read.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// Something is wrong with what was named, in contrast to what could not be read or written.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Saved(error) => error.is_usage(),
            Self::Folder(_) | Self::Pages(_) => false,
            Self::Usage(_) => true,
        }
    }
}
