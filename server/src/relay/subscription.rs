//! The public end of a sink of frames.

use std::sync::Arc;

use common::rtp::Frame;
use common::time::MonoTime;

use super::frames::{FrameDrops, FrameQueue, Unit, Wants};
use super::memory::Memory;
use super::stream::Stream;

/// A subscription to the frames of one stream, from the first that decoding can begin with.
pub struct Frames {
    stream: Arc<Stream>,
    queue: Arc<FrameQueue>,
}

impl Frames {
    /// Subscribes, with a queue that counts in `memory`; `None` where the stream has just ended.
    pub(crate) fn of(stream: Arc<Stream>, memory: &Memory, now: MonoTime) -> Option<Self> {
        let queue = stream.subscribe(now, memory, Wants::Video)?;
        Some(Self { stream, queue })
    }

    /// Like [`Frames::of`], but with audio, for [`Frames::next_unit`].
    pub(crate) fn with_audio(stream: Arc<Stream>, memory: &Memory, now: MonoTime) -> Option<Self> {
        let queue = stream.subscribe(now, memory, Wants::Both)?;
        Some(Self { stream, queue })
    }

    /// The next frame, in decoding order, shared with the other subscribers. `None` once the stream has ended. May be dropped
    /// at any time.
    pub async fn next(&mut self) -> Option<Arc<Frame>> {
        loop {
            if let Unit::Video(frame) = self.queue.next().await? {
                return Some(frame);
            }
        }
    }

    /// Returns the next frame of video or audio, in order of completion.
    pub(crate) async fn next_unit(&mut self) -> Option<Unit> {
        self.queue.next().await
    }

    /// Asks the publisher for an IDR. It costs every reader bandwidth.
    pub(crate) fn request_idr(&self, now: MonoTime) {
        self.stream.request_idr(now);
    }

    /// Whether the publisher has ended the stream; a lost one may come back.
    pub(crate) fn is_finished(&self) -> bool {
        self.stream.is_finished()
    }

    /// What it did not get so far.
    pub fn drops(&self) -> FrameDrops {
        self.queue.drops()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.stream.unsubscribe(&self.queue);
    }
}

#[cfg(test)]
mod tests;
