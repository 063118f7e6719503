//! The runs of run side: read from report folders, or from a store's baseline, before anything is compared.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::gate::{Input, LeftOut};
use analyze::store::{self, RunId, Store};
use report::Run;
use report::saved::{self, Saved};

use crate::exit::Error;

/// Runs, in the order in which they were named.
#[derive(Debug, Default)]
pub struct Runs {
    sources: Vec<Source>,
    missing: Vec<LeftOut>,
}

#[derive(Debug)]
enum Source {
    Folder(Box<Saved>),
    Stored(RunId, Box<Run>),
}

impl Runs {
    /// Reads report folders, and folders of report folders. Prints what is damaged in them.
    pub fn read(folders: &[PathBuf]) -> Result<Self, Error> {
        let mut runs = Self::default();
        folders.iter().try_for_each(|folder| runs.add(folder))?;
        Ok(runs)
    }

    /// Reads folders, and takes any other name for a baseline in the store that `open` opens.
    pub fn read_or_find(names: &[PathBuf], open: impl Fn() -> Result<Store, store::Error>) -> Result<Self, Error> {
        let mut runs = Self::default();
        for name in names {
            let Some(baseline) = name.to_str().filter(|_| !name.exists()) else {
                runs.add(name)?;
                continue;
            };
            let found = open().and_then(|mut store| store.baseline(baseline));
            let found = found.map_err(|error| not_found(baseline, error))?;
            runs.sources.extend(found.into_iter().map(|(id, run)| Source::Stored(id, Box::new(run))));
        }
        Ok(runs)
    }

    fn add(&mut self, folder: &Path) -> Result<(), Error> {
        for folder in reports_in(folder)? {
            if !has_report(&folder) {
                let why = "it has no run.json: the receiver never started, or ended before writing it";
                self.missing.push(LeftOut { name: folder.display().to_string(), why: why.to_owned() });
                continue;
            }
            let saved = Saved::open(&folder)?;
            for note in &saved.notes {
                eprintln!("{}: {note}", folder.display());
            }
            self.sources.push(Source::Folder(Box::new(saved)));
        }
        Ok(())
    }

    /// What is compared.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        let named = self.sources.iter().map(|source| match source {
            Source::Folder(saved) => Input { name: saved.path.display().to_string(), run: &saved.run },
            Source::Stored(id, run) => Input { name: id.to_string(), run },
        });
        named.collect()
    }

    /// Folders that should hold a run and do not.
    pub fn missing(&self) -> &[LeftOut] {
        &self.missing
    }

    /// Stores them as the baseline of this name.
    pub fn keep(&self, store: &mut Store, name: &str) -> Result<(), Error> {
        let mut ids = Vec::new();
        for source in &self.sources {
            ids.push(match source {
                Source::Folder(saved) => store.add(saved)?.id,
                Source::Stored(id, _) => id.clone(),
            });
        }
        Ok(store.save_baseline(name, &ids)?)
    }
}

/// The error for a name that is neither folder nor baseline.
fn not_found(name: &str, error: store::Error) -> Error {
    match Error::from(error) {
        Error::Usage(why) => Error::Usage(format!("no folder {name}, and no baseline of that name: {why}")),
        failed => failed,
    }
}

fn has_report(folder: &Path) -> bool {
    folder.join("run.json").exists()
}

/// The folder itself if it is a report; else the folders in it, by name, without hidden ones. Each of them stands for a run, even
/// without a report: a receiver that crashed early leaves just that.
fn reports_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if has_report(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    if !folder.is_dir() {
        return Err(saved::Error::NoRun { folder: folder.to_owned() }.into());
    }
    let unreadable = |error| Error::Failed(format!("cannot read {}: {error}", folder.display()));
    let mut inside = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.path().is_dir() {
            inside.push(entry.path());
        }
    }
    if inside.is_empty() {
        return Err(saved::Error::NoRun { folder: folder.to_owned() }.into());
    }
    inside.sort();
    Ok(inside)
}
