//! The writing half of a connection, shared by the connection's own task and the publisher's.
//!
//! Whoever has something to send writes it at once, without blocking. Only what the socket does not take waits, and
//! only then does the connection's task come in: it waits until the socket takes more.

use std::io::{ErrorKind, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use common::time::MonoTime;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::relay::{ControlFull, Marked, Queue};

/// Slices in one vectored write: two for each packet. Linux takes 1,024.
const SLICES: usize = 256;

/// See the module.
pub(super) struct Outbox {
    socket: OwnedWriteHalf,
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Default)]
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

/// Counts for the API.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) queued_packets: usize,
    pub(super) dropped_frames: u64,
    pub(super) dropped_packets: u64,
}

impl Outbox {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self { socket, inner: Mutex::default(), wake: Notify::new() }
    }

    /// Queues a response, or an interleaved frame that is not media, to go out with the next flush or media.
    ///
    /// # Errors
    /// Where the peer has not read the responses before it.
    pub(super) fn queue(&self, message: Bytes) -> Result<(), ControlFull> {
        self.lock().queue.push_control(message)
    }

    /// Sends packets, all of them in as few writes as possible. `channel_of` gives the interleaved channel, `None` for
    /// packets that the peer does not want. Gives whether the peer has just turned out to be too slow.
    pub(super) fn deliver(&self, now: MonoTime, batch: &[Marked], channel_of: impl Fn(&Marked) -> Option<u8>) -> bool {
        let mut inner = self.lock();
        let before = inner.queue.gate().closings();
        for marked in batch {
            if let Some(channel) = channel_of(marked) {
                inner.queue.push_media(now, marked, channel);
            }
        }
        self.write(&mut inner, now);
        inner.queue.gate().closings() > before
    }

    /// Writes what waits, as far as the socket takes it.
    pub(super) fn flush(&self, now: MonoTime) {
        self.write(&mut self.lock(), now);
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
    pub(super) fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            queued_packets: inner.queue.media_packets(),
            dropped_frames: inner.queue.gate().skipped_frames(),
            dropped_packets: inner.queue.dropped_packets(),
        }
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

    fn write(&self, inner: &mut Inner, now: MonoTime) {
        while !inner.failed {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = inner.queue.fill(&mut slices);
            if used == 0 {
                inner.blocked = None;
                return;
            }
            match self.socket.try_write_vectored(&slices[..used]) {
                Ok(count) => {
                    inner.queue.advance(count);
                    inner.blocked = None;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if inner.blocked.is_none() {
                        inner.blocked = Some(now);
                        self.wake.notify_one();
                    }
                    return;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    inner.failed = true;
                    self.wake.notify_one();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
