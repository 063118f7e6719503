//! Why a browser cannot play, or does not go on.

use std::io;

use common::printable::excerpt;

use super::protocol::EndError;
use super::{assets, browser};

/// Why a run in a browser cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No browser.
    #[error(transparent)]
    Browser(#[from] browser::Error),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// The page cannot be served.
    #[error("cannot serve the measuring page: {0}")]
    Serve(io::Error),
    /// The build lacks a library.
    #[error("this receiver was built without {player}: run {}", assets::REMEDY)]
    Library {
        /// Whose.
        player: &'static str,
    },
}

/// A stream that is not there may come: publisher and receiver are started in any order.
pub(super) fn may_come(error: &EndError) -> bool {
    matches!(error.kind.as_str(), "network" | "http-status")
}

/// Why a page stopped playing, in one line.
pub(super) fn told(error: &EndError) -> String {
    let status = error.status.map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}{status}: {}", excerpt(&error.kind, 40), excerpt(&error.message, 300))
}
