//! Where a session is, and why it ended.

use std::time::Duration;

use rtsp_types::Method;

use crate::redact;
use crate::rtsp::message;
use crate::secret::Secret;

/// How long a server may take to answer a request.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Into the RTSP connection, RTP on this channel.
    Interleaved(u8),
    /// To these ports of the RTSP connection's peer.
    Udp {
        /// For RTP.
        rtp: u16,
        /// For RTCP.
        rtcp: u16,
    },
}

/// Where a publisher's session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// OPTIONS has been sent.
    Greeting,
    /// ANNOUNCE has been sent.
    Announcing,
    /// SETUP has been sent.
    SettingUp,
    /// RECORD has been sent; packets will go this way.
    Starting(Route),
    /// The server takes packets.
    Recording,
    /// TEARDOWN has been sent.
    Ending,
    /// It is over.
    Closed,
}

/// Why a session ended, in one line that names the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not RTSP.
    #[error("{}{error}", request.map(|request| format!("in answer to {request}: ")).unwrap_or_default())]
    NotUnderstood {
        /// The request that was waiting for an answer.
        request: Option<&'static str>,
        /// What is wrong with the bytes.
        error: message::Error,
    },
    /// The server answered with an error.
    #[error("the server refused {request} with {status} {reason}{hint}")]
    Refused {
        /// The request.
        request: &'static str,
        /// RTSP status code.
        status: u16,
        /// The server's words, escaped and shortened.
        reason: String,
        /// What to do, led by a colon; empty where nobody knows.
        hint: &'static str,
    },
    /// The server asks for user and password, and the URL has none.
    #[error("the server wants a user for {request}: put one into the URL, before the host")]
    CredentialsNeeded {
        /// The request.
        request: &'static str,
    },
    /// The server did not take user and password.
    #[error("the server refused {request} with 401: user or password are wrong")]
    CredentialsRejected {
        /// The request.
        request: &'static str,
    },
    /// The server wants an authentication that framelag does not know.
    #[error("the server wants authentication by {schemes}, but only Basic and Digest (MD5, SHA-256) are known")]
    UnknownScheme {
        /// The schemes it offered, escaped and shortened.
        schemes: String,
    },
    /// The stream is to go elsewhere; [`Redirects`](crate::rtsp::redirect::Redirects) says whether to follow.
    #[error("the server redirects {request} with {status}")]
    Redirected {
        /// The request, or REDIRECT where the server asked by itself.
        request: &'static str,
        /// RTSP status code.
        status: u16,
        /// As the server sent it.
        location: Option<Secret>,
    },
    /// The server answered well, but one cannot go on from it.
    #[error("the server's answer to {request} is of no use: {why}")]
    Unusable {
        /// The request.
        request: &'static str,
        /// What is missing or wrong.
        why: String,
    },
    /// The server did not answer.
    #[error("the server did not answer {request} within {} s", RESPONSE_TIMEOUT.as_secs())]
    NoResponse {
        /// The request.
        request: &'static str,
    },
    /// The server sent a TEARDOWN.
    #[error("the server ended the session")]
    EndedByServer,
    /// The caller asked for something that has to wait, or is too late.
    #[error("{action} is possible in {allowed:?}, but the session is in {found:?}")]
    WrongState {
        /// What was asked for.
        action: &'static str,
        /// The states in which it is possible.
        allowed: &'static [State],
        /// The state that the session is in.
        found: State,
    },
}

impl Error {
    pub(super) fn refused(request: &'static str, status: u16, reason: &str) -> Self {
        let hint = match (request, status) {
            (_, 403) => ": the server does not let this user publish on this path",
            (_, 404 | 400) => ": check the URL's path, and that the server takes publishers on it",
            (_, 405 | 501) => ": the server does not take publishers here",
            ("ANNOUNCE", 415) => ": the server does not take H.264",
            ("ANNOUNCE", 406) => ": does somebody publish there already?",
            (_, 453 | 503) => ": the server is busy",
            (_, 454) => ": the server has forgotten the session",
            (_, 461) => ": try the other --transport (tcp or udp)",
            _ => "",
        };
        Self::Refused { request, status, reason: printable(&redact::secrets(reason)), hint }
    }

    pub(super) fn unusable(request: &'static str, why: &str) -> Self {
        Self::Unusable { request, why: why.to_owned() }
    }
}

/// A piece of the server's text, safe to print.
fn printable(text: &str) -> String {
    const LONGEST: usize = 100;
    text.chars().take(LONGEST).flat_map(char::escape_debug).collect()
}

/// The methods that a session sends, for messages that outlive it.
pub(super) fn name(method: &Method) -> &'static str {
    match method {
        Method::Options => "OPTIONS",
        Method::Announce => "ANNOUNCE",
        Method::Setup => "SETUP",
        Method::Record => "RECORD",
        Method::GetParameter => "GET_PARAMETER",
        Method::Teardown => "TEARDOWN",
        _ => "a request",
    }
}
