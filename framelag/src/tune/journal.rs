//! The finished runs on disk: JSON lines, each written whole and forced out before the next run begins. What is in it
//! survives Ctrl-C, a kill and a loss of power; a line that one of them cut off is left out and written over.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use analyze::sweep::Row;
use common::printable::escaped;
use report::dir::Dir;
use report::regular_file;
use serde::{Deserialize, Serialize};

/// The name and version of the journal's shape.
const SCHEMA: &str = "framelag/tune-journal/1";

/// The file in a sweep's folder.
pub const NAME: &str = "journal.jsonl";

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    schema: String,
    /// When the sweep began: RFC 3339.
    pub started: String,
    /// What must not change, by name: see [`framelag::plan::Plan::essence`].
    pub essence: Vec<(String, String)>,
}

/// An open journal. No other process has it.
#[derive(Debug)]
pub struct Journal {
    dir: Dir,
    file: File,
    path: PathBuf,
    /// Bytes that are whole lines.
    len: u64,
    head: Head,
    rows: Vec<Row>,
}

/// Why there is no journal, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder.
    #[error("cannot {0} {1}: {2}")]
    File(&'static str, PathBuf, io::Error),
    /// A run was measured and could not be kept.
    #[error("cannot write {0}: {1}. Earlier runs are kept: free some space, then run the same command to continue")]
    Append(PathBuf, io::Error),
    /// There is something else in the folder.
    #[error("{0} is not empty and holds no sweep: give a new or empty folder with --out")]
    Foreign(PathBuf),
    /// Another process is at it.
    #[error("another tune is writing to {0}: wait for it, or give another --out")]
    Taken(PathBuf),
    /// Not a journal of this version.
    #[error(
        "{path}, line {line}: not a journal of this version: {why}; give another --out, or --fresh to move the folder aside"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What.
        why: String,
    },
    /// The plan is another one.
    #[error("{folder} holds a sweep of another plan: {}; restore that, give another --out, or --fresh to move the folder aside", .changes.join("; "))]
    Changed {
        /// Where.
        folder: PathBuf,
        /// What was and what is.
        changes: Vec<String>,
    },
}

impl Error {
    /// Whether the user has to change what was asked for.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Foreign(_) | Self::Damaged { .. } | Self::Changed { .. })
    }
}

impl Journal {
    /// Opens the one in `folder`, or begins it at `now`.
    ///
    /// # Errors
    /// [`Error`]: it cannot be had, is damaged, or is of another plan; or the folder is something else's.
    pub fn open(folder: &Path, essence: Vec<(String, String)>, now: String) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let of_error = path.clone();
        let cannot = |what| {
            let path = of_error.clone();
            move |error| Error::File(what, path, error)
        };
        let dir = Dir::make(folder).map_err(|error| Error::File("make the folder", folder.to_owned(), error))?;
        if !path.exists() && fs::read_dir(folder).map_err(cannot("open"))?.next().is_some() {
            return Err(Error::Foreign(folder.to_owned()));
        }
        let mut file = dir.resume(NAME).map_err(cannot("open"))?;
        lock(&file, &path, folder)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot("read"))?;
        let Some((head, rows, len)) = parse(&bytes).map_err(|(line, why)| Error::Damaged {
            path: path.clone(),
            line,
            why: escaped(&why).into_owned(),
        })?
        else {
            let head = Head { schema: SCHEMA.to_owned(), started: now, essence };
            let mut journal = Self { dir, file, path, len: 0, head, rows: Vec::new() };
            let line = to_line(&journal.head);
            journal.write(&line).and_then(|()| sync_folder(folder)).map_err(cannot("write"))?;
            return Ok(journal);
        };
        let changes = changes(&head.essence, &essence);
        if !changes.is_empty() {
            return Err(Error::Changed { folder: folder.to_owned(), changes });
        }
        file.set_len(len).map_err(cannot("mend"))?;
        Ok(Self { dir, file, path, len, head, rows })
    }

    /// The folder that it is in.
    pub const fn dir(&self) -> &Dir {
        &self.dir
    }

    /// When the sweep began.
    pub fn started(&self) -> &str {
        &self.head.started
    }

    /// The finished runs.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Keeps a finished run.
    ///
    /// # Errors
    /// [`Error::Append`]. What was there before is whole.
    pub fn append(&mut self, row: Row) -> Result<(), Error> {
        let line = to_line(&row);
        if let Err(error) = self.write(&line) {
            // Half a line would be left out by the next reader too, so that this may fail.
            let _ = self.file.set_len(self.len);
            return Err(Error::Append(self.path.clone(), error));
        }
        self.rows.push(row);
        Ok(())
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.len += line.len() as u64;
        Ok(())
    }
}

