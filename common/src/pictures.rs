//! Pictures kept aside for a comparison of what was stamped with what was decoded.
//!
//! The files are y4m, so that any player shows them. Each `FRAME` line carries the picture's sequence number as `XSEQ=n`,
//! by which two files are matched, and the header says where the publisher painted: `XCODE=X,Y,WIDTH,HEIGHT` is the corner
//! code and `XTEXT=…` the text beside it.
//!
//! [`Keeper`] writes to what it is given on a thread of its own, behind a short queue. A picture that finds the queue full
//! is dropped and counted, so that a slow disk delays nobody.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use crate::code::Rect;
use crate::frame::{Picture, Size};

/// One picture in so many is kept where the user does not say.
pub const EVERY: u32 = 15;
/// Pictures that wait to be written at most.
const DEPTH: usize = 4;
/// First bytes of a y4m stream.
const MAGIC: &str = "YUV4MPEG2";

/// The first line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Size of every picture.
    pub size: Size,
    /// Pictures per second of the file, as a fraction; 0:0 where it is not known.
    pub rate: (u64, u64),
    /// What the corner code covers, where that is known.
    pub code: Option<Rect>,
    /// What the publisher's text covers, where there is one.
    pub text: Option<Rect>,
}

/// What is wrong with a first line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Something else.
    #[error("is not y4m: its first line must begin with YUV4MPEG2")]
    NotY4m,
    /// No usable width and height.
    #[error("has no picture size of 1x1 to {max}x{max} in its y4m header", max = Size::MAX_SIDE)]
    Size,
    /// Not 8-bit 4:2:0.
    #[error("has {0} pictures, and only 8-bit 4:2:0 can be compared")]
    Colours(String),
    /// `XCODE` or `XTEXT`.
    #[error("has {0:?} in its y4m header, which is no area X,Y,WIDTH,HEIGHT inside its pictures")]
    Area(String),
}

impl fmt::Display for Kept {
    /// For people, where not all is well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, dropped, .. } = self;
        write!(f, "{written} pictures were written and {dropped} dropped")
    }
}

impl fmt::Display for Header {
    /// Without the line's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, rate: (rate, per), .. } = self;
        write!(f, "{MAGIC} W{} H{} F{rate}:{per} Ip A0:0 C420mpeg2", size.width, size.height)?;
        for (name, area) in [("XCODE", self.code), ("XTEXT", self.text)] {
            if let Some(Rect { x, y, width, height }) = area {
                write!(f, " {name}={x},{y},{width},{height}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Header {
    type Err = HeaderError;

    fn from_str(line: &str) -> Result<Self, HeaderError> {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some(MAGIC) {
            return Err(HeaderError::NotY4m);
        }
        // The last of each counts.
        let field = |name: &str| words.clone().filter_map(|word| word.strip_prefix(name)).next_back();
        let sides = format!("{}x{}", field("W").unwrap_or_default(), field("H").unwrap_or_default());
        let size: Size = sides.parse().map_err(|_| HeaderError::Size)?;
        let colours = field("C").unwrap_or("420");
        if !matches!(colours, "420" | "420jpeg" | "420mpeg2" | "420paldv") {
            return Err(HeaderError::Colours(colours.chars().take(32).collect()));
        }
        let area = |name: &str| field(name).map(|text| area(text, size)).transpose();
        let (rate, per) = field("F").and_then(|rate| rate.split_once(':')).unwrap_or_default();
        let rate = (rate.parse().unwrap_or_default(), per.parse().unwrap_or_default());
        Ok(Self { size, rate, code: area("XCODE=")?, text: area("XTEXT=")? })
    }
}

fn area(text: &str, size: Size) -> Result<Rect, HeaderError> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height])
            if x <= size.width && width <= size.width - x && y <= size.height && height <= size.height - y =>
        {
            Ok(Rect { x, y, width, height })
        }
        _ => Err(HeaderError::Area(text.chars().take(64).collect())),
    }
}

/// The line before the picture with number `sequence`.
pub fn frame_line(sequence: u32) -> String {
    format!("FRAME XSEQ={sequence}\n")
}

/// The number in a line before a picture; the outer `None` where it is no such line, the inner where it has no number.
pub fn sequence_in(line: &str) -> Option<Option<u32>> {
    let mut words = line.split_ascii_whitespace();
    (words.next() == Some("FRAME")).then(|| words.find_map(|word| word.strip_prefix("XSEQ=")?.parse().ok()))
}

/// Writes pictures to a file, behind everybody's back.
#[derive(Debug)]
pub struct Keeper {
    every: u32,
    /// `None` when it has ended.
    queue: Mutex<Option<SyncSender<(u32, Picture)>>>,
    used: Mutex<Receiver<Picture>>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
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

impl Keeper {
    /// Writes one picture in `every` to `out`; `header` is asked for the first line with the first picture's size. Writing
    /// that fails is told to `failed`, once and on another thread, and is not tried again.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        out: impl Write + Send + 'static,
        every: u32,
        header: impl FnOnce(Size) -> Header + Send + 'static,
        failed: impl FnOnce(&io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(DEPTH);
        let (used_in, used) = sync_channel(DEPTH);
        let shared = Arc::new(Shared::default());
        let writer = Writer { out, waiting, used: used_in, shared: Arc::clone(&shared) };
        let run = move || writer.run(header, failed);
        let thread = std::thread::Builder::new().name("pictures".to_owned()).spawn(run)?;
        let (queue, used, thread) = (Mutex::new(Some(queue)), Mutex::new(used), Mutex::new(Some(thread)));
        Ok(Self { every: every.max(1), queue, used, shared, thread })
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
                self.shared.drop_one();
                Some(picture)
            }
        }
    }

    /// Writes what waits, takes no more, and says what came of all.
    pub fn finish(&self) -> Kept {
        *lock(&self.queue) = None;
        if let Some(thread) = lock(&self.thread).take() {
            // A panic in there has been printed already.
            let _ = thread.join();
        }
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

struct Writer<W> {
    out: W,
    waiting: Receiver<(u32, Picture)>,
    used: SyncSender<Picture>,
    shared: Arc<Shared>,
}

impl<W: Write> Writer<W> {
    fn run(mut self, header: impl FnOnce(Size) -> Header, failed: impl FnOnce(&io::Error)) {
        let (mut header, mut failed) = (Some(header), Some(failed));
        let mut size = None;
        for (sequence, picture) in self.waiting.iter() {
            let first = header.take().map(|header| header(picture.size()));
            let expected = *size.get_or_insert(picture.size());
            if failed.is_none() || picture.size() != expected {
                self.shared.drop_one();
                continue;
            }
            match write(&mut self.out, first, sequence, &picture) {
                Ok(()) => _ = self.shared.written.fetch_add(1, Ordering::Relaxed),
                Err(why) => {
                    failed.take().into_iter().for_each(|failed| failed(&why));
                    self.shared.drop_one();
                    // It was empty: this is the only place that sets it, and it is reached once.
                    let _ = self.shared.failure.set(why);
                }
            }
            // Full where nobody takes any back.
            let _ = self.used.try_send(picture);
        }
    }
}

fn write(out: &mut impl Write, header: Option<Header>, sequence: u32, picture: &Picture) -> io::Result<()> {
    if let Some(header) = header {
        out.write_all(format!("{header}\n").as_bytes())?;
    }
    out.write_all(frame_line(sequence).as_bytes())?;
    out.write_all(picture.data())?;
    out.flush()
}

#[cfg(test)]
mod tests;
