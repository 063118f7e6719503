//! A response body that follows the live stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

use crate::budget::Lease;
use crate::live::{Live, Permit};
use crate::relay::View;
use crate::segment::{Cursor, Tracks};

/// Fragments between two reports that the connection is in use.
const TOUCH_EVERY: u32 = 30;
/// Longest wait for the next frame.
const FRAME_LIMIT: Duration = Duration::from_secs(30);

/// A request that waits or is streamed, with its permit.
pub(super) struct Viewer {
    pub(super) lease: Arc<Lease>,
    pub(super) view: View,
    pub(super) _permit: Permit,
}

/// Reads a stream frame by frame. A viewer that falls behind skips to the newest key frame.
pub(super) struct Reader {
    live: Arc<Live>,
    viewer: Viewer,
    /// Number of fragments sent.
    sent: u32,
    cursor: Cursor,
    /// Reads only this segment, without initialization segments.
    within: Option<u64>,
    tracks: Tracks,
    /// Number of the initialization segment sent last.
    init: Option<u64>,
}

impl Reader {
    /// Reads `tracks` of segment `number` only, without its initialization segment.
    pub(super) fn of_segment(live: Arc<Live>, viewer: Viewer, number: u64, tracks: Tracks) -> Self {
        Self { live, viewer, sent: 0, cursor: Cursor::at_start(number), within: Some(number), tracks, init: None }
    }

    /// Reads the stream from `cursor` on.
    pub(super) fn of_stream(live: Arc<Live>, viewer: Viewer, cursor: Cursor) -> Self {
        Self { live, viewer, sent: 0, cursor, within: None, tracks: Tracks::Both, init: None }
    }

    pub(super) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut reader| async {
            let mut bytes = Bytes::new();
            // Many fragments contain no audio.
            while bytes.is_empty() {
                bytes = reader.next().await?;
            }
            Some((Ok::<_, std::convert::Infallible>(bytes), reader))
        }))
    }

    async fn next(&mut self) -> Option<Bytes> {
        let (within, tracks, known, mut cursor) = (self.within, self.tracks, self.init, self.cursor);
        let view = &self.viewer.view;
        let (bytes, init, cursor) = self
            .live
            .wait(FRAME_LIMIT, |window| {
                if within.is_none() && window.is_behind(cursor) {
                    cursor = window.newest_sync()?;
                    view.skipped();
                }
                let Some((segment, fragment, next)) = window.read(cursor) else {
                    let over = window.has_ended() || window.segment(within?).is_none_or(|segment| segment.complete);
                    return over.then_some(None);
                };
                if within.is_some_and(|within| within != segment.number) {
                    return Some(None);
                }
                let bytes = if within.is_some() || known == Some(segment.init.number) {
                    fragment.of(tracks)
                } else {
                    [&segment.init.bytes[..], &fragment.bytes].concat().into()
                };
                Some(Some((bytes, segment.init.number, next)))
            })
            .await??;
        (self.init, self.cursor) = (Some(init), cursor);
        self.viewer.view.sent(bytes.len());
        self.sent = self.sent.wrapping_add(1);
        if self.sent.is_multiple_of(TOUCH_EVERY) {
            self.viewer.lease.touch();
        }
        Some(bytes)
    }
}
