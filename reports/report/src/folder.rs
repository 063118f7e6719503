//! The report folder: files opened at the start and written as the run goes, by a thread of their own, so that
//! neither a slow disk nor the encoding of a histogram delays a frame.
//!
//! After a kill the folder holds everything up to the last `Batch`. Whole files are replaced by renaming. Lines whose figures
//! may still change are at the end of their file, and the next batch overwrites them.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use common::time::WallTime;
use measure::interval::Closed;
use measure::latency::Distribution;

use crate::codec::{csv, hgrm, hlog, json};
use crate::dir::{Dir, Fresh};
use crate::run::Run;

pub mod lock;

/// What a run writes as it goes.
const DATA: [&str; 5] = ["frames.csv", "intervals.csv", "latency.hlog", "latency.hgrm", "run.json"];

/// Pages made from those. Pages of an earlier run are removed: beside the data of a run that is killed they would be wrong.
pub const PAGES: [&str; 3] = ["report.html", "summary.md", "junit.xml"];

/// Batches that wait for the disk at most.
const MAX_WAITING: usize = 2;

/// A file of the folder that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report file {}: {source}", path.display())]
pub struct Error {
    /// The file, or the folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Lines for a file: those that are final, and those that the next batch writes over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// Final.
    pub finalized: String,
    /// May still change.
    pub pending: String,
}

/// What came since the batch before.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// All figures.
    pub run: Run,
    /// Lines of `frames.csv`.
    pub frames: Lines,
    /// Lines of `intervals.csv`.
    pub intervals: Lines,
    /// Histograms of the intervals that ended.
    pub closed: Vec<Closed>,
    /// The total latency so far.
    pub latency: Distribution,
}

/// A report folder that is being written. Dropping it waits until each batch that was handed to the writer is written, so
/// that nobody takes the folder meanwhile. Later data is lost.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: Arc<Dir>,
    writer: Writer,
    /// Why the writer ended early, in words.
    trouble: Arc<OnceLock<String>>,
}

