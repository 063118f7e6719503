//! A run for tests, of this crate and of those above it.

#![allow(dead_code, unused_imports, reason = "each crate takes what it needs")]

use std::time::Duration;

use measure::Clocks;
use report::Setup;
use serde_json::json;

#[path = "../../measure/src/testing.rs"]
mod samples;

pub use samples::{EPOCH_US, at, now, sample, wall};

/// A run with this warm-up.
pub fn about(warmup: Duration) -> Setup {
    Setup {
        started: now(0),
        warmup,
        url: "rtsp://127.0.0.1:8554/cam".to_owned(),
        clocks: Clocks::Same,
        config: json!({ "transport": "tcp" }).into(),
        host: json!({ "os": "linux" }).into(),
        folder: None,
    }
}
