//! The one file that knows retina: plays an RTSP stream and hands its access units on, each with the time its first packet
//! came in and the time it was whole.
//!
//! retina has no time-outs and reports errors as texts of many lines; both are mended here. It hands an access unit over on the
//! RTP marker (RFC 6184 section 5.1), or one frame late where the sender sets none.

mod error;
mod guard;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use common::clock::SystemClock;
use common::frame::Size;
use common::rtp::timeline::SenderClock;
use common::time::MediaTime;
pub use error::Error;
use error::{one_line, without_count, without_number};
use futures::StreamExt;
use guard::{Guard, Watched, in_turns};
use retina::client::{
    Credentials, Demuxed, Described, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use url::Url;

use crate::config::{self, Address};
use crate::queue::{Arrival, Body, Dropped, Sender, Unit};
use crate::stop::Stop;

/// First and longest pause between two attempts to get the stream back.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Longest wait for the answer to TEARDOWN at the end.
const FAREWELL_LIMIT: Duration = Duration::from_millis(200);

/// How retina's error begins where a connection ended within a message.
const CUT_OFF: &str = "Incomplete RTSP message at EOF";

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
    /// yet, and has no limit of its own. Default 32 MiB: four times the largest access unit that is decoded.
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
    pub address: Address,
    /// How the packets come.
    pub transport: config::Transport,
    /// How long to keep trying for the first connection.
    pub wait: Duration,
    /// What the server may not exceed.
    pub limits: Limits,
}

/// Plays until `stop`, or until the first connection fails for good. Blocks; runs the network on the calling thread.
///
/// Before the first picture a failure that may pass is retried for `config.wait`; after it, every failure but a flood is retried for
/// ever, and the gap is said by [`Arrival::Disconnected`]. Where even a flood cannot end this, the end is said without it.
///
/// # Errors
/// Why there was no first picture, or that it is a flood.
pub fn run(config: &Config, clock: &SystemClock, stop: &Stop, queue: &mut Sender) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime(error.to_string()))?;
    let watched = Watched::default();
    let (teller, address) = (queue.teller(), config.address.host_and_port());
    let give_up = move |limit| teller.say(Arrival::Ended(Err(Error::Flood { address, limit }.to_string())));
    let guard = Guard::start(config.limits, watched.clone(), give_up);
    let _guard = guard.map_err(|error| Error::Runtime(error.to_string()))?;
    let player = Player { config, clock, sessions: Arc::default(), pictures: Cell::new(0), watched: watched.clone() };
    let sessions = Arc::clone(&player.sessions);
    let outcome = runtime.block_on(async {
        tokio::select! {
            () = stop.requested() => Ok(()),
            error = player.play_for_ever(queue) => Err(error),
        }
    });
    // retina says TEARDOWN from a task of its own; whether anybody answers does not matter any more. To one that sends without end
    // nothing is said: the task would read on.
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = watched.flooded() => {}
            _ = timeout(FAREWELL_LIMIT, sessions.await_teardown()) => {}
        }
    });
    runtime.shutdown_background();
    outcome
}

struct Player<'a> {
    config: &'a Config,
    clock: &'a SystemClock,
    sessions: Arc<SessionGroup>,
    /// Access units received, over all sessions.
    pictures: Cell<u64>,
    /// What the guard of this thread looks at.
    watched: Watched,
}

