//! Encoded frames to an RTSP server, over one connection after the other.
//!
//! A thread packetizes, sets the time of sending and writes; [`Sender::send`] only queues a frame. The queue is short: where
//! the network is too slow, what is queued is dropped up to the next IDR picture, because a live picture that waits only gets
//! older.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use common::clock::Clock;
use common::stream_url::StreamUrl;
use crossbeam_channel::{Receiver, TrySendError, bounded};

use super::{Counters, Egress, FrameEgress, Setup};
use crate::event::Log;
use crate::seal::SealedFrame;

mod congestion;
mod error;
mod h264;
mod link;
mod route;
mod shared;
mod socket;
mod udp;
mod worker;

pub use common::transport::Transport;
pub use error::Error;
pub use shared::{Event, Stats};
use shared::{Queued, Shared};

/// How much video the queue holds. Longer than a hiccup of server or network, shorter than what a viewer would still call
/// live.
const QUEUE_TIME: Duration = Duration::from_millis(250);
/// The queue holds at least this many access units, also at low frame rates.
const QUEUE_MIN: usize = 4;
/// The frame rate, in pictures per second, that the queue is made for where it is unknown.
const FRAME_RATE_UNKNOWN: f64 = 30.0;
/// Most events that wait to be read.
const EVENTS_MAX: usize = 64;
/// Where a stream goes, and how.
#[derive(Clone)]
pub struct Config {
    /// The stream, and the publisher's credentials.
    pub to: StreamUrl,
    /// How packets travel.
    pub transport: Transport,
    /// Pictures per second, as far as known: announced to the server, and the measure of the queue.
    pub frame_rate: Option<f64>,
    /// RTP sequence number of the first packet. Should be random, as the first media time (RFC 3550 section 5.1).
    pub first_sequence: u16,
    /// Reads the time of sending.
    pub clock: Arc<dyn Clock>,
}

/// A stream on its way to a server.
pub struct Sender {
    queue: crossbeam_channel::Sender<Queued>,
    /// The same queue's other end, to drop what is in it.
    queued: Receiver<Queued>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    events: Receiver<Event>,
    stop: Option<crossbeam_channel::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    done: Receiver<()>,
}

impl Sender {
    /// Connects to the server, and starts the thread that sends. The stream is announced with the first IDR picture.
    ///
    /// # Errors
    /// Where the URL has no path, its host has no address, or nothing listens there. Where the server refuses the stream,
    /// [`Sender::send`] says so.
    pub fn start(config: Config) -> Result<Self, Error> {
        let url = config.to;
        socket::check(&url)?;
        let stream = socket::connect(&url)?;
        let capacity = config.frame_rate.unwrap_or(FRAME_RATE_UNKNOWN) * QUEUE_TIME.as_secs_f64();
        let (queue, queued) = bounded((capacity as usize).max(QUEUE_MIN));
        let (events_in, events) = bounded(EVENTS_MAX);
        let (stop, stopped) = bounded(0);
        let (done_in, done) = bounded(0);
        let shared = Arc::new(Shared::default());
        let worker = worker::Worker {
            target: link::Target { url, transport: config.transport, frame_rate: config.frame_rate },
            first_sequence: config.first_sequence,
            clock: Arc::clone(&config.clock),
            shared: Arc::clone(&shared),
            queue: queued.clone(),
            events: events_in,
            stopped,
        };
        let run = move || {
            worker.run(stream);
            drop(done_in);
        };
        let thread = std::thread::Builder::new().name("send".to_owned()).spawn(run).map_err(Error::thread)?;
        Ok(Self { queue, queued, shared, clock: config.clock, events, stop: Some(stop), thread: Some(thread), done })
    }

    /// Queues a frame. Never waits: where the queue is full, what is in it is dropped up to the next IDR picture.
    ///
    /// # Errors
    /// Why the first connection failed: the stream never began, and never will. A connection that is lost later is made
    /// again.
    pub fn send(&self, sealed: SealedFrame) -> Result<(), Error> {
        if let Some(error) = self.shared.failure() {
            return Err(error.clone());
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

    /// The queue is full: everything in it is old, and what comes next cannot be decoded without it. The thread asks for the
    /// IDR picture to go on with, when the network has taken what is under way.
    fn overflow(&self, newest: Queued) {
        let now = newest.at.mono;
        let mut dropped = self.queued.try_iter().count() as u64;
        let goes_on = newest.is_key() && self.queue.try_send(newest).is_ok();
        dropped += u64::from(!goes_on);
        self.shared.count_congested(now, dropped, !goes_on);
    }

    /// Whether an IDR picture has been asked for since the last call: by a reader, or because frames were dropped.
    pub fn take_key_request(&self) -> bool {
        self.shared.take_key_request()
    }

    /// What happened to the connection. Events that nobody reads are dropped; the log has them too.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// What has been sent so far.
    pub fn stats(&self) -> Stats {
        self.shared.stats(self.queued.len())
    }

    /// Sends what is queued, tears the session down, and ends. Takes about a second at most.
    ///
    /// # Errors
    /// Why the first connection failed, where it did.
    pub fn finish(mut self) -> Result<Stats, Error> {
        self.end();
        match self.shared.failure() {
            Some(error) => Err(error.clone()),
            None => Ok(self.stats()),
        }
    }

    fn end(&mut self) {
        self.stop = None;
        // A disconnected channel means that the thread has ended. One that is stuck in a write is cut off.
        if self.done.recv_timeout(2 * link::TEARDOWN_LIMIT) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            self.shared.cut();
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

/// Publishes to `url`, and keeps `server` running until the end.
///
/// # Errors
/// As [`Sender::start`].
pub(super) fn open(
    url: StreamUrl,
    server: Option<server::Handle>,
    setup: &Setup<'_>,
) -> Result<Box<dyn FrameEgress>, crate::error::Error> {
    let to = url.to_string();
    let sender = Sender::start(Config {
        to: url,
        transport: setup.config.transport,
        frame_rate: Some(setup.format.rate.as_f64()),
        first_sequence: rand::random(),
        clock: Arc::clone(&setup.clock),
    })?;
    Ok(Box::new(Rtsp { sender, to, log: setup.log, _server: server }))
}

/// A [`Sender`], and the log of what happens to its connection.
struct Rtsp {
    sender: Sender,
    to: String,
    log: Log,
    /// Stands behind the sender, which closes its session first.
    _server: Option<server::Handle>,
}

impl Egress for Rtsp {
    fn describe(&self) -> String {
        self.to.clone()
    }

    fn counters(&self) -> Counters {
        self.sender.stats().into()
    }

    fn finish(self: Box<Self>) -> Result<Counters, crate::error::Error> {
        Ok(self.sender.finish()?.into())
    }
}

impl FrameEgress for Rtsp {
    fn send(&mut self, frame: SealedFrame) -> Result<(), crate::error::Error> {
        for event in self.sender.events().try_iter() {
            match event {
                Event::Connected => self.log.note("connected", &self.to),
                Event::Lost(why) => self.log.note("disconnected", &why.to_string()),
            }
        }
        Ok(self.sender.send(frame)?)
    }

    fn take_key_request(&mut self) -> bool {
        self.sender.take_key_request()
    }
}

impl From<Stats> for Counters {
    fn from(stats: Stats) -> Self {
        Self { bytes: stats.bytes, dropped: stats.dropped, reconnects: stats.reconnects }
    }
}

#[cfg(test)]
mod tests;
