//! The public end of a sink of frames.

use std::sync::Arc;

use common::rtp::Frame;
use common::time::MonoTime;

use super::frames::{FrameDrops, FrameQueue};
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
        let queue = stream.subscribe(now, memory)?;
        Some(Self { stream, queue })
    }

    /// The next frame, in decoding order, shared with the other subscribers. `None` once the stream has ended. May be dropped
    /// at any time.
    pub async fn next(&mut self) -> Option<Arc<Frame>> {
        self.queue.next().await
    }

    /// Asks the publisher for an IDR. Every reader pays for it with bandwidth.
    pub(crate) fn request_idr(&self, now: MonoTime) {
        self.stream.request_idr(now);
    }

    /// Whether the publisher has said that it ends; one that was only lost may come back.
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
