//! `GET /{path}/marks`: timestamps of the newest frames, by the sequence numbers in their stamps.

use axum::Json;
use common::host::clock;
use serde::Serialize;

use crate::live::{FrameMarks, Live};

#[derive(Serialize)]
pub(super) struct View {
    /// Id of the publisher's host, which identifies its clock; 0 if unknown.
    publisher_host: u32,
    /// Id of this host.
    server_host: u32,
    frames: Vec<FrameMarks>,
}

/// Returns the frames from the number in `query` on: `from=N`.
pub(super) fn show(live: &Live, query: &str) -> Json<View> {
    let from = query.split('&').find_map(|pair| pair.strip_prefix("from=")?.parse().ok());
    let (origin, frames) = live.marks(from);
    Json(View { publisher_host: origin.host, server_host: clock::host(), frames })
}
