//! What each method does (RFC 2326 section 10).

mod flow;
mod setup;

use std::sync::Arc;

use rtsp_types::headers::{self as names, HeaderName};
use rtsp_types::{Method, Request, StatusCode, Url, Version};

use super::description::Description;
use super::host::{Access, Action, Host, Output, Permission, Setup};
use super::path::StreamPath;
use super::reply::Reply;
use super::state::{self, State};
use super::{DENIALS_MAX, Error, RECORD_LIMIT, SESSION_TIMEOUT, Session};
use crate::rtsp::headers;
use crate::rtsp::sdp;
use crate::time::MonoTime;

/// Longest User-Agent that is kept, in bytes.
const USER_AGENT_MAX: usize = 100;
const SDP: &str = "application/sdp";

impl Session {
    pub(super) fn handle_request(
        &mut self,
        now: MonoTime,
        request: &Request<Vec<u8>>,
        host: &mut dyn Host,
    ) -> Result<(), Error> {
        if self.user_agent.is_none() {
            self.user_agent = text(request, &names::USER_AGENT).map(printable);
        }
        let cseq = text(request, &names::CSEQ).map(headers::parse_cseq);
        let (cseq, result) = match cseq {
            Some(Ok(cseq)) => (Some(cseq), self.answer(now, request, host)),
            Some(Err(error)) => (None, Err(Reply::refusal(StatusCode::BadRequest, error.to_string()))),
            None => (None, Err(Reply::refusal(StatusCode::BadRequest, "a request without CSeq"))),
        };
        let (reply, then) = match result {
            Ok(Answer { reply, then }) => (reply, then),
            Err(refusal) => (refusal, None),
        };
        let response = Output::Send(reply.to_bytes(cseq));
        match then {
            // The response comes before the first packet.
            Some(play @ Output::Play(_)) => self.outputs.extend([response, play]),
            // Who reads the response may rely on what it says: the stream is live, or the path is free.
            then => self.outputs.extend(then.into_iter().chain([response])),
        }
        if self.denials >= DENIALS_MAX { Err(Error::Denied) } else { Ok(()) }
    }

    fn answer(&mut self, now: MonoTime, request: &Request<Vec<u8>>, host: &mut dyn Host) -> Result<Answer, Reply> {
        if request.version() != Version::V1_0 {
            return Err(Reply::refusal(StatusCode::RTSPVersionNotSupported, "RTSP/1.0 is served"));
        }
        self.check_requirements(request)?;
        self.check_session(request)?;
        let method = request.method();
        if !state::PUBLIC.contains(method) {
            let refusal = Reply::refusal(StatusCode::NotImplemented, "no such method here");
            return Err(refusal.with("Public", state::list(state::PUBLIC)));
        }
        if !self.state.allowed().contains(method) {
            return Err(self.wrong_state(&format!("not in state {}", self.state)));
        }
        match method {
            Method::Options => Ok(self.with_session(Reply::ok().with("Public", state::list(state::PUBLIC))).into()),
            Method::GetParameter => Ok(self.with_session(Reply::ok()).into()),
            Method::SetParameter => self.set_parameter(request),
            Method::Describe => self.describe(now, request, host),
            Method::Announce => self.announce(now, request, host),
            Method::Setup => self.set_up(now, request, host),
            Method::Play => self.play(request, host),
            Method::Record => self.record(request),
            Method::Pause => self.pause(now, request),
            Method::Teardown => self.tear_down(now, request),
            _ => Err(Reply::refusal(StatusCode::NotImplemented, "no such method here")),
        }
    }

    /// RFC 2326 section 12.32: no feature is known that a client could require.
    fn check_requirements(&self, request: &Request<Vec<u8>>) -> Result<(), Reply> {
        let required = text(request, &names::REQUIRE).or(text(request, &names::PROXY_REQUIRE));
        required.map_or(Ok(()), |feature| {
            let refusal = Reply::refusal(StatusCode::OptionNotSupported, "no optional feature is supported");
            Err(refusal.with("Unsupported", feature))
        })
    }

