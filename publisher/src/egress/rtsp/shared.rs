//! What the sender and its thread both look at.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use common::rtp::Packets;
use common::time::{MonoTime, Now};

use super::congestion::{Congestion, Episode};
use super::{Error, socket};
use crate::seal::SealedFrame;

/// What happened to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server takes packets.
    Connected,
    /// The connection was lost, and will be made again.
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
    /// Access units that were not written: the queue was full, there was no connection, or they came before an IDR picture.
    pub dropped: u64,
    /// How often the connection was lost.
    pub reconnects: u64,
    /// Access units in the queue now.
    pub queued: usize,
    /// From the queue's entry until the kernel had it, for the last access unit.
    pub last_send: Duration,
    /// Whether the server takes packets now.
    pub connected: bool,
}

/// A frame, and when it entered the queue.
pub(super) struct Queued {
    pub(super) sealed: SealedFrame,
    pub(super) at: Now,
}

impl Queued {
    pub(super) fn is_key(&self) -> bool {
        self.sealed.frame.is_key
    }
}

/// Counters, requests for key frames, and the connection.
#[derive(Default)]
pub(super) struct Shared {
    frames: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    reconnects: AtomicU64,
    last_send_us: AtomicU64,
    connected: AtomicBool,
    key_wanted: AtomicBool,
    /// The connection is lost: whatever is encoded now will be old when there is another.
    away: AtomicBool,
    congestion: Mutex<Congestion>,
    failure: OnceLock<Error>,
    /// The connection, to cut it when the end takes too long.
    stream: Mutex<Option<TcpStream>>,
    /// It was: no other is to be made.
    is_cut: AtomicBool,
}

impl Shared {
    pub(super) fn congestion(&self) -> MutexGuard<'_, Congestion> {
        self.congestion.lock().expect("no thread panics while it holds the lock")
    }

    /// Counts an access unit that was written `took` after it entered the queue.
    pub(super) fn count_sent(&self, packets: &Packets, took: Duration) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.packets.fetch_add(packets.len() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(packets.bytes() as u64, Ordering::Relaxed);
        self.last_send_us.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, frames: u64) {
        self.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    /// Counts frames that the network was too slow for, and says whether a key frame has to come before any other.
    pub(super) fn count_congested(&self, now: MonoTime, frames: u64, key_needed: bool) {
        self.count_dropped(frames);
        if self.congestion().overflow(now, frames, key_needed) {
            tracing::warn!("network too slow: dropping queued frames until the next IDR");
        }
    }

    /// Logs an episode that is over.
    pub(super) fn log_episode(&self, episode: Option<Episode>) {
        if let Some(episode) = episode {
            let (dropped, seconds) = (episode.dropped, episode.duration().as_secs_f64());
            tracing::warn!("network too slow for {seconds:.1} s: {dropped} frames dropped");
        }
    }

    /// The server takes packets.
    pub(super) fn set_connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// The server takes no packets any more.
    pub(super) fn set_disconnected(&self) {
        self.connected.store(false, Ordering::Relaxed);
    }

    /// The connection is lost: frames are dropped until [`Shared::resume`].
    pub(super) fn set_away(&self) {
        self.set_disconnected();
        self.away.store(true, Ordering::Release);
        self.reconnects.fetch_add(1, Ordering::Relaxed);
        let episode = self.congestion().end();
        self.log_episode(episode);
    }

    /// There is a connection again: asks for a key frame, and lets nothing before it into the queue.
    pub(super) fn resume(&self) {
        self.congestion().restart();
        self.request_key();
        self.away.store(false, Ordering::Release);
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    pub(super) fn request_key(&self) {
        self.key_wanted.store(true, Ordering::Release);
    }

    /// Whether a key frame was asked for since the last call.
    pub(super) fn take_key_request(&self) -> bool {
        self.key_wanted.swap(false, Ordering::AcqRel)
    }

    /// The first connection failed for good.
    pub(super) fn fail(&self, error: Error) {
        // It is called once.
        let _ = self.failure.set(error);
    }

    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    /// The connection that [`Shared::cut`] is to end.
    pub(super) fn set_stream(&self, stream: Option<TcpStream>) {
        *self.stream.lock().expect("no thread panics while it holds the stream") = stream;
    }

    /// Ends the connection now, and any other that would be made.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        if let Some(stream) = self.stream.lock().expect("no thread panics while it holds the stream").as_ref() {
            socket::cut(stream);
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// What was sent so far, with `queued` access units still waiting.
    pub(super) fn stats(&self, queued: usize) -> Stats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            frames: count(&self.frames),
            packets: count(&self.packets),
            bytes: count(&self.bytes),
            dropped: count(&self.dropped),
            reconnects: count(&self.reconnects),
            queued,
            last_send: Duration::from_micros(count(&self.last_send_us)),
            connected: self.connected.load(Ordering::Relaxed),
        }
    }
}
