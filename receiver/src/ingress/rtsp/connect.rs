//! From a URL to a session that plays: by way of redirects, and through a [relay](super::relay) where retina alone fails.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use common::media::Codec;
use common::rtsp::redirect::{Redirects, is_redirect};
use common::stream_url::StreamUrl;
use common::transport::Transport;
use common::units::seconds;
use futures::FutureExt;
use retina::client::{
    Credentials, Described, PlayOptions, Playing, Session, SessionGroup, SessionOptions, SetupOptions,
};
use retina::codec::FrameFormat;
use tokio::time::timeout;
use url::Url;

use super::Error;
use super::config::{AGENT, Config};
use super::error::{first_line, without_number};
use super::failure::Failure;
use super::reason::{BETWEEN, Place, explain, is_mendable};
use super::relay::{Relay, Transcript};

/// A session that is shorter has sent no keep-alive request yet: none is due before half of the server's time-out.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(1);

/// Connects to one stream, again and again.
pub(super) struct Connector<'a> {
    pub(super) config: &'a Config,
    pub(super) sessions: Arc<SessionGroup>,
    /// A picture has come of the stream.
    pub(super) had_picture: Cell<bool>,
    /// The next session goes through a relay.
    relay_next: Cell<bool>,
    /// Every session goes through a relay, without which it does not play.
    relay_always: Cell<bool>,
    /// Where redirects led, as far as the user was told.
    redirected: RefCell<Vec<StreamUrl>>,
}

/// A session that plays.
pub(super) struct Started {
    pub(super) session: Session<Playing>,
    /// How its video is coded.
    pub(super) codec: Codec,
    /// What it goes through, if it does.
    pub(super) relay: Option<Relay>,
}

/// Where an attempt leads.
enum Reached {
    Playing(Started),
    Redirected { status: u16, location: Option<String> },
}

