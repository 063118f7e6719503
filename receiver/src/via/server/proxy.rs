//! Proxies the stream to the page's own origin: a page loaded over TLS may not fetch plain HTTP, and a phone may not
//! reach the stream's server.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, LOCATION, RANGE, RETRY_AFTER,
};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use common::stream_url::StreamUrl;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// The stream server's `/` is mapped below this path.
pub(super) const PREFIX: &str = "/media";
/// Time limit for connecting and for the response head. A server may hold a request until its part is ready.
const LIMIT: Duration = Duration::from_secs(30);

/// A proxy to the stream's server.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    host: String,
    port: u16,
    authority: HeaderValue,
}

impl Proxy {
    /// Creates a proxy to the server of `url`; `None` if a page over TLS can fetch that URL itself.
    pub(super) fn to(url: &StreamUrl) -> Option<Self> {
        let url = url.url();
        let host = url.host_str().filter(|_| url.scheme() == "http")?;
        let port = url.port_or_known_default()?;
        let authority = HeaderValue::from_str(&format!("{host}:{port}")).ok()?;
        Some(Self { host: host.trim_matches(['[', ']']).to_owned(), port, authority })
    }

    /// Returns the URL of `url` at the page's origin.
    pub(super) fn at(origin: &str, url: &Url) -> String {
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{origin}{PREFIX}{}{query}", url.path())
    }

    /// Forwards a request to the stream's server.
    pub(super) async fn pass(&self, request: Request) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        match tokio::time::timeout(LIMIT, self.ask(request)).await {
            Ok(Some(response)) => response,
            Ok(None) => (StatusCode::BAD_GATEWAY, "the stream's server cannot be reached").into_response(),
            Err(_) => (StatusCode::GATEWAY_TIMEOUT, "the stream's server timed out").into_response(),
        }
    }

    async fn ask(&self, request: Request) -> Option<Response<Body>> {
        let target = request.uri().path_and_query()?.as_str().strip_prefix(PREFIX)?.to_owned();
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        // The connection task ends with the response or when its reader goes away.
        tokio::spawn(connection);
        let mut asked = hyper::Request::builder()
            .method(request.method())
            .uri(&target)
            .header(HOST, &self.authority)
            .body(Empty::<bytes::Bytes>::new())
            .ok()?;
        request
            .headers()
            .get(RANGE)
            .into_iter()
            .for_each(|range| drop(asked.headers_mut().insert(RANGE, range.clone())));
        let (head, body) = sender.send_request(asked).await.ok()?.into_parts();
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = head.status;
        for name in [CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER] {
            if let Some(value) = head.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        if let Some(location) = head.headers.get(LOCATION) {
            match self.mapped(&target, location) {
                Some(mapped) => drop(response.headers_mut().insert(LOCATION, mapped)),
                None => {
                    let why = "the stream's server redirects to another one: give that URL to the receiver";
                    return Some((StatusCode::BAD_GATEWAY, why).into_response());
                }
            }
        }
        Some(response)
    }

    /// Returns where a redirect of `target` leads at the page's origin; `None` if it leaves the stream's server.
    fn mapped(&self, target: &str, location: &HeaderValue) -> Option<HeaderValue> {
        let base = Url::parse(&format!("http://{}{target}", self.authority.to_str().ok()?)).ok()?;
        let to = base.join(location.to_str().ok()?).ok()?;
        if to.origin() != base.origin() {
            return None;
        }
        let query = to.query().map(|query| format!("?{query}")).unwrap_or_default();
        HeaderValue::from_str(&format!("{PREFIX}{}{query}", to.path())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_below_the_pages_origin_or_is_refused() {
        let url = StreamUrl::typed("http://h:8080/cam/index.m3u8", &["http"], |_| None).expect("a URL");
        let proxy = Proxy::to(&url).expect("it is plain");
        for (location, mapped) in [
            ("other.m3u8?x=1", Some("/media/cam/other.m3u8?x=1")),
            ("/b/index.m3u8", Some("/media/b/index.m3u8")),
            ("http://h:8080/b/index.m3u8", Some("/media/b/index.m3u8")),
            ("http://h:8081/b/index.m3u8", None),
            ("https://h:8080/b/index.m3u8", None),
            ("//elsewhere/b", None),
        ] {
            let found = proxy.mapped("/cam/index.m3u8?y=2", &HeaderValue::from_static(location));
            assert_eq!(found.as_ref().map(|found| found.to_str().expect("text")), mapped, "{location}");
        }
    }
}