impl Player<'_> {
    /// Session after session. Returns only where there was no first picture, or a flood.
    async fn play_for_ever(&self, queue: &mut Sender) -> Error {
        let give_up = Instant::now() + self.config.wait;
        let mut pause = RETRY.0;
        let mut told = None;
        loop {
            let before = self.pictures.get();
            let error = self.play(queue).await;
            if matches!(error, Error::Flood { .. }) {
                return error;
            } else if self.pictures.get() > before {
                pause = RETRY.0;
                queue.say(Arrival::Disconnected(error.to_string()));
            } else if self.pictures.get() > 0 {
                tracing::debug!(%error, "the stream is not back");
            } else if !error.may_pass() || Instant::now() >= give_up {
                return error;
            } else if told.as_ref() != Some(&error) {
                queue.say(Arrival::Waiting(error.to_string()));
                told = Some(error);
            }
            // Before the first picture there is one last try when the time is up, however long the pauses have become.
            let until = Instant::now() + pause;
            sleep_until(if self.pictures.get() == 0 { until.min(give_up) } else { until }).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// One session, from connecting to its end.
    async fn play(&self, queue: &mut Sender) -> Error {
        let session = async {
            match self.start().await {
                Ok(session) => {
                    queue.say(Arrival::Connected);
                    self.receive(session, queue).await
                }
                Err(error) => error,
            }
        };
        self.watched.progress();
        tokio::select! {
            biased;
            limit = self.watched.flooded() => Error::Flood { address: self.config.address.host_and_port(), limit },
            error = in_turns(session) => error,
        }
    }

    async fn start(&self) -> Result<Demuxed, Error> {
        let mut session = self.describe().await?;
        let stream = self.choose(&session)?;
        let options =
            SetupOptions::default().frame_format(FrameFormat::SIMPLE).transport(match self.config.transport {
                config::Transport::Tcp => Transport::Tcp(Default::default()),
                config::Transport::Udp => Transport::Udp(Default::default()),
            });
        self.answered("SETUP", session.setup(stream, options)).await?;
        let session = self.answered("PLAY", session.play(PlayOptions::default())).await?;
        session.demuxed().map_err(|error| self.error(&error))
    }

    async fn describe(&self) -> Result<Session<Described>, Error> {
        let Address { url, credentials } = &self.config.address;
        let credentials = credentials
            .as_ref()
            .map(|given| Credentials { username: given.user.clone(), password: given.password.clone() });
        let options = SessionOptions::default()
            .creds(credentials)
            .session_group(Arc::clone(&self.sessions))
            .user_agent(concat!("framelag/", env!("CARGO_PKG_VERSION")).to_owned());
        self.answered("DESCRIBE", Session::describe(url.clone(), options)).await
    }

    /// The number of the stream to play: the first H.264 one.
    fn choose(&self, session: &Session<Described>) -> Result<usize, Error> {
        let streams = session.streams();
        let video = |codec: &str| streams.iter().position(|s| s.media() == "video" && s.encoding_name() == codec);
        if let Some(found) = video("h264") {
            return Ok(found);
        }
        let url = self.url();
        Err(match streams.iter().find(|s| s.media() == "video") {
            Some(other) => Error::NotH264 { url, codec: one_line(&other.encoding_name().to_uppercase()) },
            None => Error::NoVideo { url },
        })
    }

    /// Hands access units on until the session ends or falls silent.
    async fn receive(&self, mut session: Demuxed, queue: &mut Sender) -> Error {
        let Limits { silence, first_unit, .. } = self.config.limits;
        let give_up = Instant::now() + first_unit;
        let mut silent_at = Instant::now() + silence;
        // What the newest sender report says, until a frame has been compared with it.
        let mut sender = None;
        loop {
            let before_pictures = self.pictures.get() == 0;
            let until = if before_pictures { silent_at.min(give_up) } else { silent_at };
            let frame = match timeout_at(until, session.next()).await {
                Err(_) => {
                    let limit = if before_pictures { silence.min(first_unit) } else { silence };
                    return Error::Silence { url: self.url(), limit };
                }
                Ok(None) => return Error::Closed { url: self.url() },
                Ok(Some(Err(error))) => return self.error(&error),
                Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
                // A sender report: the stream is there, however slow its pictures are.
                Ok(Some(Ok(item))) => {
                    if let CodecItem::Rtcp(packet) = &item {
                        sender = sender_clock(packet).or(sender);
                    }
                    silent_at = Instant::now() + silence;
                    continue;
                }
            };
            let unit = self.unit(frame, sender.take());
            if let Some(error) = self.too_large(&session) {
                return error;
            }
            silent_at = Instant::now() + silence;
            self.pictures.set(self.pictures.get() + 1);
            self.watched.progress();
            queue.unit(unit);
        }
    }

    fn unit(&self, frame: VideoFrame, sender: Option<SenderClock>) -> Unit {
        let assembled = self.clock.mono_of(std::time::Instant::now());
        let received = Some(self.clock.mono_of(frame.start_ctx().received()));
        if frame.loss() > 0 {
            tracing::debug!(packets = frame.loss(), "lost before this access unit");
        }
        let idr = frame.is_random_access_point();
        // retina counts media time on over its wraps.
        let time = MediaTime::from_ticks(frame.timestamp().timestamp() as u32);
        let sampled = sender.map(|sender| sender.sampled(time));
        let body = Body::AccessUnit(frame.into_data());
        Unit { body, received, assembled, sampled, idr, dropped: Dropped::default() }
    }

    /// The stream's pictures are too large, by the parameter sets it has sent so far.
    fn too_large(&self, session: &Demuxed) -> Option<Error> {
        let sizes = session.streams().iter().filter_map(|stream| match stream.parameters() {
            Some(ParametersRef::Video(video)) => Some(video.pixel_dimensions()),
            _ => None,
        });
        let (width, height) = sizes.into_iter().find(|&(w, h)| w.max(h) > Size::MAX_SIDE)?;
        Some(Error::TooLarge { url: self.url(), width, height })
    }

    async fn answered<T>(
        &self,
        request: &'static str,
        answer: impl Future<Output = Result<T, retina::Error>>,
    ) -> Result<T, Error> {
        let limit = self.config.limits.answer;
        let no_answer = |_| Error::NoAnswer { address: self.config.address.host_and_port(), limit, request };
        timeout(limit, answer).await.map_err(no_answer)?.map_err(|error| self.error(&error))
    }

    fn url(&self) -> Url {
        self.config.address.shown()
    }

    /// What a retina error means to a user. retina gives the status of a response; everything else is only in its
    /// text, whose first line says what happened.
    fn error(&self, error: &retina::Error) -> Error {
        let url = self.url();
        let address = || self.config.address.host_and_port();
        let hung_up = |reason| Error::HungUp { address: address(), reason };
        // The library names the URL in some of its errors.
        let text = match self.config.address.url.query() {
            Some(query) if !query.is_empty() => error.to_string().replace(query, "…"),
            _ => error.to_string(),
        };
        let reason = one_line(&text);
        let before_pictures = self.pictures.get() == 0;
        match error.status_code() {
            Some(401) if self.config.address.credentials.is_none() => Error::CredentialsNeeded { url },
            Some(401) => Error::CredentialsRefused { url },
            Some(404) => Error::NotFound { url },
            Some(461) => Error::TransportRefused { url, transport: self.config.transport },
            Some(status) => {
                let reason = reason.split(" CSeq").next().unwrap_or_default().to_owned();
                Error::Refused { url, status, reason }
            }
            None => match text.split_once(": ") {
                Some(("Unable to connect to RTSP server", system)) => {
                    Error::Connect { address: address(), reason: one_line(without_number(system)) }
                }
                Some(("Error reading from RTSP peer" | "Error writing to RTSP peer", system)) => {
                    let reason = one_line(without_number(without_count(system)));
                    if before_pictures { hung_up(reason) } else { Error::Broken { url, reason } }
                }
                Some(("RTSP framing error", what)) if before_pictures && what.starts_with(CUT_OFF) => {
                    hung_up("its answer is cut off".to_owned())
                }
                Some(("RTSP framing error", _)) if before_pictures => Error::NotRtsp { address: address() },
                _ => Error::Broken { url, reason },
            },
        }
    }
}

/// The clocks of the sender report in a packet, where there is one.
fn sender_clock(packet: &ReceivedCompoundPacket) -> Option<SenderClock> {
    let report = packet.pkts().find_map(|part| part.as_sender_report().ok().flatten())?;
    SenderClock::new(report.ntp_timestamp().0, MediaTime::from_ticks(report.rtp_timestamp()))
}
