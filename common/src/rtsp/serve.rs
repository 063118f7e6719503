//! The server's side of one RTSP connection (RFC 2326), without sockets: bytes in, bytes and events out.
//!
//! A [`Session`] is fed with [`Session::handle_input`] (or [`Session::input`] and [`Session::handle_turn`]) and [`Session::handle_timeout`], asks its [`Host`] about
//! streams, credentials and ports, and says by [`Session::poll_output`] what is to be done. A connection has at most
//! one RTSP session at a time, and a session lives and dies with its connection: its identifier is worth nothing on
//! another one.
//!
//! ```text
//!              DESCRIBE, SETUP ┌──────────┐ PLAY  ┌──────┐
//!            ┌────────────────▶│ pre-play │──────▶│ play │
//! ┌─────────┐│                 └──────────┘◀──────└──────┘
//! │ initial │┤                              PAUSE
//! └─────────┘│ ANNOUNCE        ┌────────────┐ RECORD ┌────────┐
//!            └────────────────▶│ pre-record │───────▶│ record │
//!  ▲ TEARDOWN, from any other  └────────────┘        └────────┘
//! ```

mod ask;
mod description;
mod host;
mod input;
mod methods;
mod path;
mod reply;
mod state;
mod transport;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub use description::Description;
pub use host::{Access, Action, Busy, Full, Host, Output, Packet, PacketKind, Permission, Setup, TrackTransport};
pub(super) use path::CONTROL as TRACK_CONTROL;
pub use path::{PathError, StreamPath};
pub use state::State;

use super::message::{self, Framer};
use crate::time::MonoTime;

/// A connection's first request is complete within this, or the connection is closed.
pub const FIRST_REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// A message or interleaved frame that has begun is complete within this.
pub const ITEM_LIMIT: Duration = Duration::from_secs(10);
/// After ANNOUNCE, RECORD follows within this: the path is kept from others meanwhile.
pub const PREPARE_LIMIT: Duration = Duration::from_secs(10);
/// Without requests for this long a connection that neither plays nor publishes is closed.
pub const IDLE_LIMIT: Duration = Duration::from_secs(10);
/// A publisher that sends neither packets nor reports for this long is gone, and its path is free again. Also a source
/// that pauses sends reports, every 5 s (RFC 3550 section 6.2). Requests do not count.
pub const RECORD_LIMIT: Duration = Duration::from_secs(10);
/// A publisher whose video sends no packet for this long, reports or not, gives its path to others.
pub const MEDIA_LIMIT: Duration = Duration::from_secs(60);
/// A connection that comes neither to playing nor to media within this is closed, whatever it asks meanwhile.
pub const SETUP_LIMIT: Duration = Duration::from_secs(30);
/// A player that pauses for longer is closed, keep-alives or not.
pub const PAUSE_LIMIT: Duration = Duration::from_secs(600);
/// A player without a sign of life is gone after this; the Session header says so.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
/// Work of one [`Session::handle_turn`], after which other connections are to have theirs: this many small packets, or
/// some requests.
pub const TURN: usize = 512;
/// Wrong credentials on one connection before it is closed. The first 401 of a client that waits to be asked counts
/// too.
pub const DENIALS_MAX: u32 = 5;

/// Why a connection is to be closed once its outputs are written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not RTSP, or beyond a limit.
    #[error("malformed input: {0}")]
    Message(#[from] message::Error),
    /// A TLS handshake on the plain port.
    #[error("this is TLS; the port speaks plain RTSP only (rtsp://, not rtsps://)")]
    Tls,
    /// RTSP tunnelled in HTTP, or a browser.
    #[error("this is HTTP; RTSP tunnelled in HTTP is not served, only RTSP itself")]
    Http,
    /// The client answered a request that nobody made.
    #[error("a response came to a request that nobody made")]
    UnexpectedResponse,
    /// An interleaved frame where none may come.
    #[error("interleaved data on channel {channel} in state {state}")]
    DataInState {
        /// The frame's channel.
        channel: u8,
        /// The state at that time.
        state: State,
    },
    /// An interleaved frame on a channel that no SETUP asked for.
    #[error("interleaved data on channel {0}, which was not set up")]
    UnknownChannel(u8),
    /// [`DENIALS_MAX`] refused credentials.
    #[error("wrong credentials {DENIALS_MAX} times")]
    Denied,
    /// No request within [`FIRST_REQUEST_LIMIT`].
    #[error("no request within {} s", FIRST_REQUEST_LIMIT.as_secs())]
    NoRequest,
    /// A message or frame not complete within [`ITEM_LIMIT`].
    #[error("a message or frame was not complete within {} s", ITEM_LIMIT.as_secs())]
    Stalled,
    /// ANNOUNCE without RECORD within [`PREPARE_LIMIT`].
    #[error("announced, but no RECORD within {} s", PREPARE_LIMIT.as_secs())]
    NotRecording,
    /// Nothing for [`IDLE_LIMIT`], [`RECORD_LIMIT`] or [`SESSION_TIMEOUT`].
    #[error("no sign of life for {} s", .0.as_secs())]
    Idle(Duration),
    /// No video for [`MEDIA_LIMIT`].
    #[error("publishing, but no video for {} s", MEDIA_LIMIT.as_secs())]
    NoMedia,
    /// Neither playing nor media within [`SETUP_LIMIT`] or [`PAUSE_LIMIT`].
    #[error("neither played nor published for {} s", .0.as_secs())]
    Useless(Duration),
}

