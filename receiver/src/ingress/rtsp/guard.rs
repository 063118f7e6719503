//! Ends a stream that takes memory and brings no picture. retina buffers incomplete messages and access units without a limit,
//! and scans an unfinished line from its start again whenever more of it comes.
//!
//! The guard runs on a thread of its own, because the receiving one may be busy with just that. It asks the receiving thread to
//! end, which happens between two turns of [`in_turns`]; if it does not, the stream is ended without it.

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};

use tokio::task::coop;

use super::config::Limits;
use common::host::Stop;
use common::host::process::resident_bytes;

/// How often the guard looks, which takes some 40 µs: at 2 GB/s 100 MB come in between.
const EVERY: Duration = Duration::from_millis(50);

/// How long a thread that was asked to end is waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// What tokio lets a future do in one turn, and what of it is left to retina: so many reads, of what a socket's buffer holds at most.
/// One picture takes two.
const TURN: usize = 128 - 8;

/// What the guard and the thread that receives tell each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// Grows with each access unit and each new session.
    progress: Arc<AtomicU64>,
    /// Raised if it is too much.
    flooded: Stop,
    /// The limit that was passed, in bytes.
    limit: Arc<AtomicU64>,
}

impl Watched {
    /// An access unit came, or a session begins.
    pub(super) fn progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the limit that was passed, in bytes, when one is.
    pub(super) async fn flooded(&self) -> u64 {
        self.flooded.requested().await;
        self.limit.load(Ordering::Relaxed)
    }

    fn raise(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
        self.flooded.request();
    }
}

/// A guard; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    over: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Guard {
    /// Guards the calling thread by `limits`. Where it is asked to end by [`Watched::flooded`] and does not, `give_up` is called with the
    /// limit, from another thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(
        limits: Limits,
        watched: Watched,
        give_up: impl FnOnce(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let over = Arc::new(AtomicU64::new(0));
        let read = Read::by_this_thread();
        let ended = Arc::clone(&over);
        let thread = thread::Builder::new().name("guard".to_owned()).spawn(move || {
            let is_over = || ended.load(Ordering::Relaxed) > 0;
            let Some(limit) = watch(&limits, &watched, &read, &is_over) else { return };
            watched.raise(limit);
            let asked = Instant::now();
            while asked.elapsed() < ANSWER_LIMIT {
                if is_over() {
                    return;
                }
                thread::park_timeout(EVERY);
            }
            give_up(limit);
        })?;
        Ok(Self { over, thread: Some(thread) })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.over.store(1, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It panics nowhere.
            let _ = thread.join();
        }
    }
}

/// Looks until it is over, or one of `limits` is passed: which.
fn watch(limits: &Limits, watched: &Watched, read: &Read, is_over: &dyn Fn() -> bool) -> Option<u64> {
    let look = || (watched.progress.load(Ordering::Relaxed), read.bytes(), resident_bytes().unwrap_or(0));
    let mut before = look();
    while !is_over() {
        thread::park_timeout(EVERY);
        let now = look();
        if now.0 != before.0 {
            before = now;
        } else if now.1 > before.1.saturating_add(limits.unit_bytes) {
            return Some(limits.unit_bytes);
        } else if now.2 > before.2.saturating_add(limits.growth_bytes) {
            return Some(limits.growth_bytes);
        }
    }
    None
}

/// What a thread has read so far: retina's bytes, which it tells nobody, are most of what its thread reads.
struct Read(Option<PathBuf>);

impl Read {
    fn by_this_thread() -> Self {
        let thread = fs::read_link("/proc/thread-self").ok();
        Self(thread.map(|thread| Path::new("/proc").join(thread).join("io")))
    }

    /// Bytes; 0 where the system does not say (Linux does, of TCP).
    fn bytes(&self) -> u64 {
        let text = self.0.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        rchar(&text).unwrap_or(0)
    }
}

/// `rchar` of `/proc/PID/task/TID/io`, see proc_pid_io(5).
fn rchar(io: &str) -> Option<u64> {
    io.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
}

/// Lets `future` read a few times at most before others have their turn, so that it can be ended however much there is to read.
pub(super) async fn in_turns<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        spend(context);
        future.as_mut().poll(context)
    })
    .await
}

/// Takes away what the rest of this turn may not do.
fn spend(context: &mut Context<'_>) {
    for _ in 0..TURN {
        match coop::poll_proceed(context) {
            Poll::Ready(spent) => spent.made_progress(),
            Poll::Pending => return,
        }
    }
}

#[cfg(test)]
mod tests;
