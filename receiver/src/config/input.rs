//! What is played: from URLs, as they are typed, to [`Input`]s.

use std::fmt;

use common::redact;
use percent_encoding::percent_decode_str;
use url::Url;

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
    Rtsp(Address),
    /// y4m on standard input.
    Stdin,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(address) => address.shown().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// An RTSP URL, taken apart so that its password cannot be printed by accident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without user info. To be played; what is shown is [`Address::shown`].
    pub url: Url,
    /// The user info, decoded.
    pub credentials: Option<Credentials>,
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Address {
    /// The port of `rtsp://` URLs that name none.
    pub const DEFAULT_PORT: u16 = 554;

    /// The URL as it may be shown: its query, which may hold secrets, is left out.
    pub fn shown(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url
    }

    /// `HOST:PORT`, as errors name it.
    pub fn host_and_port(&self) -> String {
        let port = self.url.port().unwrap_or(Self::DEFAULT_PORT);
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }
}

/// The inputs that these URLs name, each with a name of its own.
///
/// # Errors
/// What cannot be played.
pub(super) fn all(urls: &[String]) -> Result<Vec<Input>, Error> {
    if urls.len() > MAX_INPUTS {
        return Err(Error::TooMany(urls.len()));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for text in urls {
        let source = source(text)?;
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

fn source(text: &str) -> Result<Source, Error> {
    if text == "-" {
        return Ok(Source::Stdin);
    }
    if let Some((_, zone)) = common::zone::split(text) {
        return Err(Error::Zone(zone));
    }
    let Ok(mut url) = Url::parse(text) else {
        return Err(Error::NotAUrl(redact::url(text)));
    };
    match url.scheme() {
        "rtsp" => {}
        "rtsps" => return Err(Error::Tls),
        _ => return Err(Error::NotAUrl(redact::url(text))),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Error::NoHost(redact::url(text)));
    }
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let credentials = (!url.username().is_empty() || url.password().is_some())
        .then(|| Credentials { user: decode(url.username()), password: decode(url.password().unwrap_or_default()) });
    // Both fail only for URLs without a host, which were refused above.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    Ok(Source::Rtsp(Address { url, credentials }))
}

/// The path's letters and digits, as a folder may be named anywhere.
fn short_name(source: &Source) -> String {
    const MAX_CHARS: usize = 60;
    let path = match source {
        Source::Rtsp(address) => address.url.path(),
        Source::Stdin => "stdin",
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = path.trim_matches('/').chars().map(plain).take(MAX_CHARS).collect();
    if name.is_empty() { "stream".to_owned() } else { name }
}
