//! What a run tells the outside: log lines for people on standard error, JSON lines for scripts on standard output.

use std::io::Write;

use chrono::{SecondsFormat, Utc};
use common::printable::lines;
use serde_json::{Map, Value, json};

/// Tells of events, from any thread.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    json: bool,
}

/// Counters of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Seconds since the first picture.
    pub seconds: f64,
    /// Pictures stamped.
    pub frames: u64,
    /// Pictures per second over the last second; `None` before the second picture.
    pub fps: Option<f64>,
    /// Bytes of encoded video, or of pictures where nothing is encoded.
    pub bytes: u64,
    /// Mean milliseconds from PUB until a frame was handed on, over the last frames.
    pub processing_ms: Option<f64>,
    /// Pictures that were captured but not taken in time.
    pub dropped_by_source: u64,
    /// Pictures whose driver gave a capture time that cannot be: the time was dropped, the picture was not.
    pub implausible_capture_times: u64,
    /// Picture times that passed because the source or this program could not keep up.
    pub missed: u64,
    /// Pictures of which the encoder made nothing.
    pub dropped_by_encoder: u64,
    /// Encoded frames that the network did not take in time.
    pub dropped_by_sender: u64,
    /// How often the connection was lost and made again.
    pub reconnects: u64,
}

impl Log {
    /// A log that writes JSON lines to standard output where `json` asks for it; log lines go out in any case.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// The run begins: what is published, how, and where it can be played.
    pub fn started(&self, fields: Value) {
        self.line("started", fields);
    }

    /// One second of the run has passed.
    pub fn statistics(&self, statistics: &Statistics) {
        self.line("statistics", statistics.to_json());
    }

    /// Something happened that a user may want to know. `code` is short and stable, `message` for people.
    pub fn info(&self, code: &str, message: &str) {
        tracing::info!("{message}");
        self.line(code, json!({ "message": message }));
    }

    /// Something happened that the log lines tell already: for the JSON lines only.
    pub fn note(&self, code: &str, message: &str) {
        self.line(code, json!({ "message": message }));
    }

    /// Something happened that a user should know.
    pub fn warn(&self, code: &str, message: &str) {
        tracing::warn!("{message}");
        self.line(code, json!({ "message": message }));
    }

    /// The run is over.
    pub fn ended(&self, statistics: &Statistics) {
        let Statistics { seconds, frames, dropped_by_source, missed, dropped_by_sender, .. } = statistics;
        let times = match statistics.implausible_capture_times {
            0 => String::new(),
            count => format!("; {count} implausible capture times ignored"),
        };
        let encoder = match statistics.dropped_by_encoder {
            0 => String::new(),
            count => format!("{count} by the encoder, "),
        };
        tracing::info!(
            "{frames} frames in {seconds:.1} s; dropped: {dropped_by_source} at the source, {missed} late, \
             {encoder}{dropped_by_sender} at the network{times}"
        );
        self.line("ended", statistics.to_json());
    }

    fn line(&self, event: &str, fields: Value) {
        if !self.json {
            return;
        }
        let mut line = Map::new();
        line.insert("event".to_owned(), event.into());
        line.insert("time".to_owned(), Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true).into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let text = format!("{}\n", Value::Object(line));
        // The reader is gone: the run continues without it.
        if let Err(why) = std::io::stdout().lock().write_all(lines(&text).as_bytes()) {
            tracing::debug!("standard output: {why}");
        }
    }
}

impl Statistics {
    fn to_json(self) -> Value {
        let rounded = |value: Option<f64>| value.map(|value| (value * 1e3).round() / 1e3);
        json!({
            "seconds": rounded(Some(self.seconds)),
            "frames": self.frames,
            "fps": rounded(self.fps),
            "bytes": self.bytes,
            "processing_ms": rounded(self.processing_ms),
            "dropped_by_source": self.dropped_by_source,
            "implausible_capture_times": self.implausible_capture_times,
            "missed": self.missed,
            "dropped_by_encoder": self.dropped_by_encoder,
            "dropped_by_sender": self.dropped_by_sender,
            "reconnects": self.reconnects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_do_not_exist_are_null() {
        let fields = Statistics { seconds: 1.000_04, frames: 30, ..Statistics::default() }.to_json();
        assert_eq!((&fields["fps"], &fields["seconds"], &fields["frames"]), (&Value::Null, &json!(1.0), &json!(30)));
    }
}
