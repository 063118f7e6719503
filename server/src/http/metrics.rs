//! `/metrics`, in the OpenMetrics text format 1.0.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use common::clock::Clock;

use crate::Shared;
use crate::relay::{Counts, Stream};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`.
pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&shared)).into_response()
}

/// A metric of each stream: its name, type, help, and value.
type StreamMetric = (&'static str, Kind, &'static str, fn(&Counts, usize) -> u64);

const STREAM_METRICS: [StreamMetric; 9] = [
    ("framelag_stream_readers", Kind::Gauge, "Readers.", |_, readers| readers as u64),
    ("framelag_stream_packets", Kind::Counter, "RTP and RTCP packets received.", |c, _| c.packets),
    ("framelag_stream_bytes", Kind::Counter, "Bytes of those packets.", |c, _| c.bytes),
    ("framelag_stream_frames", Kind::Counter, "Video frames received.", |c, _| c.frames),
    ("framelag_stream_idrs", Kind::Counter, "Frames that decoding can start with.", |c, _| c.idrs),
    ("framelag_stream_lost_packets", Kind::Counter, "Packets missing by their sequence numbers.", |c, _| {
        c.lost_packets
    }),
    ("framelag_stream_foreign_packets", Kind::Counter, "Datagrams from strangers, ignored.", |c, _| c.foreign_packets),
    ("framelag_stream_dropped_frames", Kind::Counter, "Frames not sent to readers that were too slow.", |c, _| {
        c.dropped.frames
    }),
    ("framelag_stream_dropped_packets", Kind::Counter, "Packets of those frames.", |c, _| c.dropped.packets),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
}

fn text(shared: &Shared) -> String {
    let mut page = Page(String::new());
    let connections = &shared.connections;
    page.single("framelag_rtsp_connections", Kind::Gauge, "Open RTSP connections.", connections.open.load(Relaxed));
    page.single(
        "framelag_rtsp_accepted",
        Kind::Counter,
        "RTSP connections served.",
        connections.accepted.load(Relaxed),
    );
    let refused = connections.refused.load(Relaxed);
    page.single("framelag_rtsp_refused", Kind::Counter, "RTSP connections closed at the limit.", refused);
    let uptime = (shared.clock.now().mono - shared.started.mono).as_secs();
    page.single("framelag_uptime_seconds", Kind::Gauge, "Time since the server started.", uptime);
    let streams = shared.paths.list();
    page.single("framelag_streams", Kind::Gauge, "Live streams.", streams.len() as u64);

    let snapshots: Vec<(Arc<Stream>, Counts, usize)> =
        streams.into_iter().map(|s| (s.clone(), s.counts(), s.readers().len())).collect();
    for (name, kind, help, value) in STREAM_METRICS {
        page.family(name, kind, help);
        for (stream, counts, readers) in &snapshots {
            // The characters of a stream's name need no escaping.
            let labels = format!("{{path=\"{}\"}}", stream.path());
            page.sample(name, kind, &labels, value(counts, *readers));
        }
    }
    page.end()
}

struct Page(String);

impl Page {
    fn single(&mut self, name: &str, kind: Kind, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, kind, "", value);
    }

    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = if kind == Kind::Gauge { "gauge" } else { "counter" };
        self.line(&format!("# TYPE {name} {kind}"));
        self.line(&format!("# HELP {name} {help}"));
    }

    fn sample(&mut self, name: &str, kind: Kind, labels: &str, value: u64) {
        let suffix = if kind == Kind::Counter { "_total" } else { "" };
        self.line(&format!("{name}{suffix}{labels} {value}"));
    }

    fn line(&mut self, text: &str) {
        writeln!(self.0, "{text}").expect("writing to a String does not fail");
    }

    fn end(mut self) -> String {
        self.line("# EOF");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_openmetrics() {
        let text = text(&Shared::new(None));
        assert!(
            text.contains("# TYPE framelag_rtsp_accepted counter\n")
                && text.contains("framelag_rtsp_accepted_total 0\n")
        );
        assert!(text.contains("framelag_streams 0\n"));
        assert!(text.ends_with("# EOF\n") && !text.contains("\n\n"));
    }
}
