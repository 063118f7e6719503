//! Authorization: users by password and, for streams, bearer tokens issued to them (RFC 6750).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use common::clock::Clock;
use common::rtsp::serve::{Action, StreamPath};
use common::served::TOKEN_PARAMETER;
use serde::Serialize;

use super::api;
use super::marks::{Carried, ForEveryPage, Peer};
use crate::Shared;
use crate::auth::{self, Refused};

/// Longest token that is looked up, in characters.
const TOKEN_MAX: usize = 128;

/// What a request needs access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Server state: any user.
    State,
    /// A stream: a user who may play, or a token.
    Stream,
    /// A new token: a user who may play.
    Token,
    /// Changing settings: a user who may publish.
    Settings,
}

/// The authenticated user; absent if the server has no users.
#[derive(Clone, Debug)]
pub(super) struct User(String);

/// Rejects requests without the required rights; accepts all if the server has no users.
pub(super) async fn check(
    State((shared, need)): State<(Arc<Shared>, Need)>,
    path: Option<Path<String>>,
    mut request: Request,
    next: Next,
) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let Some(users) = shared.users.as_ref().filter(|_| !preflight) else {
        request.extensions_mut().insert(Carried::default());
        return next.run(request).await;
    };
    let Some(&Peer(peer)) = request.extensions().get() else {
        return api::error(StatusCode::INTERNAL_SERVER_ERROR, "the peer address is unknown");
    };
    let now = shared.clock.now().mono;
    let token = if need == Need::Stream { shown_token(&request) } else { None };
    let user = match &token {
        Some((token, _)) => {
            // As the handler gets it: the path of the URI may have escapes.
            let stream = path.as_ref().and_then(|Path(path)| StreamPath::parse(path.rsplit_once('/')?.0).ok());
            users.authenticate_token(peer, token, stream.as_ref(), now)
        }
        None => users.authenticate(peer, authorization(request.headers()), now),
    };
    let action = match need {
        Need::State => None,
        Need::Stream | Need::Token => Some(Action::Play),
        Need::Settings => Some(Action::Publish),
    };
    let mut response = match user {
        Ok(name) if action.is_none_or(|action| users.may(&name, action)) => {
            let carried = token.as_ref().filter(|(_, by_query)| *by_query);
            let carried = carried.map_or_else(String::new, |(token, _)| format!("?{TOKEN_PARAMETER}={token}"));
            request.extensions_mut().insert(Carried(carried));
            request.extensions_mut().insert(User(name));
            next.run(request).await
        }
        Ok(_) if action == Some(Action::Publish) => api::error(StatusCode::FORBIDDEN, "this user may not publish"),
        Ok(_) => api::error(StatusCode::FORBIDDEN, "this user may not play"),
        Err(refused) => refusal(refused, need),
    };
    if token.is_some() {
        response.extensions_mut().insert(ForEveryPage);
    }
    response
}

fn refusal(refused: Refused, need: Need) -> Response {
    match refused {
        Refused::Forbidden => api::error(StatusCode::FORBIDDEN, "this token is for another stream"),
        Refused::Later(wait) => {
            let again = [(header::RETRY_AFTER, (wait.as_secs() + 1).to_string())];
            let why = "too many wrong passwords or tokens from this address: try again later";
            (again, api::error(StatusCode::TOO_MANY_REQUESTS, why)).into_response()
        }
        Refused::Denied(_) => {
            let [password, token] = auth::http_challenges().map(|challenge| (header::WWW_AUTHENTICATE, challenge));
            if need == Need::Stream {
                let why = "user and password required, or a token from /api/token";
                (AppendHeaders([password, token]), api::error(StatusCode::UNAUTHORIZED, why)).into_response()
            } else {
                let why = "user and password required";
                (AppendHeaders([password]), api::error(StatusCode::UNAUTHORIZED, why)).into_response()
            }
        }
    }
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

/// Returns the token of a request and whether it was in the query.
fn shown_token(request: &Request) -> Option<(String, bool)> {
    let bearer = authorization(request.headers()).and_then(bearer);
    let shown = bearer.map(|token| (token, false)).or_else(|| Some((in_query(request.uri().query()?)?, true)));
    shown.map(|(token, by_query)| (token.chars().take(TOKEN_MAX).collect(), by_query))
}

/// Returns the token in an Authorization header (RFC 6750 section 2.1).
pub(super) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Returns the token in a query.
pub(super) fn in_query(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == TOKEN_PARAMETER))
        .map(|(_, token)| token)
}

/// `POST /api/token` (all streams) and `POST /api/token/NAME` (one stream): issues a token to the authenticated user (RFC
/// 6749 section 5.1).
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Extension(Peer(peer)): Extension<Peer>,
    user: Option<Extension<User>>,
    path: Option<Path<String>>,
) -> Response {
    #[derive(Serialize)]
    struct Issued {
        access_token: String,
        token_type: &'static str,
        /// In seconds.
        expires_in: u64,
        path: Option<String>,
    }
    let (Some(users), Some(Extension(User(name)))) = (&shared.users, user) else {
        return api::error(StatusCode::NOT_FOUND, "this server has no users (--auth) and needs no tokens");
    };
    let path = match path.map(|Path(path)| StreamPath::parse(&path)).transpose() {
        Ok(path) => path,
        Err(why) => return api::error(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    let issued = Issued {
        path: path.as_ref().map(ToString::to_string),
        access_token: users.issue_token(peer, &name, path, shared.clock.now().mono),
        token_type: "Bearer",
        expires_in: auth::TOKEN_VALID.as_secs(),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(issued)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_where_it_may_be() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for none in ["", "Bearer", "Basic abc", "Bearerabc"] {
            assert_eq!(bearer(none), None, "{none}");
        }
        assert_eq!(in_query("_HLS_msn=1&access_token=abc&x"), Some("abc"));
        for none in ["", "access_token", "xaccess_token=abc", "x=access_token"] {
            assert_eq!(in_query(none), None, "{none}");
        }
    }
}
