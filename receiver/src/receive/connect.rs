//! From a URL to a session that plays: by way of redirects, and through a [relay](super::relay) where retina alone fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use common::rtsp::StreamUrl;
use common::rtsp::redirect::{self, Redirects, is_redirect};
use futures::FutureExt;
use retina::client::{Credentials, Described, PlayOptions, Playing, Session, SessionOptions, SetupOptions, Transport};
use retina::codec::FrameFormat;
use tokio::time::timeout;
use url::Url;

use super::error::one_line;
use super::reason::{Answer, BETWEEN, Place, explain, is_not_rtsp};
use super::relay::{Heard, Relay};
use super::{AGENT, Error, Player};
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
            let to = target.redirected(next);
            self.tell_of_redirect(&target, &to);
            target = to;
        }
    }

    /// Says once where the stream is.
    fn tell_of_redirect(&self, from: &StreamUrl, to: &StreamUrl) {
        if !self.redirected.borrow().contains(to) {
            tracing::warn!("{}", redirect::told(from, to));
            self.redirected.borrow_mut().push(to.clone());
        }
    }

    async fn reach(&self, target: &StreamUrl) -> Result<Reached, Error> {
        if self.relayed.get() {
            tracing::warn!("{target} may have ended the session for want of a new answer to its challenge: {RELAYED}");
            return self.reach_by_relay(target, None).await;
        }
        match self.handshake(target.url().clone(), target, AGENT).await {
            Ok(session) => Ok(Reached::Playing(Started { session, relay: None })),
            Err(failure) if self.is_worth_hearing(target, &failure) => self.reach_by_relay(target, Some(failure)).await,
            Err(failure) => Err(self.error_of(target, failure, &Heard::default())),
        }
    }

    /// Whether a relay would tell more of it, or mend it.
    fn is_worth_hearing(&self, target: &StreamUrl, failure: &Failure) -> bool {
        let Failure::Retina(error) = failure else { return false };
        match error.status_code() {
            Some(401) => target.credentials().is_some(),
            // Waited for, and known well enough.
            Some(404) => false,
            Some(status) => status >= 300,
            None => is_not_rtsp(&error.to_string()),
        }
    }

    /// Tries through a relay, where `failure` came without one.
    async fn reach_by_relay(&self, target: &StreamUrl, failure: Option<Failure>) -> Result<Reached, Error> {
        let relay = match Relay::start(target).await {
            Ok(relay) => relay,
            Err(error) => return Err(Error::Runtime(error.to_string())),
        };
        let anonymous = StreamUrl::at(target.url().clone(), None);
        let outcome = self.handshake(relay.url.clone(), &anonymous, &relay.agent).await;
        let heard = relay.heard();
        let udp = self.config.transport == config::Transport::Udp;
        match (outcome, failure) {
            (Ok(_), Some(_)) if heard.renewed > 0 && udp => Err(Error::NonceOverUdp { url: target.clone() }),
            (Ok(session), Some(_)) if heard.renewed > 0 => {
                tracing::warn!("{target} wants a new answer to its challenge in every session: {RELAYED}");
                self.relayed.set(true);
                Ok(Reached::Playing(Started { session, relay: Some(relay) }))
            }
            (Ok(session), None) => Ok(Reached::Playing(Started { session, relay: Some(relay) })),
            // It has thought better of it, and needs no relay.
            (Ok(session), Some(_)) => {
                drop(session);
                let again = self.handshake(target.url().clone(), target, AGENT).await;
                let session = again.map_err(|failure| self.error_of(target, failure, &Heard::default()))?;
                Ok(Reached::Playing(Started { session, relay: None }))
            }
            (Err(again), failure) => {
                let answer = Answer::parse(&heard.answer);
                if let Some(answer) = answer.filter(|answer| is_redirect(answer.status)) {
                    return Ok(Reached::Elsewhere { status: answer.status, location: answer.location });
                }
                let told = match (again, failure) {
                    (Failure::Retina(again), _) if !heard.answer.is_empty() => Failure::Retina(again),
                    (again, failure) => failure.unwrap_or(again),
                };
                Err(self.error_of(target, told, &heard))
            }
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
        let answer = answer.map_err(|_| Error::Unusable {
            url: target.clone(),
            request: None,
            why: format!("{request} cannot be made of what its answers say, such as a Session header without an id"),
            help: BETWEEN.to_owned(),
        })?;
        answer.map_err(Failure::Retina)
    }

    fn error_of(&self, target: &StreamUrl, failure: Failure, heard: &Heard) -> Error {
        match failure {
            Failure::Known(error) => error,
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
pub(super) const RELAYED: &str = "it is played through a relay in this program, which answers; this adds a few hundredths of a \
                                  millisecond to network times";

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