/// How long a lock that is held is tried again. A child that is being started holds a copy of every open file for a moment, until it
/// runs its own program: the lock of a sweep that has just ended, too.
const LOCK_LIMIT: Duration = Duration::from_millis(500);

/// Takes the journal of `folder` for this process, until it is closed.
fn lock(file: &File, path: &Path, folder: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_LIMIT / 50),
            Err(TryLockError::WouldBlock) => return Err(Error::Taken(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(Error::File("lock", path.to_owned(), error)),
        }
    }
}

/// Moves a sweep's folder aside, whole, to the first free name beside it; `None` where there is no sweep.
///
/// # Errors
/// The folder cannot be moved.
pub fn put_aside(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let path = folder.join(NAME);
    let file = match regular_file::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::File("open", path, error)),
    };
    // Until it is moved: not from under a sweep that runs.
    lock(&file, &path, folder)?;
    // By its own name, however it was typed: `night/` and `.` too.
    let cannot = |error| Error::File("move aside", folder.to_owned(), error);
    let folder = folder.canonicalize().map_err(cannot)?;
    let beside = |number: u32| {
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        folder.with_file_name(name)
    };
    let free = (1..).map(beside).find(|path| !path.exists());
    let free = free.expect("not every number has a folder");
    fs::rename(&folder, &free).map_err(cannot)?;
    Ok(Some(free))
}

fn to_line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("a row has string keys only");
    line.push('\n');
    line
}

/// A new file is there after a loss of power only where its folder is on disk too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Head, rows and the bytes that they take.
type Whole = (Head, Vec<Row>, u64);

/// What is whole; `None` where there is nothing whole. The error is a line and what is wrong with it.
fn parse(bytes: &[u8]) -> Result<Option<Whole>, (usize, String)> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    let Some((_, first)) = lines.next() else { return Ok(None) };
    let head: Head = serde_json::from_slice(first).map_err(|error| (1, error.to_string()))?;
    if head.schema != SCHEMA {
        return Err((1, format!("its schema is {:?}, not {SCHEMA:?}", head.schema)));
    }
    let (mut rows, mut len) = (Vec::new(), first.len() as u64);
    while let Some((number, line)) = lines.next() {
        match serde_json::from_slice::<Row>(line) {
            Ok(row) => rows.push(row),
            // A loss of power may leave a block of nothing at the end.
            Err(_) if lines.peek().is_none() => break,
            Err(error) => return Err((number + 1, error.to_string())),
        }
        len += line.len() as u64;
    }
    Ok(Some((head, rows, len)))
}

/// What differs between two plans, in words.
fn changes(was: &[(String, String)], is: &[(String, String)]) -> Vec<String> {
    let value = |all: &[(String, String)], name: &str| {
        let found = all.iter().find(|(other, _)| other == name);
        found.map_or("not there".to_owned(), |(_, value)| format!("{value:?}"))
    };
    let mut names: Vec<&str> = was.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(is.iter().map(|(name, _)| name.as_str()).filter(|name| !was.iter().any(|(other, _)| other == name)));
    let changed = names.into_iter().filter(|name| value(was, name) != value(is, name));
    let mut changed: Vec<String> =
        changed.map(|name| format!("{name} was {} and is {}", value(was, name), value(is, name))).collect();
    if changed.is_empty() && was != is {
        changed.push("its axes are in another order".to_owned());
    }
    changed
}

#[cfg(test)]
mod tests;
