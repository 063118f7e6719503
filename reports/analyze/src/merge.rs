//! Joins the runs of several receivers of one publisher into one report.
//!
//! * Counts, buckets and times add up; `duration_s` is the sum of the receivers' seconds, and rates are the mean of one receiver.
//! * Latencies are pooled: count, minimum, maximum, mean and deviation from the runs' own, exactly; quantiles from the
//!   histograms added up, of `latency.hlog`, or of `frames.csv` where the log is short.
//! * Latencies of a run with an unknown clock are left out, with a warning.
//! * Figures that cannot be joined (quantiles of the picture's age, an offset) are `None`.
//! * Warnings name their receiver; so do assertions, unless new ones are given.
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
mod index;
mod intervals;
mod part;
mod settings;
mod warnings;

pub use error::Error;
pub(crate) use index::ReceiverIndex;
use part::Part;
pub(crate) use part::receivers;

/// Joins the runs of `folders` into a report in `out`, which is made if it is missing.
///
/// # Errors
/// [`Error`]. Nothing is written if a folder is no report.
pub fn merge(folders: &[PathBuf], out: &Path, assertions: &[Assertion]) -> Result<Summary, Error> {
    if let Some(path) = folders.iter().find(|folder| is_same_place(folder, out)) {
        let path = path.display();
        return Err(Error::Usage(format!("--out {path} is one of the runs to join: name another folder")));
    }
    let parts = folders.iter().map(|folder| Part::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = ReceiverIndex::default();
    for (at, part) in parts.iter().enumerate() {
        if let Some(first) = seen.add(&part.receivers, at) {
            return Err(counted_twice(&parts[first], part));
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
fn counted_twice(first: &Part, second: &Part) -> Error {
    let [one, other] = [first, second].map(|part| part.saved.path.display());
    let in_one =
        |joined, part| format!("{joined} has the run of {part} in it, which would count twice: leave out {part}");
    Error::Usage(match [first, second].map(|part| part.run().merged.is_some()) {
        [false, false] => {
            // The one that did not end is the copy.
            let whole = if first.run().partial { &other } else { &one };
            format!("{one} and {other} are one run, which would count twice: name it once, as {whole}")
        }
        [true, false] => in_one(one, other),
        [false, true] => in_one(other, one),
        [true, true] => {
            let folder = first.shared_with(second).map(|receiver| receiver.folder.as_str()).unwrap_or_default();
            format!(
                "{one} and {other} both have the run of {folder} in them, which would count twice: join the folders that they \
                 were made of"
            )
        }
    })
}

fn is_same_place(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
