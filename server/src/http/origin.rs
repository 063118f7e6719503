//! Host and origin checks, which decide what web pages may access.
//!
//! Without users, a page of another site could have its name resolve to this host's address and read everything as
//! same-origin (DNS rebinding). The Host header of such a request names that site.
//!
//! Responses to a password are for same-origin pages only: browsers reject `*` for requests with credentials.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api;
use super::marks::ForEveryPage;
use crate::Shared;

/// Rejects a Host header with a foreign name unless passwords protect the server.
pub(super) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let named = hosts.all(|host| host.to_str().is_ok_and(is_own));
    if shared.users.is_none() && !named {
        return api::error(StatusCode::MISDIRECTED_REQUEST, "use this server's IP address or localhost as the host");
    }
    next.run(request).await
}

/// Lets every page read public responses, refusals, and responses to a token, which browsers never send by themselves.
/// Excludes responses to a password, which browsers do send by themselves.
pub(super) async fn allow_pages(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    let marked = response.extensions().get::<ForEveryPage>().is_some();
    if shared.users.is_none() || preflight || marked || refused.contains(&response.status()) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// `OPTIONS`: the CORS preflight request.
pub(super) async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Range"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Rejects cross-site requests that change state, which a browser may send with the user's password.
pub(super) async fn only_own_pages(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let mut origins = headers.get_all(header::ORIGIN).iter();
    // Programs send no Origin; a sandboxed page sends "null".
    let own =
        origins.all(|origin| origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, o)| o) == host);
    if !own {
        return api::error(StatusCode::FORBIDDEN, "pages of other sites may not change anything here");
    }
    next.run(request).await
}

/// Whether `host`, with or without a port, is an IP address or names loopback. DNS rebinding needs a name, and behind NAT
/// this host does not know its own address.
pub(super) fn is_own(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (name, rest) = bracketed.unwrap_or_else(|| host.split_at(host.find(':').unwrap_or(host.len())));
    let port = rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let known = name.parse::<IpAddr>().is_ok() || {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost")
    };
    port && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_own_by_loopback_names_and_by_any_address() {
        for own in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "app.localhost:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "192.0.2.1",
            "192.0.2.2:8080",
            "[2001:db8::1]:8080",
            "[::ffff:192.0.2.1]:80",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "",
            "x",
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "192.0.2.2.example.com",
            "192.0.2.256",
            "localhost:",
            "localhost:x",
            "[::1",
            "[::1]x",
            "localhost:80@example.com",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
