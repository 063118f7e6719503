//! `framelag report DIR…`: the pages again, from the data.

use std::path::Path;

use report::Summary;
use report::saved::Saved;

use crate::exit::Error;

/// Renders a folder, prints its summary, and what is damaged in its files.
pub fn run(folder: &Path) -> Result<(), Error> {
    let saved = Saved::open(folder)?;
    ::render::pages(folder).map_err(|error| error.to_string())?;
    let of_files = [saved.each_frame(|_| {})?, saved.intervals()?.note, saved.histograms()?.1];
    for note in saved.notes.iter().chain(of_files.iter().flatten()) {
        eprintln!("{}: {note}", folder.display());
    }
    let summary = Summary { run: saved.run, exit_code: 0, report: Some(folder.to_owned()), metrics: None };
    print!("{summary}");
    Ok(())
}
