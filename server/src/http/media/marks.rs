//! `GET /{path}/marks`: timestamps of the newest frames, by the sequence numbers in their stamps.

use axum::Json;
use common::host::clock;
use common::served::ServedFrames;

use crate::live::Live;

/// Returns the frames from the number in `query` on: `from=N`.
pub(super) fn show(live: &Live, query: &str) -> Json<ServedFrames> {
    let from = query.split('&').find_map(|pair| pair.strip_prefix("from=")?.parse().ok());
    let (origin, frames) = live.marks(from);
    Json(ServedFrames { publisher_host: origin.host, server_host: clock::host(), frames })
}
