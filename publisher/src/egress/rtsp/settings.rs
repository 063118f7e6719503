//! What the connections to one server have in common.

use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::transport::Transport;

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) transport: Transport,
    pub(super) frame_rate: Option<f64>,
    /// Frame interval, if pictures follow a schedule.
    pub(super) interval: Option<Duration>,
    pub(super) clock: Arc<dyn Clock>,
}
