//! What the sender and its thread both look at.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use common::lock::lock;
use common::time::MonoTime;

use super::congestion::{Congestion, Episode};
use super::tcp::Abort;
use super::{Counters, Error, Sent};

/// Counters, requests for key frames, and the connection.
#[derive(Default)]
pub(super) struct Shared {
    frames: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    reconnects: AtomicU64,
    key_wanted: AtomicBool,
    shift: Mutex<Option<Duration>>,
    /// The connection is lost: whatever is encoded now will be old when there is another.
    away: AtomicBool,
    congestion: Mutex<Congestion>,
    failure: OnceLock<Error>,
    pub(super) abort: Abort,
}

impl Shared {
    pub(super) fn congestion(&self) -> MutexGuard<'_, Congestion> {
        self.congestion.lock().expect("no thread panics while it holds the lock")
    }

    /// Counts a frame that was written.
    pub(super) fn count_sent(&self, sent: Sent) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.packets.fetch_add(sent.packets, Ordering::Relaxed);
        self.bytes.fetch_add(sent.bytes, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, frames: u64) {
        self.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    /// Counts frames that the network was too slow for; `key_needed` says whether a key frame has to come before any other.
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

    /// The connection is lost: frames are dropped until [`Shared::resume`].
    pub(super) fn set_away(&self) {
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

    pub(super) fn request_shift(&self, phase: Duration) {
        *lock(&self.shift) = Some(phase);
    }

    pub(super) fn take_shift(&self) -> Option<Duration> {
        lock(&self.shift).take()
    }

    /// The first connection failed for good.
    pub(super) fn fail(&self, error: Error) {
        // It is called once.
        let _ = self.failure.set(error);
    }

    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    pub(super) fn counters(&self) -> Counters {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            frames: count(&self.frames),
            packets: count(&self.packets),
            bytes: count(&self.bytes),
            dropped: count(&self.dropped),
            reconnects: count(&self.reconnects),
        }
    }
}
