//! Who is at the two ends of a stream.

use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;

use common::rtsp::phase::Phase;
use common::time::{MonoTime, WallTime};
use tokio::sync::oneshot;

use super::packet::Placed;

/// Where packets go: one reader.
pub(crate) trait Sink: Send + Sync {
    /// Identifies the reader within the process.
    fn id(&self) -> u64;
    /// Where it is.
    fn peer(&self) -> IpAddr;
    /// Takes what the publisher sent just now, without blocking.
    fn deliver(&self, now: MonoTime, batch: &[Placed]);
    /// Whether the reader needs an IDR to go on.
    fn waits_for_idr(&self) -> bool;
    /// The stream has ended.
    fn end(&self);
    /// For the API.
    fn info(&self) -> ReaderInfo;
}

/// A reader as the API shows it.
#[derive(Clone, Debug)]
pub(crate) struct ReaderInfo {
    pub(crate) client: Client,
    pub(crate) counts: ReaderCounts,
}

/// What a reader did not get yet, or will not get.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReaderCounts {
    /// Packets that wait for the socket.
    pub(crate) queued_packets: usize,
    /// What it did not get because it was too slow.
    pub(crate) dropped: Drops,
}

/// Who publishes or reads.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// `tcp` or `udp`.
    pub(crate) transport: &'static str,
    pub(crate) peer: SocketAddr,
    /// Printable and short.
    pub(crate) user_agent: String,
    pub(crate) since: WallTime,
}

/// The way back to the publisher.
pub(crate) trait PublisherControl: Send + Sync {
    /// Asks for an IDR of the source with this SSRC.
    fn request_idr(&self, media_ssrc: u32);

    /// Asks the publisher to shift its pictures. The answer is the delay in µs; `None` if it cannot. Does nothing if
    /// there is no way to ask.
    fn shift(&self, phase: Phase) -> Option<oneshot::Receiver<Option<u64>>> {
        let _ = phase;
        None
    }
}

/// What was not sent to readers that were too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drops {
    pub(crate) frames: u64,
    pub(crate) packets: u64,
}

impl AddAssign for Drops {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.packets += other.packets;
    }
}
