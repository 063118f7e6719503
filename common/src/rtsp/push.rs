//! The publisher's side of an RTSP connection: OPTIONS, ANNOUNCE, SETUP, RECORD, signs of life, TEARDOWN (RFC 2326
//! sections 10 and A.1).
//!
//! [`Session`] does no I/O. Bytes of the connection go in by [`Session::handle_input`], the clock by
//! [`Session::handle_timeout`] when [`Session::poll_timeout`] says so; after each, [`Session::poll_output`] is drained.
//! Any error is the end of the session: make a new one on a new connection.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use rtsp_types::{Method, Request};
use url::Url;

use super::auth::Client;
use super::headers;
use super::message::{Framer, Item};
use super::sdp::Video;
use crate::credentials::Credentials;
use crate::rtp::rtcp;
use crate::time::{MonoTime, Now};

mod answers;
mod asked;
mod error;
mod report;
mod requests;

use error::name;
pub use error::{Error, RESPONSE_TIMEOUT, Route, State};
use report::Reports;
pub use report::SentFrame;

/// How often one request is sent again because of a 401. A server may say that a nonce is stale, but not for ever.
const ATTEMPTS_MAX: u32 = 3;
/// How often a server may ask for patience with one request, each time for [`RESPONSE_TIMEOUT`] more.
const RENEWALS_MAX: u32 = 6;
/// A request for a picture that comes sooner after another is answered by the same picture.
const IDR_REQUEST_INTERVAL: Duration = Duration::from_millis(250);

/// Whether `user_agent` identifies a client of this kind.
pub fn is_ours(user_agent: &str) -> bool {
    user_agent.starts_with("framelag/")
}

/// What a session publishes, and where.
#[derive(Clone)]
pub struct Config {
    /// The stream's URL, without user info.
    pub url: Url,
    /// The credentials to present if the server requests them.
    pub credentials: Option<Credentials>,
    /// How packets travel.
    pub delivery: Delivery,
    /// The track to announce.
    pub video: Video,
    /// Synchronisation source of the packets, for sender reports.
    pub ssrc: u32,
    /// Frame interval, if the publisher schedules its pictures.
    pub interval: Option<Duration>,
}

/// Says nothing of URL and credentials.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Interleaved in the RTSP connection.
    Tcp,
    /// From these ports of ours, for RTP and RTCP.
    Udp(u16, u16),
}

/// What the shell around a session has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes to the RTSP connection.
    Send(Vec<u8>),
    /// Send this RTCP packet to the server's port; UDP only.
    SendRtcp(Vec<u8>),
    /// The server takes packets from now on.
    Recording(Route),
    /// A reader needs an IDR picture.
    IdrRequested,
    /// Requests that pictures be delayed relative to the original schedule; only with [`Config::interval`].
    Shift(Duration),
    /// The session has ended as wished; close the connection.
    Closed,
}

/// One publisher on one connection.
pub struct Session {
    config: Config,
    state: State,
    framer: Framer,
    auth: Option<Client>,
    last_cseq: u32,
    pending: Option<Pending>,
    /// As the server named it.
    session: Option<headers::Session>,
    keep_alive: KeepAlive,
    /// Channels of RTP and RTCP.
    channels: (u8, u8),
    reports: Reports,
    idr_requested: Option<MonoTime>,
    outputs: VecDeque<Output>,
}

/// Says nothing of its requests: they have the URL, and prove a password.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state).finish_non_exhaustive()
    }
}

/// The request that has not been answered yet. There is never more than one.
struct Pending {
    request: Request<Vec<u8>>,
    cseq: u32,
    deadline: MonoTime,
    attempts: u32,
    /// Answers so far that ask for patience (RFC 2326 section 7.1.1, 1xx).
    renewals: u32,
}

#[derive(Debug)]
struct KeepAlive {
    method: Method,
    due: Option<MonoTime>,
}

impl Session {
    /// A session on a connection that has just been made. The first request is waiting in [`Session::poll_output`].
    ///
    /// User info that is still in the URL is taken out of it: it would be sent and printed.
    pub fn new(mut config: Config, now: Now) -> Self {
        let in_url = Credentials::take_from(&mut config.url);
        config.credentials = config.credentials.or(in_url);
        let mut session = Self {
            auth: config.credentials.clone().map(Client::new),
            reports: Reports::new(config.ssrc),
            config,
            state: State::Greeting,
            framer: Framer::default(),
            last_cseq: 0,
            pending: None,
            session: None,
            keep_alive: KeepAlive { method: Method::Options, due: None },
            channels: (0, 1),
            idr_requested: None,
            outputs: VecDeque::new(),
        };
        session.request(now, session.build(Method::Options).build(Vec::new()));
        session
    }

