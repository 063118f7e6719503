//! `GET /{path}/marks`: when the newest frames were where, by the numbers in their stamps.

use axum::Json;
use common::host::clock;
use serde::Serialize;

use crate::live::{FrameMarks, Live};

#[derive(Serialize)]
pub(super) struct View {
    /// Id of the publisher's host, and so of its clock; 0 where it has none, or no frame has a stamp.
    publisher_host: u32,
    /// That of this host.
    server_host: u32,
    frames: Vec<FrameMarks>,
}

/// Those from the number in `query` on: `from=N`.
pub(super) fn show(live: &Live, query: &str) -> Json<View> {
    let from = query.split('&').find_map(|pair| pair.strip_prefix("from=")?.parse().ok());
    let (origin, frames) = live.marks(from);
    Json(View { publisher_host: origin.host, server_host: clock::host(), frames })
}
