//! Encoded frames to an RTSP server, as RTP packets.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::media::EncodedFrame;
use common::rtp::h264::Packetizer;
use common::stream_url::StreamUrl;
use common::time::MonoTime;
use common::transport::Transport;

use super::network::tcp::{self, Abort};
use super::network::{Connector, Error, Event, Notify, Sender};
use super::{FrameEgress, Setup};
use crate::capture::Pace;

mod h264;
mod link;
mod route;
mod settings;
mod udp;

use link::Link;
use route::Route;
use settings::Settings;

/// The frame rate, in pictures per second, that the queue is made for where it is unknown.
const FRAME_RATE_UNKNOWN: f64 = 30.0;
/// A connection that has been idle for longer before the first picture is made anew: servers close one that is silent for ten
/// seconds.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// Where a stream goes, and how.
pub struct Config {
    /// The stream, and the publisher's credentials.
    pub to: StreamUrl,
    /// How packets travel.
    pub transport: Transport,
    /// Pictures per second, as far as known: announced to the server, and the measure of the queue.
    pub frame_rate: Option<f64>,
    /// Pictures follow a schedule, which the server may ask to shift.
    pub is_paced: bool,
    /// RTP sequence number of the first packet. Should be random, as the first media time (RFC 3550 section 5.1).
    pub first_sequence: u16,
    /// Reads the time of sending.
    pub clock: Arc<dyn Clock>,
    /// Hears what happens to the connection.
    pub notify: Notify,
    /// Kept running until the stream has ended.
    pub server: Option<server::Handle>,
}

/// Connects to the server, and starts the thread that sends. The stream is announced with the first IDR picture.
///
/// # Errors
/// Where the URL has no path, its host has no address, or nothing listens there. Where the server refuses the stream,
/// [`FrameEgress::send`] says so.
pub fn start(config: Config) -> Result<Box<Sender>, Error> {
    let Config { to, transport, frame_rate, is_paced, first_sequence, clock, notify, server } = config;
    let name = to.to_string();
    let route = Route::new(to)?;
    let early = Some((tcp::connect(route.url())?, clock.now().mono));
    let packetizer = Packetizer::new(rand::random(), first_sequence);
    let interval = frame_rate.filter(|rate| is_paced && *rate > 0.0).map(|rate| Duration::from_secs_f64(1.0 / rate));
    let settings = Settings { transport, frame_rate, interval, clock: Arc::clone(&clock) };
    let connector = Rtsp { route, early, settings, packetizer, redirected: None, _server: server };
    Sender::start(name, frame_rate.unwrap_or(FRAME_RATE_UNKNOWN), clock, notify, connector)
}

/// Publishes to `url`, and keeps `server` running until the end.
///
/// # Errors
/// As [`start`].
pub(super) fn open(
    url: StreamUrl,
    server: Option<server::Handle>,
    setup: &Setup<'_>,
) -> Result<Box<dyn FrameEgress>, crate::error::Error> {
    let (to, log) = (url.to_string(), setup.log);
    Ok(start(Config {
        to: url,
        transport: setup.config.transport,
        frame_rate: Some(setup.format.rate.as_f64()),
        is_paced: setup.pace == Pace::Planned,
        first_sequence: rand::random(),
        clock: Arc::clone(&setup.clock),
        notify: Box::new(move |event| match event {
            Event::Connected => log.note("connected", &to),
            Event::Lost(why) => log.note("disconnected", &why.to_string()),
        }),
        server,
    })?)
}

/// A server to publish to.
struct Rtsp {
    /// The URL that was given.
    route: Route,
    /// A connection made before there was a picture, and when.
    early: Option<(TcpStream, MonoTime)>,
    settings: Settings,
    /// Where the next connection goes on: players of the server see one stream.
    packetizer: Packetizer,
    /// Where the server sent the stream in the middle of it.
    redirected: Option<Route>,
    _server: Option<server::Handle>,
}

impl Connector for Rtsp {
    type Connection = Link;

    fn connect(&mut self, first: &EncodedFrame, abort: &Abort) -> Result<Link, Error> {
        let now = self.settings.clock.now().mono;
        let mut early = self.early.take().filter(|(_, since)| now - *since < IDLE_MAX).map(|(stream, _)| stream);
        let mut route = self.redirected.take().unwrap_or_else(|| self.route.clone());
        loop {
            let stream = early.take().map_or_else(|| tcp::connect(route.url()), Ok)?;
            abort.watch(&stream);
            let mut link = Link::new(&self.settings, route, stream, self.packetizer.clone(), first)?;
            let Err(error) = link.announce() else { return Ok(link) };
            route = link.redirected.take().ok_or(error)?;
        }
    }

    fn lost(&mut self, mut link: Link) {
        self.redirected = link.redirected.take();
        self.packetizer = link.packetizer.clone();
    }
}

#[cfg(test)]
mod tests;
