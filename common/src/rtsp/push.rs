//! The publisher's side of an RTSP connection: OPTIONS, ANNOUNCE, SETUP, RECORD, signs of life, TEARDOWN (RFC 2326
//! sections 10 and A.1).
//!
//! [`Session`] does no I/O. Bytes of the connection go in by [`Session::handle_input`], the clock by
//! [`Session::handle_timeout`] when [`Session::poll_timeout`] says so; after each, [`Session::poll_output`] is drained.
//! Any error is the end of the session: make a new one on a new connection.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use rtsp_types::headers::{
    AUTHORIZATION, CONTENT_TYPE, CSEQ, LOCATION, PUBLIC, RANGE, SESSION, TRANSPORT, USER_AGENT, WWW_AUTHENTICATE,
};
use rtsp_types::{Method, Request, Response, StatusCode, Version};
use url::Url;

use super::auth::{Challenged, Client, Credentials};
use super::headers::{self, Lower, Mode, Range, Transport, parse_cseq};
use super::message::{Framer, Item};
use super::sdp::{Video, control_url};
use crate::rtp::rtcp;
use crate::time::{MonoTime, Now};

mod error;
mod report;

pub use error::{Error, State};
use report::Reports;
pub use report::SentFrame;

/// How long a server may take to answer a request.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often one request is sent again because of a 401. A server may say that a nonce is stale, but not for ever.
const ATTEMPTS_MAX: u32 = 3;
/// A request for a picture that comes sooner after another is answered by the same picture.
const IDR_REQUEST_INTERVAL: Duration = Duration::from_millis(250);
const AGENT: &str = concat!("framelag/", env!("CARGO_PKG_VERSION"));

/// What a session publishes, and where.
#[derive(Clone, Debug)]
pub struct Config {
    /// The stream's URL, without user info.
    pub url: Url,
    /// Who publishes, where the server asks.
    pub credentials: Option<Credentials>,
    /// How packets travel.
    pub delivery: Delivery,
    /// The track to announce.
    pub video: Video,
    /// Synchronisation source of the packets, for sender reports.
    pub ssrc: u32,
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
    /// The session has ended as wished; close the connection.
    Closed,
}

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Into the RTSP connection, RTP on this channel.
    Interleaved(u8),
    /// To the server's ports.
    Udp {
        /// For RTP.
        rtp: u16,
        /// For RTCP.
        rtcp: u16,
        /// The address, where it is another than the RTSP connection's.
        host: Option<IpAddr>,
    },
}

/// One publisher on one connection.
#[derive(Debug)]
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

/// The request that has not been answered yet. There is never more than one.
#[derive(Debug)]
struct Pending {
    request: Request<Vec<u8>>,
    cseq: u32,
    deadline: MonoTime,
    attempts: u32,
}

#[derive(Debug)]
struct KeepAlive {
    method: Method,
    due: Option<MonoTime>,
}

