//! Joins the runs of many receivers into one report: those of a grid, or of several machines that watched one publisher.
//!
//! * Counts, buckets and times add up; `duration_s` is the receivers' seconds together, and rates are those of one receiver
//!   in the mean.
//! * Latencies are pooled: count, minimum, maximum, mean and deviation from the runs' own, exactly; quantiles from the
//!   histograms added up, of `latency.hlog`, or of `frames.csv` where the log is short.
//! * Latencies of a run whose clock nobody knows are left out of all that, which is said.
//! * What cannot be joined of what a report has (quantiles of the picture's age, an offset) is `None`.
//! * Warnings come along with the receiver that they are of; so do assertions, unless there are new ones.
//!
//! The result is a report folder like any other, and can be merged again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::export;
use crate::folder;
use crate::run::{Frames, LatencyMs, Outcome};
use crate::saved;
use crate::summary::Summary;
use crate::threshold::Assertion;

mod figures;
mod files;
mod intervals;
mod part;
mod settings;

use part::Part;

/// The runs that were joined, as in `run.json`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Merged {
    /// When second 0 of `intervals.csv` begins: RFC 3339. `None` where no receiver had a picture.
    pub second_zero: Option<String>,
    /// In the order of the column `receiver` of `frames.csv`.
    pub receivers: Vec<Receiver>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Receiver {
    /// Its report folder, as it was named.
    pub folder: String,
    /// What it played.
    pub url: String,
    /// When it began to connect: RFC 3339.
    pub started: String,
    /// Seconds that it measured.
    pub duration_s: Option<f64>,
    /// Its rows in `frames.csv` are those from this segment up to the next receiver's.
    pub first_segment: u32,
    /// What came of its own run.
    pub outcome: Outcome,
    /// Where its frames ended.
    pub frames: Frames,
    /// Its latencies.
    pub latency_ms: LatencyMs,
    /// They are in the joined ones.
    pub pooled: bool,
}

/// Why runs cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder is no report.
    #[error(transparent)]
    Saved(#[from] saved::Error),
    /// The result cannot be written.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// Its pages cannot be rendered.
    #[error(transparent)]
    Pages(#[from] export::Error),
    /// The same run twice would count twice.
    #[error("{} and {} are one run: name it once", first.display(), second.display())]
    Same {
        /// Named before.
        first: PathBuf,
        /// The same.
        second: PathBuf,
    },
    /// It would be written over while it is read.
    #[error("--out {} is one of the runs to join: name another folder", path.display())]
    Out {
        /// The folder.
        path: PathBuf,
    },
}

impl Error {
    /// Something is wrong with what was named, in contrast to what could not be read or written.
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Saved(error) => error.is_usage(),
            Self::Folder(_) | Self::Pages(_) => false,
            Self::Same { .. } | Self::Out { .. } => true,
        }
    }
}

/// Joins the runs of `folders` into a report in `out`, which is made where it is missing.
///
/// # Errors
/// [`Error`]. Nothing is written where a folder is no report.
pub fn merge(folders: &[PathBuf], out: &Path, assertions: &[Assertion]) -> Result<Summary, Error> {
    if let Some(path) = folders.iter().find(|folder| is_same_place(folder, out)) {
        return Err(Error::Out { path: path.clone() });
    }
    let parts = folders.iter().map(|folder| Part::read(folder)).collect::<Result<Vec<_>, _>>()?;
    for (at, part) in parts.iter().enumerate() {
        if let Some(first) = parts[..at].iter().find(|first| first.is_same_run(part)) {
            return Err(Error::Same { first: first.saved.path.clone(), second: part.saved.path.clone() });
        }
    }
    let mut summary = figures::join(&parts, assertions);
    files::write(&parts, &summary.run, out)?;
    export::pages(out)?;
    summary.report = Some(out.to_owned());
    Ok(summary)
}

fn is_same_place(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
