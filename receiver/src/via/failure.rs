//! Why a browser cannot start playing or stopped.

use std::io;

use common::printable::excerpt;
use common::redact;

use super::protocol::EndError;
use super::{assets, browser};

/// Why a run in a browser cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The browser does not start.
    #[error(transparent)]
    Browser(#[from] browser::Error),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// The page cannot be served.
    #[error("cannot serve the measuring page: {0}")]
    Serve(io::Error),
    /// The build lacks a player's library.
    #[error("this receiver was built without {player}: run {}", assets::REMEDY)]
    Library {
        /// The player.
        player: &'static str,
    },
}

/// Whether the failure means that the stream is not there: not yet, as publisher and receiver may start in any order, or
/// no more.
pub(super) fn may_come(error: &EndError) -> bool {
    matches!(error.kind.as_str(), "network" | "http-status" | "ended")
}

/// Describes in one line why a page stopped playing.
pub(super) fn told(error: &EndError) -> String {
    let status = error.status.map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}{status}: {}", excerpt(&error.kind, 40), excerpt(&redact::secrets(&error.message), 300))
}
