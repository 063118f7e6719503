//! The last step: access units go to an RTSP server, over one connection after the other.
//!
//! A thread of its own packetizes, stamps the time of sending and writes; [`Sender::send`] only puts a unit into its
//! queue. The queue is short. When the network cannot follow, what waits in it is thrown away up to the next IDR
//! picture, because a live picture that waits is only getting old.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use common::clock::Clock;
use common::rtsp::StreamUrl;
use common::time::{MediaTime, MonoTime, Now};
use crossbeam_channel::{Receiver, TrySendError, bounded};

mod congestion;
mod error;
mod link;
mod route;
mod socket;
mod udp;
mod worker;

use congestion::{Congestion, Episode};
pub use error::Error;

/// How many pictures' time the queue holds. Longer than a server's or network's hiccup, shorter than what a viewer
/// would take for live.
const QUEUE_TIME: Duration = Duration::from_millis(250);
/// The queue holds at least this many access units, also at low frame rates.
const QUEUE_MIN: usize = 4;
/// What a queue is made for where the frame rate is unknown.
const FRAME_RATE_UNKNOWN: f64 = 30.0;
/// Most events that wait to be read.
const EVENTS_MAX: usize = 64;
/// How long the end waits for the server's goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    #[default]
    Tcp,
    /// In packets of their own.
    Udp,
}

/// Where a stream goes, and how.
#[derive(Clone)]
pub struct Config {
    /// The stream, and who publishes it.
    pub to: StreamUrl,
    /// How packets travel.
    pub transport: Transport,
    /// Pictures per second, as far as known: announced to the server, and the measure of the queue.
    pub frame_rate: Option<f64>,
    /// RTP sequence number of the first packet: to be drawn, as the first media time is (RFC 3550 section 5.1).
    pub first_sequence: u16,
    /// Tells when packets are sent.
    pub clock: Arc<dyn Clock>,
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// NAL units with start codes (ITU-T H.264 annex B). An IDR picture comes with its SPS and PPS.
    pub annex_b: Vec<u8>,
    /// Where in `annex_b` the NAL unit of [`common::sei`] begins, behind its start code. The time of sending is put
    /// in there; where it points elsewhere, nothing is.
    pub sei_at: usize,
    /// Media time of the picture.
    pub time: MediaTime,
    /// Both clocks when the picture was stamped. The time of sending is counted on from here by the monotonic one.
    pub stamped: Now,
    /// Whether decoding can begin here.
    pub idr: bool,
}

/// What happened to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server takes packets.
    Connected,
    /// The connection ended, and will be made again.
    Lost(Error),
}

/// What has been sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Access units written.
    pub frames: u64,
    /// RTP packets written.
    pub packets: u64,
    /// Bytes of RTP packets written.
    pub bytes: u64,
    /// Access units that were never written: the queue was full, the server away, or an IDR picture was awaited.
    pub dropped: u64,
    /// How often the connection was lost.
    pub reconnects: u64,
    /// Access units that wait now.
    pub queued: usize,
    /// How long the last access unit took from the queue's entry until the kernel had it.
    pub last_send: Duration,
    /// Whether the server takes packets now.
    pub connected: bool,
}

/// A stream on its way to a server.
pub struct Sender {
    queue: crossbeam_channel::Sender<Queued>,
    /// The same queue's other end, to throw away what waits in it.
    waiting: Receiver<Queued>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    events: Receiver<Event>,
    stop: Option<crossbeam_channel::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    done: Receiver<()>,
}

/// An access unit and when it entered the queue.
struct Queued {
    unit: AccessUnit,
    at: Now,
}

/// What the sender and its thread both look at.
#[derive(Default)]
struct Shared {
    frames: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    reconnects: AtomicU64,
    last_send_us: AtomicU64,
    connected: AtomicBool,
    idr_wanted: AtomicBool,
    /// The connection is lost: whatever is encoded now will be old when there is another.
    away: AtomicBool,
    /// Nothing but an IDR picture may enter the queue.
    awaiting_idr: AtomicBool,
    congestion: Mutex<Congestion>,
    failure: OnceLock<Error>,
    /// The connection, to cut it when the end takes too long.
    stream: Mutex<Option<TcpStream>>,
    /// It was: no other is to be made.
    is_cut: AtomicBool,
}

impl Sender {
    /// Connects to the server, and starts the thread that sends. The stream is announced with the first IDR picture.
    ///
    /// # Errors
    /// Where the URL is no RTSP URL, its host is unknown, or nobody listens there. What the server has against the
    /// stream comes by [`Sender::send`].
    pub fn start(config: Config) -> Result<Self, Error> {
        let url = config.to;
        socket::check(&url)?;
        let stream = socket::connect(&url)?;
        let capacity = config.frame_rate.unwrap_or(FRAME_RATE_UNKNOWN) * QUEUE_TIME.as_secs_f64();
        let (queue, waiting) = bounded((capacity as usize).max(QUEUE_MIN));
        let (events_in, events) = bounded(EVENTS_MAX);
        let (stop, stopped) = bounded(0);
        let (done_in, done) = bounded(0);
        let shared = Arc::new(Shared::default());
        let worker = worker::Worker {
            target: link::Target { url, transport: config.transport, frame_rate: config.frame_rate },
            first_sequence: config.first_sequence,
            clock: Arc::clone(&config.clock),
            shared: Arc::clone(&shared),
            queue: waiting.clone(),
            events: events_in,
            stopped,
        };
        let run = move || {
            worker.run(stream);
            drop(done_in);
        };
        let thread = std::thread::Builder::new().name("send".to_owned()).spawn(run).map_err(Error::thread)?;
        Ok(Self { queue, waiting, shared, clock: config.clock, events, stop: Some(stop), thread: Some(thread), done })
    }

