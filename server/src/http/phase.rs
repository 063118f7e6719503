//! `POST /api/streams/phase/{path}`: has the publisher shift when its pictures are due, by a fraction of the time between two of
//! them. Joins of a browser at different phases show what a figure owes to chance.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use common::rtsp::phase::Phase;
use common::rtsp::serve::StreamPath;
use serde::{Deserialize, Serialize};

use super::api::error;
use crate::Shared;

/// A publisher answers within this, or is taken for one that does not.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// From 0 to below 1.
    fraction: f64,
}

#[derive(Serialize)]
struct Shifted {
    phase_us: u64,
}

/// See the module.
pub(super) async fn shift(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Response {
    // Of another content type a browser sends it for any page, without asking first.
    let asked = match asked {
        Ok(Json(asked)) => asked,
        Err(JsonRejection::MissingJsonContentType(_)) => {
            return error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send it as application/json");
        }
        Err(_) => return error(StatusCode::UNPROCESSABLE_ENTITY, "send {\"fraction\": F}, with F from 0 to below 1"),
    };
    let Some(phase) = Phase::new(asked.fraction) else {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "fraction: must be from 0 to below 1");
    };
    let stream = StreamPath::parse(&path).ok().and_then(|path| shared.paths.find(&path));
    let Some(stream) = stream else { return error(StatusCode::NOT_FOUND, "no stream at this path") };
    let Some(answer) = stream.shift(phase) else {
        return error(StatusCode::CONFLICT, "the publisher is not framelag's, or is asked already");
    };
    match tokio::time::timeout(ANSWER_LIMIT, answer).await {
        Ok(Ok(Some(phase_us))) => Json(Shifted { phase_us }).into_response(),
        Ok(Ok(None)) => {
            error(StatusCode::CONFLICT, "the publisher cannot shift its pictures: a camera sets its own pace")
        }
        Ok(Err(_)) | Err(_) => error(StatusCode::GATEWAY_TIMEOUT, "the publisher does not answer"),
    }
}
