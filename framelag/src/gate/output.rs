//! Where a comparison goes: standard output, the page of a CI job, files.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use analyze::gate::{self, Comparison};
use report::dir::Dir;

use crate::exit::Error;

/// Names a file whose Markdown GitHub shows on the page of the job.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

pub fn print(comparison: &Comparison, as_json: bool) {
    println!("{}", if as_json { json(comparison) } else { comparison.to_string() });
}

/// Prints the changes of several metrics: a line of JSON for each, or one table.
pub fn print_changes(comparisons: &[Comparison], as_json: bool) {
    if as_json {
        comparisons.iter().for_each(|comparison| println!("{}", json(comparison)));
    } else {
        print!("{}", gate::table(comparisons));
    }
}

/// Writes `gate.json` and `gate.md` to `folder`, and appends to the page of a CI job.
pub fn write(comparison: &Comparison, folder: Option<&Path>) -> Result<(), Error> {
    let page = comparison.markdown();
    if let Some(folder) = folder {
        let dir = Dir::make(folder).map_err(|error| failed(folder, &error))?;
        let write =
            |name: &str, text: &str| dir.replace(name, text).map_err(|error| failed(&folder.join(name), &error));
        write("gate.json", &(json(comparison) + "\n"))?;
        write("gate.md", &page)?;
    }
    match std::env::var_os(STEP_SUMMARY).filter(|path: &OsString| !path.is_empty()).map(PathBuf::from) {
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).open(&path);
            // Another step's text may lack its last line end.
            file.and_then(|mut file| write!(file, "\n{page}")).map_err(|error| failed(&path, &error))
        }
        None => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Failed(format!("cannot write {}: {error}", path.display()))
}

fn json(comparison: &Comparison) -> String {
    serde_json::to_string(comparison).expect("a comparison is plain data")
}