    /// Hands an access unit over. Never waits: where the queue is full, what is in it is dropped up to the next IDR
    /// picture.
    ///
    /// # Errors
    /// Why the first connection failed: then the stream never began, and never will. A connection that is lost later
    /// is made again.
    pub fn send(&self, unit: AccessUnit) -> Result<(), Error> {
        if let Some(error) = self.shared.failure.get() {
            return Err(error.clone());
        }
        let now = self.clock.now();
        let undecodable = !unit.idr && self.shared.awaiting_idr.load(Ordering::Acquire);
        if undecodable || self.shared.away.load(Ordering::Acquire) {
            self.shared.count_dropped(1);
            self.shared.congestion().skipped(now.mono, 1);
            return Ok(());
        }
        if self.shared.awaiting_idr.swap(false, Ordering::AcqRel) {
            self.shared.congestion().satisfied();
        }
        let queued = Queued { unit, at: now };
        if let Err(TrySendError::Full(queued) | TrySendError::Disconnected(queued)) = self.queue.try_send(queued) {
            self.overflow(queued);
        }
        Ok(())
    }

    /// The queue is full: everything in it is old, and what comes next cannot be decoded without it. The IDR picture to
    /// go on with is asked for by the thread, when the network has taken what is under way.
    fn overflow(&self, newest: Queued) {
        let now = newest.at.mono;
        let mut dropped = self.waiting.try_iter().count() as u64;
        let goes_on = newest.unit.idr && self.queue.try_send(newest).is_ok();
        if !goes_on {
            dropped += 1;
            self.shared.awaiting_idr.store(true, Ordering::Release);
        }
        self.shared.dropped_by_network(now, dropped, !goes_on);
    }

    /// Whether an IDR picture has been asked for since the last call: by a reader, or because frames were dropped.
    pub fn take_idr_request(&self) -> bool {
        self.shared.idr_wanted.swap(false, Ordering::AcqRel)
    }

    /// What happened to the connection; the log tells it too. Events that nobody reads are thrown away.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// What has been sent so far.
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            frames: count(&shared.frames),
            packets: count(&shared.packets),
            bytes: count(&shared.bytes),
            dropped: count(&shared.dropped),
            reconnects: count(&shared.reconnects),
            queued: self.waiting.len(),
            last_send: Duration::from_micros(count(&shared.last_send_us)),
            connected: shared.connected.load(Ordering::Relaxed),
        }
    }

    /// Sends what waits, says goodbye to the server, and ends. Takes about a second at most.
    ///
    /// # Errors
    /// Why the first connection failed, if it did and nobody was told.
    pub fn finish(mut self) -> Result<Stats, Error> {
        self.end();
        match self.shared.failure.get() {
            Some(error) => Err(error.clone()),
            None => Ok(self.stats()),
        }
    }

    fn end(&mut self) {
        self.stop = None;
        // A disconnected channel means that the thread is through. One that is stuck in a write is cut off.
        if self.done.recv_timeout(2 * GOODBYE) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            self.shared.cut();
        }
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already, and there is nothing left to clean up.
            let _ = thread.join();
        }
        self.shared.count_dropped(self.waiting.try_iter().count() as u64);
        self.shared.tell_of(self.shared.congestion().take());
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn count_dropped(&self, frames: u64) {
        self.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    /// Lets nothing but an IDR picture into the queue from now on, and asks for one.
    fn await_idr(&self) {
        self.awaiting_idr.store(true, Ordering::Release);
        self.congestion().satisfied();
        self.idr_wanted.store(true, Ordering::Release);
    }

    fn congestion(&self) -> MutexGuard<'_, Congestion> {
        self.congestion.lock().expect("nobody panics while holding it")
    }

    /// Counts frames that the network was too slow for.
    fn dropped_by_network(&self, now: MonoTime, frames: u64, idr_needed: bool) {
        self.count_dropped(frames);
        if self.congestion().overflowed(now, frames, idr_needed) {
            tracing::warn!("network too slow: dropping queued frames until the next IDR");
        }
    }

    /// Tells of an episode that is over.
    fn tell_of(&self, episode: Option<Episode>) {
        if let Some(episode) = episode {
            let (dropped, seconds) = (episode.dropped, episode.lasted().as_secs_f64());
            tracing::warn!("network too slow for {seconds:.1} s: dropped {dropped} frames");
        }
    }

    fn hold(&self, stream: Option<TcpStream>) {
        *self.stream.lock().expect("nobody panics while holding the stream") = stream;
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        if let Some(stream) = self.stream.lock().expect("nobody panics while holding the stream").as_ref() {
            socket::cut(stream);
        }
    }
}

#[cfg(test)]
mod tests;
