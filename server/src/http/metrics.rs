//! `/metrics`: what the server and its streams do, as [`metrics::openmetrics`] writes it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use common::clock::Clock;
use metrics::openmetrics::{self, Format};
use metrics::{Family, Kind, Label, Point, Unit, Value};

use crate::Shared;
use crate::relay::{Counts, Stream};

/// `GET /metrics`.
pub(super) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let lists: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|list| list.to_str().ok()).collect();
    let format = Format::accepted(&lists.join(","));
    ([(header::CONTENT_TYPE, format.content_type())], openmetrics::text(&families(&shared), format)).into_response()
}

/// A metric of each stream: its name, type, unit, help, and value.
type StreamMetric = (&'static str, Kind, Unit, &'static str, fn(&Counts) -> u64);

const STREAM_METRICS: [StreamMetric; 13] = [
    ("framelag_stream_readers", Kind::Gauge, Unit::None, "Readers.", |c| c.readers as u64),
    ("framelag_stream_packets", Kind::Counter, Unit::None, "RTP and RTCP packets received.", |c| c.packets),
    ("framelag_stream_bytes", Kind::Counter, Unit::Bytes, "Bytes of those packets.", |c| c.bytes),
    ("framelag_stream_frames", Kind::Counter, Unit::None, "Video frames received.", |c| c.frames),
    ("framelag_stream_idrs", Kind::Counter, Unit::None, "Frames at which decoding can start.", |c| c.idrs),
    ("framelag_stream_lost_packets", Kind::Counter, Unit::None, "Packets missing by their sequence numbers.", |c| {
        c.lost_packets
    }),
    ("framelag_stream_foreign_packets", Kind::Counter, Unit::None, "Datagrams from unknown senders, ignored.", |c| {
        c.foreign_packets
    }),
    (
        "framelag_stream_dropped_frames",
        Kind::Counter,
        Unit::None,
        "Frames not sent to readers that were too slow.",
        |c| c.dropped.frames,
    ),
    ("framelag_stream_dropped_packets", Kind::Counter, Unit::None, "Packets of those frames.", |c| c.dropped.packets),
    ("framelag_stream_audio_packets", Kind::Counter, Unit::None, "RTP packets of the audio received.", |c| {
        c.audio.map_or(0, |audio| audio.packets)
    }),
    ("framelag_stream_audio_bytes", Kind::Counter, Unit::Bytes, "Bytes of those packets.", |c| {
        c.audio.map_or(0, |audio| audio.bytes)
    }),
    ("framelag_stream_audio_frames", Kind::Counter, Unit::None, "Audio frames received.", |c| {
        c.audio.map_or(0, |audio| audio.frames)
    }),
    (
        "framelag_stream_audio_lost_packets",
        Kind::Counter,
        Unit::None,
        "Packets of the audio missing by their sequence numbers.",
        |c| c.audio.map_or(0, |audio| audio.lost_packets),
    ),
];

/// A metric of the server.
type ServerMetric = (&'static str, Kind, Unit, &'static str, fn(&Shared) -> u64);

const SERVER_METRICS: [ServerMetric; 9] = [
    ("framelag_rtsp_connections", Kind::Gauge, Unit::None, "Open RTSP connections.", |s| {
        s.connections.open.load(Relaxed)
    }),
    ("framelag_rtsp_accepted", Kind::Counter, Unit::None, "RTSP connections served.", |s| {
        s.connections.accepted.load(Relaxed)
    }),
    ("framelag_rtsp_refused", Kind::Counter, Unit::None, "RTSP connections closed at the limit.", |s| {
        s.connections.refused.load(Relaxed)
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
    let snapshots: Vec<(Arc<Stream>, Counts)> =
        shared.paths.list().into_iter().map(|s| (s.clone(), s.counts())).collect();
    families.extend(STREAM_METRICS.iter().map(|(name, kind, unit, help, value)| {
        let of =
            |(stream, counts): &(Arc<Stream>, Counts)| point(vec![("path", stream.path().to_string())], value(counts));
        Family { name, kind: *kind, unit: *unit, help, points: snapshots.iter().map(of).collect() }
    }));
    families
}

/// Since when a stream counts is not kept.
fn point(labels: Vec<Label>, value: u64) -> Point {
    Point { labels, created: None, value: Value::Count(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_openmetrics() {
        let text =
            openmetrics::text(&families(&Shared::new(None, crate::SegmentSettings::default())), Format::OpenMetrics);
        assert!(
            text.contains("# TYPE framelag_rtsp_accepted counter\n")
                && text.contains("framelag_rtsp_accepted_total 0\n")
        );
        assert!(text.contains("framelag_streams 0\n"));
        assert!(text.ends_with("# EOF\n") && !text.contains("\n\n"));
    }
}
