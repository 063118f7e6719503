//! `/health`, `/api/streams` and error responses, all JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use common::clock::Clock;
use common::rtsp::serve::StreamPath;
use common::time::WallTime;
use serde::Serialize;

use crate::Shared;
use crate::relay::{Client, ReaderInfo, Stream};

/// `GET /health`.
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> Response {
    #[derive(Serialize)]
    struct Health {
        status: &'static str,
        version: &'static str,
        uptime_s: f64,
    }
    let uptime = shared.clock.now().mono - shared.started.mono;
    let version = env!("CARGO_PKG_VERSION");
    Json(Health { status: "ok", version, uptime_s: uptime.as_millis() as f64 / 1e3 }).into_response()
}

/// `GET /api/streams`.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    #[derive(Serialize)]
    struct Streams {
        streams: Vec<StreamView>,
    }
    let streams = shared.paths.list().iter().map(|stream| StreamView::of(stream, &shared)).collect();
    Json(Streams { streams }).into_response()
}

/// `GET /api/streams/status/{path}`.
pub(super) async fn status(State(shared): State<Arc<Shared>>, Path(path): Path<String>) -> Response {
    let stream = StreamPath::parse(&path).ok().and_then(|path| shared.paths.find(&path));
    match stream {
        Some(stream) => Json(StreamView::of(&stream, &shared)).into_response(),
        None => error(StatusCode::NOT_FOUND, "no stream at this path"),
    }
}

/// Handles unknown paths.
pub(super) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "not found: try /health, /metrics or /api/streams")
}

/// Handles methods that a path does not support.
pub(super) async fn method_not_allowed() -> Response {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "this method is not allowed here: use GET or HEAD, PUT for settings, POST for a token or a phase",
    )
}

/// Builds the response `{"error": "…"}` with `status`.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    #[derive(Serialize)]
    struct Problem<'a> {
        error: &'a str,
    }
    (status, Json(Problem { error: message })).into_response()
}

/// A stream. Times are in ms since the Unix epoch.
#[derive(Serialize)]
struct StreamView {
    name: String,
    codec: Option<String>,
    since_ms: i64,
    publisher: PeerView,
    packets: u64,
    bytes: u64,
    frames: u64,
    idrs: u64,
    /// Packets from the publisher that did not arrive.
    lost_packets: u64,
    /// Datagrams from addresses other than the publisher's and readers'.
    foreign_packets: u64,
    /// Frames dropped for slow readers, summed over all readers.
    dropped_frames: u64,
    /// Audio relayed beside the video; included in the packet and byte counts above.
    audio: Option<AudioView>,
    readers: Vec<ReaderView>,
    /// HTTP viewers and the segments held for them.
    http: HttpView,
}

#[derive(Serialize)]
struct HttpView {
    /// Requests that wait or are being streamed.
    viewers: u64,
    requests: u64,
    bytes: u64,
    /// Times a slow viewer skipped to the newest key frame.
    skips: u64,
    segments: usize,
    segment_bytes: usize,
}

/// Audio is counted but not measured.
#[derive(Serialize)]
struct AudioView {
    codec: String,
    packets: u64,
    bytes: u64,
    frames: u64,
    lost_packets: u64,
}

#[derive(Serialize)]
struct PeerView {
    transport: &'static str,
    address: String,
    user_agent: String,
}

#[derive(Serialize)]
struct ReaderView {
    #[serde(flatten)]
    peer: PeerView,
    since_ms: i64,
    queued_packets: usize,
    dropped_frames: u64,
    dropped_packets: u64,
}

impl StreamView {
    fn of(stream: &Stream, shared: &Shared) -> Self {
        let (counts, held) = (stream.counts(), shared.lives.held(stream.path()));
        let viewed = counts.viewed;
        let (publisher, description) = (stream.publisher(), stream.description());
        let audio = description.audio().zip(counts.audio).map(|(audio, counts)| AudioView {
            codec: audio.format.codecs_parameter(),
            packets: counts.packets,
            bytes: counts.bytes,
            frames: counts.frames,
            lost_packets: counts.lost_packets,
        });
        Self {
            name: stream.path().to_string(),
            codec: description.codecs_parameter(),
            since_ms: millis(publisher.since),
            publisher: PeerView::of(publisher),
            packets: counts.packets,
            bytes: counts.bytes,
            frames: counts.frames,
            idrs: counts.idrs,
            lost_packets: counts.lost_packets,
            foreign_packets: counts.foreign_packets,
            dropped_frames: counts.dropped.frames,
            audio,
            readers: stream.readers().iter().map(ReaderView::of).collect(),
            http: HttpView {
                viewers: viewed.open,
                requests: viewed.requests,
                bytes: viewed.bytes,
                skips: viewed.skips,
                segments: held.segments,
                segment_bytes: held.bytes,
            },
        }
    }
}

impl PeerView {
    fn of(client: &Client) -> Self {
        let Client { transport, peer, user_agent, .. } = client;
        Self { transport, address: peer.to_string(), user_agent: user_agent.clone() }
    }
}

impl ReaderView {
    fn of(reader: &ReaderInfo) -> Self {
        Self {
            peer: PeerView::of(&reader.client),
            since_ms: millis(reader.client.since),
            queued_packets: reader.counts.queued_packets,
            dropped_frames: reader.counts.dropped.frames,
            dropped_packets: reader.counts.dropped.packets,
        }
    }
}

fn millis(time: WallTime) -> i64 {
    time.as_micros().div_euclid(1_000)
}
