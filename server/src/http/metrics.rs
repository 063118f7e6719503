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

const STREAM_METRICS: [StreamMetric; 9] = [
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
];

fn families(shared: &Shared) -> Vec<Family> {
    let connections = &shared.connections;
    let uptime = (shared.clock.now().mono - shared.started.mono).as_secs();
    let streams = shared.paths.list();
    let (open, accepted) = (connections.open.load(Relaxed), connections.accepted.load(Relaxed));
    let refused = connections.refused.load(Relaxed);
    let (descriptors, held) = (shared.budget.used() as u64, shared.memory.held() as u64);
    let (evicted, gave_way) = (shared.budget.evicted(), shared.memory.times_short());
    let mut families = vec![
        single("framelag_rtsp_connections", Kind::Gauge, Unit::None, "Open RTSP connections.", open),
        single("framelag_rtsp_accepted", Kind::Counter, Unit::None, "RTSP connections served.", accepted),
        single("framelag_rtsp_refused", Kind::Counter, Unit::None, "RTSP connections closed at the limit.", refused),
        single("framelag_descriptors", Kind::Gauge, Unit::None, "Descriptors held by connections.", descriptors),
        single("framelag_evicted", Kind::Counter, Unit::None, "Connections closed to make room for others.", evicted),
        single("framelag_held_bytes", Kind::Gauge, Unit::Bytes, "Bytes queued in connections.", held),
        single(
            "framelag_gave_way",
            Kind::Counter,
            Unit::None,
            "Times a connection dropped queued bytes to free memory.",
            gave_way,
        ),
        single("framelag_uptime_seconds", Kind::Gauge, Unit::Seconds, "Time since the server started.", uptime),
        single("framelag_streams", Kind::Gauge, Unit::None, "Live streams.", streams.len() as u64),
    ];
    let snapshots: Vec<(Arc<Stream>, Counts)> = streams.into_iter().map(|s| (s.clone(), s.counts())).collect();
    families.extend(STREAM_METRICS.iter().map(|(name, kind, unit, help, value)| {
        let of =
            |(stream, counts): &(Arc<Stream>, Counts)| point(vec![("path", stream.path().to_string())], value(counts));
        Family { name, kind: *kind, unit: *unit, help, points: snapshots.iter().map(of).collect() }
    }));
    families
}

fn single(name: &'static str, kind: Kind, unit: Unit, help: &'static str, value: u64) -> Family {
    Family { name, kind, unit, help, points: vec![point(Vec::new(), value)] }
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
        let text = openmetrics::text(&families(&Shared::new(None)), Format::OpenMetrics);
        assert!(
            text.contains("# TYPE framelag_rtsp_accepted counter\n")
                && text.contains("framelag_rtsp_accepted_total 0\n")
        );
        assert!(text.contains("framelag_streams 0\n"));
        assert!(text.ends_with("# EOF\n") && !text.contains("\n\n"));
    }
}