    /// A session belongs to its connection: the identifier of another one's, even a good one, names nothing here.
    fn check_session(&self, request: &Request<Vec<u8>>) -> Result<(), Reply> {
        let not_found = |why| Err(Reply::refusal(StatusCode::SessionNotFound, why));
        let needed = matches!(request.method(), Method::Play | Method::Record | Method::Pause | Method::Teardown);
        match text(request, &names::SESSION) {
            None if needed => not_found("this method needs a Session header, which SETUP gives"),
            None => Ok(()),
            Some(value) => match headers::Session::parse(value) {
                Err(error) => Err(Reply::refusal(StatusCode::BadRequest, error.to_string())),
                Ok(session) if self.has_session() && session.id == self.id => Ok(()),
                Ok(_) => not_found("no such session on this connection"),
            },
        }
    }

    /// Whether the client has been told the identifier: with the first SETUP.
    fn has_session(&self) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.tracks.iter().any(Option::is_some))
    }

    fn with_session(&self, reply: Reply) -> Reply {
        if !self.has_session() {
            return reply;
        }
        let timeout = match self.state {
            State::PreRecord | State::Record => RECORD_LIMIT,
            _ => SESSION_TIMEOUT,
        };
        let session = headers::Session { id: self.id.clone(), timeout };
        reply.with("Session", session.to_string())
    }

    fn wrong_state(&self, why: &str) -> Reply {
        let allowed = state::list(self.state.allowed());
        Reply::refusal(StatusCode::MethodNotValidInThisState, why).with("Allow", allowed)
    }

    /// Keeps a connection open where it has no body; there are no parameters that it could set.
    fn set_parameter(&mut self, request: &Request<Vec<u8>>) -> Result<Answer, Reply> {
        if request.body().trim_ascii().is_empty() {
            Ok(self.with_session(Reply::ok()).into())
        } else {
            Err(Reply::refusal(StatusCode::ParameterNotUnderstood, "there are no parameters to set"))
        }
    }

    fn describe(&mut self, now: MonoTime, request: &Request<Vec<u8>>, host: &mut dyn Host) -> Result<Answer, Reply> {
        let url = url(request)?;
        let path = stream_path(url)?;
        self.permit(now, request, url, Action::Play, &path, host)?;
        let accepts = text(request, &names::ACCEPT).is_none_or(|accept| {
            [SDP, "application/*", "*/*"].iter().any(|kind| accept.to_ascii_lowercase().contains(kind))
        });
        if !accepts {
            return Err(Reply::refusal(StatusCode::NotAcceptable, "descriptions come as application/sdp"));
        }
        let description = live(&path, host)?;
        let sdp = description.to_sdp(host.local_ip());
        let reply = Reply::ok().with("Content-Base", base_url(url, &path)).body(SDP, sdp);
        Ok(reply.into())
    }

    fn announce(&mut self, now: MonoTime, request: &Request<Vec<u8>>, host: &mut dyn Host) -> Result<Answer, Reply> {
        let url = url(request)?;
        let path = stream_path(url)?;
        self.permit(now, request, url, Action::Publish, &path, host)?;
        let content_type = text(request, &names::CONTENT_TYPE).unwrap_or_default();
        if !content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SDP)) {
            return Err(Reply::refusal(
                StatusCode::UnsupportedMediaType,
                "announce with Content-Type: application/sdp",
            ));
        }
        let description = Description::parse(request.body()).map_err(|error| {
            let status = match error {
                sdp::Error::NoVideo(_) | sdp::Error::NotH264(_) => StatusCode::UnsupportedMediaType,
                _ => StatusCode::BadRequest,
            };
            Reply::refusal(status, error.to_string())
        })?;
        admit(Action::Publish, &path, host)?;
        host.reserve(&path).map_err(|busy| Reply::refusal(StatusCode::NotAcceptable, busy.to_string()))?;
        let tracks = vec![None; description.controls().len()];
        self.setup = Some(Setup { path, description: Arc::new(description), tracks });
        self.state = State::PreRecord;
        self.announced = now;
        Ok(Reply::ok().into())
    }

    fn tear_down(&mut self, now: MonoTime, request: &Request<Vec<u8>>) -> Result<Answer, Reply> {
        self.own_setup(url(request)?)?;
        let reply = self.with_session(Reply::ok());
        if self.state == State::Play {
            self.useful = now;
        }
        self.state = State::Initial;
        self.setup = None;
        self.paused = false;
        Ok(Answer { reply, then: Some(Output::Teardown) })
    }

    /// What is set up, where `url` is the stream's or, as some clients have it, one of its tracks'.
    fn own_setup(&self, url: &Url) -> Result<&Setup, Reply> {
        let setup = self.setup.as_ref().ok_or_else(|| self.wrong_state("nothing is set up"))?;
        let below = url.path().trim_start_matches('/').strip_prefix(setup.path.as_str());
        match below {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(setup),
            _ => Err(Reply::refusal(StatusCode::NotFound, "not the URL of this session's stream")),
        }
    }

    fn permit(
        &mut self,
        now: MonoTime,
        request: &Request<Vec<u8>>,
        url: &Url,
        action: Action,
        path: &StreamPath,
        host: &mut dyn Host,
    ) -> Result<(), Reply> {
        let authorization = text(request, &names::AUTHORIZATION);
        if authorization.is_none() && self.permitted.as_ref().is_some_and(|(a, p)| *a == action && p == path) {
            return Ok(());
        }
        let access = Access { action, path, method: request.method(), url, authorization };
        match host.permit(now, &access) {
            Permission::Granted => {
                self.denials = 0;
                self.permitted = Some((action, path.clone()));
                Ok(())
            }
            Permission::Forbidden => Err(Reply::refusal(StatusCode::Forbidden, "this user may not do that")),
            Permission::Challenge(challenge) => {
                self.denials += 1;
                let refusal = Reply::refusal(StatusCode::Unauthorized, "user and password required");
                Err(refusal.with("WWW-Authenticate", challenge))
            }
            Permission::Later(wait) => {
                self.denials += 1;
                let seconds = wait.as_secs() + 1;
                let why = format!("too many wrong passwords from this address: try again in {seconds} s");
                let refusal = Reply::refusal(StatusCode::ServiceUnavailable, why);
                Err(refusal.with("Retry-After", seconds.to_string()))
            }
        }
    }
}

