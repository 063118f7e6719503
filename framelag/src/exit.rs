//! How commands end: their exit codes, and the one error that all of them return.

use std::fmt::Display;

use analyze::{merge, store};
use common::host::command_line::USAGE;
use report::saved;

/// Exit code if the figures do not suffice for an answer.
pub const INCONCLUSIVE: u8 = 3;

/// Exit code if a goal was missed.
pub const MISSED: u8 = 99;

/// Why a command did not finish.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The user has to change what was typed, or what it names.
    #[error("{0}")]
    Usage(String),
    /// It failed at run time.
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Failed(_) | Self::Interrupted => 1,
        }
    }

    /// `error`, which is the user's or not.
    pub fn new(is_usage: bool, error: impl Display) -> Self {
        let why = error.to_string();
        if is_usage { Self::Usage(why) } else { Self::Failed(why) }
    }
}

impl From<String> for Error {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<saved::Error> for Error {
    fn from(error: saved::Error) -> Self {
        Self::new(error.is_usage(), error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::new(error.exit_code() == USAGE, error)
    }
}

impl From<merge::Error> for Error {
    fn from(error: merge::Error) -> Self {
        Self::new(error.is_usage(), error)
    }
}
