//! Flags that the commands on stored runs share.

use analyze::store::{Error, Filter, Labels, Place, Store, labels_of};

#[derive(Clone, Debug, clap::Args)]
pub struct StoreArgs {
    /// Store to read [default: $FRAMELAG_STORE, or framelag/runs.sqlite in $XDG_STATE_HOME or ~/.local/state].
    #[arg(long, value_name = "FILE|postgres://…")]
    store: Option<Place>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct FilterArgs {
    /// Only runs with this label, as in branch=main; may be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Only runs that played this URL.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Only the latest N runs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
}

impl StoreArgs {
    /// Opens the store, which has to exist.
    pub fn open(&self) -> Result<Store, Error> {
        Store::open_existing(&place(self.store.as_ref())?)
    }
}

impl FilterArgs {
    pub fn filter(&self) -> Result<Filter, Error> {
        Ok(Filter { labels: labels_of(&self.labels)?, url: self.url.clone(), last: self.last })
    }
}

/// The given store, or the default one.
pub fn place(named: Option<&Place>) -> Result<Place, Error> {
    named.cloned().map_or_else(Place::unnamed, Ok)
}

/// `NAME=VALUE`.
pub fn label(text: &str) -> Result<(String, String), String> {
    /// A longer one is a mistake: a quotation mark that is missing.
    const MAX_CHARS: usize = 200;
    let pair = text.split_once('=').filter(|(name, value)| !name.trim().is_empty() && !value.is_empty());
    let Some((name, value)) = pair.filter(|_| text.chars().count() <= MAX_CHARS && !text.contains(char::is_control))
    else {
        return Err(format!("a label is NAME=VALUE, as in branch=main, of at most {MAX_CHARS} characters"));
    };
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// `branch=main commit=0123abc`.
pub fn labels(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
