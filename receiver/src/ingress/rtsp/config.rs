//! How to play, and what a server may not exceed.

use std::time::Duration;

use common::stream_url::StreamUrl;
use common::transport::Transport;

/// Who this is, for servers.
pub(super) const AGENT: &str = concat!("framelag/", env!("CARGO_PKG_VERSION"));

/// What a server may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for the answer to one request, connecting included. Default 5 s.
    pub answer: Duration,
    /// Longest time in which nothing at all comes of a stream that plays, not even a sender report. Default 12 s: more than
    /// twice the 5 s between two reports (RFC 3550 section 6.2), which come however slow the pictures are.
    pub silence: Duration,
    /// Longest wait for the first access unit, whatever else comes. Default 30 s.
    pub first_unit: Duration,
    /// Most that may come over TCP between two access units, in bytes: retina buffers what makes no whole message or access unit
    /// yet, and has no limit of its own. Default 32 MiB: four times the largest access unit that is decoded. Through a relay each
    /// byte is read twice, and counts twice.
    pub unit_bytes: u64,
    /// Most that this process may grow between two access units, in bytes: what is made of those bytes may be larger than they are.
    /// Default 512 MiB, for a process with one stream.
    pub growth_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            silence: Duration::from_secs(12),
            first_unit: Duration::from_secs(30),
            unit_bytes: 32 << 20,
            growth_bytes: 512 << 20,
        }
    }
}

impl Limits {
    /// The defaults for one of so many streams in this process. What a process has grown by does not say for whose sake;
    /// but more than every stream together may take is too much.
    pub fn of_one_in(streams: usize) -> Self {
        let one = Self::default();
        Self { growth_bytes: one.growth_bytes.saturating_mul(streams as u64), ..one }
    }
}

/// How to play.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where, and with which credentials.
    pub url: StreamUrl,
    /// How RTP travels from the server.
    pub transport: Transport,
    /// How long to keep trying for the first connection.
    pub wait: Duration,
    /// What the server may not exceed.
    pub limits: Limits,
}

/// Why a session may play and bring no video.
pub(crate) fn no_video_hint(transport: Transport) -> String {
    let firewall = match transport {
        Transport::Udp => ", or a firewall drops its packets (try --transport tcp)",
        Transport::Tcp => "",
    };
    format!("its publisher sends none{firewall}, or the server holds it back until the publisher's next key frame")
}
