//! The one file that knows retina: plays an RTSP stream and hands its access units on, each with the time its first packet
//! came in and the time it was whole.
//!
//! retina has no time-outs and reports errors as texts of many lines; both are mended here. It hands an access unit over on the
//! RTP marker (RFC 6184 section 5.1), or one frame late where the sender sets none.

mod error;
mod heard;
mod probe;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use common::clock::SystemClock;
use common::frame::Size;
use common::h264::Glance;
use common::rtp::timeline::SenderClock;
use common::time::MediaTime;
pub use error::Error;
use error::{one_line, without_count, without_number};
use futures::StreamExt;
use heard::{Heard, Silence};
use retina::client::{
    Credentials, Demuxed, Described, PlayOptions, Playing, Session, SessionGroup, SessionOptions, SetupOptions,
    Transport,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use url::Url;

use crate::config::{self, Address};
use crate::memory;
use crate::queue::{Arrival, Body, Dropped, Sender, Unit};
use crate::stop::Stop;

/// First and longest pause between two attempts to get the stream back.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// How often memory is looked at.
const GROWTH_CHECK: Duration = Duration::from_millis(250);

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
    /// Most that this process may grow between two access units, in bytes: retina buffers what makes no whole message
    /// or access unit yet, and has no limit of its own. Default 512 MiB, for a process with one stream.
    pub growth_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            silence: Duration::from_secs(12),
            first_unit: Duration::from_secs(30),
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
/// Before the first picture a failure that may pass is retried for `config.wait`; after it, every failure is retried for
/// ever, and the gap is said by [`Arrival::Disconnected`].
///
/// # Errors
/// Why there was no first picture.
pub fn run(config: &Config, clock: &SystemClock, stop: &Stop, queue: &mut Sender) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime(error.to_string()))?;
    let player = Player { config, clock, sessions: Arc::default(), pictures: Cell::new(0) };
    let sessions = Arc::clone(&player.sessions);
    let outcome = runtime.block_on(async {
        tokio::select! {
            () = stop.requested() => Ok(()),
            error = player.play_for_ever(queue) => Err(error),
        }
    });
    // retina says TEARDOWN from a task of its own; whether anybody answers does not matter any more.
    let _ = runtime.block_on(async { timeout(FAREWELL_LIMIT, sessions.await_teardown()).await });
    runtime.shutdown_background();
    outcome
}

struct Player<'a> {
    config: &'a Config,
    clock: &'a SystemClock,
    sessions: Arc<SessionGroup>,
    /// Access units received, over all sessions.
    pictures: Cell<u64>,
}

