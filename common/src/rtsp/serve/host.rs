//! What a session asks of what lies around it, and what it tells.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtsp_types::{Method, Url};

use super::description::Description;
use super::path::StreamPath;
use crate::time::{MediaTime, MonoTime};

/// What a connection wants to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send packets to the server.
    Publish,
    /// Receive packets from it.
    Play,
}

/// A request that needs permission.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// What for.
    pub action: Action,
    /// Which stream.
    pub path: &'a StreamPath,
    /// Method of the request, which Digest hashes.
    pub method: &'a Method,
    /// URL of the request, which Digest hashes.
    pub url: &'a Url,
    /// The Authorization header's value.
    pub authorization: Option<&'a str>,
}

/// Says nothing of the header, which proves a password.
impl fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("action", &self.action).finish_non_exhaustive()
    }
}

/// The answer to an [`Access`]: passwords and nonces are the host's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Go on.
    Granted,
    /// Not without (better) credentials: the WWW-Authenticate header to send.
    Challenge(String),
    /// The user is known and may not do this.
    Forbidden,
    /// Credentials are not looked at before this has passed: too many were wrong.
    Later(Duration),
}

/// Why a path cannot be reserved; the text goes to the client and to the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Busy(pub String);

/// There is no room for another connection that plays or publishes; the text goes to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server has no room for more connections that play or publish")]
pub struct Full;

/// Everything outside one connection that its answers depend on: credentials, the streams, and UDP ports.
pub trait Host {
    /// Whether this connection may do that, asked at `now`. A host without users grants everything.
    fn permit(&mut self, now: MonoTime, access: &Access<'_>) -> Permission {
        let _ = (now, access);
        Permission::Granted
    }

    /// Whether there is room for this connection to do that at `path`. A host without limits always has.
    ///
    /// # Errors
    /// Where there is none.
    fn admit(&mut self, action: Action, path: &StreamPath) -> Result<(), Full> {
        let _ = (action, path);
        Ok(())
    }

    /// The address of our end of the connection.
    fn local_ip(&self) -> IpAddr;

    /// The stream that is live at `path`.
    fn find(&mut self, path: &StreamPath) -> Option<Arc<Description>>;

    /// Returns the media time of the newest packet of the stream at `path`, if any; of audio in ticks of the track's
    /// clock.
    fn newest_time(&mut self, path: &StreamPath, track: usize) -> Option<MediaTime>;

    /// Keeps `path` for this connection to publish to, until [`Output::Teardown`] or the end of the connection.
    ///
    /// # Errors
    /// Where somebody else publishes there.
    fn reserve(&mut self, path: &StreamPath) -> Result<(), Busy>;

    /// Opens a pair of UDP ports for track `track`, to exchange packets with the connection's peer at `client` (RTP, RTCP).
    /// `None` if no pair is available. Packets of a publisher's unrelayed track are discarded.
    fn open_udp(&mut self, track: usize, is_relayed: bool, client: (u16, u16)) -> Option<(u16, u16)>;
}

/// How the packets of one track travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackTransport {
    /// Interleaved in the connection, on these channels.
    Tcp {
        /// Channel of RTP.
        rtp: u8,
        /// Channel of RTCP.
        rtcp: u8,
    },
    /// Over UDP, between these pairs of ports (RTP, RTCP).
    Udp {
        /// The peer's.
        client: (u16, u16),
        /// Ours.
        server: (u16, u16),
    },
}

/// A stream as a connection has set it up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its name.
    pub path: StreamPath,
    /// Its tracks, as announced by this connection, or as they were when it asked for them.
    pub description: Arc<Description>,
    /// Returns each track's transport: a player's relayed tracks, or all tracks that a publisher announced, the
    /// relayed ones first. `None` for tracks that the connection did not set up.
    pub tracks: Vec<Option<TrackTransport>>,
}

/// RTP or RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// Media.
    Rtp,
    /// Reports and feedback, one compound packet.
    Rtcp,
}

/// A packet of a track, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Index of the track in [`Setup::tracks`].
    pub track: usize,
    /// RTP or RTCP.
    pub kind: PacketKind,
    /// The whole packet, unchanged.
    pub bytes: Bytes,
}

/// What a session wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write these bytes to the connection.
    Send(Bytes),
    /// The connection plays from now on.
    Play(Setup),
    /// The connection does not play for now.
    Pause,
    /// The connection publishes from now on.
    Record(Setup),
    /// A packet came over the connection: the publisher's, or a reader's RTCP.
    Packet(Packet),
    /// The client answered a request of [`Session::ask_phase`](super::Session::ask_phase).
    Answer {
        /// CSeq of the request.
        cseq: u32,
        /// The answer; `None` if the client refused.
        body: Option<Vec<u8>>,
    },
    /// The session has ended: forget reservation, ports and stream. The connection may go on with another one.
    Teardown,
}
