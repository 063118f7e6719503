//! A response body that follows the live stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

use crate::budget::Lease;
use crate::live::{Live, Permit};
use crate::relay::View;
use crate::segment::{Cursor, Tracks, Window};

/// Fragments between two reports that the connection is in use.
const TOUCH_EVERY: u32 = 30;
/// Longest wait for the next frame.
const FRAME_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for a frame before checking whether another stream has replaced this one.
const FOLLOW_AFTER: Duration = Duration::from_millis(250);

/// A request that waits or is streamed, with its permit.
pub(super) struct Viewer {
    pub(super) lease: Arc<Lease>,
    pub(super) view: View,
    pub(super) _permit: Permit,
}

/// Returns the stream at the path that is read: another one if its publisher has come back or its settings have changed.
type Find = Box<dyn Fn() -> Option<Arc<Live>> + Send>;

/// Reads a stream frame by frame. A viewer that falls behind skips to the newest key frame.
pub(super) struct Reader {
    live: Arc<Live>,
    viewer: Viewer,
    /// Number of fragments sent.
    sent: u32,
    /// `None` before the first key frame.
    cursor: Option<Cursor>,
    scope: Scope,
    tracks: Tracks,
    /// Number of the initialization segment sent last.
    init: Option<u64>,
}

/// How much is read.
enum Scope {
    /// Only this segment, without its initialization segment.
    Segment(u64),
    /// The stream, with each initialization segment.
    Stream(Find),
}

/// The next fragment.
enum Next {
    Bytes { bytes: Bytes, init: u64, cursor: Cursor },
    Over,
}

impl Reader {
    /// Reads `tracks` of segment `number` only, without its initialization segment.
    pub(super) fn of_segment(live: Arc<Live>, viewer: Viewer, number: u64, tracks: Tracks) -> Self {
        let cursor = Some(Cursor::at_start(number));
        Self { live, viewer, sent: 0, cursor, scope: Scope::Segment(number), tracks, init: None }
    }

    /// Reads the stream from `cursor` on, and continues with the one that `find` returns once it has replaced this one.
    pub(super) fn of_stream(live: Arc<Live>, viewer: Viewer, cursor: Cursor, find: Find) -> Self {
        let (cursor, scope) = (Some(cursor), Scope::Stream(find));
        Self { live, viewer, sent: 0, cursor, scope, tracks: Tracks::Both, init: None }
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
        let limit = Instant::now() + FRAME_LIMIT;
        let (bytes, init, cursor) = loop {
            let next = self.read().await;
            // A stream that is replaced from here on is followed in the next round.
            let is_replaced = self.live.is_replaced();
            match next {
                Some(Next::Bytes { bytes, init, cursor }) => break (bytes, init, cursor),
                _ if self.follow() => {}
                None if !is_replaced && Instant::now() < limit => {}
                Some(Next::Over) | None => return None,
            }
        };
        (self.init, self.cursor) = (Some(init), Some(cursor));
        self.viewer.view.sent(bytes.len());
        self.sent = self.sent.wrapping_add(1);
        if self.sent.is_multiple_of(TOUCH_EVERY) {
            self.viewer.lease.touch();
        }
        Some(bytes)
    }

    /// Waits a moment for the next fragment.
    async fn read(&mut self) -> Option<Next> {
        let (tracks, known, view) = (self.tracks, self.init, &self.viewer.view);
        let within = if let Scope::Segment(number) = self.scope { Some(number) } else { None };
        let mut cursor = self.cursor;
        let read = |window: &Window| {
            if within.is_none() && cursor.is_some_and(|cursor| window.is_behind(cursor)) {
                cursor = None;
                view.skipped();
            }
            cursor = cursor.or_else(|| window.newest_sync());
            let Some((segment, fragment, next)) = cursor.and_then(|cursor| window.read(cursor)) else {
                let over = window.has_ended() || window.segment(within?).is_none_or(|segment| segment.complete);
                return over.then_some(Next::Over);
            };
            if within.is_some_and(|within| within != segment.number) {
                return Some(Next::Over);
            }
            let bytes = if within.is_some() || known == Some(segment.init.number) {
                fragment.of(tracks)
            } else {
                [&segment.init.bytes[..], &fragment.bytes].concat().into()
            };
            Some(Next::Bytes { bytes, init: segment.init.number, cursor: next })
        };
        self.live.wait(FOLLOW_AFTER, read).await
    }

    /// Continues with the stream that has replaced this one. Returns whether there is one.
    fn follow(&mut self) -> bool {
        let Scope::Stream(find) = &self.scope else { return false };
        let Some(live) = find().filter(|found| !Arc::ptr_eq(found, &self.live)) else { return false };
        // Any other begins its media time anew, which a player of this response cannot know.
        if !self.live.is_replaced() {
            return false;
        }
        self.viewer.view = live.view();
        (self.live, self.cursor, self.init) = (live, None, None);
        true
    }
}
