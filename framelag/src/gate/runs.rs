//! The runs of one side: read from report folders, before anything is compared.

use std::fs;
use std::path::{Path, PathBuf};

use reports::gate::Input;
use reports::saved::{self, Saved};

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the user has to change.
    #[error("{0}")]
    Usage(String),
    /// What went wrong.
    #[error("{0}")]
    Failed(String),
}

impl From<saved::Error> for Error {
    fn from(error: saved::Error) -> Self {
        if error.is_usage() { Self::Usage(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

/// Runs, in the order of their folders.
#[derive(Debug, Default)]
pub struct Runs(Vec<Saved>);

impl Runs {
    /// Reads report folders, and folders of report folders. What was not understood of one is said.
    pub fn read(folders: &[PathBuf]) -> Result<Self, Error> {
        let mut runs = Self::default();
        for folder in folders {
            for folder in reports_in(folder)? {
                let saved = Saved::open(&folder)?;
                for note in &saved.notes {
                    eprintln!("{}: {note}", folder.display());
                }
                runs.0.push(saved);
            }
        }
        Ok(runs)
    }

    /// As they are compared, by the names of their folders.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        let named = self.0.iter().map(|saved| Input { name: saved.path.display().to_string(), run: &saved.run });
        named.collect()
    }
}

/// The folder itself where it is a report or nothing that has reports in it, or the reports in it by name.
fn reports_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_report = |folder: &Path| folder.join("run.json").exists();
    if is_report(folder) || !folder.is_dir() {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = |error| Error::Failed(format!("cannot read {}: {error}", folder.display()));
    let mut inside = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_report(&path) {
            inside.push(path);
        }
    }
    inside.sort();
    Ok(if inside.is_empty() { vec![folder.to_owned()] } else { inside })
}
