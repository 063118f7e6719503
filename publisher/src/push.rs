//! Encoding and handing over to the sender, with the frame's times in an SEI message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::clock::{self, Clock};
use common::frame::PublisherTimes;
use common::rtsp::StreamUrl;
use common::sei;
use common::sync::Endpoint;
use common::time::{MediaTime, MonoTime};

use crate::args;
use crate::capture::{Captured, Format, Frame};
use crate::clock::Comparison;
use crate::config::{ClockChoice, Config, Destination};
use crate::encode::{self, Encoded, Encoder};
use crate::error::Error;
use crate::event::Log;
use crate::output::Counters;
use crate::send::{self, Sender};
use crate::stamp::Stamped;

/// Start code before the SEI message.
const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Path of the stream on the embedded server.
const EMBEDDED_PATH: &str = "cam";

/// Most pictures that an encoder may have at once; older ones are given up.
const PENDING_MAX: usize = 64;

/// What has to be known of a picture when its access unit comes out.
struct Pending {
    /// Its number, as the encoder counts.
    picture: u64,
    captured: Captured,
    stamped: Stamped,
    /// After the first picture.
    at: Duration,
}

/// Encodes stamped pictures and hands them to a sender.
pub struct Push {
    encoder: Box<dyn Encoder>,
    /// Pictures that the encoder has, oldest first; all but the newest are those that it keeps back.
    pending: VecDeque<Pending>,
    /// Pictures given to the encoder.
    given: u64,
    /// Pictures of which it made nothing.
    dropped: u64,
    /// Somebody was told that it cannot be asked for an IDR.
    told_of_idrs: bool,
    gop: u32,
    sender: Sender,
    clock: Arc<dyn Clock>,
    log: Log,
    stream_id: u8,
    origin: sei::Origin,
    /// PUB of the first picture.
    first: Option<MonoTime>,
    /// Media time of the first picture, drawn (RFC 3550 section 5.1).
    media_start: MediaTime,
    to: String,
    /// With a clock that receivers can ask too.
    comparison: Option<Comparison>,
    /// Serves until the run ends; stands behind the sender, which closes its session first.
    _server: Option<server::Handle>,
}

impl Push {
    /// Starts the embedded server where one is asked for, then the encoder and the sender.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Encode`], [`Error::Send`].
    pub fn open(config: &Config, format: Format, clock: Arc<dyn Clock>, log: Log) -> Result<Self, Error> {
        let settings =
            encode::Config { size: format.size, rate: format.rate, bitrate: config.bitrate, gop: config.gop };
        // First, because what is wrong with it is wrong with a flag.
        let encoder = encode::open(&config.encoder, settings)?;
        let (server, url) = match &config.destination {
            Destination::Embedded { rtsp, http } => {
                let server = start_server(*rtsp, *http, log)?;
                let url = url_of(&server);
                (Some(server), url)
            }
            Destination::Rtsp(url) => (None, url.clone()),
            Destination::Stdout => unreachable!("standard output takes bare pictures"),
        };
        let to = url.to_string();
        let comparison = compare(config, &clock, log)?;
        let transport = match config.transport {
            args::Transport::Tcp => send::Transport::Tcp,
            args::Transport::Udp => send::Transport::Udp,
        };
        let sender = Sender::start(send::Config {
            to: url,
            transport,
            frame_rate: Some(format.rate.as_f64()),
            first_sequence: rand::random(),
            clock: Arc::clone(&clock),
        })?;
        Ok(Self {
            encoder,
            pending: VecDeque::new(),
            given: 0,
            dropped: 0,
            told_of_idrs: false,
            gop: config.gop,
            sender,
            clock,
            log,
            stream_id: config.stream_id,
            origin: origin(),
            first: None,
            media_start: MediaTime::from_ticks(rand::random()),
            to,
            comparison,
            _server: server,
        })
    }

    /// Where the stream goes, without secrets.
    pub fn describe(&self) -> String {
        self.to.clone()
    }

