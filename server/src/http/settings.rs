//! `/api/streams/settings/NAME`: reads and changes the segment settings of a stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use common::rtsp::serve::StreamPath;
use serde::Serialize;
use serde_json::Value;

use super::{api, body};
use crate::Shared;
use crate::live::NotSet;
use crate::segment::{SegmentSettings, SettingsChange, SettingsError, duration_text};

/// Serialized in the form that [`change`] reads.
#[derive(Serialize)]
struct View {
    segment: String,
    part: String,
    playlist: usize,
}

impl From<SegmentSettings> for View {
    fn from(settings: SegmentSettings) -> Self {
        let SegmentSettings { segment, part, playlist } = settings;
        Self { segment: duration_text(segment), part: part.to_string(), playlist }
    }
}

/// `GET`.
pub(super) async fn show(State(shared): State<Arc<Shared>>, Path(path): Path<String>) -> Response {
    let settings =
        StreamPath::parse(&path).ok().and_then(|path| shared.lives.settings(&path, shared.paths.find(&path).is_some()));
    match settings {
        Some(settings) => Json(View::from(settings)).into_response(),
        None => api::error(StatusCode::NOT_FOUND, "no stream at this path"),
    }
}

/// `PUT`: replaces the stream's own settings; missing fields keep the defaults.
pub(super) async fn set(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::json(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let Ok(path) = StreamPath::parse(&path) else {
        return api::error(StatusCode::NOT_FOUND, "no stream at this path");
    };
    let published = shared.paths.find(&path);
    if shared.lives.settings(&path, published.is_some()).is_none() {
        return api::error(StatusCode::NOT_FOUND, "no stream at this path");
    }
    let change = match change(&body) {
        Ok(change) => change,
        Err(Bad::Json(why)) => return api::error(StatusCode::BAD_REQUEST, &why),
        Err(Bad::Field(error)) => return wrong(error),
    };
    match shared.lives.set(&path, published.as_ref(), change) {
        Ok(settings) => Json(View::from(settings)).into_response(),
        Err(NotSet::Wrong(error)) => wrong(error),
        Err(NotSet::Full) => {
            api::error(StatusCode::INSUFFICIENT_STORAGE, "too many paths have settings of their own: set one's to {}")
        }
    }
}

/// Why a body was rejected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    Json(String),
    Field(SettingsError),
}

/// Parses `{"segment": "500ms", "part": "frame", "playlist": 6, "preset": "safe"}`; all fields are optional.
pub(super) fn change(body: &[u8]) -> Result<SettingsChange, Bad> {
    let fields: BTreeMap<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Bad::Json(format!("the body is not a JSON object of settings: {error}")))?;
    let mut change = SettingsChange::default();
    for (name, value) in &fields {
        // A wrong type is no value of any setting.
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        change.set(name, &value).map_err(Bad::Field)?;
    }
    Ok(change)
}

/// `{"error": "…", "field": "segment"}`.
fn wrong(error: SettingsError) -> Response {
    #[derive(Serialize)]
    struct Problem {
        error: String,
        field: String,
    }
    let problem = Problem { error: error.to_string(), field: error.field };
    (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{PartLength, Preset};

    #[test]
    fn what_is_shown_can_be_set() {
        let settings = SegmentSettings { part: PartLength::Frame, ..Preset::Ultra.settings() };
        let shown = serde_json::to_vec(&View::from(settings)).expect("JSON");
        assert_eq!(change(&shown).expect("good").of(SegmentSettings::default()), settings);
        assert_eq!(change(b"{}"), Ok(SettingsChange::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for text in ["", "[]", "{", "1", "null", "{\"segment\": }", &"[".repeat(1_000)] {
            assert!(matches!(change(text.as_bytes()), Err(Bad::Json(_))), "{text}");
        }
        for (text, field) in [
            (r#"{"segment": 1}"#, "segment"),
            (r#"{"segment": null}"#, "segment"),
            (r#"{"part": ["frame"]}"#, "part"),
            (r#"{"playlist": 1.5}"#, "playlist"),
            (r#"{"gop": 30}"#, "gop"),
            (r#"{"gop": {}}"#, "gop"),
            (r#"{"preset": "fast"}"#, "preset"),
        ] {
            let Err(Bad::Field(error)) = change(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(error.field, field, "{text}");
        }
    }
}
