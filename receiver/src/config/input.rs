//! What is played: from URLs, as they are typed, to [`Input`]s.

use common::stream_url::Error as UrlError;

use super::{Error, MAX_INPUTS};
use crate::ingress::{Options, Source};

/// One stream.
#[derive(Clone, Debug)]
pub struct Input {
    /// A short name, different from that of every other input: of its folder in a report, and in messages of a grid.
    pub name: String,
    /// Where its pictures come from.
    pub source: Source,
}

/// The inputs that `urls` name, each with a name of its own.
///
/// # Errors
/// What cannot be played.
pub(super) fn all(urls: &[String], options: &Options<'_>) -> Result<Vec<Input>, Error> {
    if urls.len() > MAX_INPUTS {
        return Err(Error::TooMany(urls.len()));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for text in urls {
        let source = Source::parse(text, options).map_err(|error| match error {
            UrlError::Scheme { shown, .. } => Error::NotAUrl(shown),
            error => Error::Url(error),
        })?;
        if source.is_exclusive() && inputs.iter().any(|input| input.source.is_exclusive()) {
            return Err(Error::StdinTwice);
        }
        let wanted = short_name(&source);
        let taken = |name: &str| inputs.iter().any(|input| input.name == name);
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let name = std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wanted);
        inputs.push(Input { name, source });
    }
    Ok(inputs)
}

/// The path's letters and digits, as a folder may be named anywhere.
fn short_name(source: &Source) -> String {
    const MAX_CHARS: usize = 60;
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = source.path().trim_matches('/').chars().map(plain).take(MAX_CHARS).collect();
    if name.is_empty() { "stream".to_owned() } else { name }
}