    /// Encodes one stamped picture and hands it over.
    ///
    /// # Errors
    /// [`Error::Encode`]; [`Error::Send`] where the first connection came to nothing.
    pub fn take(&mut self, frame: &Frame, stamped: &Stamped) -> Result<(), Error> {
        self.tell();
        let at = stamped.at - *self.first.get_or_insert(stamped.at);
        let idr = self.sender.take_idr_request();
        if idr && !self.encoder.takes_idr_requests() {
            self.tell_of_idrs();
        }
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
            self.dropped += 1;
        }
        self.pending.push_back(Pending { picture: self.given, captured: frame.captured, stamped: *stamped, at });
        self.given += 1;
        self.encoder.encode(&frame.picture, at, idr)?;
        while let Some(encoded) = self.encoder.next_unit()? {
            self.send(encoded)?;
        }
        Ok(())
    }

    /// Puts the times of its picture into an access unit, and hands it over.
    fn send(&mut self, Encoded { picture, mut unit }: Encoded) -> Result<(), Error> {
        // Units come in the order of their pictures: those before it came to nothing.
        while self.pending.front().is_some_and(|oldest| oldest.picture < picture) {
            self.pending.pop_front();
            self.dropped += 1;
        }
        // Nothing is known any more of one that was given up.
        if self.pending.front().is_some_and(|oldest| oldest.picture > picture) {
            return Ok(());
        }
        let Some(Pending { captured, stamped, at, .. }) = self.pending.pop_front() else { return Ok(()) };
        let encoded = stamped.wall_at(self.clock.now().mono);
        let times = PublisherTimes {
            captured: captured.time(),
            stamp: stamped.stamp,
            painted: stamped.painted,
            encoded,
            sent: encoded,
        };
        let message = sei::nal(&sei::Stamp {
            stream_id: self.stream_id,
            sequence: stamped.sequence,
            origin: self.origin,
            times,
            capture_clock: captured.clock(),
            reference: self.comparison.as_ref().and_then(|comparison| comparison.reference(stamped.now())),
        });
        let sei_at = unit.slice_at + START_CODE.len();
        unit.annex_b.splice(unit.slice_at..unit.slice_at, START_CODE.into_iter().chain(message));
        self.sender.send(send::AccessUnit {
            annex_b: unit.annex_b,
            sei_at,
            time: self.media_start.advance(at),
            stamped: stamped.now(),
            idr: unit.idr,
        })?;
        Ok(())
    }

    /// A reader that joins, or lost packets, needs an IDR, and the encoder cannot be asked for one.
    fn tell_of_idrs(&mut self) {
        if !std::mem::replace(&mut self.told_of_idrs, true) {
            let text = "an IDR picture was asked for, and an encoder in a child process cannot be told so: receivers that \
                        join or lost packets wait for the next one";
            self.log.warn("idr-request", &format!("{text}, {} pictures after the last (--gop)", self.gop));
        }
    }

    /// Passes on what happened to the connection.
    fn tell(&self) {
        for event in self.sender.events().try_iter() {
            match event {
                send::Event::Connected => self.log.note("connected", &self.to),
                send::Event::Lost(why) => self.log.note("disconnected", &why.to_string()),
            }
        }
    }

    /// What went out so far.
    pub fn counters(&self) -> Counters {
        Counters { dropped_by_encoder: self.dropped, ..self.sender.stats().into() }
    }

    /// Sends what the encoder still has, closes the session, and gives what went out in all.
    ///
    /// # Errors
    /// [`Error::Send`] where there never was a connection.
    pub fn finish(mut self) -> Result<Counters, Error> {
        let end = Instant::now() + encode::UNIT_LIMIT;
        // What is wrong with the encoder has ended the run before, or costs it no more than these pictures.
        while !self.pending.is_empty()
            && let Ok(Some(encoded)) = encode::late_unit(&mut *self.encoder, end)
        {
            self.send(encoded)?;
        }
        Ok(Counters { dropped_by_encoder: self.dropped + self.pending.len() as u64, ..self.sender.finish()?.into() })
    }
}

impl From<send::Stats> for Counters {
    fn from(stats: send::Stats) -> Self {
        Self { bytes: stats.bytes, dropped: stats.dropped, reconnects: stats.reconnects, dropped_by_encoder: 0 }
    }
}

/// Who this is, for receivers that ask whether they read the same clock, and whether the publisher has started over.
fn origin() -> sei::Origin {
    sei::Origin { host: clock::host(), run: rand::random() }
}

/// Compares clocks where receivers cannot compare theirs with this host's directly: where the server is elsewhere.
fn compare(config: &Config, clock: &Arc<dyn Clock>, log: Log) -> Result<Option<Comparison>, Error> {
    let (endpoint, asked_for) = match (&config.clock, &config.destination) {
        (ClockChoice::Off, _) => return Ok(None),
        (ClockChoice::Ask(endpoint), _) => (endpoint.clone(), true),
        (ClockChoice::Auto, Destination::Rtsp(url)) if !url.is_loopback() => {
            (Endpoint::framelag(&url.host_in_zone(), url.port()), false)
        }
        (ClockChoice::Auto, _) => return Ok(None),
    };
    Comparison::start(endpoint, Arc::clone(clock), log, asked_for).map(Some).map_err(Error::Clock)
}

fn start_server(rtsp: std::net::SocketAddr, http: std::net::SocketAddr, log: Log) -> Result<server::Handle, Error> {
    let server = server::start(server::Config { rtsp, http: Some(http), ..server::Config::default() })?;
    log.info("server", &format!("server in this process; play with: receiver {}", url_of(&server)));
    Ok(server)
}

fn url_of(server: &server::Handle) -> StreamUrl {
    format!("rtsp://{}/{EMBEDDED_PATH}", server.rtsp_addr()).parse().expect("an address and a path are a URL")
}
