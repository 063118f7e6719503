//! Bodies of requests: JSON, bounded in size and time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use super::api;

/// Largest body, in bytes.
const MAX: usize = 4 << 10;
/// Time limit for reading it.
const LIMIT: Duration = Duration::from_secs(5);

/// Reads a body of JSON. Browsers send other content types cross-site without a preflight request.
///
/// # Errors
/// Returns the response to a body of another type, or one that is too large or too slow.
pub(super) async fn json(headers: &HeaderMap, body: Body) -> Result<Bytes, Response> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        let why = "send JSON, with Content-Type: application/json";
        return Err(api::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    match tokio::time::timeout(LIMIT, to_bytes(body, MAX)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(api::error(StatusCode::PAYLOAD_TOO_LARGE, "the body exceeds 4 KiB")),
        Err(_) => Err(api::error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within 5 s")),
    }
}
