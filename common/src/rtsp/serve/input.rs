//! What comes over the connection: from bytes to requests and packets.

use bytes::{Bytes, BytesMut};
use rtsp_types::StatusCode;

use super::host::{Host, Output, Packet, PacketKind, TrackTransport};
use super::reply::Reply;
use super::{Description, Error, Session, State, TURN, is_rtp};
use crate::rtsp::message::{self, Item};
use crate::time::MonoTime;

impl Session {
    /// Takes bytes read from the connection, and handles all that they complete.
    ///
    /// # Errors
    /// Where the connection is to be closed, after what [`Session::poll_output`] still has was written. Later calls
    /// give the same error.
    pub fn handle_input(&mut self, now: MonoTime, bytes: &[u8], host: &mut dyn Host) -> Result<(), Error> {
        if self.failed.is_none() {
            self.framer.push(bytes);
        }
        while self.handle_turn(now, host)? >= TURN {}
        Ok(())
    }

    /// Where the connection's bytes can be read into, behind those that wait, for [`Session::handle_turn`].
    pub fn input(&mut self) -> &mut BytesMut {
        self.framer.buffer()
    }

    /// Handles what was read into [`Session::input`], up to a limit, so that neither its time nor what it puts out
    /// grows with what a peer sends at once. Gives the work done, of which a small packet is 1; from [`TURN`] on there
    /// may be more to handle.
    ///
    /// # Errors
    /// As [`Session::handle_input`].
    pub fn handle_turn(&mut self, now: MonoTime, host: &mut dyn Host) -> Result<usize, Error> {
        self.run(|session| {
            if !session.requested {
                session.reject_other_protocols()?;
            }
            let mut work = 0;
            while work < TURN {
                let Some(item) = session.next_item()? else {
                    session.partial = session.framer.is_mid_item().then(|| session.partial.unwrap_or(now));
                    break;
                };
                work += cost(&item);
                // A publisher lives by its packets.
                if session.state != State::Record || matches!(item, Item::Data { .. }) {
                    session.active = now;
                }
                session.partial = None;
                session.handle_item(now, item, host)?;
            }
            Ok(work)
        })
    }

    /// Tells a browser, an HTTP tunnel and a TLS client by their first bytes, before the framer takes them for noise.
    fn reject_other_protocols(&mut self) -> Result<(), Error> {
        const TLS_HANDSHAKE: u8 = 22;
        if self.framer.buffer().first() == Some(&TLS_HANDSHAKE) {
            return Err(Error::Tls);
        }
        let Some(line) = self.framer.first_line() else { return Ok(()) };
        if [&b" HTTP/1.0"[..], b" HTTP/1.1"].iter().any(|version| line.ends_with(version)) {
            let answer = "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            self.outputs.push_back(Output::Send(Bytes::from_static(answer.as_bytes())));
            return Err(Error::Http);
        }
        Ok(())
    }

    fn next_item(&mut self) -> Result<Option<Item>, Error> {
        self.framer.next_item().map_err(|error| {
            let status = match &error {
                message::Error::TooLong { part, .. } if part.contains("body") => StatusCode::RequestMessageBodyTooLarge,
                message::Error::TooLong { part, .. } if part.contains("URL") => StatusCode::RequestURITooLong,
                _ => StatusCode::BadRequest,
            };
            let reply = Reply::refusal(status, error.to_string()).with("Connection", "close");
            self.outputs.push_back(Output::Send(reply.to_bytes(None)));
            Error::Message(error)
        })
    }

    fn handle_item(&mut self, now: MonoTime, item: Item, host: &mut dyn Host) -> Result<(), Error> {
        match item {
            Item::Request(request) => {
                self.requested = true;
                self.requests += 1;
                self.handle_request(now, &request, host)
            }
            Item::Response(response) => self.handle_response(&response),
            Item::Data { channel, payload } => self.handle_data(now, channel, payload),
        }
    }

    fn handle_data(&mut self, now: MonoTime, channel: u8, payload: Bytes) -> Result<(), Error> {
        let setup = match (self.state, &self.setup) {
            (State::Play | State::Record, Some(setup)) => setup,
            (State::PrePlay, Some(_)) if self.paused => return Ok(()),
            (state, _) => return Err(Error::DataInState { channel, state }),
        };
        let of_track = |track: &Option<TrackTransport>| match track {
            Some(TrackTransport::Tcp { rtp, .. }) if *rtp == channel => Some(PacketKind::Rtp),
            Some(TrackTransport::Tcp { rtcp, .. }) if *rtcp == channel => Some(PacketKind::Rtcp),
            _ => None,
        };
        let found = setup.tracks.iter().enumerate().find_map(|(index, track)| Some((index, of_track(track)?)));
        let (track, kind) = found.ok_or(Error::UnknownChannel(channel))?;
        // Players send a bare RTP packet to open a path through firewalls; nobody wants it.
        let wanted = self.state == State::Record || kind == PacketKind::Rtcp;
        if self.state == State::Record && kind == PacketKind::Rtp && track == Description::VIDEO && is_rtp(&payload) {
            self.useful = now;
        }
        if wanted && !payload.is_empty() {
            self.outputs.push_back(Output::Packet(Packet { track, kind, bytes: payload }));
        }
        Ok(())
    }
}

/// The work of an item, in units of [`TURN`]: requests are parsed, looked up and answered, and what is long is copied.
fn cost(item: &Item) -> usize {
    match item {
        Item::Request(request) => 32 + request.body().len() / 128,
        Item::Response(_) => 32,
        Item::Data { payload, .. } => 1 + payload.len() / 2048,
    }
}
