//! What the connections to one server have in common.

use std::sync::{Arc, Mutex, MutexGuard};

use common::clock::Clock;
use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::transport::Transport;

use super::route::Route;

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) transport: Transport,
    pub(super) frame_rate: Option<f64>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ongoing: Arc<Mutex<Ongoing>>,
}

/// What goes on from one connection to the next.
pub(super) struct Ongoing {
    pub(super) packetizer: Packetizer,
    pub(super) packets: Packets,
    /// Where the server sends the stream next: before it takes it, or in the middle of it.
    pub(super) redirected: Option<Route>,
}

impl Settings {
    pub(super) fn ongoing(&self) -> MutexGuard<'_, Ongoing> {
        self.ongoing.lock().expect("no thread panics while it holds the lock")
    }
}
