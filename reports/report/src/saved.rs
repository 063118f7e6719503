//! A report folder, read back: also one that is cut off, of an earlier version, or hostile.
//!
//! `run.json` has to be whole, which it is after any kill: it is replaced by renaming. Of the other files the beginning counts,
//! up to the first line that is cut or makes no sense; [`Rows::note`] says where that is. Nothing read takes more memory
//! than the limits of `lines` and [`MAX_ROWS`] allow.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use common::bom;
use measure::interval::Histograms;
use serde_json::Value;

use crate::codec::{hlog, lines, rows};
use crate::regular_file;
use crate::run::{Run, SCHEMA};
use crate::warning::Code;

mod printable;

pub use crate::codec::rows::{FrameRow, IntervalRow};

/// Limit on the size of `run.json`: a real one has some ten kilobytes.
pub(crate) const MAX_RUN_BYTES: u64 = 4 << 20;

/// Rows that are kept of a file: a day at 50 frames a second.
pub const MAX_ROWS: usize = 4_320_000;

/// A folder that is no report, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read, or something else stands in its place.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no `run.json`.
    #[error("{} is no report folder: it has no run.json; `receiver --report {}` would make it one", folder.display(), folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// `run.json` is not one.
    #[error("{} is no run of framelag: {why}", path.display())]
    NotARun {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Written by a later framelag.
    #[error("{} is of schema {found:?}, and this framelag knows {SCHEMA:?}: read it with a later one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: String,
    },
}

impl Error {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// The folder or a file in it is not what it should be, in contrast to one that could not be read.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Io { source, .. } => regular_file::is_not_a_file(source),
            _ => true,
        }
    }
}

/// A report folder.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The folder.
    pub path: PathBuf,
    /// Its `run.json`.
    pub run: Run,
    /// What of `run.json` was not understood, for people.
    pub notes: Vec<String>,
}

/// The rows of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows<T> {
    /// Those from the beginning that make sense.
    pub rows: Vec<T>,
    /// Why these are not all, for people.
    pub note: Option<String>,
}

impl Saved {
    /// Reads the `run.json` of a report folder.
    ///
    /// # Errors
    /// [`Error`], which names the file.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("run.json");
        let text = match regular_file::open(&path) {
            Err(error) if is_missing(&error) => return Err(Error::NoRun { folder: folder.to_owned() }),
            opened => opened.and_then(|file| {
                let mut text = Vec::new();
                file.take(MAX_RUN_BYTES + 1).read_to_end(&mut text).map(|_| text)
            }),
        };
        let text = text.map_err(Error::io(&path))?;
        let (run, notes) = parse(&text, &path)?;
        Ok(Self { path: folder.to_owned(), run, notes })
    }

    /// Hands each frame of `frames.csv` to `each`, in order. The note says why there are no more.
    ///
    /// # Errors
    /// [`Error::Io`]. A file that is missing is a note.
    pub fn each_frame(&self, each: impl FnMut(FrameRow)) -> Result<Option<String>, Error> {
        self.each("frames.csv", rows::Table::new(each))
    }

    /// The frames of `frames.csv`: at most [`MAX_ROWS`].
    ///
    /// # Errors
    /// [`Error::Io`]. A file that is missing is a note.
    pub fn frames(&self) -> Result<Rows<FrameRow>, Error> {
        self.rows("frames.csv")
    }

    /// The seconds of `intervals.csv`: at most [`MAX_ROWS`].
    ///
    /// # Errors
    /// [`Error::Io`]. A file that is missing is a note.
    pub fn intervals(&self) -> Result<Rows<IntervalRow>, Error> {
        self.rows("intervals.csv")
    }

    /// The latencies of `latency.hlog`, all seconds together, with why there are no more. Negative latencies and those above an
    /// hour are not in it.
    ///
    /// # Errors
    /// [`Error::Io`]. A file that is missing is a note.
    pub fn histograms(&self) -> Result<(Histograms, Option<String>), Error> {
        let mut histograms = Histograms::default();
        let note = self.each("latency.hlog", hlog::Reader::new(&mut histograms))?;
        Ok((histograms, note))
    }

    fn rows<T: rows::Row + Copy>(&self, name: &str) -> Result<Rows<T>, Error> {
        let (mut rows, mut left_out) = (Vec::new(), 0_u64);
        let keep = |row| {
            if rows.len() < MAX_ROWS {
                rows.push(row);
            } else {
                left_out += 1;
            }
        };
        let note = self.each(name, rows::Table::new(keep))?;
        let too_many =
            (left_out > 0).then(|| format!("{name} has more than {MAX_ROWS} rows: the last {left_out} are left out"));
        Ok(Rows { rows, note: note.or(too_many) })
    }

    fn each(&self, name: &str, reader: impl lines::Reader) -> Result<Option<String>, Error> {
        let path = self.path.join(name);
        let file = match regular_file::open(&path) {
            Err(error) if is_missing(&error) => return Ok(Some(format!("{name} is missing"))),
            opened => opened,
        };
        let stopped = file.and_then(|file| read(file, reader)).map_err(Error::io(&path))?;
        Ok(stopped.map(|stopped| format!("{name} {stopped}")))
    }
}

