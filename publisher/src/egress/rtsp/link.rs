//! One connection: the session between its sockets.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use common::media::{Codec, EncodedFrame};
use common::rtp::h264::Packetizer;
use common::rtp::{HEADER_LEN, Packets};
use common::rtsp::push::{self, Delivery, Output, SentFrame, Session, State};
use common::time::Now;
use common::transport::Transport;
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::h264;
use super::route::Route;
use super::settings::Settings;
use super::udp::Pair;
use crate::egress::network::tcp::{self, Input};
use crate::egress::network::{CLOSE_LIMIT, Connection, Error, IDLE, Sent};
use crate::seal::SealedFrame;

/// Most RTCP packets read in one go: a flood does not hold up the video.
const RTCP_BURST: usize = 16;

/// A server that takes packets.
pub(super) struct Link {
    settings: Settings,
    route: Route,
    stream: TcpStream,
    input: Receiver<Input>,
    udp: Option<Pair>,
    session: Session,
    pub(super) packetizer: Packetizer,
    packets: Packets,
    /// Where the server sends the stream next: before it takes it, or in the middle of it.
    pub(super) redirected: Option<Route>,
    /// How packets travel, when the server takes them.
    delivery: Option<push::Route>,
    key_wanted: bool,
    shift: Option<Duration>,
}

impl Link {
    /// A session for the stream whose parameter sets are in `first`, and that goes on with `packetizer`, where `route` leads and
    /// `stream` is connected to.
    pub(super) fn new(
        settings: &Settings,
        route: Route,
        stream: TcpStream,
        packetizer: Packetizer,
        first: &EncodedFrame,
    ) -> Result<Self, Error> {
        let url = route.url();
        let video = match first.codec {
            Codec::H264 => h264::describe(first, settings.frame_rate),
        };
        let no_sets = || Error::publish(url, "the encoder's first IDR picture has no parameter sets");
        let video = video.ok_or_else(no_sets)?;
        let udp = match settings.transport {
            Transport::Tcp => None,
            Transport::Udp => {
                let pair = stream.local_addr().and_then(|local| Pair::bind(local.ip()));
                Some(pair.map_err(|error| no_udp(&route, &error))?)
            }
        };
        let lost = |error| Error::lost(url, Some(&error));
        let delivery = match &udp {
            None => Delivery::Tcp,
            Some(pair) => pair.ports().map(|(rtp, rtcp)| Delivery::Udp(rtp, rtcp)).map_err(lost)?,
        };
        let input = tcp::read(&stream).map_err(lost)?;
        let (credentials, ssrc) = (url.credentials().cloned(), packetizer.ssrc());
        let config =
            push::Config { url: url.url().clone(), credentials, delivery, video, ssrc, interval: settings.interval };
        let session = Session::new(config, settings.clock.now());
        Ok(Self {
            settings: settings.clone(),
            route,
            stream,
            input,
            udp,
            session,
            packetizer,
            packets: Packets::default(),
            redirected: None,
            delivery: None,
            key_wanted: false,
            shift: None,
        })
    }

    /// Announces the stream, and waits until the server takes packets.
    pub(super) fn announce(&mut self) -> Result<(), Error> {
        self.flush()?;
        while self.delivery.is_none() {
            self.wait(None)?;
        }
        tracing::info!("publishing to {}", self.route.url());
        Ok(())
    }

    /// Writes one frame, and says when, and how many bytes of packets; `None` where not all went out.
    fn write(&mut self, sealed: &SealedFrame) -> Result<Option<(Now, SentFrame, usize)>, Error> {
        let packets = &mut self.packets;
        let stamp = match sealed.frame.codec {
            Codec::H264 => h264::packetize(sealed, &mut self.packetizer, packets),
        };
        let now = self.settings.clock.now();
        if let Some(stamp) = stamp {
            sealed.set_sent(stamp, now.mono);
        }
        let whole = match self.delivery {
            Some(push::Route::Interleaved(channel)) => {
                let written = self.stream.write_all(packets.interleaved(channel));
                written.map_err(|error| Error::lost(self.route.url(), Some(&error)))?;
                true
            }
            Some(push::Route::Udp { .. }) => self.udp.as_ref().is_some_and(|udp| udp.send(packets)),
            None => false,
        };
        let (count, bytes) = (packets.len(), packets.bytes());
        let frame = SentFrame {
            packets: count as u32,
            octets: (bytes - count * HEADER_LEN) as u32,
            time: sealed.frame.time,
            sampled: sealed.stamped.wall,
        };
        Ok(whole.then_some((now, frame, bytes)))
    }