impl Folder {
    /// Writes the beginning of every file into a folder that is there and [locked](lock::Lock); files of an earlier run are
    /// replaced.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn create(dir: Dir, started: WallTime, run: &Run) -> Result<Self, Error> {
        let dir = Arc::new(dir);
        for name in DATA {
            // Before anything of an earlier run is lost.
            dir.check_free(name).map_err(|source| Error { path: dir.path().join(name), source })?;
        }
        remove_pages(&dir)?;
        let mut files = Files::create(Arc::clone(&dir), started, run)?;
        files.replace(run, &Distribution::default())?;
        let (batches, waiting) = mpsc::sync_channel::<Batch>(MAX_WAITING);
        let trouble = Arc::new(OnceLock::new());
        let said = Arc::clone(&trouble);
        let write = move || {
            let written = waiting.iter().try_for_each(|batch| files.write(&batch));
            written.inspect_err(|error| _ = said.set(error.to_string()))
        };
        let thread = thread::Builder::new()
            .name("report".to_owned())
            .spawn(write)
            .map_err(|source| Error { path: dir.path().to_owned(), source })?;
        Ok(Self { dir, writer: Writer { batches, thread: Some(thread) }, trouble })
    }

    /// Where it is.
    pub fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// Why nothing is written any more, from the first file that could not be written on: a full disk, say.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// Hands a batch to the writer. After a failure, which [`Folder::close`] tells, it goes nowhere.
    ///
    /// # Errors
    /// Gives the batch back where the disk is slow and two others wait.
    pub fn send(&self, batch: Batch) -> Result<(), Box<Batch>> {
        match self.writer.batches.try_send(batch) {
            Err(TrySendError::Full(batch)) => Err(Box::new(batch)),
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Writes a last batch and waits until all is written.
    ///
    /// # Errors
    /// The first file that could not be written, now or before; and where the folder is another one than it was at the start.
    pub fn close(mut self, batch: Batch) -> Result<(), Error> {
        // The writer is gone only after an error, which joining it tells.
        let _gone = self.writer.batches.send(batch);
        let failed = |source| Error { path: self.dir.path().to_owned(), source };
        let ended = self.writer.join();
        ended.unwrap_or_else(|_| Err(failed(io::Error::other("the report's writer ended early"))))?;
        self.dir.check().map_err(failed)
    }
}

/// The thread that writes.
#[derive(Debug)]
struct Writer {
    batches: SyncSender<Batch>,
    /// Until it is joined.
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Writer {
    /// Waits until all batches are written.
    fn join(&mut self) -> thread::Result<Result<(), Error>> {
        // The thread ends with its last sender.
        self.batches = mpsc::sync_channel(0).0;
        self.thread.take().map_or(Ok(Ok(())), JoinHandle::join)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody is left to hear why it failed.
        let _ = self.join();
    }
}

/// The open files.
struct Files {
    dir: Arc<Dir>,
    frames: Tail,
    intervals: Tail,
    log: Tail,
}

impl Files {
    fn create(dir: Arc<Dir>, started: WallTime, run: &Run) -> Result<Self, Error> {
        let header = csv::Columns::of(run).header();
        Ok(Self {
            frames: Tail::create(&dir, "frames.csv", &header)?,
            intervals: Tail::create(&dir, "intervals.csv", &csv::intervals_header())?,
            log: Tail::create(&dir, "latency.hlog", &hlog::header(started))?,
            dir,
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        self.frames.write(&batch.frames)?;
        self.intervals.write(&batch.intervals)?;
        let mut log = Lines::default();
        batch.closed.iter().for_each(|closed| hlog::interval(&mut log.finalized, closed));
        self.log.write(&log)?;
        self.replace(&batch.run, &batch.latency)
    }

    fn replace(&mut self, run: &Run, latency: &Distribution) -> Result<(), Error> {
        replace(&self.dir, "latency.hgrm", &hgrm::distribution(latency))?;
        replace(&self.dir, "run.json", &json::run(run))
    }
}

/// A file that grows, and whose last lines may be written over.
struct Tail {
    path: PathBuf,
    file: File,
    finalized: u64,
}

impl Tail {
    fn create(dir: &Dir, name: &str, header: &str) -> Result<Self, Error> {
        let path = dir.path().join(name);
        let file = dir.fresh(name).and_then(Fresh::put).map_err(|source| Error { path: path.clone(), source })?;
        let mut tail = Self { path, file, finalized: 0 };
        tail.write(&Lines { finalized: header.to_owned(), pending: String::new() })?;
        Ok(tail)
    }

    fn write(&mut self, lines: &Lines) -> Result<(), Error> {
        self.try_write(lines).map_err(|source| Error { path: self.path.clone(), source })
    }

    /// Writes over the old end in one call, and only then cuts off what is left of it.
    fn try_write(&mut self, lines: &Lines) -> io::Result<()> {
        let text = format!("{}{}", lines.finalized, lines.pending);
        self.file.seek(SeekFrom::Start(self.finalized))?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(self.finalized + text.len() as u64)?;
        self.finalized += lines.finalized.len() as u64;
        Ok(())
    }
}

/// Takes away the [`PAGES`] of an earlier run.
///
/// # Errors
/// The first that is there and cannot be taken away.
pub fn remove_pages(dir: &Dir) -> Result<(), Error> {
    let remove = |name| dir.remove(name).map_err(|source| Error { path: dir.path().join(name), source });
    PAGES.into_iter().try_for_each(remove)
}

/// As [`Dir::replace`].
///
/// # Errors
/// The file, where it cannot be written.
pub fn replace(dir: &Dir, name: &str, text: &str) -> Result<(), Error> {
    dir.replace(name, text).map_err(|source| Error { path: dir.path().join(name), source })
}

#[cfg(test)]
mod tests;
