//! `framelag report DIR… --store PLACE`: keeps runs.

use std::path::{Path, PathBuf};

use analyze::store::{Added, Error, Labels, Place, Store, labels_of};
use report::saved::Saved;

use super::which;
use common::host::command_line::USAGE;

/// What CI services say of a job, in the order that it is looked for.
const FROM_ENVIRONMENT: [(&str, &[&str]); 2] =
    [("commit", &["GITHUB_SHA", "CI_COMMIT_SHA"]), ("branch", &["GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"])];

/// Flags for keeping runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Store the runs here, to list, compare and plot them over time.
    #[arg(long, value_name = "FILE|postgres://…")]
    store: Option<Place>,
    /// Store the runs in the default store, which list, show and trend read without --store.
    #[arg(long, conflicts_with = "store")]
    keep: bool,
    /// Label the stored runs; may be given several times. In GitHub and GitLab jobs, commit and branch are taken from the
    /// job.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = which::label)]
    labels: Vec<(String, String)>,
}

impl Flags {
    /// What makes no sense is refused before anything is done.
    pub fn check(&self) -> Result<(), String> {
        if !self.labels.is_empty() && !self.is_kept() {
            return Err("--label says something of runs that are kept: add --store PLACE or --keep".to_owned());
        }
        labels_of(&self.labels).map(|_| ()).map_err(|error| error.to_string())
    }

    const fn is_kept(&self) -> bool {
        self.store.is_some() || self.keep
    }
}

/// Keeps each run where that was asked for; all of them are tried. The exit code is the worst of them.
pub fn run(args: &Flags, folders: &[PathBuf]) -> u8 {
    if !args.is_kept() {
        return 0;
    }
    let opened = which::place(args.store.as_ref()).and_then(|place| Ok((Store::open(&place)?, place)));
    let (mut store, place) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(&error),
    };
    folders.iter().map(|folder| one(args, folder, &mut store, &place)).max().unwrap_or(0)
}

fn one(args: &Flags, folder: &Path, store: &mut Store, place: &Place) -> u8 {
    let saved = match Saved::open(folder) {
        Ok(saved) => saved,
        Err(error) => {
            eprintln!("error: {error}");
            return if error.is_usage() { USAGE } else { 1 };
        }
    };
    match keep(args, &saved, store) {
        Ok(Added { id, is_new }) => {
            let folder = folder.display();
            if is_new {
                eprintln!("kept {folder} as {id} in {place}");
            } else {
                eprintln!("{folder} is already in {place}, as {id}");
            }
            0
        }
        Err(error) => failed(&error),
    }
}

fn keep(args: &Flags, saved: &Saved, store: &mut Store) -> Result<Added, Error> {
    let added = store.add(saved)?;
    let mut labels = from_environment(|name| std::env::var(name).ok());
    // A job that keeps an old run again does not make it one of its own.
    let there = store.labels(&added.id)?;
    labels.retain(|name, _| !there.contains_key(name));
    labels.extend(args.labels.iter().cloned());
    store.label(&added.id, &labels)?;
    Ok(added)
}

fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Labels {
    let value = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    FROM_ENVIRONMENT.into_iter().filter_map(|(label, names)| Some((label.to_owned(), value(names)?))).collect()
}

fn failed(error: &Error) -> u8 {
    eprintln!("error: {error}");
    error.exit_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_say_what_they_measured() {
        let labels = from_environment(|name| match name {
            "GITHUB_SHA" => Some(String::new()),
            "CI_COMMIT_SHA" => Some("0123abc".to_owned()),
            _ => None,
        });
        assert_eq!(labels, Labels::from([("commit".to_owned(), "0123abc".to_owned())]));
    }
}