impl Player<'_> {
    /// Session after session. Returns only where there was no first picture.
    async fn play_for_ever(&self, queue: &mut Sender) -> Error {
        let give_up = Instant::now() + self.config.wait;
        let mut pause = RETRY.0;
        let mut told = None;
        loop {
            let before = self.pictures.get();
            let error = self.play(queue).await;
            if self.pictures.get() > before {
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
        tokio::select! {
            error = session => error,
            () = self.grown() => self.flood(),
        }
    }

    /// Returns when memory has grown too much since the last picture.
    async fn grown(&self) {
        let mut before = self.look().await;
        loop {
            sleep(GROWTH_CHECK).await;
            let now = self.look().await;
            if now.0 != before.0 {
                before = now;
            } else if now.1 > before.1.saturating_add(self.config.limits.growth_bytes) {
                return;
            }
        }
    }

    /// Pictures so far, and bytes of memory. The system is asked on another thread: here packets are waited for.
    async fn look(&self) -> (u64, u64) {
        let resident = tokio::task::spawn_blocking(memory::resident).await;
        (self.pictures.get(), resident.ok().flatten().unwrap_or_default())
    }

    async fn start(&self) -> Result<Demuxed, Error> {
        self.open().await?.demuxed().map_err(|error| self.error(&error))
    }

    /// A session that plays.
    async fn open(&self) -> Result<Session<Playing>, Error> {
        let mut session = self.describe().await?;
        let stream = self.choose(&session)?;
        let options =
            SetupOptions::default().frame_format(FrameFormat::SIMPLE).transport(match self.config.transport {
                config::Transport::Tcp => Transport::Tcp(Default::default()),
                config::Transport::Udp => Transport::Udp(Default::default()),
            });
        self.answered("SETUP", session.setup(stream, options)).await?;
        self.answered("PLAY", session.play(PlayOptions::default())).await
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
        let mut heard = Heard::nothing(Instant::now());
        loop {
            let until = heard.until(&self.config.limits, self.pictures.get() == 0);
            let frame = match timeout_at(until, session.next()).await {
                Err(_) => {
                    drop(session);
                    return self.silence(&heard).await;
                }
                Ok(None) => return Error::Closed { url: self.url() },
                Ok(Some(Err(error))) => return self.error(&error),
                Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
                // A sender report: the stream is there, however slow its pictures are.
                Ok(Some(Ok(CodecItem::Rtcp(packet)))) => {
                    if heard.rtcp(packet.raw(), sender_clock(&packet), Instant::now()) {
                        return Error::Left { url: self.url() };
                    }
                    continue;
                }
                Ok(Some(Ok(_))) => continue,
            };
            let first = !heard.plays();
            let sender = heard.unit(Instant::now());
            if heard.lacks_marker(*frame.start_ctx(), *frame.end_ctx()) {
                queue.say(Arrival::Remark(heard::NO_MARKER.to_owned()));
            }
            let unit = self.unit(frame, sender, &session, first);
            if let Some(error) = self.too_large(&session) {
                return error;
            }
            self.pictures.set(self.pictures.get() + 1);
            queue.unit(unit);
        }
    }

    /// Why nothing came any more.
    async fn silence(&self, heard: &Heard) -> Error {
        let url = self.url();
        let (waited, came) = match heard.silence(Instant::now()) {
            Silence::Left => return Error::Left { url },
            Silence::Stopped(waited) => return Error::Stopped { url, waited },
            Silence::Nothing(waited) => (waited, None),
            Silence::Reports(reports, waited) => (waited, Some(reports)),
        };
        let limit = self.config.limits.silence.min(self.config.limits.first_unit);
        let why = match (self.probe(limit).await, came, self.config.transport) {
            (Some(packets), ..) => packets.to_string(),
            (None, Some(reports), _) => format!(
                "{reports} RTCP packets came and no video: its publisher sends none, or the server waits for a key frame of it"
            ),
            (None, None, config::Transport::Udp) => {
                "not one packet came: its publisher sends none, or a firewall keeps them off (try --transport tcp)"
                    .to_owned()
            }
            (None, None, config::Transport::Tcp) => "not one packet came: its publisher sends none".to_owned(),
        };
        Error::Silence { url, waited, why: why.into() }
    }

    fn unit(&self, frame: VideoFrame, sender: Option<SenderClock>, session: &Demuxed, first: bool) -> Unit {
        let assembled = self.clock.mono_of(std::time::Instant::now());
        let received = Some(self.clock.mono_of(frame.start_ctx().received()));
        let after_loss = frame.loss() > 0;
        if after_loss {
            tracing::debug!(packets = frame.loss(), "lost before this access unit");
        }
        let idr = frame.is_random_access_point();
        let new_sets = first || frame.has_new_parameters();
        // retina counts media time on over its wraps.
        let time = MediaTime::from_ticks(frame.timestamp().timestamp() as u32);
        let sampled = sender.map(|sender| sender.sampled(time));
        let mut data = frame.into_data();
        let begins = idr || Glance::at(&data).recovery.is_some();
        // retina takes parameter sets out, and puts them before IDR pictures alone: a stream may have none of these.
        if let Some(sets) = parameter_sets(session).filter(|_| new_sets && !idr) {
            data.splice(0..0, sets.iter().copied());
        }
        let (body, dropped) = (Body::AccessUnit(data), Dropped::default());
        Unit { body, received, assembled, sampled, idr, begins, after_loss, dropped }
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

    fn flood(&self) -> Error {
        Error::Flood { address: self.config.address.host_and_port(), limit: self.config.limits.growth_bytes }
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

/// The parameter sets of a session's video in Annex B form, by its description and what has come since.
fn parameter_sets(session: &Demuxed) -> Option<&[u8]> {
    session.streams().iter().find_map(|stream| match stream.parameters() {
        Some(ParametersRef::Video(video)) => Some(video.extra_data()),
        _ => None,
    })
}

/// The clocks of the sender report in a packet, where there is one.
fn sender_clock(packet: &ReceivedCompoundPacket) -> Option<SenderClock> {
    let report = packet.pkts().find_map(|part| part.as_sender_report().ok().flatten())?;
    SenderClock::new(report.ntp_timestamp().0, MediaTime::from_ticks(report.rtp_timestamp()))
}
