//! From a URL to a session that plays: by way of redirects, and through a [relay](super::relay) where retina alone fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use common::rtsp::redirect::{Redirects, is_redirect};
use common::stream_url::StreamUrl;
use futures::FutureExt;
use retina::client::{Credentials, Described, PlayOptions, Playing, Session, SessionOptions, SetupOptions, Transport};
use retina::codec::FrameFormat;
use tokio::time::timeout;
use url::Url;

use super::Error;
use super::config::AGENT;
use super::error::{one_line, without_number};
use super::player::Player;
use super::reason::{BETWEEN, Place, explain, is_framing};
use super::relay::{Heard, Relay};
use crate::config;

/// A session that plays.
pub(super) struct Started {
    pub(super) session: Session<Playing>,
    /// What it goes through, where it does.
    pub(super) relay: Option<Relay>,
}

/// Where an attempt leads.
enum Reached {
    Playing(Started),
    Elsewhere { status: u16, location: Option<String> },
}

/// Why an attempt led nowhere.
pub(super) enum Failure {
    /// What retina says.
    Retina(retina::Error),
    /// retina panicked, and why the answer is of no use.
    Panic(Error),
    /// What is known without it.
    Known(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl Player<'_> {
    /// Starts to play, wherever the URL redirects to.
    pub(super) async fn start(&self) -> Result<Started, Error> {
        let mut target = self.config.url.clone();
        let mut redirects = Redirects::from(target.url().clone());
        loop {
            let (status, location) = match self.reach(&target).await? {
                Reached::Playing(started) => return Ok(started),
                Reached::Elsewhere { status, location } => (status, location),
            };
            let next = redirects.follow(status, location.as_deref());
            let next = next.map_err(|error| Error::Redirected { url: target.clone(), error })?;
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
            if self.config.transport == config::Transport::Udp {
                return Err(Error::ZoneOverUdp { url: target.clone() });
            }
            self.relay_from_now_on(target, "has a zone, which retina cannot be told");
        }
        if self.mended.get() {
            return self.reach_by_relay(target, None).await;
        }
        if self.relayed.get() {
            tracing::warn!("{target} may have ended the session for want of a new answer to its challenge: {RELAYED}");
            return self.reach_by_relay(target, None).await;
        }
        match self.handshake(target.url().clone(), target, AGENT).await {
            Ok(session) => Ok(Reached::Playing(Started { session, relay: None })),
            Err(failure) if is_worth_hearing(target, &failure) => self.reach_by_relay(target, Some(failure)).await,
            Err(failure) => Err(self.error_of(target, failure, &Heard::default())),
        }
    }

    /// Tries through a relay, where `failure` came without one.
    async fn reach_by_relay(&self, target: &StreamUrl, failure: Option<Failure>) -> Result<Reached, Error> {
        let limit = self.config.limits.answer;
        let relay = match timeout(limit, Relay::start(target)).await {
            Ok(Ok(relay)) => relay,
            failed => {
                let reason = failed.map_or("it does not answer".to_owned(), |outcome| {
                    outcome.map_or_else(|error| one_line(without_number(&error.to_string())), |_| String::new())
                });
                let again = Failure::Known(Error::Connect { address: target.host_and_port(), reason });
                return Err(self.error_of(target, failure.unwrap_or(again), &Heard::default()));
            }
        };
        let anonymous = StreamUrl::at(target.url().clone(), None);
        let outcome = self.handshake(relay.url.clone(), &anonymous, &relay.agent).await;
        let heard = relay.heard();
        match (outcome, failure) {
            (Ok(session), Some(failure)) if heard.renewed > 0 || is_odd(&failure, &heard) => {
                if heard.renewed > 0 {
                    tracing::warn!("{target} wants a new answer to its challenge in every session: {RELAYED}");
                    self.relayed.set(true);
                } else {
                    self.relay_from_now_on(target, ODD);
                }
                Ok(Reached::Playing(Started { session, relay: Some(relay) }))
            }
            // Where it only thought better of it, the next session goes without.
            (Ok(session), _) => Ok(Reached::Playing(Started { session, relay: Some(relay) })),
            (Err(again), failure) => {
                let answer = heard.answer.as_ref();
                if let Some((status, answer)) = answer.and_then(|answer| Some((answer.status()?, answer)))
                    && is_redirect(status)
                {
                    let location = answer.get("Location").map(|to| of_stream(to, target, &heard.asked).to_owned());
                    return Ok(Reached::Elsewhere { status, location });
                }
                let told = match (again, failure) {
                    (Failure::Retina(again), _) if heard.is_anything() => Failure::Retina(again),
                    (again, failure) => failure.unwrap_or(again),
                };
                Err(self.error_of(target, told, &heard))
            }
        }
    }

    /// Lets every session go through a relay from now on, and says so once.
    pub(super) fn relay_from_now_on(&self, target: &StreamUrl, why: &str) {
        if !self.mended.replace(true) {
            tracing::warn!("{target} {why}: {RELAYED}");
        }
    }

    /// DESCRIBE, SETUP and PLAY, in a session of its own.
    async fn handshake(&self, url: Url, target: &StreamUrl, agent: &str) -> Result<Session<Playing>, Failure> {
        let credentials = target
            .credentials()
            .map(|given| Credentials { username: given.user().to_owned(), password: given.password().to_owned() });
        let options = SessionOptions::default()
            .creds(credentials)
            .session_group(Arc::clone(&self.sessions))
            .user_agent(agent.to_owned());
        let mut session = self.answered("DESCRIBE", target, Session::describe(url, options)).await?;
        let stream = choose(target, &session)?;
        let options =
            SetupOptions::default().frame_format(FrameFormat::SIMPLE).transport(match self.config.transport {
                config::Transport::Tcp => Transport::Tcp(Default::default()),
                config::Transport::Udp => Transport::Udp(Default::default()),
            });
        self.answered("SETUP", target, session.setup(stream, options)).await?;
        self.answered("PLAY", target, session.play(PlayOptions::default())).await
    }

    async fn answered<T>(
        &self,
        request: &'static str,
        target: &StreamUrl,
        answer: impl Future<Output = Result<T, retina::Error>>,
    ) -> Result<T, Failure> {
        let limit = self.config.limits.answer;
        let no_answer = |_| Error::NoAnswer { address: target.host_and_port(), limit, request };
        let answer = timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await.map_err(no_answer)?;
        // retina 0.4.21 takes it for granted that what a server says can be said back to it: an empty session id cannot.
        let answer = answer.map_err(|_| {
            let why =
                format!("{request} cannot be made of what its answers say, such as a Session header without an id");
            Failure::Panic(Error::Unusable { url: target.clone(), request: None, why, help: BETWEEN.to_owned() })
        })?;
        answer.map_err(Failure::Retina)
    }

    fn error_of(&self, target: &StreamUrl, failure: Failure, heard: &Heard) -> Error {
        match failure {
            Failure::Known(error) | Failure::Panic(error) => error,
            Failure::Retina(error) => self.explain(&error, target, heard),
        }
    }

    /// What an error of retina's means to a user.
    pub(super) fn explain(&self, error: &retina::Error, target: &StreamUrl, heard: &Heard) -> Error {
        let (transport, before_pictures) = (self.config.transport, self.pictures.get() == 0);
        explain(error, &Place { target, transport, before_pictures, heard })
    }
}

/// What is said of sessions that go through a relay.
const RELAYED: &str = "it is played through a relay in this program, which gets on with it; over TCP this adds a few \
                       hundredths of a millisecond to network times";

/// What is said of a server whose answers retina does not take.
pub(super) const ODD: &str = "answers in ways that RTSP does not know";

/// Whether a relay would tell more of it, or mend it.
fn is_worth_hearing(target: &StreamUrl, failure: &Failure) -> bool {
    let error = match failure {
        Failure::Retina(error) => error,
        Failure::Panic(_) => return true,
        // retina waits for a line end that it knows.
        Failure::Known(error) => return matches!(error, Error::NoAnswer { request: "DESCRIBE", .. }),
    };
    match error.status_code() {
        Some(401) => target.credentials().is_some(),
        // Waited for, and known well enough.
        Some(404) => false,
        Some(_) => true,
        None => is_framing(&error.to_string()),
    }
}

/// Whether retina did not take what was no refusal.
fn is_odd(failure: &Failure, heard: &Heard) -> bool {
    match failure {
        Failure::Retina(error) => error.status_code().is_none_or(|status| status < 300),
        Failure::Panic(_) => true,
        Failure::Known(_) => heard.bare_line_feeds,
    }
}

/// Where the stream is when its track, which was `asked` for, is at `location`: a stream is described, not a track.
fn of_stream<'l>(location: &'l str, target: &StreamUrl, asked: &str) -> &'l str {
    let track = asked.strip_prefix(target.url().as_str().trim_end_matches('/'));
    let track = track.map(|track| track.trim_start_matches('/')).filter(|track| !track.is_empty());
    track.and_then(|track| location.strip_suffix(track)?.strip_suffix('/')).unwrap_or(location)
}

/// The number of the stream to play: the first H.264 one.
fn choose(target: &StreamUrl, session: &Session<Described>) -> Result<usize, Error> {
    let streams = session.streams();
    let video = |codec: &str| streams.iter().position(|s| s.media() == "video" && s.encoding_name() == codec);
    if let Some(found) = video("h264") {
        return Ok(found);
    }
    let url = target.clone();
    Err(match streams.iter().find(|s| s.media() == "video") {
        Some(other) => Error::NotH264 { url, codec: one_line(&other.encoding_name().to_uppercase()) },
        None => Error::NoVideo { url },
    })
}
