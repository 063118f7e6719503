//! One connection: the session between its sockets.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::media::{Codec, EncodedFrame};
use common::rtp::h264::{Packetizer, Packets};
use common::rtp::header;
use common::rtsp::push::{self, Delivery, Output, Route, SentFrame, Session, State};
use common::sei;
use common::stream_url::StreamUrl;
use common::transport::Transport;
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::socket::{self, Input};
use super::udp::Pair;
use super::{Error, h264};
use crate::seal::SealedFrame;

/// Longest wait for the answer to TEARDOWN.
pub(super) const TEARDOWN_LIMIT: Duration = Duration::from_secs(1);
/// Longest wait for the server where nothing is due in the session.
const IDLE: Duration = Duration::from_secs(1);
/// Most RTCP packets read in one go: a flood does not hold up the video.
const RTCP_BURST: usize = 16;

/// Where a stream goes.
pub(super) struct Target {
    pub(super) url: StreamUrl,
    pub(super) transport: Transport,
    pub(super) frame_rate: Option<f64>,
}

/// A server that takes packets.
pub(super) struct Link {
    url: StreamUrl,
    stream: TcpStream,
    input: Receiver<Input>,
    udp: Option<Pair>,
    session: Session,
    route: Option<Route>,
    key_wanted: bool,
    clock: Arc<dyn Clock>,
}

impl Link {
    /// Announces the stream whose parameter sets are in `first` at `url`, to which `stream` is connected, and waits until the
    /// server takes packets.
    pub(super) fn open(
        target: &Target,
        url: &StreamUrl,
        stream: TcpStream,
        first: &EncodedFrame,
        ssrc: u32,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let url = url.clone();
        let video = match first.codec {
            Codec::H264 => h264::describe(first, target.frame_rate),
        };
        let video = video.ok_or(Error::NoParameterSets { url: url.to_string() })?;
        let lost = |error| Error::lost(&url, &error);
        let udp = match target.transport {
            Transport::Tcp => None,
            Transport::Udp => {
                let pair = stream.local_addr().and_then(|local| Pair::bind(local.ip()));
                Some(pair.map_err(|error| Error::Udp { url: url.to_string(), why: error.to_string() })?)
            }
        };
        let delivery = match &udp {
            None => Delivery::Tcp,
            Some(pair) => pair.ports().map(|(rtp, rtcp)| Delivery::Udp(rtp, rtcp)).map_err(lost)?,
        };
        let input = socket::read(&stream).map_err(lost)?;
        let credentials = url.credentials().cloned();
        let config = push::Config { url: url.url().clone(), credentials, delivery, video, ssrc };
        let session = Session::new(config, clock.now());
        let mut link = Self { url, stream, input, udp, session, route: None, key_wanted: false, clock };
        link.flush()?;
        while link.route.is_none() {
            link.wait(None)?;
        }
        Ok(link)
    }

    /// What the server sends, to wait on together with other things.
    pub(super) fn input(&self) -> &Receiver<Input> {
        &self.input
    }

    /// How long the session can be left alone.
    pub(super) fn idle(&self) -> Duration {
        let due = self.session.poll_timeout().map(|due| due - self.clock.now().mono);
        due.map_or(IDLE, |due| due.min(IDLE))
    }

    /// Whether a reader has asked for an IDR picture since the last call.
    pub(super) fn take_key_request(&mut self) -> bool {
        std::mem::take(&mut self.key_wanted)
    }

