//! `POST /api/streams/phase/{path}`: asks the publisher to shift its pictures by a fraction of the frame interval. Measuring
//! at several phases shows how much of a figure is due to chance.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use common::rtsp::phase::Phase;
use common::rtsp::serve::StreamPath;
use common::served::{PhaseAnswer, PhaseRequest};

use super::api::error;
use super::body;
use crate::Shared;

/// Longest wait for the publisher's answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Handles the request.
pub(super) async fn shift(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::json(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let Ok(asked) = serde_json::from_slice::<PhaseRequest>(&body) else {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "send {\"fraction\": F}, with F from 0 to below 1");
    };
    let Some(phase) = Phase::new(asked.fraction) else {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "fraction: must be from 0 to below 1");
    };
    let stream = StreamPath::parse(&path).ok().and_then(|path| shared.paths.find(&path));
    let Some(stream) = stream else { return error(StatusCode::NOT_FOUND, "no stream at this path") };
    let Some(answer) = stream.shift(phase) else {
        return error(StatusCode::CONFLICT, "the publisher is not framelag's, or another request is pending");
    };
    match tokio::time::timeout(ANSWER_LIMIT, answer).await {
        Ok(Ok(Some(phase_us))) => Json(PhaseAnswer { phase_us }).into_response(),
        Ok(Ok(None)) => error(StatusCode::CONFLICT, "the publisher cannot shift its pictures: cameras pace themselves"),
        Ok(Err(_)) | Err(_) => error(StatusCode::GATEWAY_TIMEOUT, "the publisher did not answer"),
    }
}