/// Asks for room, and says when to ask again.
fn admit(action: Action, path: &StreamPath, host: &mut dyn Host) -> Result<(), Reply> {
    host.admit(action, path)
        .map_err(|full| Reply::refusal(StatusCode::ServiceUnavailable, full.to_string()).with("Retry-After", "5"))
}

/// A response, and what follows once it is on its way.
struct Answer {
    reply: Reply,
    then: Option<Output>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, then: None }
    }
}

fn text<'a>(request: &'a Request<Vec<u8>>, name: &HeaderName) -> Option<&'a str> {
    request.header(name).map(|value| value.as_str())
}

fn url(request: &Request<Vec<u8>>) -> Result<&Url, Reply> {
    request.request_uri().ok_or_else(|| Reply::refusal(StatusCode::BadRequest, "this method needs a URL, not *"))
}

fn stream_path(url: &Url) -> Result<StreamPath, Reply> {
    StreamPath::parse(url.path()).map_err(bad_path)
}

fn bad_path(error: super::PathError) -> Reply {
    Reply::refusal(StatusCode::BadRequest, error.to_string())
}

fn live(path: &StreamPath, host: &mut dyn Host) -> Result<Arc<Description>, Reply> {
    host.find(path).ok_or_else(|| Reply::refusal(StatusCode::NotFound, format!("nobody publishes to /{path}")))
}

/// The stream's URL as the client wrote it, without credentials and query, with a slash at the end: relative control
/// names resolve against it alike by RFC 3986 and by mere appending.
fn base_url(url: &Url, path: &StreamPath) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}/{path}/", url.scheme())
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).take(USER_AGENT_MAX).collect()
}
