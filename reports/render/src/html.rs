//! `report.html`: the run as one page with plots. It needs nothing else: no script, no font, no picture, and its policy forbids
//! every fetch.
//!
//! Everything that comes from the run is escaped where it is put into the page, whoever may have written it: a stream's
//! address, a setting, a warning.

use report::saved::{self, Saved};

mod browser;
mod clock;
mod distribution;
mod elements;
mod frames;
mod headline;
mod parts;
mod settings;
mod time;

pub use elements::page;
use frames::Frames;

/// The page of a report.
///
/// # Errors
/// Where a file of the report cannot be read; one that is missing or cut off is said on the page.
pub fn report(saved: &Saved) -> Result<String, saved::Error> {
    let run = &saved.run;
    let intervals = saved.intervals()?;
    let (histograms, cut) = saved.histograms()?;
    let frames = Frames::of(saved)?;
    let mut notes = saved.notes.clone();
    notes.extend([frames.note.clone(), intervals.note.clone(), cut].into_iter().flatten());

    let body = [
        headline::section(run),
        headline::assertions(run),
        headline::warnings(run, &notes),
        time::latency(run, &frames, &intervals.rows),
        browser::browser(run),
        distribution::distribution(run, &histograms.total),
        parts::stages(run),
        time::age(run, &intervals.rows),
        parts::kinds(&frames),
        parts::buckets(run),
        parts::startup(run),
        clock::clocks(run),
        settings::settings(run),
    ];
    let name = if run.url.is_empty() { "a run".to_owned() } else { crate::words::shown(&run.url) };
    Ok(page(&format!("Latency of {name}"), &body.concat()))
}