impl<'a> Connector<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            sessions: Arc::default(),
            had_picture: Cell::new(false),
            relay_next: Cell::new(false),
            relay_always: Cell::new(false),
            redirected: RefCell::default(),
        }
    }

    /// Starts to play, wherever the URL redirects to.
    pub(super) async fn start(&self) -> Result<Started, Error> {
        let mut target = self.config.url.clone();
        let mut redirects = Redirects::from(target.url().clone());
        loop {
            let (status, location) = match self.reach(&target).await? {
                Reached::Playing(started) => return Ok(started),
                Reached::Redirected { status, location } => (status, location),
            };
            let next = redirects.follow(status, location.as_deref());
            let next = next.map_err(|error| Error::permanent(format!("{target} does not play: {error}")))?;
            let to = target.redirected(next.url, next.same_host);
            self.tell_of_redirect(&target, &to);
            target = to;
        }
    }

    /// Says once where the stream is.
    fn tell_of_redirect(&self, from: &StreamUrl, to: &StreamUrl) {
        if !self.redirected.borrow().contains(to) {
            tracing::warn!("{}", from.redirect_message(to));
            self.redirected.borrow_mut().push(to.clone());
        }
    }

    async fn reach(&self, target: &StreamUrl) -> Result<Reached, Error> {
        if target.zone().is_some() {
            if self.config.transport == Transport::Udp {
                let why = format!("{target} has a zone, with which it is played over TCP only: try --transport tcp");
                return Err(Error::permanent(why));
            }
            self.relay_from_now_on(target, "has a zone, which retina cannot be told");
        }
        if self.relay_always.get() {
            return self.reach_by_relay(target, None).await;
        }
        if self.relay_next.get() {
            tracing::warn!(
                "{target} may have ended the session for want of a new answer to its challenge: {RELAY_NOTICE}"
            );
            return self.reach_by_relay(target, None).await;
        }
        match self.handshake(target.url().clone(), target, AGENT).await {
            Ok(playing) => Ok(Reached::Playing(playing)),
            Err(failure) if failure.is_worth_relaying(target) => self.reach_by_relay(target, Some(failure)).await,
            Err(failure) => Err(self.error_of(target, failure, &Transcript::default())),
        }
    }

    /// Tries through a relay, where `failure` came without one.
    async fn reach_by_relay(&self, target: &StreamUrl, failure: Option<Failure>) -> Result<Reached, Error> {
        let limit = self.config.limits.answer;
        let relay = match timeout(limit, Relay::start(target)).await {
            Ok(Ok(relay)) => relay,
            failed => {
                let reason = failed.map_or("it does not answer".to_owned(), |outcome| {
                    outcome.map_or_else(|error| first_line(without_number(&error.to_string())), |_| String::new())
                });
                let again = Failure::Known(Error::connect(&target.host_and_port(), &reason));
                return Err(self.error_of(target, failure.unwrap_or(again), &Transcript::default()));
            }
        };
        let anonymous = StreamUrl::at(target.url().clone(), None);
        let outcome = self.handshake(relay.url.clone(), &anonymous, &relay.agent).await;
        let transcript = relay.transcript();
        match (outcome, failure) {
            (Ok(playing), Some(failure)) if transcript.rechallenged > 0 || failure.is_nonconforming(&transcript) => {
                if transcript.rechallenged > 0 {
                    tracing::warn!("{target} wants a new answer to its challenge in every session: {RELAY_NOTICE}");
                    self.relay_next.set(true);
                } else {
                    self.relay_from_now_on(target, NONCONFORMING);
                }
                Ok(Reached::Playing(Started { relay: Some(relay), ..playing }))
            }
            // If the server has only changed its mind, the next session goes without.
            (Ok(playing), _) => Ok(Reached::Playing(Started { relay: Some(relay), ..playing })),
            (Err(again), failure) => {
                let answer = transcript.answer.as_ref();
                if let Some((status, answer)) = answer.and_then(|answer| Some((answer.status()?, answer)))
                    && is_redirect(status)
                {
                    let location =
                        answer.get("Location").map(|to| of_stream(to, target, &transcript.requested).to_owned());
                    return Ok(Reached::Redirected { status, location });
                }
                let failure = match (again, failure) {
                    (Failure::Retina(again), _) if transcript.is_anything() => Failure::Retina(again),
                    (again, failure) => failure.unwrap_or(again),
                };
                Err(self.error_of(target, failure, &transcript))
            }
        }
    }

    /// Lets every session go through a relay from now on, and says so once.
    pub(super) fn relay_from_now_on(&self, target: &StreamUrl, why: &str) {
        if !self.relay_always.replace(true) {
            tracing::warn!("{target} {why}: {RELAY_NOTICE}");
        }
    }

    /// Whether a fault of the session in progress is known that a relay mends, and no relay has been tried for.
    pub(super) fn may_need_relay(&self, error: &retina::Error) -> bool {
        !self.relay_always.get() && is_mendable(&error.to_string())
    }

    /// Decides whether the session after one that `played` for so long goes through a relay: retina does not answer a challenge
    /// that comes to a keep-alive request, and the server ends the session. If the relay had nothing to do, the next goes without.
    pub(super) fn ended(&self, relay: Option<&Relay>, played: Duration) {
        let needed = relay.map_or(played >= KEEP_ALIVE_MIN, |relay| relay.transcript().rechallenged > 0);
        self.relay_next.set(self.config.url.credentials().is_some() && needed);
    }

    /// DESCRIBE, SETUP and PLAY, in a session of its own.
    async fn handshake(&self, url: Url, target: &StreamUrl, agent: &str) -> Result<Started, Failure> {
        let credentials = target
            .credentials()
            .map(|given| Credentials { username: given.user().to_owned(), password: given.password().to_owned() });
        let options = SessionOptions::default()
            .creds(credentials)
            .session_group(Arc::clone(&self.sessions))
            .user_agent(agent.to_owned());
        let mut session = self.answered("DESCRIBE", target, Session::describe(url, options)).await?;
        let (stream, codec) = choose(target, &session)?;
        let options =
            SetupOptions::default().frame_format(FrameFormat::SIMPLE).transport(match self.config.transport {
                Transport::Tcp => retina::client::Transport::Tcp(Default::default()),
                Transport::Udp => retina::client::Transport::Udp(Default::default()),
            });
        self.answered("SETUP", target, session.setup(stream, options)).await?;
        let session = self.answered("PLAY", target, session.play(PlayOptions::default())).await?;
        Ok(Started { session, codec, relay: None })
    }

    async fn answered<T>(
        &self,
        request: &'static str,
        target: &StreamUrl,
        answer: impl Future<Output = Result<T, retina::Error>>,
    ) -> Result<T, Failure> {
        let limit = self.config.limits.answer;
        let no_answer = |_| {
            let (address, limit) = (target.host_and_port(), seconds(limit));
            let error = Error::transient(format!("{address} does not answer {request} within {limit}"));
            if request == "DESCRIBE" { Failure::Silence(error) } else { Failure::Known(error) }
        };
        let answer = timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await.map_err(no_answer)?;
        // retina 0.4.21 takes it for granted that what a server says can be said back to it: an empty session id cannot.
        let answer = answer.map_err(|_| {
            let why =
                format!("{request} cannot be made of what its answers say, such as a Session header without an id");
            Failure::Panic(Error::unusable(target, why, BETWEEN))
        })?;
        answer.map_err(Failure::Retina)
    }

    fn error_of(&self, target: &StreamUrl, failure: Failure, transcript: &Transcript) -> Error {
        match failure {
            Failure::Known(error) | Failure::Silence(error) | Failure::Panic(error) => error,
            Failure::Retina(error) => self.explain(&error, target, transcript),
        }
    }

    /// What an error of retina's means to a user.
    pub(super) fn explain(&self, error: &retina::Error, target: &StreamUrl, transcript: &Transcript) -> Error {
        let (transport, before_pictures) = (self.config.transport, !self.had_picture.get());
        explain(error, &Place { target, transport, before_pictures, transcript })
    }
}

/// What is said of sessions that go through a relay.
const RELAY_NOTICE: &str = "it is played through a relay in this program, which gets on with it; over TCP this adds a few \
                       hundredths of a millisecond to network times";

/// What is said of a server whose answers retina does not take.
pub(super) const NONCONFORMING: &str = "answers in ways that RTSP does not know";

/// Where the stream is when its track, which was `asked` for, is at `location`: a stream is described, not a track.
fn of_stream<'l>(location: &'l str, target: &StreamUrl, asked: &str) -> &'l str {
    let track = asked.strip_prefix(target.url().as_str().trim_end_matches('/'));
    let track = track.map(|track| track.trim_start_matches('/')).filter(|track| !track.is_empty());
    track.and_then(|track| location.strip_suffix(track)?.strip_suffix('/')).unwrap_or(location)
}

/// The number of the stream to play, the first in a codec that can be decoded, and that codec.
fn choose(target: &StreamUrl, session: &Session<Described>) -> Result<(usize, Codec), Error> {
    let video = || session.streams().iter().enumerate().filter(|(_, stream)| stream.media() == "video");
    let known = video().find_map(|(at, stream)| Some((at, Codec::from_encoding_name(stream.encoding_name())?)));
    known.ok_or_else(|| match video().next() {
        Some((_, other)) => {
            let codec = first_line(&other.encoding_name().to_uppercase());
            let known = Codec::ENCODING_NAMES.map(|(codec, _)| codec.name()).join(" or ");
            Error::permanent(format!("the video at {target} is {codec}, not {known}"))
        }
        None => Error::permanent(format!("{target} has no video")),
    })
}