    /// Where the session is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Takes bytes from the RTSP connection.
    pub fn handle_input(&mut self, now: Now, bytes: &[u8]) -> Result<(), Error> {
        self.framer.push(bytes);
        while self.state != State::Closed {
            let Some(item) = self.framer.next_item().map_err(|error| self.not_understood(error))? else { break };
            match item {
                Item::Response(response) => self.handle_response(now, &response)?,
                Item::Request(request) => self.handle_request(&request)?,
                Item::Data { channel, payload } if channel == self.channels.1 => self.handle_rtcp(now, &payload),
                // RTP from a server that records is meaningless, and so are channels that nobody set up.
                Item::Data { .. } => {}
            }
        }
        Ok(())
    }

    /// Takes an RTCP packet that came by UDP. What is not RTCP is left alone: anybody can send to an open port.
    pub fn handle_rtcp(&mut self, now: Now, packet: &[u8]) {
        let ours = |event: &rtcp::Event| matches!(event, rtcp::Event::PictureLoss { ssrc } if *ssrc == 0 || *ssrc == self.config.ssrc);
        if !rtcp::parse(packet).is_ok_and(|events| events.iter().any(ours)) || self.state != State::Recording {
            return;
        }
        let recent = self.idr_requested.is_some_and(|last| now.mono - last < IDR_REQUEST_INTERVAL);
        if !recent {
            self.idr_requested = Some(now.mono);
            self.outputs.push_back(Output::IdrRequested);
        }
    }

    /// Does what is due at `now`: signs of life and sender reports.
    ///
    /// # Errors
    /// [`Error::NoResponse`] where the server let a request wait too long.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), Error> {
        if let Some(pending) = self.pending.as_ref().filter(|pending| pending.deadline <= now.mono) {
            return Err(Error::NoResponse { request: name(pending.request.method()) });
        }
        if self.state != State::Recording {
            return Ok(());
        }
        if self.keep_alive.due.is_some_and(|due| due <= now.mono) && self.pending.is_none() {
            let method = self.keep_alive.method.clone();
            self.request(now, self.build(method).build(Vec::new()));
        }
        if let Some(report) = self.reports.take_due(now) {
            self.send_rtcp(report);
        }
        Ok(())
    }

    /// Takes note of an access unit whose packets have just been sent.
    ///
    /// # Errors
    /// [`Error::WrongState`] before the server takes packets and after the end.
    pub fn handle_sent(&mut self, now: Now, frame: &SentFrame) -> Result<(), Error> {
        if self.state != State::Recording {
            return Err(Error::WrongState {
                action: "sending packets",
                allowed: &[State::Recording],
                found: self.state,
            });
        }
        self.reports.count(now, frame);
        Ok(())
    }

    /// Ends the session. Where packets were flowing, a BYE and a TEARDOWN are sent, and [`Output::Closed`] follows
    /// when the server has answered; else it follows at once.
    pub fn teardown(&mut self, now: Now) {
        match self.state {
            State::Ending | State::Closed => {}
            State::Recording => {
                self.send_rtcp(rtcp::bye(self.config.ssrc));
                self.state = State::Ending;
                self.request(now, self.build(Method::Teardown).build(Vec::new()));
            }
            _ => self.close(),
        }
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        let response = self.pending.as_ref().map(|pending| pending.deadline);
        let recording = self.state == State::Recording;
        let keep_alive = self.keep_alive.due.filter(|_| recording && self.pending.is_none());
        let report = self.reports.due().filter(|_| recording);
        [response, keep_alive, report].into_iter().flatten().min()
    }

    fn send_rtcp(&mut self, packet: Vec<u8>) {
        self.outputs.push_back(match self.config.delivery {
            Delivery::Tcp => {
                let len = u16::try_from(packet.len()).expect("our own reports are short");
                let header = super::interleaved::header(self.channels.1, len);
                Output::Send([&header[..], &packet].concat())
            }
            Delivery::Udp(..) => Output::SendRtcp(packet),
        });
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.pending = None;
        self.outputs.push_back(Output::Closed);
    }

    fn not_understood(&self, error: super::message::Error) -> Error {
        Error::NotUnderstood { request: self.pending.as_ref().map(|pending| name(pending.request.method())), error }
    }
}

#[cfg(test)]
mod tests;
