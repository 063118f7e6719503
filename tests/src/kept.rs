//! Report folders that take no time to make: what a receiver would have recorded, in virtual time.

use std::path::Path;
use std::time::Duration;

use common::marks::{Mark, Marks};
use common::time::{MonoTime, Now, WallTime};
use measure::{Clocks, Correction, Sample};
use report::{Observation, Recorder, Setup};
use serde_json::json;

/// Frames of a run: enough for a p99.
pub const FRAMES: u32 = 150;

/// The first run's beginning: 2026-01-01T00:00:00Z.
const EPOCH_US: i64 = 1_767_225_600_000_000;

/// Writes the report of a run that began so many hours after the first one, whose frames are `latency_ms` old when they
/// are shown, and some a little older.
///
/// # Panics
///
/// Where it cannot be written.
pub fn report(folder: &Path, hour: u32, latency_ms: f64) {
    let started = EPOCH_US + i64::from(hour) * 3_600_000_000;
    let now = |ms: u64| Now {
        wall: WallTime::from_micros(started + ms as i64 * 1_000),
        mono: MonoTime::from_origin(Duration::from_millis(ms)),
    };
    let setup = Setup {
        started: now(0),
        warmup: Duration::ZERO,
        url: "rtsp://127.0.0.1:8554/cam".to_owned(),
        clocks: Clocks::Same,
        config: json!({ "transport": "tcp", "url": "rtsp://127.0.0.1:8554/cam" }).into(),
        host: json!({ "os": "linux", "arch": "x86_64", "cpu": "test", "cpus": 2 }).into(),
        folder: Some(report::Place::Folder(folder.to_owned())),
    };
    let mut recorder = Recorder::new(setup).expect("the folder can be written");
    for sequence in 0..FRAMES {
        let at = now(1_000 + u64::from(sequence) * 40);
        let latency_us = (latency_ms * 1e3) as i64 + i64::from(sequence % 10) * 100;
        recorder.observe(&Observation::frame(sample(sequence, at, latency_us)));
    }
    let end = now(1_000 + u64::from(FRAMES) * 40);
    recorder.tick(end);
    recorder.finish(end, &[]).with_pages(render::pages_of);
}

fn sample(sequence: u32, at: Now, latency_us: i64) -> Sample {
    let presented = at.wall;
    let stamp = presented.offset(-latency_us);
    let marks = Marks::new(stamp, presented)
        .with(Mark::Received, presented.offset(-980))
        .with(Mark::Assembled, presented.offset(-900))
        .with(Mark::Decoded, presented.offset(-60))
        .with(Mark::Read, presented.offset(-40));
    Sample {
        stream_id: 1,
        sequence,
        run: Some(1),
        marks,
        presented: at.mono,
        correction: Correction::None,
        shown: true,
        bytes: 4_000,
        idr: sequence.is_multiple_of(30),
    }
}
