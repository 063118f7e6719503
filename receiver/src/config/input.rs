//! What is played: from URLs, as they are typed, to [`Input`]s.

use std::fmt;

use common::credentials::Credentials;
use common::rtsp;
use common::stream_url::{Error as UrlError, StreamUrl};

use super::{Error, MAX_INPUTS};

/// One stream.
#[derive(Clone, Debug)]
pub struct Input {
    /// A short name, different from that of every other input: of its folder in a report, and in messages of a grid.
    pub name: String,
    /// Where its pictures come from.
    pub source: Source,
}

/// Where pictures come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// An RTSP server.
    Rtsp(StreamUrl),
    /// y4m on standard input.
    Stdin,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(url) => url.fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// The inputs that these URLs name, each with a name of its own, and `credentials` for those that have none.
///
/// # Errors
/// What cannot be played.
pub(super) fn all(urls: &[String], credentials: Option<&Credentials>) -> Result<Vec<Input>, Error> {
    if urls.len() > MAX_INPUTS {
        return Err(Error::TooMany(urls.len()));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for text in urls {
        let source = source(text, credentials)?;
        if matches!(source, Source::Stdin) && inputs.iter().any(|input| matches!(input.source, Source::Stdin)) {
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

fn source(text: &str, credentials: Option<&Credentials>) -> Result<Source, Error> {
    if text == "-" {
        return Ok(Source::Stdin);
    }
    let url = StreamUrl::typed(text, &[rtsp::SCHEME], |name| std::env::var_os(name)).map_err(|error| match error {
        UrlError::Scheme { shown, .. } => Error::NotAUrl(shown),
        error => Error::Url(error),
    })?;
    Ok(Source::Rtsp(url.or_credentials(credentials.cloned())))
}

/// The path's letters and digits, as a folder may be named anywhere.
fn short_name(source: &Source) -> String {
    const MAX_CHARS: usize = 60;
    let path = match source {
        Source::Rtsp(url) => url.shown_path(),
        Source::Stdin => "stdin".to_owned(),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = path.trim_matches('/').chars().map(plain).take(MAX_CHARS).collect();
    if name.is_empty() { "stream".to_owned() } else { name }
}
