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
        if request.method() != Method::GET {
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
        let mut asked =
            hyper::Request::get(target).header(HOST, &self.authority).body(Empty::<bytes::Bytes>::new()).ok()?;
        request
            .headers()
            .get(RANGE)
            .into_iter()
            .for_each(|range| drop(asked.headers_mut().insert(RANGE, range.clone())));
        let (head, body) = sender.send_request(asked).await.ok()?.into_parts();
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = head.status;
        for name in [CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RETRY_AFTER] {
            if let Some(value) = head.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Some(response)
    }
}
