//! Why there is no calibration.

use crate::processes;

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// What the user has to change.
    #[error("{0}")]
    Usage(String),
    /// What went wrong.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for Error {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<processes::Error> for Error {
    fn from(error: processes::Error) -> Self {
        Self::Failed(match error {
            processes::Error::Interrupted => "interrupted: nothing was written".to_owned(),
            processes::Error::Failed(why) => why,
        })
    }
}
