//! A response body that follows the live stream.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

use super::followed::Followed;
use crate::segment::{Cursor, Tracks, Window};

/// Fragments between two reports that the connection is in use.
const TOUCH_EVERY: u32 = 30;
/// Longest wait for the next frame.
const FRAME_LIMIT: Duration = Duration::from_secs(30);

/// Reads a stream frame by frame. A viewer that falls behind skips to the newest key frame.
pub(super) struct Reader {
    stream: Followed,
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
    /// The stream and its successors, with each initialization segment.
    Stream,
}

/// The next fragment.
enum Next {
    Bytes {
        bytes: Bytes,
        init: u64,
        cursor: Cursor,
    },
    /// All has been read.
    Over,
    /// The segment was dropped before all of it was read.
    Gone,
}

impl Reader {
    /// Reads `tracks` of segment `number` only, without its initialization segment.
    pub(super) fn of_segment(stream: Followed, number: u64, tracks: Tracks) -> Self {
        let cursor = Some(Cursor::at_start(number));
        Self { stream, sent: 0, cursor, scope: Scope::Segment(number), tracks, init: None }
    }

    /// Reads the stream and its successors, from `cursor` on.
    pub(super) fn of_stream(stream: Followed, cursor: Cursor) -> Self {
        Self { stream, sent: 0, cursor: Some(cursor), scope: Scope::Stream, tracks: Tracks::Both, init: None }
    }

    /// Ends with an error where a segment is cut short, so that nobody takes it for a whole one.
    pub(super) fn into_body(self) -> Body {
        Body::from_stream(stream::try_unfold(self, |mut reader| async {
            let mut bytes = Bytes::new();
            // Many fragments contain no audio.
            while bytes.is_empty() {
                let Some(next) = reader.next().await? else { return Ok(None) };
                bytes = next;
            }
            Ok::<_, io::Error>(Some((bytes, reader)))
        }))
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let limit = Instant::now() + FRAME_LIMIT;
        let (bytes, init, cursor) = loop {
            let next = self.read().await;
            // A stream that is replaced from here on is followed in the next round.
            let is_replaced = self.stream.live().is_replaced();
            match next {
                Some(Next::Bytes { bytes, init, cursor }) => break (bytes, init, cursor),
                _ if self.follow() => {}
                None if !is_replaced && Instant::now() < limit => {}
                Some(Next::Over) => return Ok(None),
                Some(Next::Gone) | None => match self.scope {
                    Scope::Segment(number) => return Err(io::Error::other(format!("segment {number} is cut short"))),
                    Scope::Stream => return Ok(None),
                },
            }
        };
        (self.init, self.cursor) = (Some(init), Some(cursor));
        self.stream.view().sent(bytes.len());
        self.sent = self.sent.wrapping_add(1);
        if self.sent.is_multiple_of(TOUCH_EVERY) {
            self.stream.touch();
        }
        Ok(Some(bytes))
    }

    /// Waits a moment for the next fragment.
    async fn read(&mut self) -> Option<Next> {
        let (tracks, known, view) = (self.tracks, self.init, self.stream.view());
        let within = if let Scope::Segment(number) = self.scope { Some(number) } else { None };
        let mut cursor = self.cursor;
        let read = |window: &Window| {
            if within.is_none() && cursor.is_some_and(|cursor| window.is_behind(cursor)) {
                cursor = None;
                view.skipped();
            }
            cursor = cursor.or_else(|| window.newest_sync());
            let Some((segment, fragment, next)) = cursor.and_then(|cursor| window.read(cursor)) else {
                return match within.map(|within| window.segment(within)) {
                    Some(None) => Some(Next::Gone),
                    Some(Some(segment)) if segment.complete => Some(Next::Over),
                    _ => window.has_ended().then_some(Next::Over),
                };
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
        self.stream.look(read).await
    }

    /// Switches to the stream's successor. Returns whether there is one.
    fn follow(&mut self) -> bool {
        let is_followed = matches!(self.scope, Scope::Stream) && self.stream.follow();
        if is_followed {
            (self.cursor, self.init) = (None, None);
        }
        is_followed
    }
}
