//! `/metrics`: server and stream metrics in the format of [`metrics::openmetrics`].

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use common::clock::Clock;
use metrics::openmetrics::{self, Format};
use metrics::{Family, Kind, Label, Point, Unit, Value};

use crate::Shared;
use crate::live::Held;
use crate::relay::{Counts, Stream};

/// `GET /metrics`.
pub(super) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let lists: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|list| list.to_str().ok()).collect();
    let format = Format::accepted(&lists.join(","));
    ([(header::CONTENT_TYPE, format.content_type())], openmetrics::text(&families(&shared), format)).into_response()
}

/// A metric of each stream: name, type, unit, help and value.
type StreamMetric = (&'static str, Kind, Unit, &'static str, fn(&Snapshot) -> u64);

/// A stream's counters at one instant.
struct Snapshot {
    path: String,
    counts: Counts,
    held: Held,
}

const STREAM_METRICS: [StreamMetric; 19] = [
    ("framelag_stream_readers", Kind::Gauge, Unit::None, "Readers.", |s| s.counts.readers as u64),
    ("framelag_stream_packets", Kind::Counter, Unit::None, "RTP and RTCP packets received.", |s| s.counts.packets),
    ("framelag_stream_bytes", Kind::Counter, Unit::Bytes, "Bytes of those packets.", |s| s.counts.bytes),
    ("framelag_stream_frames", Kind::Counter, Unit::None, "Video frames received.", |s| s.counts.frames),
    ("framelag_stream_idrs", Kind::Counter, Unit::None, "Frames at which decoding can start.", |s| s.counts.idrs),
    ("framelag_stream_lost_packets", Kind::Counter, Unit::None, "Packets missing by their sequence numbers.", |s| {
        s.counts.lost_packets
    }),
    ("framelag_stream_foreign_packets", Kind::Counter, Unit::None, "Datagrams from unknown senders, ignored.", |s| {
        s.counts.foreign_packets
    }),
    (
        "framelag_stream_dropped_frames",
        Kind::Counter,
        Unit::None,
        "Frames not sent to readers that were too slow.",
        |s| s.counts.dropped.frames,
    ),
    ("framelag_stream_dropped_packets", Kind::Counter, Unit::None, "Packets of those frames.", |s| {
        s.counts.dropped.packets
    }),
    ("framelag_stream_http_viewers", Kind::Gauge, Unit::None, "HTTP requests that wait or are being answered.", |s| {
        s.counts.viewed.open
    }),
    ("framelag_stream_http_requests", Kind::Counter, Unit::None, "HTTP requests for the stream.", |s| {
        s.counts.viewed.requests
    }),
    ("framelag_stream_http_bytes", Kind::Counter, Unit::Bytes, "Bytes of their responses.", |s| s.counts.viewed.bytes),
    (
        "framelag_stream_http_skips",
        Kind::Counter,
        Unit::None,
        "Times a slow HTTP viewer skipped to the newest key frame.",
        |s| s.counts.viewed.skips,
    ),
    ("framelag_stream_segments", Kind::Gauge, Unit::None, "Segments in memory.", |s| s.held.segments as u64),
    ("framelag_stream_segment_bytes", Kind::Gauge, Unit::Bytes, "Bytes of those segments.", |s| s.held.bytes as u64),
    ("framelag_stream_audio_packets", Kind::Counter, Unit::None, "RTP packets of the audio received.", |s| {
        s.counts.audio.map_or(0, |audio| audio.packets)
    }),
    ("framelag_stream_audio_bytes", Kind::Counter, Unit::Bytes, "Bytes of those packets.", |s| {
        s.counts.audio.map_or(0, |audio| audio.bytes)
    }),
    ("framelag_stream_audio_frames", Kind::Counter, Unit::None, "Audio frames received.", |s| {
        s.counts.audio.map_or(0, |audio| audio.frames)
    }),
    (
        "framelag_stream_audio_lost_packets",
        Kind::Counter,
        Unit::None,
        "Packets of the audio missing by their sequence numbers.",
        |s| s.counts.audio.map_or(0, |audio| audio.lost_packets),
    ),
];

/// A metric of the server: name, type, unit, help and value.
type ServerMetric = (&'static str, Kind, Unit, &'static str, fn(&Shared) -> u64);

const SERVER_METRICS: [ServerMetric; 11] = [
    ("framelag_rtsp_connections", Kind::Gauge, Unit::None, "Open RTSP connections.", |s| {
        s.connections.open.load(Relaxed)
    }),
    ("framelag_rtsp_accepted", Kind::Counter, Unit::None, "RTSP connections served.", |s| {
        s.connections.accepted.load(Relaxed)
    }),
    ("framelag_rtsp_refused", Kind::Counter, Unit::None, "RTSP connections closed at the limit.", |s| {
        s.connections.refused.load(Relaxed)
    }),
    ("framelag_http_viewers", Kind::Gauge, Unit::None, "HTTP requests for streams being answered.", |s| {
        s.lives.viewers().admitted() as u64
    }),
    ("framelag_http_refused", Kind::Counter, Unit::None, "HTTP connections and requests refused at a limit.", |s| {
        s.lives.viewers().refused()
    }),
    ("framelag_descriptors", Kind::Gauge, Unit::None, "Descriptors held by connections.", |s| s.budget.used() as u64),
    ("framelag_evicted", Kind::Counter, Unit::None, "Connections closed to make room for others.", |s| {
        s.budget.evicted()
    }),
    ("framelag_held_bytes", Kind::Gauge, Unit::Bytes, "Bytes queued in connections.", |s| s.memory.held() as u64),
    ("framelag_gave_way", Kind::Counter, Unit::None, "Times a connection dropped queued bytes to free memory.", |s| {
        s.memory.times_short()
    }),
    ("framelag_uptime_seconds", Kind::Gauge, Unit::Seconds, "Time since the server started.", |s| {
        (s.clock.now().mono - s.started.mono).as_secs()
    }),
    ("framelag_streams", Kind::Gauge, Unit::None, "Live streams.", |s| s.paths.list().len() as u64),
];

fn families(shared: &Shared) -> Vec<Family> {
    let of_server = SERVER_METRICS.iter().map(|&(name, kind, unit, help, value)| {
        let points = vec![point(Vec::new(), value(shared))];
        Family { name, kind, unit, help, points }
    });
    let mut families: Vec<_> = of_server.collect();
    let snapshot = |stream: Arc<Stream>| Snapshot {
        path: stream.path().to_string(),
        counts: stream.counts(),
        held: shared.lives.held(stream.path()),
    };
    let snapshots: Vec<Snapshot> = shared.paths.list().into_iter().map(snapshot).collect();
    families.extend(STREAM_METRICS.iter().map(|(name, kind, unit, help, value)| {
        let of = |stream: &Snapshot| point(vec![("path", stream.path.clone())], value(stream));
        Family { name, kind: *kind, unit: *unit, help, points: snapshots.iter().map(of).collect() }
    }));
    families
}

/// The start time of the counter is not recorded.
fn point(labels: Vec<Label>, value: u64) -> Point {
    Point { labels, created: None, value: Value::Count(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_openmetrics() {
        let text = openmetrics::text(&families(&Shared::new(None, &crate::Config::default())), Format::OpenMetrics);
        assert!(
            text.contains("# TYPE framelag_rtsp_accepted counter\n")
                && text.contains("framelag_rtsp_accepted_total 0\n")
        );
        assert!(text.contains("framelag_streams 0\n"));
        assert!(text.ends_with("# EOF\n") && !text.contains("\n\n"));
    }
}