impl Session {
    /// A session on a connection that has just been made. The first request is waiting in [`Session::poll_output`].
    pub fn new(config: Config, now: Now) -> Self {
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

    fn handle_response(&mut self, now: Now, response: &Response<Vec<u8>>) -> Result<(), Error> {
        let Some(pending) = self.pending.take() else {
            return Err(self.unusable("an answer", "nothing was asked"));
        };
        let request = name(pending.request.method());
        if let Some(value) = response.header(&CSEQ) {
            let cseq =
                parse_cseq(value.as_str()).map_err(|error| Error::Unusable { request, why: error.to_string() })?;
            if cseq < pending.cseq {
                // The answer to a sign of life, which TEARDOWN has overtaken.
                self.pending = Some(pending);
                return Ok(());
            }
            if cseq > pending.cseq {
                return Err(self.unusable(request, &format!("it has CSeq {cseq} instead of {}", pending.cseq)));
            }
        }
        match response.status() {
            status if status.is_informational() => {
                self.pending = Some(Pending { deadline: now.mono + RESPONSE_TIMEOUT, ..pending });
                Ok(())
            }
            StatusCode::Unauthorized => self.authenticate(now, pending, response),
            status if status.is_success() => {
                self.take_session(response, request)?;
                self.advance(now, response, request)
            }
            _ if self.state == State::Ending => {
                self.close();
                Ok(())
            }
            status if self.state == State::Recording && status != StatusCode::SessionNotFound => {
                // The stream flows; a server that dislikes one sign of life may like the other.
                self.keep_alive.method = Method::Options;
                self.schedule_keep_alive(now);
                Ok(())
            }
            status if status.is_redirection() => {
                let to = response.header(&LOCATION).map(|value| value.as_str()).unwrap_or_default();
                Err(Error::redirected(request, to))
            }
            status => Err(Error::refused(request, status.into(), response.reason_phrase())),
        }
    }

    fn authenticate(&mut self, now: Now, pending: Pending, response: &Response<Vec<u8>>) -> Result<(), Error> {
        let request = name(pending.request.method());
        let Some(client) = &mut self.auth else { return Err(Error::CredentialsNeeded { request }) };
        let challenge = response.header(&WWW_AUTHENTICATE).map(|value| value.as_str()).unwrap_or_default();
        match client.challenged(challenge) {
            Challenged::TryAgain if pending.attempts < ATTEMPTS_MAX => {
                self.send_request(now, pending.request, pending.attempts + 1);
                Ok(())
            }
            Challenged::TryAgain | Challenged::Rejected => Err(Error::CredentialsRejected { request }),
            Challenged::Unknown(schemes) => Err(Error::UnknownScheme { schemes }),
        }
    }

    /// Goes on after a good answer.
    fn advance(&mut self, now: Now, response: &Response<Vec<u8>>, request: &'static str) -> Result<(), Error> {
        match self.state {
            State::Greeting => {
                let public = response.header(&PUBLIC).map(|value| value.as_str()).unwrap_or_default();
                if public.split(',').any(|method| method.trim() == "GET_PARAMETER") {
                    self.keep_alive.method = Method::GetParameter;
                }
                self.state = State::Announcing;
                self.announce(now);
            }
            State::Announcing => {
                self.state = State::SettingUp;
                self.setup(now)?;
            }
            State::SettingUp => {
                let route = self.route(response, request)?;
                if self.session.is_none() {
                    return Err(self.unusable(request, "it names no session"));
                }
                self.state = State::Starting(route);
                let record = self
                    .build(Method::Record)
                    .header(RANGE, Range::Npt { start: Duration::ZERO, end: None }.to_string());
                self.request(now, record.build(Vec::new()));
            }
            State::Starting(route) => {
                self.state = State::Recording;
                self.schedule_keep_alive(now);
                self.outputs.push_back(Output::Recording(route));
            }
            State::Recording => self.schedule_keep_alive(now),
            State::Ending | State::Closed => self.close(),
        }
        Ok(())
    }

    fn announce(&mut self, now: Now) {
        let host = self.config.url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
        let description = self.config.video.describe(host.unwrap_or(IpAddr::from([127, 0, 0, 1])));
        let request = self.build(Method::Announce).header(CONTENT_TYPE, "application/sdp").build(description);
        self.request(now, request);
    }

    fn setup(&mut self, now: Now) -> Result<(), Error> {
        let mut transport = Transport::new(Lower::Tcp, Mode::Record);
        match self.config.delivery {
            Delivery::Tcp => transport.interleaved = Some(self.channels),
            Delivery::Udp(rtp, rtcp) => {
                transport.lower = Lower::Udp;
                transport.client_port = Some((rtp, rtcp));
            }
        }
        let track = control_url(self.config.url.as_str(), self.config.video.control.as_deref());
        let track = Url::parse(&track).map_err(|_| self.unusable("SETUP", "its track has no URL"))?;
        let request = self.build(Method::Setup).request_uri(track).header(TRANSPORT, transport.to_string());
        self.request(now, request.build(Vec::new()));
        Ok(())
    }

    /// Where the server wants the packets, from its answer to SETUP.
    fn route(&mut self, response: &Response<Vec<u8>>, request: &'static str) -> Result<Route, Error> {
        let value = response.header(&TRANSPORT).ok_or_else(|| self.unusable(request, "it names no transport"))?;
        let offers = Transport::parse(value.as_str()).map_err(|error| self.unusable(request, &error.to_string()))?;
        let transport = offers.first().ok_or_else(|| self.unusable(request, "it names a transport that is not RTP"))?;
        match (self.config.delivery, transport.lower) {
            (Delivery::Tcp, Lower::Tcp) => {
                self.channels = transport.interleaved.unwrap_or(self.channels);
                Ok(Route::Interleaved(self.channels.0))
            }
            (Delivery::Udp(..), Lower::Udp) => {
                let (rtp, rtcp) =
                    transport.server_port.ok_or_else(|| self.unusable(request, "it names no server_port"))?;
                Ok(Route::Udp { rtp, rtcp, host: transport.source })
            }
            (Delivery::Tcp, Lower::Udp) => Err(self.unusable(request, "it wants UDP: try --transport udp")),
            (Delivery::Udp(..), Lower::Tcp) => Err(self.unusable(request, "it wants TCP: try --transport tcp")),
        }
    }

    /// A server asks for signs of life, or for the end.
    fn handle_request(&mut self, request: &Request<Vec<u8>>) -> Result<(), Error> {
        let status = match request.method() {
            Method::Teardown => return Err(Error::EndedByServer),
            Method::Redirect => {
                let to = request.header(&LOCATION).map(|value| value.as_str()).unwrap_or_default();
                return Err(Error::redirected("RECORD", to));
            }
            Method::Options | Method::GetParameter | Method::SetParameter => StatusCode::Ok,
            _ => StatusCode::NotImplemented,
        };
        let mut response = Response::builder(Version::V1_0, status);
        if let Some(cseq) = request.header(&CSEQ).and_then(|value| parse_cseq(value.as_str()).ok()) {
            response = response.header(CSEQ, cseq.to_string());
        }
        let mut bytes = Vec::new();
        response.empty().write(&mut bytes).expect("writing to memory does not fail");
        self.outputs.push_back(Output::Send(bytes));
        Ok(())
    }

    fn take_session(&mut self, response: &Response<Vec<u8>>, request: &'static str) -> Result<(), Error> {
        if let Some(value) = response.header(&SESSION) {
            let session = headers::Session::parse(value.as_str());
            self.session = Some(session.map_err(|error| self.unusable(request, &error.to_string()))?);
        }
        Ok(())
    }

    /// A sign of life at half the time after which the server would give up (RFC 2326 section 12.37).
    fn schedule_keep_alive(&mut self, now: Now) {
        let timeout =
            self.session.as_ref().map_or(headers::SESSION_TIMEOUT_DEFAULT, headers::Session::timeout_or_default);
        self.keep_alive.due = Some(now.mono + timeout / 2);
    }

    fn build(&self, method: Method) -> rtsp_types::RequestBuilder {
        let request =
            Request::builder(method, Version::V1_0).request_uri(self.config.url.clone()).header(USER_AGENT, AGENT);
        match &self.session {
            Some(session) => request.header(SESSION, session.id.as_str()),
            None => request,
        }
    }

    fn request(&mut self, now: Now, request: Request<Vec<u8>>) {
        self.send_request(now, request, 1);
    }

    fn send_request(&mut self, now: Now, mut request: Request<Vec<u8>>, attempts: u32) {
        self.last_cseq += 1;
        request.insert_header(CSEQ, self.last_cseq.to_string());
        let uri = request.request_uri().map(Url::as_str).unwrap_or("*");
        let answer = self.auth.as_mut().and_then(|auth| auth.authorization(name(request.method()), uri));
        if let Some(answer) = answer {
            request.insert_header(AUTHORIZATION, answer);
        }
        let mut bytes = Vec::new();
        request.write(&mut bytes).expect("writing to memory does not fail");
        self.outputs.push_back(Output::Send(bytes));
        let deadline = now.mono + RESPONSE_TIMEOUT;
        self.pending = Some(Pending { request, cseq: self.last_cseq, deadline, attempts });
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

    fn unusable(&self, request: &'static str, why: &str) -> Error {
        Error::Unusable { request, why: why.to_owned() }
    }

    fn not_understood(&self, error: super::message::Error) -> Error {
        Error::NotUnderstood { request: self.pending.as_ref().map(|pending| name(pending.request.method())), error }
    }
}

/// The methods that a session sends, for messages that outlive it.
fn name(method: &Method) -> &'static str {
    match method {
        Method::Options => "OPTIONS",
        Method::Announce => "ANNOUNCE",
        Method::Setup => "SETUP",
        Method::Record => "RECORD",
        Method::GetParameter => "GET_PARAMETER",
        Method::Teardown => "TEARDOWN",
        _ => "a request",
    }
}

#[cfg(test)]
mod tests;