    /// Waits for the server, or until something is due, but at most for `limit`.
    fn wait(&mut self, limit: Option<Duration>) -> Result<(), Error> {
        let idle = self.idle();
        match self.input.recv_timeout(limit.map_or(idle, |limit| limit.min(idle))) {
            // What is due is done also where the server never pauses.
            Ok(input) => self.handle(input).and_then(|()| self.service()),
            Err(RecvTimeoutError::Timeout) => self.service(),
            Err(RecvTimeoutError::Disconnected) => Err(Error::lost(self.route.url(), None)),
        }
    }

    /// Does what the session wants done.
    fn flush(&mut self) -> Result<(), Error> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(bytes) => {
                    let written = self.stream.write_all(&bytes);
                    written.map_err(|error| Error::lost(self.route.url(), Some(&error)))?;
                }
                Output::SendRtcp(packet) => {
                    if let Some(udp) = &self.udp {
                        udp.send_rtcp(&packet);
                    }
                }
                Output::Recording(delivery) => self.begin(delivery)?,
                Output::IdrRequested => self.key_wanted = true,
                Output::Shift(phase) => self.shift = Some(phase),
                Output::Closed => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, delivery: push::Route) -> Result<(), Error> {
        if let (push::Route::Udp { rtp, rtcp }, Some(udp)) = (delivery, &self.udp) {
            let connected = self.stream.peer_addr().and_then(|peer| udp.connect(peer.ip(), rtp, rtcp));
            connected.map_err(|error| no_udp(&self.route, &error))?;
        }
        self.delivery = Some(delivery);
        Ok(())
    }

    /// Ends with `error`. Where that redirects, the next connection goes there.
    fn refused(&mut self, error: push::Error) -> Error {
        match self.route.after(&error) {
            Some(Ok(next)) => self.redirected = Some(next),
            Some(Err(error)) => return error,
            None => {}
        }
        Error::publish(self.route.url(), error)
    }
}

impl Connection for Link {
    fn send(&mut self, sealed: &SealedFrame) -> Result<Option<Sent>, Error> {
        let written = self.write(sealed)?;
        if let Some((now, frame, _)) = &written {
            self.session.handle_sent(*now, frame).map_err(|error| self.refused(error))?;
        }
        self.service()?;
        Ok(written.map(|(_, frame, bytes)| Sent { packets: frame.packets.into(), bytes: bytes as u64 }))
    }

    fn input(&self) -> &Receiver<Input> {
        &self.input
    }

    fn handle(&mut self, input: Input) -> Result<(), Error> {
        match input {
            Input::Bytes(bytes) => {
                let now = self.settings.clock.now();
                self.session.handle_input(now, &bytes).map_err(|error| self.refused(error))?;
                self.flush()
            }
            Input::Ended(error) => Err(Error::lost(self.route.url(), error.as_ref())),
        }
    }

    fn idle(&self) -> Duration {
        let due = self.session.poll_timeout().map(|due| due - self.settings.clock.now().mono);
        due.map_or(IDLE, |due| due.min(IDLE))
    }

    /// Signs of life, reports, and requests that came by UDP.
    fn service(&mut self) -> Result<(), Error> {
        let now = self.settings.clock.now();
        for _ in 0..RTCP_BURST {
            let Some(packet) = self.udp.as_ref().and_then(Pair::receive_rtcp) else { break };
            self.session.handle_rtcp(now, &packet);
        }
        self.session.handle_timeout(now).map_err(|error| self.refused(error))?;
        self.flush()
    }

    fn take_key_request(&mut self) -> bool {
        std::mem::take(&mut self.key_wanted)
    }

    fn take_shift(&mut self) -> Option<Duration> {
        self.shift.take()
    }

    /// Tears the session down, and waits a moment for the answer.
    fn close(&mut self) {
        let until = self.settings.clock.now().mono + CLOSE_LIMIT;
        self.session.teardown(self.settings.clock.now());
        let mut open = self.flush().is_ok();
        while open && self.session.state() != State::Closed {
            let rest = until - self.settings.clock.now().mono;
            open = !rest.is_zero() && self.wait(Some(rest)).is_ok();
        }
    }
}

fn no_udp(route: &Route, error: &std::io::Error) -> Error {
    Error::publish(route.url(), format!("it cannot be sent by UDP ({error}): try --transport tcp"))
}

impl Drop for Link {
    fn drop(&mut self) {
        tcp::cut(&self.stream);
    }
}