/// The server's side of one connection.
#[derive(Debug)]
pub struct Session {
    framer: Framer,
    state: State,
    setup: Option<Setup>,
    /// Has played before: the client's reports may still be under way.
    paused: bool,
    /// Identifier of the RTSP session, drawn for the connection.
    id: String,
    outputs: VecDeque<Output>,
    /// What this connection was permitted to do.
    permitted: Option<(Action, StreamPath)>,
    denials: u32,
    user_agent: Option<String>,
    requested: bool,
    /// CSeq of the server's own requests.
    last_cseq: u32,
    /// Requests without an answer yet.
    unanswered: Vec<u32>,
    /// Requests since they were last counted.
    requests: usize,
    opened: MonoTime,
    /// Last sign of life: a packet, or a request of who does not publish.
    active: MonoTime,
    /// When the connection last played or brought video; at first, when it began.
    useful: MonoTime,
    announced: MonoTime,
    /// Since when a message or frame waits for its rest.
    partial: Option<MonoTime>,
    failed: Option<Error>,
}

impl Session {
    /// The session of a connection accepted at `now`. `id` is what the Session header will say: unguessable, 1 to
    /// 128 visible ASCII characters without `;` and `,`.
    pub fn new(id: String, now: MonoTime) -> Self {
        Self {
            framer: Framer::default(),
            state: State::Initial,
            setup: None,
            paused: false,
            id,
            outputs: VecDeque::new(),
            permitted: None,
            denials: 0,
            user_agent: None,
            requested: false,
            last_cseq: 0,
            unanswered: Vec::new(),
            requests: 0,
            opened: now,
            active: now,
            useful: now,
            announced: now,
            partial: None,
            failed: None,
        }
    }

    /// Notes that packets came over UDP, the last of them at `heard`, and the last RTP packet of a publisher's video, if
    /// there was one, at `media`.
    pub fn handle_activity(&mut self, heard: MonoTime, media: Option<MonoTime>) {
        self.active = self.active.max(heard);
        self.useful = media.map_or(self.useful, |media| self.useful.max(media));
    }

    /// To be called when [`Session::poll_timeout`] has come.
    ///
    /// # Errors
    /// As [`Session::handle_input`].
    pub fn handle_timeout(&mut self, now: MonoTime) -> Result<(), Error> {
        self.run(|session| {
            let due = session.deadlines().into_iter().flatten().find(|(deadline, _)| now >= *deadline);
            due.map_or(Ok(()), |(_, error)| Err(error))
        })
    }

    /// When [`Session::handle_timeout`] wants to be called, unless something comes first.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        self.deadlines().into_iter().flatten().map(|(deadline, _)| deadline).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many requests came since this was last asked.
    pub fn take_requests(&mut self) -> usize {
        std::mem::take(&mut self.requests)
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.state
    }

    /// The client's User-Agent: printable ASCII, shortened.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    fn run<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        step(self).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn deadlines(&self) -> [Option<(MonoTime, Error)>; 5] {
        let silence = match self.state {
            // Who pauses goes by the timeout that it was told.
            State::PrePlay if self.paused => Some(SESSION_TIMEOUT),
            State::Play if self.uses_udp() => Some(SESSION_TIMEOUT),
            State::Initial | State::PrePlay | State::PreRecord => Some(IDLE_LIMIT),
            State::Record => Some(RECORD_LIMIT),
            // A player over TCP that says nothing is still there as long as it takes what is written to it; the
            // connection's owner watches that.
            State::Play => None,
        };
        let use_by = match self.state {
            State::Play => None,
            State::Record => Some((self.useful + MEDIA_LIMIT, Error::NoMedia)),
            State::PrePlay if self.paused => Some((self.useful + PAUSE_LIMIT, Error::Useless(PAUSE_LIMIT))),
            _ => Some((self.useful + SETUP_LIMIT, Error::Useless(SETUP_LIMIT))),
        };
        [
            (!self.requested).then(|| (self.opened + FIRST_REQUEST_LIMIT, Error::NoRequest)),
            self.partial.map(|since| (since + ITEM_LIMIT, Error::Stalled)),
            (self.state == State::PreRecord).then(|| (self.announced + PREPARE_LIMIT, Error::NotRecording)),
            silence.map(|limit| (self.active + limit, Error::Idle(limit))),
            use_by,
        ]
    }

    fn uses_udp(&self) -> bool {
        let tracks = self.setup.iter().flat_map(|setup| &setup.tracks);
        tracks.flatten().any(|track| matches!(track, TrackTransport::Udp { .. }))
    }
}

/// Whether a publisher's packet is media at all: it has the fixed header of RTP's version 2 (RFC 3550 section 5.1).
pub fn is_rtp(packet: &[u8]) -> bool {
    const HEADER_LEN: usize = 12;
    packet.len() >= HEADER_LEN && packet[0] >> 6 == 2
}