    /// Sends one frame, and says whether all of it went out. The time of sending is read, and set in its stamp, right before
    /// the write.
    pub(super) fn send(
        &mut self,
        sealed: &SealedFrame,
        packetizer: &mut Packetizer,
        packets: &mut Packets,
    ) -> Result<bool, Error> {
        let stamp = match sealed.frame.codec {
            Codec::H264 => h264::packetize(sealed, packetizer, packets),
        };
        let now = self.clock.now();
        if let Some(stamp) = stamp {
            sei::set_sent(stamp, sealed.stamped.wall_at(now.mono));
        }
        let whole = match self.route {
            Some(Route::Interleaved(channel)) => {
                self.stream.write_all(packets.interleaved(channel)).map_err(|error| Error::lost(&self.url, &error))?;
                true
            }
            Some(Route::Udp { .. }) => self.udp.as_ref().is_some_and(|udp| udp.send(packets)),
            None => false,
        };
        if !whole {
            return self.service().map(|()| false);
        }
        let frame = SentFrame {
            packets: packets.len() as u32,
            octets: (packets.bytes() - packets.len() * header::LEN) as u32,
            time: sealed.frame.time,
            sampled: sealed.stamped.wall,
        };
        self.session.handle_sent(now, &frame).map_err(|error| self.refused(error))?;
        self.service().map(|()| true)
    }

    /// Takes what the server sent.
    pub(super) fn handle(&mut self, input: Input) -> Result<(), Error> {
        match input {
            Input::Bytes(bytes) => {
                let now = self.clock.now();
                self.session.handle_input(now, &bytes).map_err(|error| self.refused(error))?;
                self.flush()
            }
            Input::Ended(error) => Err(self.ended(error)),
        }
    }

    /// Does what is due: signs of life, reports, requests that came by UDP.
    pub(super) fn service(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        for _ in 0..RTCP_BURST {
            let Some(packet) = self.udp.as_ref().and_then(Pair::receive_rtcp) else { break };
            self.session.handle_rtcp(now, &packet);
        }
        self.session.handle_timeout(now).map_err(|error| self.refused(error))?;
        self.flush()
    }

    /// Tears the session down, and waits a moment for the answer, so that the server has everything before the connection ends.
    pub(super) fn close(mut self) {
        let until = self.clock.now().mono + TEARDOWN_LIMIT;
        self.session.teardown(self.clock.now());
        let mut open = self.flush().is_ok();
        while open && self.session.state() != State::Closed {
            let rest = until - self.clock.now().mono;
            open = !rest.is_zero() && self.wait(Some(rest)).is_ok();
        }
    }

    /// Waits for the server, or until something is due, but at most for `limit`.
    fn wait(&mut self, limit: Option<Duration>) -> Result<(), Error> {
        let idle = self.idle();
        match self.input.recv_timeout(limit.map_or(idle, |limit| limit.min(idle))) {
            // What is due is done also where the server never pauses.
            Ok(input) => self.handle(input).and_then(|()| self.service()),
            Err(RecvTimeoutError::Timeout) => self.service(),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended(None)),
        }
    }

    /// Does what the session wants done.
    fn flush(&mut self) -> Result<(), Error> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(bytes) => self.stream.write_all(&bytes).map_err(|error| Error::lost(&self.url, &error))?,
                Output::SendRtcp(packet) => {
                    if let Some(udp) = &self.udp {
                        udp.send_rtcp(&packet);
                    }
                }
                Output::Recording(route) => self.begin(route)?,
                Output::IdrRequested => self.key_wanted = true,
                Output::Closed => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, route: Route) -> Result<(), Error> {
        if let (Route::Udp { rtp, rtcp }, Some(udp)) = (route, &self.udp) {
            let peer = self.stream.peer_addr();
            peer.and_then(|peer| udp.connect(peer.ip(), rtp, rtcp))
                .map_err(|error| Error::Udp { url: self.url.to_string(), why: error.to_string() })?;
        }
        self.route = Some(route);
        Ok(())
    }

    fn refused(&self, error: push::Error) -> Error {
        Error::Session { url: self.url.to_string(), error }
    }

    fn ended(&self, error: Option<std::io::Error>) -> Error {
        match error {
            Some(error) => Error::lost(&self.url, &error),
            None => Error::Lost { url: self.url.to_string(), why: "the server closed the connection".to_owned() },
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        socket::cut(&self.stream);
    }
}
