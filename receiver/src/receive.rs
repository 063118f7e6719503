//! The one file that knows retina: plays an RTSP stream and hands its access units on, each with the time its first packet
//! came in and the time it was whole.
//!
//! retina has no time-outs and reports errors as texts of many lines; both are mended here. It hands an access unit over on the
//! RTP marker (RFC 6184 section 5.1), or one frame late where the sender sets none.

mod error;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use common::clock::SystemClock;
use common::frame::Size;
pub use error::Error;
use error::{one_line, without_number};
use futures::StreamExt;
use retina::client::{
    Credentials, Demuxed, Described, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoFrame};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use url::Url;

use crate::config::{self, Address};
use crate::memory;
use crate::queue::{Arrival, Body, Dropped, Sender, Unit};
use crate::stop::Stop;

/// First and longest pause between two attempts to get the stream back.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// How often memory is looked at.
const GROWTH_CHECK: Duration = Duration::from_millis(50);

/// Longest wait for the answer to TEARDOWN at the end.
const FAREWELL_LIMIT: Duration = Duration::from_millis(200);

/// What a server may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for the answer to one request, connecting included. Default 5 s.
    pub answer: Duration,
    /// Longest silence of a stream that plays, and longest wait for its first access unit. Default 5 s.
    pub silence: Duration,
    /// Most that this process may grow between two access units, in bytes: retina buffers what makes no whole message
    /// or access unit yet, and has no limit of its own. Default 512 MiB.
    pub growth_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: Duration::from_secs(5), silence: Duration::from_secs(5), growth_bytes: 512 << 20 }
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
            } else if !error.may_pass() || Instant::now() + pause > give_up {
                return error;
            } else if told.as_ref() != Some(&error) {
                queue.say(Arrival::Waiting(error.to_string()));
                told = Some(error);
            }
            sleep(pause).await;
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
        let look = || (self.pictures.get(), memory::resident().unwrap_or_default());
        let mut before = look();
        loop {
            sleep(GROWTH_CHECK).await;
            let now = look();
            if now.0 != before.0 {
                before = now;
            } else if now.1 > before.1.saturating_add(self.config.limits.growth_bytes) {
                return;
            }
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
        let mut silent_at = Instant::now() + self.config.limits.silence;
        loop {
            let frame = match timeout_at(silent_at, session.next()).await {
                Err(_) => return Error::Silence { url: self.url(), limit: self.config.limits.silence },
                Ok(None) => return Error::Closed { url: self.url() },
                Ok(Some(Err(error))) => return self.error(&error),
                Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
                Ok(Some(Ok(_))) => continue,
            };
            let unit = self.unit(frame);
            if let Some(error) = self.too_large(&session) {
                return error;
            }
            silent_at = Instant::now() + self.config.limits.silence;
            self.pictures.set(self.pictures.get() + 1);
            queue.unit(unit);
        }
    }

    fn unit(&self, frame: VideoFrame) -> Unit {
        let assembled = self.clock.mono_of(std::time::Instant::now());
        let received = Some(self.clock.mono_of(frame.start_ctx().received()));
        if frame.loss() > 0 {
            tracing::debug!(packets = frame.loss(), "lost before this access unit");
        }
        let idr = frame.is_random_access_point();
        Unit { body: Body::AccessUnit(frame.into_data()), received, assembled, idr, dropped: Dropped::default() }
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
        self.config.address.url.clone()
    }

    /// What a retina error means to a user. retina gives the status of a response; everything else is only in its
    /// text, whose first line says what happened.
    fn error(&self, error: &retina::Error) -> Error {
        let url = self.url();
        let address = || self.config.address.host_and_port();
        let text = error.to_string();
        let reason = one_line(&text);
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
                Some(("Error reading from RTSP peer", system)) => {
                    Error::Broken { url, reason: one_line(without_number(system)) }
                }
                Some(("RTSP framing error", _)) if self.pictures.get() == 0 => Error::NotRtsp { address: address() },
                _ => Error::Broken { url, reason },
            },
        }
    }
}
