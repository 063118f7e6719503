//! The report folder: files opened at the start and written as the run goes, by a thread of their own, so that
//! neither a slow disk nor the encoding of a histogram delays a frame.
//!
//! After a kill the folder holds all but what came after the last [`Batch`]. Whole files are replaced by renaming.
//! Lines whose figures may still change stand at the end of their file and are written over by the next batch.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use common::time::WallTime;

use crate::export::{self, csv, hgrm, hlog, json};
use crate::interval::Closed;
use crate::latency::Distribution;
use crate::regular;
use crate::run::Run;

pub mod lock;

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
pub struct Lines {
    /// Final.
    pub settled: String,
    /// May still change.
    pub unsettled: String,
}

/// What came since the batch before.
#[derive(Clone, Debug)]
pub struct Batch {
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

/// A report folder that is being written.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    batches: SyncSender<Batch>,
    writer: JoinHandle<Result<(), Error>>,
    /// Why the writer ended early, in words.
    trouble: Arc<OnceLock<String>>,
}

impl Folder {
    /// Writes the beginning of every file into a folder that is there and [locked](lock::Lock); files of an earlier run are
    /// replaced.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn create(path: &Path, started: WallTime, run: &Run) -> Result<Self, Error> {
        export::remove(path)?;
        let mut files = Files::create(path, started)?;
        files.replace(run, &Distribution::default())?;
        let (batches, waiting) = mpsc::sync_channel::<Batch>(MAX_WAITING);
        let trouble = Arc::new(OnceLock::new());
        let said = Arc::clone(&trouble);
        let write = move || {
            let written = waiting.iter().try_for_each(|batch| files.write(&batch));
            written.inspect_err(|error| _ = said.set(error.to_string()))
        };
        let writer = thread::Builder::new()
            .name("report".to_owned())
            .spawn(write)
            .map_err(|source| Error { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), batches, writer, trouble })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
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
        match self.batches.try_send(batch) {
            Err(TrySendError::Full(batch)) => Err(Box::new(batch)),
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Writes a last batch and waits until all is written.
    ///
    /// # Errors
    /// The first file that could not be written, now or before.
    pub fn close(self, batch: Batch) -> Result<(), Error> {
        // The writer is gone only after an error, which joining it tells.
        let _gone = self.batches.send(batch);
        drop(self.batches);
        self.writer.join().unwrap_or_else(|_| {
            Err(Error { path: self.path, source: io::Error::other("the report's writer ended early") })
        })
    }
}

/// The open files.
struct Files {
    folder: PathBuf,
    frames: Tail,
    intervals: Tail,
    log: Tail,
}

impl Files {
    fn create(folder: &Path, started: WallTime) -> Result<Self, Error> {
        Ok(Self {
            frames: Tail::create(folder.join("frames.csv"), &csv::frames_header())?,
            intervals: Tail::create(folder.join("intervals.csv"), &csv::intervals_header())?,
            log: Tail::create(folder.join("latency.hlog"), &hlog::header(started))?,
            folder: folder.to_owned(),
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        self.frames.write(&batch.frames)?;
        self.intervals.write(&batch.intervals)?;
        let mut log = Lines::default();
        batch.closed.iter().for_each(|closed| hlog::interval(&mut log.settled, closed));
        self.log.write(&log)?;
        self.replace(&batch.run, &batch.latency)
    }

    fn replace(&mut self, run: &Run, latency: &Distribution) -> Result<(), Error> {
        replace(&self.folder.join("latency.hgrm"), &hgrm::distribution(latency))?;
        replace(&self.folder.join("run.json"), &json::run(run))
    }
}

/// A file that grows, and whose last lines may be written over.
struct Tail {
    path: PathBuf,
    file: File,
    settled: u64,
}

impl Tail {
    fn create(path: PathBuf, header: &str) -> Result<Self, Error> {
        let file = regular::create(&path).map_err(|source| Error { path: path.clone(), source })?;
        let mut tail = Self { path, file, settled: 0 };
        tail.write(&Lines { settled: header.to_owned(), unsettled: String::new() })?;
        Ok(tail)
    }

    fn write(&mut self, lines: &Lines) -> Result<(), Error> {
        self.try_write(lines).map_err(|source| Error { path: self.path.clone(), source })
    }

    /// Writes over the old end in one call, and only then cuts off what is left of it.
    fn try_write(&mut self, lines: &Lines) -> io::Result<()> {
        let text = format!("{}{}", lines.settled, lines.unsettled);
        self.file.seek(SeekFrom::Start(self.settled))?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(self.settled + text.len() as u64)?;
        self.settled += lines.settled.len() as u64;
        Ok(())
    }
}

/// Replaces a file at once: a reader sees the old one or the new one, whole.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let new = beside(path);
    let written = regular::create(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&new, path));
    written.map_err(|source| {
        // On a full disk half a file is of no use. One that was never made is not missed.
        let _ = fs::remove_file(&new);
        Error { path: path.to_owned(), source }
    })
}

/// Where a file is made before it takes its place. Each process has a name of its own: two that render one folder at once
/// do not take away each other's.
pub(crate) fn beside(path: &Path) -> PathBuf {
    path.with_extension(format!("{}.new", process::id()))
}

#[cfg(test)]
mod tests;
