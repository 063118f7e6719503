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

use report::dir::Dir;
use report::folder;
use report::summary::Summary;
use report::threshold::Assertion;

mod error;
mod figures;
mod files;
mod intervals;
mod latency;
mod part;
mod runs;
mod settings;
mod shared;
mod warnings;

pub use error::Error;
use part::Part;
pub(crate) use part::receivers;
pub(crate) use shared::Seen;

/// Joins the runs of `folders` into a report in `out`, which is made where it is missing.
///
/// # Errors
/// [`Error`]. Nothing is written where a folder is no report.
pub fn merge(folders: &[PathBuf], out: &Path, assertions: &[Assertion]) -> Result<Summary, Error> {
    if let Some(path) = folders.iter().find(|folder| is_same_place(folder, out)) {
        return Err(Error::Out { path: path.clone() });
    }
    let parts = folders.iter().map(|folder| Part::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = Seen::default();
    for (at, part) in parts.iter().enumerate() {
        if let Some(first) = seen.add(&part.receivers, at) {
            return Err(twice(&parts[first], part));
        }
    }
    let mut summary = figures::join(&parts, assertions);
    let unwritable = |source| folder::Error { path: out.to_owned(), source };
    let dir = Dir::make(out).map_err(unwritable)?;
    files::write(&parts, &summary.run, &dir)?;
    dir.check().map_err(unwritable)?;
    render::pages_of(&dir)?;
    summary.report = Some(out.to_owned());
    Ok(summary)
}

/// Why a run that is in both cannot be joined, be it as a copy that was made before it ended.
fn twice(first: &Part, second: &Part) -> Error {
    let [one, other] = [first, second].map(|part| part.saved.path.clone());
    match [first, second].map(|part| part.run().merged.is_some()) {
        [false, false] if first.run().partial => Error::Same { whole: other, copy: one },
        [false, false] => Error::Same { whole: one, copy: other },
        [true, false] => Error::Part { joined: one, part: other },
        [false, true] => Error::Part { joined: other, part: one },
        [true, true] => {
            let folder = first.shared_with(second).map(|receiver| receiver.folder.clone()).unwrap_or_default();
            Error::Overlap { first: one, second: other, folder }
        }
    }
}

fn is_same_place(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
