//! Pictures kept aside, in y4m files, for a comparison of what was stamped with what was decoded.
//!
//! A short queue leads from the thread that has them to one that writes: a picture that finds the queue full is dropped and
//! counted, so that a slow disk delays nobody. Nothing here starts a thread: [`keep`] makes two ends, and its caller runs
//! [`Writer::run`] on a thread of its own.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::frame::{Picture, Size};
use crate::y4m::{Frame, Header};

/// One picture in so many is kept where the user does not say.
pub const EVERY: u32 = 15;
/// Pictures that wait to be written at most.
const DEPTH: usize = 4;

/// Takes pictures that are to be written.
#[derive(Debug)]
pub struct Keeper {
    every: u32,
    /// `None` when it has ended.
    queue: Mutex<Option<SyncSender<(u32, Picture)>>>,
    used: Mutex<Receiver<Picture>>,
    shared: Arc<Shared>,
    /// Closed when the writer has ended.
    ended: Mutex<Receiver<Infallible>>,
}

#[derive(Debug, Default)]
struct Shared {
    written: AtomicU64,
    dropped: AtomicU64,
    failure: OnceLock<io::Error>,
}

/// What came of the pictures.
#[derive(Debug)]
#[must_use]
pub struct Kept {
    /// Written.
    pub written: u64,
    /// Not written: the queue was full, writing failed, or the size was not the first picture's.
    pub dropped: u64,
    /// Why writing failed, where it did.
    pub failure: Option<io::Error>,
}

impl fmt::Display for Kept {
    /// For people, where not all is well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, dropped, .. } = self;
        write!(f, "{written} pictures were written and {dropped} dropped")
    }
}

/// Two ends: one that takes one picture in `every`, and one that writes them to `out`. `header` is asked for the first line with
/// the first picture's size. Writing that fails is told to `failed`, once and by the writer, and is not tried again.
pub fn keep<W, H, F>(out: W, every: u32, header: H, failed: F) -> (Keeper, Writer<W, H, F>)
where
    W: Write,
    H: FnOnce(Size) -> Header,
    F: FnOnce(&io::Error),
{
    let (queue, waiting) = sync_channel(DEPTH);
    let (used_in, used) = sync_channel(DEPTH);
    let (ends, ended) = sync_channel(0);
    let shared = Arc::new(Shared::default());
    let writer = Writer { out, waiting, used: used_in, shared: Arc::clone(&shared), header, failed, ends };
    let (queue, used, ended) = (Mutex::new(Some(queue)), Mutex::new(used), Mutex::new(ended));
    (Keeper { every: every.max(1), queue, used, shared, ended }, writer)
}

impl Keeper {
    /// Whether the picture with number `sequence` is one to keep.
    pub const fn wants(&self, sequence: u32) -> bool {
        sequence.is_multiple_of(self.every)
    }

    /// Memory of a picture of `size` that has been written, to be filled again; new where there is none.
    pub fn spare(&self, size: Size) -> Picture {
        let used = lock(&self.used).try_iter().find(|picture| picture.size() == size);
        used.unwrap_or_else(|| Picture::black(size))
    }

    /// Takes the picture with number `sequence`. Never waits: gives it back where it has to be dropped.
    pub fn put(&self, sequence: u32, picture: Picture) -> Option<Picture> {
        let queue = lock(&self.queue);
        let Some(queue) = queue.as_ref() else { return Some(picture) };
        match queue.try_send((sequence, picture)) {
            Ok(()) => None,
            Err(TrySendError::Full((_, picture)) | TrySendError::Disconnected((_, picture))) => {
                self.shared.drop_one();
                Some(picture)
            }
        }
    }

    /// Takes no more, waits until the writer has written what waits, and says what came of all.
    pub fn finish(&self) -> Kept {
        *lock(&self.queue) = None;
        // Nothing is ever sent: this comes back when the writer is gone.
        let _ = lock(&self.ended).recv();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failure = self.shared.failure.get().map(|why| io::Error::new(why.kind(), why.to_string()));
        Kept { written: count(&self.shared.written), dropped: count(&self.shared.dropped), failure }
    }
}

/// None of what is locked here is ever half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

impl Shared {
    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes them.
pub struct Writer<W, H, F> {
    out: W,
    waiting: Receiver<(u32, Picture)>,
    used: SyncSender<Picture>,
    shared: Arc<Shared>,
    header: H,
    failed: F,
    /// Closed when all is written.
    ends: SyncSender<Infallible>,
}

impl<W: Write, H: FnOnce(Size) -> Header, F: FnOnce(&io::Error)> Writer<W, H, F> {
    /// Writes until [`Keeper::finish`], or until the keeper is dropped.
    pub fn run(self) {
        // The first is dropped last.
        let Self { ends: _ends, mut out, waiting, used, shared, header, failed } = self;
        let (mut header, mut failed) = (Some(header), Some(failed));
        let mut size = None;
        for (sequence, picture) in waiting {
            let first = header.take().map(|header| header(picture.size()));
            let expected = *size.get_or_insert(picture.size());
            if failed.is_none() || picture.size() != expected {
                shared.drop_one();
                continue;
            }
            match write(&mut out, first, sequence, &picture) {
                Ok(()) => _ = shared.written.fetch_add(1, Ordering::Relaxed),
                Err(why) => {
                    failed.take().into_iter().for_each(|failed| failed(&why));
                    shared.drop_one();
                    // It was empty: this is the only place that sets it, and it is reached once.
                    let _ = shared.failure.set(why);
                }
            }
            // Full where nobody takes any back.
            let _ = used.try_send(picture);
        }
    }
}

fn write(out: &mut impl Write, header: Option<Header>, sequence: u32, picture: &Picture) -> io::Result<()> {
    if let Some(header) = header {
        out.write_all(format!("{header}\n").as_bytes())?;
    }
    Frame { sequence: Some(sequence) }.write(out, picture)
}

#[cfg(test)]
mod tests;
