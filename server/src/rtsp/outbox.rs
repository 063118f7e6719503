//! The writing half of a connection, shared by the connection's own task and the publisher's.
//!
//! Whoever has something to send writes it at once, without blocking. Only what the socket does not take waits, and
//! only then does the connection's task come in: it waits until the socket takes more.

use std::io::{ErrorKind, IoSlice};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use common::lock::lock;
use common::time::MonoTime;
use tokio::io::Interest;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::relay::{ControlFull, Drops, Placed, Queue, ReaderCounts, Share};

/// Slices in one vectored write: two for each packet. Linux takes 1,024.
const SLICES: usize = 256;
/// Writes at a time: whoever waits for the outbox does not wait for a long queue to go out.
const WRITES: usize = 8;

/// See the module.
pub(super) struct Outbox {
    socket: OwnedWriteHalf,
    inner: Mutex<Inner>,
    wake: Notify,
}

struct Inner {
    queue: Queue,
    /// Since when the socket has not taken a byte of what waits.
    blocked: Option<MonoTime>,
    failed: bool,
    ended: bool,
}

/// What an [`Outbox`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The socket takes bytes again: flush.
    Writable,
    /// A write failed.
    Failed,
    /// The stream that was played has ended.
    Ended,
}

impl Outbox {
    /// Writes to `socket`; what waits counts in `share`.
    pub(super) fn new(socket: OwnedWriteHalf, share: Share) -> Self {
        let inner = Inner { queue: Queue::new(share), blocked: None, failed: false, ended: false };
        Self { socket, inner: Mutex::new(inner), wake: Notify::new() }
    }

    /// Queues a response, or an interleaved frame that is not media, to go out with the next flush or media.
    ///
    /// # Errors
    /// Where the peer has not read the responses before it.
    pub(super) fn queue(&self, now: MonoTime, message: Bytes) -> Result<(), ControlFull> {
        self.lock().queue.push_control(now, message)
    }

    /// Sends packets, all of them in as few writes as possible. `channel_of` gives the interleaved channel, `None` for
    /// packets that the peer does not want. Gives how often the peer has turned out to be too slow, where it just did.
    pub(super) fn deliver(
        &self,
        now: MonoTime,
        batch: &[Placed],
        channel_of: impl Fn(&Placed) -> Option<u8>,
    ) -> Option<u64> {
        let mut inner = self.lock();
        let before = inner.queue.gate().closings();
        for placed in batch {
            if let Some(channel) = channel_of(placed) {
                inner.queue.push_media(now, placed, channel);
            }
        }
        self.write(&mut inner, now);
        let closings = inner.queue.gate().closings();
        (closings > before).then_some(closings)
    }

    /// Writes what waits, as far as the socket takes it.
    pub(super) fn flush(&self, now: MonoTime) {
        self.write(&mut self.lock(), now);
    }

    /// Lets go of the media that waits.
    pub(super) fn cut(&self) {
        self.lock().queue.cut();
    }

    /// Since when nothing of what waits could be written.
    pub(super) fn blocked_since(&self) -> Option<MonoTime> {
        self.lock().blocked
    }

    /// Whether an IDR would let the reader go on: its gate is shut, and the socket takes what it is given.
    pub(super) fn waits_for_idr(&self) -> bool {
        let inner = self.lock();
        !inner.queue.gate().is_open() && inner.blocked.is_none()
    }

    /// Counts so far.
    pub(super) fn counts(&self) -> ReaderCounts {
        let queue = &self.lock().queue;
        let dropped = Drops { frames: queue.gate().skipped_frames(), packets: queue.dropped_packets() };
        ReaderCounts { queued_packets: queue.media_packets(), dropped }
    }

    /// Makes [`Outbox::event`] say that the stream has ended.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_one();
    }

    /// Forgets an end and a gate of a stream played before.
    pub(super) fn restart(&self) {
        let mut inner = self.lock();
        inner.ended = false;
        inner.queue.restart();
    }

    /// Waits until the connection's task has something to do for its outbox. May be dropped at any time.
    pub(super) async fn event(&self) -> Event {
        loop {
            let woken = self.wake.notified();
            let blocked = {
                let inner = self.lock();
                match (inner.failed, inner.ended) {
                    (true, _) => return Event::Failed,
                    (_, true) => return Event::Ended,
                    _ => inner.blocked.is_some(),
                }
            };
            if !blocked {
                woken.await;
                continue;
            }
            tokio::select! {
                () = woken => {}
                ready = self.socket.writable() => {
                    return if ready.is_ok() { Event::Writable } else { Event::Failed };
                }
            }
        }
    }

    /// Writes what waits, as far as the socket takes it. A full socket costs a look at its readiness, however much waits.
    fn write(&self, inner: &mut Inner, now: MonoTime) {
        if inner.blocked.is_none() || self.takes_more() {
            self.write_some(inner, now);
        }
        inner.queue.update();
    }

    fn takes_more(&self) -> bool {
        self.socket.as_ref().try_io(Interest::WRITABLE, || Ok(())).is_ok()
    }

    fn write_some(&self, inner: &mut Inner, now: MonoTime) {
        for _ in 0..WRITES {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = inner.queue.fill(&mut slices);
            if used == 0 || inner.failed {
                inner.blocked = None;
                return;
            }
            match self.socket.try_write_vectored(&slices[..used]) {
                Ok(count) => {
                    inner.queue.advance(count);
                    inner.blocked = None;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    inner.failed = true;
                    self.wake.notify_one();
                }
            }
        }
        // The connection's task goes on with the rest once the socket takes it, be it at once.
        if inner.blocked.is_none() && !inner.queue.is_empty() {
            inner.blocked = Some(now);
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}
