//! Pictures kept aside, in y4m files, for a comparison of what was stamped with what was decoded.
//!
//! A short queue leads from the thread that has them to one that writes: a picture that finds the queue full is dropped and
//! counted, so that a slow disk delays no stream.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use crate::frame::{Picture, Size};
use crate::lock::lock;
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
    /// Pictures that found the queue full.
    dropped: AtomicU64,
    writer: Mutex<Option<JoinHandle<Kept>>>,
}

/// What came of the pictures.
#[derive(Debug, Default)]
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

impl Keeper {
    /// Writes one picture in `every` to `out`, on a thread of its own. `header` is asked for the first line with the first
    /// picture's size. Writing that fails is told to `failed`, once and by that thread, and is not tried again.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(
        out: impl Write + Send + 'static,
        every: u32,
        header: impl FnOnce(Size) -> Header + Send + 'static,
        failed: impl FnOnce(&io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(DEPTH);
        let (used_in, used) = sync_channel(DEPTH);
        let write = move || write_all(out, &waiting, &used_in, header, failed);
        let writer = thread::Builder::new().name("pictures".to_owned()).spawn(write)?;
        let (queue, used, writer) = (Mutex::new(Some(queue)), Mutex::new(used), Mutex::new(Some(writer)));
        Ok(Self { every: every.max(1), queue, used, dropped: AtomicU64::new(0), writer })
    }

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
                self.dropped.fetch_add(1, Ordering::Relaxed);
                Some(picture)
            }
        }
    }

    /// Takes no more, waits until what waits is written, and says what came of all.
    pub fn finish(&self) -> Kept {
        *lock(&self.queue) = None;
        let writer = lock(&self.writer).take();
        // A panic in it has been printed already.
        let kept = writer.and_then(|writer| writer.join().ok()).unwrap_or_default();
        Kept { dropped: kept.dropped + self.dropped.load(Ordering::Relaxed), ..kept }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// Writes until the other end of the queue is gone.
fn write_all(
    mut out: impl Write,
    waiting: &Receiver<(u32, Picture)>,
    used: &SyncSender<Picture>,
    header: impl FnOnce(Size) -> Header,
    failed: impl FnOnce(&io::Error),
) -> Kept {
    let (mut header, mut failed) = (Some(header), Some(failed));
    let mut kept = Kept::default();
    let mut size = None;
    for (sequence, picture) in waiting {
        let first = header.take().map(|header| header(picture.size()));
        if kept.failure.is_some() || picture.size() != *size.get_or_insert(picture.size()) {
            kept.dropped += 1;
            continue;
        }
        let begun = first.map_or(Ok(()), |header| writeln!(out, "{header}"));
        match begun.and_then(|()| Frame { sequence: Some(sequence) }.write(&mut out, &picture)) {
            Ok(()) => kept.written += 1,
            Err(why) => {
                failed.take().into_iter().for_each(|failed| failed(&why));
                kept.dropped += 1;
                kept.failure = Some(why);
            }
        }
        // Full where the caller takes none back.
        let _ = used.try_send(picture);
    }
    kept
}

#[cfg(test)]
mod tests;