/// Hands each frame of a text like `frames.csv` to `each`. The note, which goes on behind the file's name, says why there are
/// no more.
///
/// # Errors
/// Where `input` cannot be read.
pub fn read_frames(input: impl Read, each: impl FnMut(FrameRow)) -> io::Result<Option<String>> {
    read(input, rows::Table::new(each))
}

/// The same with each second of a text like `intervals.csv`.
///
/// # Errors
/// Where `input` cannot be read.
pub fn read_intervals(input: impl Read, each: impl FnMut(IntervalRow)) -> io::Result<Option<String>> {
    read(input, rows::Table::new(each))
}

/// The same with a text like `latency.hlog`, whose histograms are added up.
///
/// # Errors
/// Where `input` cannot be read.
pub fn read_histograms(input: impl Read, into: &mut Histograms) -> io::Result<Option<String>> {
    read(input, hlog::Reader::new(into))
}

fn read(input: impl Read, mut reader: impl lines::Reader) -> io::Result<Option<String>> {
    Ok(lines::read(input, &mut reader)?.map(|stopped| stopped.to_string()))
}

/// A folder's name may be that of a file.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A `run.json`, and what of it was not understood. `path` is for the error. Control characters in its texts are escaped: whoever
/// tells them may do so on a terminal.
///
/// # Errors
/// [`Error::NotARun`] or [`Error::Newer`].
pub fn parse(text: &[u8], path: &Path) -> Result<(Run, Vec<String>), Error> {
    let refuse = |why: String| Error::NotARun { path: path.to_owned(), why };
    if text.len() as u64 > MAX_RUN_BYTES {
        return Err(refuse(format!("it is longer than {} MiB", MAX_RUN_BYTES >> 20)));
    }
    let text = bom::text(text).map_err(|why| refuse(why.to_string()))?;
    let mut value: Value = serde_json::from_str(text).map_err(|error| refuse(format!("it is not JSON ({error})")))?;
    match value.get("schema").and_then(Value::as_str) {
        Some(schema) if schema == SCHEMA => {}
        Some(found) if version(found) > version(SCHEMA) => {
            return Err(Error::Newer { path: path.to_owned(), found: found.to_owned() });
        }
        _ => return Err(refuse(format!("its schema is not {SCHEMA:?}"))),
    }
    printable::escape(&mut value);
    let notes = take_unknown_warnings(&mut value);
    let run = serde_json::from_value(value).map_err(|error| refuse(error.to_string()))?;
    Ok((run, notes))
}

/// The number at the end of a schema's name.
fn version(schema: &str) -> Option<u32> {
    schema.strip_prefix("framelag/run/")?.parse().ok()
}

/// Warnings may be added under the same schema.
fn take_unknown_warnings(run: &mut Value) -> Vec<String> {
    let Some(warnings) = run.get_mut("warnings").and_then(Value::as_array_mut) else { return Vec::new() };
    let mut notes = Vec::new();
    warnings.retain(|warning| {
        let code = warning["code"].as_str().unwrap_or_default();
        let known = Code::named(code).is_some();
        if !known {
            let message = warning["message"].as_str().unwrap_or_default();
            notes.push(format!("a warning that this framelag does not know, {code:?}: {message}"));
        }
        known
    });
    notes
}

#[cfg(test)]
mod tests;
