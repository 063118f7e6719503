//! A sweep: many short runs over a matrix of settings, and an evaluation of each setting.
//!
//! `framelag tune` hands in its [`Row`]s, one for each run, after every run; [`write`](fn@write) turns them into `tune.csv`, `tune.json`
//! and `tune.html`. The unit of every comparison is the run, never the frame: the frames of one run share its luck.
//! Settings are compared by [`crate::statistics`], as the gate compares runs. `docs/tune-files.md` describes the files.

use report::dir::Dir;
use report::folder::replace;

mod advice;
mod analysis;
mod cells;
mod csv;
mod drift;
mod front;
mod json;
mod metric;
mod page;
mod row;
mod samples;
mod warnings;

use analysis::Analysis;
pub use json::SCHEMA;
pub use report::run::Outcome;
pub use row::{Axis, Error, Figures, Row, Sweep};

/// Writes `tune.csv`, `tune.json` and `tune.html` into a folder that exists, each whole by renaming.
///
/// # Errors
/// A run that does not fit the axes, before anything is written; the first file that cannot be written.
pub fn write(folder: &Dir, sweep: &Sweep) -> Result<(), Error> {
    sweep.check()?;
    let analysis = analyze(sweep);
    replace(folder, "tune.csv", &csv::sweep(sweep))?;
    replace(folder, "tune.json", &json::sweep(&analysis))?;
    replace(folder, "tune.html", &page::sweep(&analysis))?;
    Ok(())
}

/// Analyzes a sweep whose rows fit its axes: first the facts, then recommendations and warnings.
fn analyze(sweep: &Sweep) -> Analysis<'_> {
    let mut analysis = Analysis::facts(sweep);
    analysis.advice = analysis.groups.iter().map(|group| advice::of(&analysis, group)).collect();
    analysis.warnings = warnings::all(&analysis);
    analysis
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
