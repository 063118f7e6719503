//! Encoded frames to a server, over one connection after the other, whatever the protocol.
//!
//! A thread connects and writes; [`FrameEgress::send`] only queues a frame. The queue is short: where the network is too slow, what is
//! queued is dropped up to the next IDR picture, because a live picture that waits only gets older. A protocol is a [`Connector`],
//! and makes [`Connection`]s that send one frame at a time.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use common::clock::Clock;
use crossbeam_channel::{Receiver, RecvTimeoutError, TrySendError, bounded};

use super::{Counters, Egress, FrameEgress};
use crate::seal::SealedFrame;

mod congestion;
mod error;
mod protocol;
mod shared;
pub(super) mod tcp;
mod worker;

pub use error::Error;
use protocol::Queued;
pub(super) use protocol::{CLOSE_LIMIT, Connection, Connector, IDLE, Sent};
pub use protocol::{Event, Notify};
use shared::Shared;

/// How much video the queue holds. Longer than a hiccup of server or network, shorter than what a viewer would still call
/// live.
const QUEUE_TIME: Duration = Duration::from_millis(250);
/// The queue holds at least this many access units, also at low frame rates.
const QUEUE_MIN: usize = 4;

/// A stream on its way to a server.
pub struct Sender {
    to: String,
    queue: crossbeam_channel::Sender<Queued>,
    /// The same queue's other end, to drop what is in it.
    queued: Receiver<Queued>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Never sends: the thread stops when it is dropped.
    stop: Option<crossbeam_channel::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    done: Receiver<()>,
}

impl Sender {
    /// Starts the thread that sends `frame_rate` pictures per second to what messages call `to`.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub(super) fn start(
        to: String,
        frame_rate: f64,
        clock: Arc<dyn Clock>,
        notify: Notify,
        connector: impl Connector + 'static,
    ) -> Result<Box<Self>, Error> {
        let capacity = frame_rate * QUEUE_TIME.as_secs_f64();
        let (queue, queued) = bounded((capacity as usize).max(QUEUE_MIN));
        let (stop, stopped) = bounded(0);
        let (done_in, done) = bounded(0);
        let shared = Arc::new(Shared::default());
        let worker = worker::Worker {
            connector,
            clock: Arc::clone(&clock),
            shared: Arc::clone(&shared),
            queue: queued.clone(),
            notify,
            stopped,
        };
        let run = move || {
            worker.run();
            drop(done_in);
        };
        let thread = std::thread::Builder::new().name("send".to_owned()).spawn(run);
        let thread = thread.map_err(|why| Error::Thread(why.to_string()))?;
        Ok(Box::new(Self { to, queue, queued, shared, clock, stop: Some(stop), thread: Some(thread), done }))
    }

    /// The queue is full: everything in it is old, and what comes next cannot be decoded without it. The thread asks for the
    /// IDR picture to go on with, when the network has taken what is under way.
    fn overflow(&self, newest: Queued) {
        let now = newest.at.mono;
        let mut dropped = self.queued.try_iter().count() as u64;
        let goes_on = newest.is_key() && self.queue.try_send(newest).is_ok();
        dropped += u64::from(!goes_on);
        self.shared.count_congested(now, dropped, !goes_on);
    }

    /// Frames in the queue now.
    pub fn queued(&self) -> usize {
        self.queued.len()
    }

    fn end(&mut self) {
        self.stop = None;
        // A disconnected channel means that the thread has ended. One that is stuck in a write is cut off.
        if self.done.recv_timeout(2 * CLOSE_LIMIT) == Err(RecvTimeoutError::Timeout) {
            self.shared.abort.abort();
        }
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed already, and there is nothing left to clean up.
            let _ = thread.join();
        }
        self.shared.count_dropped(self.queued.try_iter().count() as u64);
        let episode = self.shared.congestion().end();
        self.shared.log_episode(episode);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.end();
    }
}

impl Egress for Sender {
    fn describe(&self) -> String {
        self.to.clone()
    }

    fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Takes two seconds at most while the server is connected. A connection that is being made is not interrupted: looking up
    /// the host, and 5 s for each of its addresses that does not answer, come before the end.
    fn finish(mut self: Box<Self>) -> Result<Counters, crate::error::Error> {
        self.end();
        match self.shared.failure() {
            Some(error) => Err(error.clone().into()),
            None => Ok(self.counters()),
        }
    }
}

impl FrameEgress for Sender {
    /// Where the queue is full, what is in it is dropped up to the next IDR picture. Fails where the first connection failed: the
    /// stream never began, and never will. A connection that is lost later is made again.
    fn send(&self, sealed: SealedFrame) -> Result<(), crate::error::Error> {
        if let Some(error) = self.shared.failure() {
            return Err(error.clone().into());
        }
        let queued = Queued { sealed, at: self.clock.now() };
        let now = queued.at.mono;
        if self.shared.is_away() {
            self.shared.congestion().skip(now, 1);
            self.shared.count_dropped(1);
        } else if !self.shared.congestion().admits(now, queued.is_key()) {
            self.shared.count_dropped(1);
        } else if let Err(TrySendError::Full(queued) | TrySendError::Disconnected(queued)) = self.queue.try_send(queued)
        {
            self.overflow(queued);
        }
        Ok(())
    }

    fn take_key_request(&self) -> bool {
        self.shared.take_key_request()
    }

    fn take_shift(&self) -> Option<Duration> {
        self.shared.take_shift()
    }
}

#[cfg(test)]
mod tests;
