//! What a connection is to the relay: nothing yet, a reader, or a publisher.

use std::net::IpAddr;
use std::sync::Arc;

use common::rtsp::serve::Packet;
use common::time::MonoTime;

use crate::relay::{Publication, Stream};
use crate::rtsp::udp::{Pulse, Tasks};

/// See the module.
pub(super) enum Role {
    None,
    Reader { stream: Arc<Stream>, id: u64, peer: IpAddr, udp: Option<Udp> },
    Publisher { publication: Publication, udp: Option<Udp> },
}

/// What receives datagrams for a connection.
pub(super) struct Udp {
    pub(super) pulse: Arc<Pulse>,
    pub(super) _tasks: Vec<Tasks>,
}

impl Role {
    /// Leaves the relay for good.
    pub(super) fn finish(&mut self) {
        if let Self::Publisher { publication, .. } = self {
            publication.stream().finish();
        }
        self.leave();
    }

    /// Leaves the relay.
    pub(super) fn leave(&mut self) {
        match std::mem::replace(self, Self::None) {
            Self::Reader { stream, id, udp, .. } => {
                drop(udp);
                let info = stream.leave(id);
                if let Some(info) = info.filter(|info| info.counts.dropped.frames > 0) {
                    tracing::warn!(peer = %info.client.peer, path = %stream.path(), frames = info.counts.dropped.frames,
                        "a slow reader disconnected");
                }
                tracing::info!(path = %stream.path(), reader = id, "stopped playing");
            }
            Self::Publisher { publication, udp } => {
                drop(udp);
                tracing::info!(path = %publication.stream().path(), "stopped publishing");
            }
            Self::None => {}
        }
    }

    /// When the peer was last heard over UDP, and when its media was.
    pub(super) fn last_heard(&self) -> (Option<MonoTime>, Option<MonoTime>) {
        match self {
            Self::Reader { udp: Some(udp), .. } | Self::Publisher { udp: Some(udp), .. } => udp.pulse.last(),
            _ => (None, None),
        }
    }

    /// Takes packets that came over the connection, and empties `packets`.
    pub(super) fn take_packets(&self, now: MonoTime, packets: &mut Vec<Packet>) {
        if packets.is_empty() {
            return;
        }
        match self {
            Self::Publisher { publication, .. } => publication.stream().forward(now, packets),
            Self::Reader { stream, peer, .. } => stream.take_feedback(now, *peer, packets),
            Self::None => {}
        }
        packets.clear();
    }
}
