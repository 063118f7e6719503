//! The finished runs on disk: JSON lines, each synced before the next run begins, so that they survive Ctrl-C, a kill and a power
//! failure. A line that one of these cut off is overwritten.

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

use crate::exit::Error;

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
    /// What must not change, by name: see [`framelag::plan::Plan::identity`].
    #[serde(rename = "essence")]
    pub identity: Vec<(String, String)>,
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

impl Journal {
    /// Opens the journal in `folder`, or begins it at `now`.
    ///
    /// # Errors
    /// It cannot be read or written, is damaged or of another plan, or the folder holds something else.
    pub fn open(folder: &Path, identity: Vec<(String, String)>, now: String) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let cannot = |what: &'static str| {
            let path = path.display();
            move |error: io::Error| format!("cannot {what} {path}: {error}")
        };
        let dir = Dir::make(folder).map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        if !path.exists() && fs::read_dir(folder).map_err(cannot("open"))?.next().is_some() {
            return Err(Error::Usage(format!(
                "{} is not empty and holds no sweep: give a new or empty folder with --out",
                folder.display()
            )));
        }
        let mut file = dir.resume(NAME).map_err(cannot("open"))?;
        lock(&file, &path, folder)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot("read"))?;
        let parsed = parse(&bytes).map_err(|(line, why)| {
            Error::Usage(format!(
                "{}, line {line}: not a journal of this version: {}; give another --out, or --fresh to move the folder aside",
                path.display(),
                escaped(&why)
            ))
        })?;
        let Some((head, rows, len)) = parsed else {
            let head = Head { schema: SCHEMA.to_owned(), started: now, identity };
            let mut journal = Self { dir, file, path: path.clone(), len: 0, head, rows: Vec::new() };
            let line = to_line(&journal.head);
            journal.write(&line).and_then(|()| sync_folder(folder)).map_err(cannot("write"))?;
            return Ok(journal);
        };
        let changes = changes(&head.identity, &identity);
        if !changes.is_empty() {
            return Err(Error::Usage(format!(
                "{} holds a sweep of another plan: {}; restore that, give another --out, or --fresh to move the folder aside",
                folder.display(),
                changes.join("; ")
            )));
        }
        file.set_len(len).map_err(cannot("repair"))?;
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

    /// Adds a finished run.
    ///
    /// # Errors
    /// It cannot be written. What was there before is whole.
    pub fn append(&mut self, row: Row) -> Result<(), Error> {
        let line = to_line(&row);
        if let Err(error) = self.write(&line) {
            // This may fail: the next reader skips half a line too.
            let _ = self.file.set_len(self.len);
            let path = self.path.display();
            return Err(Error::Failed(format!(
                "cannot write {path}: {error}. Earlier runs are kept: free some space, then run the same command to continue"
            )));
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

/// How long to retry a lock that is held. A child that is being started holds a copy of every open file until it runs its own
/// program, even the lock of a sweep that has just ended.
const LOCK_LIMIT: Duration = Duration::from_millis(500);

/// Takes the journal of `folder` for this process, until it is closed.
fn lock(file: &File, path: &Path, folder: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_LIMIT / 50),
            Err(TryLockError::WouldBlock) => {
                let folder = folder.display();
                return Err(format!("another tune is writing to {folder}: wait for it, or give another --out").into());
            }
            Err(TryLockError::Error(error)) => return Err(format!("cannot lock {}: {error}", path.display()).into()),
        }
    }
}

/// Moves a sweep's folder aside, whole, to the first free name beside it; `None` if there is no sweep.
///
/// # Errors
/// The folder cannot be moved.
pub fn move_aside(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let path = folder.join(NAME);
    let file = match regular_file::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot open {}: {error}", path.display()).into()),
    };
    // Not from under a sweep that runs.
    lock(&file, &path, folder)?;
    // By its own name, however it was typed, even as `night/` or `.`.
    let cannot = |error| format!("cannot move aside {}: {error}", folder.display());
    let from = folder.canonicalize().map_err(cannot)?;
    let beside = |number: u32| {
        let mut name = from.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        from.with_file_name(name)
    };
    let free = (1..).map(beside).find(|path| !path.exists());
    let free = free.expect("not every number has a folder");
    fs::rename(&from, &free).map_err(cannot)?;
    Ok(Some(free))
}

fn to_line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("a row has string keys only");
    line.push('\n');
    line
}

/// A new file survives a power failure only if its folder is on disk too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Head, rows and the bytes that they take.
type Whole = (Head, Vec<Row>, u64);

/// The whole lines; `None` if there are none. The error is a line number and what is wrong there.
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
            // A power failure may leave a block of zeros at the end.
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
