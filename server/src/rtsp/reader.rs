//! Readers over TCP and over UDP, as the relay sees them.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use common::lock::lock;
use common::rtsp::serve::{PacketKind, TrackTransport};
use common::time::MonoTime;

use super::outbox::Outbox;
use crate::relay::{Client, Drops, FramePosition, Gate, Placed, ReaderCounts, ReaderInfo, Sink};

/// Who reads.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) id: u64,
    pub(super) client: Client,
}

impl Identity {
    /// The publisher decides how often that can happen, and shall not fill the log as well.
    fn log_too_slow(&self, times: u64) {
        if times.is_power_of_two() {
            tracing::warn!(reader = self.id, peer = %self.client.peer, times, "reader too slow: dropping frames until the next IDR");
        }
    }
}

/// A reader whose packets are interleaved in its connection.
pub(super) struct TcpReader {
    pub(super) identity: Identity,
    pub(super) outbox: Arc<Outbox>,
    /// By track; `None` where the reader does not want it.
    pub(super) tracks: Vec<Option<TrackTransport>>,
}

impl Sink for TcpReader {
    fn id(&self) -> u64 {
        self.identity.id
    }

    fn peer(&self) -> IpAddr {
        self.identity.client.peer.ip()
    }

    fn deliver(&self, now: MonoTime, batch: &[Placed]) {
        let too_slow = self.outbox.deliver(now, batch, |placed| match self.tracks.get(placed.packet.track) {
            Some(Some(TrackTransport::Tcp { rtp, rtcp })) => Some(match placed.packet.kind {
                PacketKind::Rtp => *rtp,
                PacketKind::Rtcp => *rtcp,
            }),
            _ => None,
        });
        if let Some(times) = too_slow {
            self.identity.log_too_slow(times);
        }
    }

    fn waits_for_idr(&self) -> bool {
        self.outbox.waits_for_idr()
    }

    fn end(&self) {
        self.outbox.end();
    }

    fn info(&self) -> ReaderInfo {
        ReaderInfo { client: self.identity.client.clone(), counts: self.outbox.counts() }
    }
}

/// A reader whose packets go out as datagrams. The kernel's socket buffer is its only queue.
pub(super) struct UdpReader {
    identity: Identity,
    /// Of the connection that it belongs to, to tell it when the stream ends.
    outbox: Arc<Outbox>,
    /// By track; `None` where the reader does not want it.
    tracks: Vec<Option<Target>>,
    state: Mutex<UdpState>,
}

/// Where the datagrams of one track go, and from which sockets.
pub(super) struct Target {
    pub(super) rtp: (Arc<UdpSocket>, SocketAddr),
    pub(super) rtcp: (Arc<UdpSocket>, SocketAddr),
}

#[derive(Debug, Default)]
struct UdpState {
    gate: Gate,
    dropped_packets: u64,
}

impl UdpReader {
    pub(super) fn new(identity: Identity, outbox: Arc<Outbox>, tracks: Vec<Option<Target>>) -> Self {
        Self { identity, outbox, tracks, state: Mutex::default() }
    }

    fn send(&self, state: &mut UdpState, placed: &Placed) {
        let Some(Some(target)) = self.tracks.get(placed.packet.track) else { return };
        if !state.gate.admits(placed.position) {
            state.dropped_packets += u64::from(state.gate.was_opened());
            return;
        }
        let (socket, to) = match placed.packet.kind {
            PacketKind::Rtp => &target.rtp,
            PacketKind::Rtcp => &target.rtcp,
        };
        // A full socket buffer costs the rest of the frame and what depends on it. Any other error is the network's
        // word on an earlier datagram, such as a port that nobody listens on.
        if socket.send_to(&placed.packet.bytes, to).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock) {
            state.dropped_packets += 1;
            if placed.position != FramePosition::Beside {
                state.gate.close(1);
                self.identity.log_too_slow(state.gate.closings());
            }
        }
    }
}

impl Sink for UdpReader {
    fn id(&self) -> u64 {
        self.identity.id
    }

    fn peer(&self) -> IpAddr {
        self.identity.client.peer.ip()
    }

    fn deliver(&self, _now: MonoTime, batch: &[Placed]) {
        let mut state = lock(&self.state);
        for placed in batch {
            self.send(&mut state, placed);
        }
    }

    fn waits_for_idr(&self) -> bool {
        !lock(&self.state).gate.is_open()
    }

    fn end(&self) {
        self.outbox.end();
    }

    fn info(&self) -> ReaderInfo {
        let state = lock(&self.state);
        let dropped = Drops { frames: state.gate.skipped_frames(), packets: state.dropped_packets };
        ReaderInfo { client: self.identity.client.clone(), counts: ReaderCounts { queued_packets: 0, dropped } }
    }
}
