//! `framelag report DIR… --store PLACE`: stores runs.

use std::path::Path;

use analyze::store::{Added, Labels, Place, Store, labels_of};
use report::saved::Saved;

use super::store_args;
use crate::exit::Error;

/// Labels from the environment of a CI job: the first variable that is set.
const FROM_ENVIRONMENT: [(&str, &[&str]); 2] =
    [("commit", &["GITHUB_SHA", "CI_COMMIT_SHA"]), ("branch", &["GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"])];

#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Store the runs here, to list, compare and plot them over time.
    #[arg(long, value_name = "FILE|postgres://…")]
    store: Option<Place>,
    /// Store the runs in the default store, which list, show and trend read without --store.
    #[arg(long, conflicts_with = "store")]
    keep: bool,
    /// Label the stored runs; may be repeated. In GitHub and GitLab jobs, commit and branch are labelled automatically.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = store_args::label)]
    labels: Vec<(String, String)>,
}

impl Flags {
    /// Refuses flags that make no sense together before anything is done.
    pub fn check(&self) -> Result<(), Error> {
        if !self.labels.is_empty() && self.store.is_none() && !self.keep {
            return Err(Error::Usage("--label labels stored runs: add --store PLACE or --keep".to_owned()));
        }
        labels_of(&self.labels).map(drop).map_err(|error| Error::Usage(error.to_string()))
    }

    /// The store, if runs are to be stored.
    pub fn open(&self) -> Result<Option<(Store, Place)>, Error> {
        if self.store.is_none() && !self.keep {
            return Ok(None);
        }
        let place = store_args::place(self.store.as_ref())?;
        Ok(Some((Store::open(&place)?, place)))
    }

    /// Stores the run in `folder`, with its labels.
    pub fn add(&self, folder: &Path, store: &mut Store, place: &Place) -> Result<(), Error> {
        let Added { id, is_new } = store.add(&Saved::open(folder)?)?;
        let mut labels = from_environment(|name| std::env::var(name).ok());
        // A job that stores an old run again does not make it one of its own.
        let stored = store.labels(&id)?;
        labels.retain(|name, _| !stored.contains_key(name));
        labels.extend(self.labels.iter().cloned());
        store.label(&id, &labels)?;
        let folder = folder.display();
        if is_new {
            eprintln!("stored {folder} as {id} in {place}");
        } else {
            eprintln!("{folder} is already in {place}, as {id}");
        }
        Ok(())
    }
}

fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Labels {
    let value = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    FROM_ENVIRONMENT.into_iter().filter_map(|(label, names)| Some((label.to_owned(), value(names)?))).collect()
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
