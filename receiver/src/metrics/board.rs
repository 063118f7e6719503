//! Figures for other programs.

use std::sync::Arc;

use measure::live::Named;

/// What is known at the moment, of every stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    pub(super) streams: Arc<Vec<Named>>,
    /// The run has ended: these are its last figures.
    pub(super) over: bool,
}
