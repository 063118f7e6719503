//! The URL of a stream, as users type it: parsed in one place for every protocol, into a type that cannot print a secret.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::credentials::Credentials;
use crate::secret::Secret;
use crate::{printable, redact, zone};

/// What a URL in the environment is written as, before the name of its variable.
const VARIABLE: &str = "env:";

/// Protocols of streams, and the ports of URLs that name none (IANA).
const PROTOCOLS: [(&str, u16); 4] = [("rtsp", 554), ("rtmp", 1935), ("http", 80), ("https", 443)];

/// What ends the host of a URL (RFC 3986 section 3.2), each with how it is written inside a user name or password.
const ENDS_HOST: [(char, &str); 3] = [('/', "%2F"), ('#', "%23"), ('?', "%3F")];

/// `SCHEME://[USER:PASSWORD@]HOST[:PORT]/PATH[?QUERY]`. Where it is parsed from text, the scheme is `rtsp`, `rtmp`, `http` or
/// `https`; [`StreamUrl::typed`] takes those alone that its caller can use.
///
/// It shows itself without user info and without its query, which often hold secrets. What is shown is no URL to connect to, and
/// [`StreamUrl::url`], which is, is not to be shown.
///
/// ```
/// let url: common::stream_url::StreamUrl = "rtsp://ann:p@ss!@camera/live?token=sesame".parse()?;
/// assert_eq!(url.to_string(), "rtsp://camera/live?…");
/// assert_eq!(url.url().as_str(), "rtsp://camera/live?token=sesame");
/// assert_eq!(url.credentials().map(|credentials| credentials.password()), Some("p@ss!"));
/// # Ok::<(), common::stream_url::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StreamUrl(Box<Parts>);

/// Boxed, because errors hold a URL.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    /// Without user info, zone and fragment.
    url: Url,
    /// Of a link-local IPv6 address.
    zone: Option<String>,
    credentials: Option<Credentials>,
}

/// Why a text is not the URL of a stream. None shows user info or a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another scheme, or no URL at all.
    #[error("{shown} is not the URL of a stream: write {forms}")]
    Scheme {
        /// What it is.
        shown: String,
        /// What it should look like.
        forms: String,
    },
    /// A scheme that is taken, over TLS.
    #[error("{0}s:// ({0} over TLS) is not supported: write {0}://HOST[:PORT]/PATH")]
    Tls(String),
    /// No host.
    #[error("the URL {0} has no host: write SCHEME://HOST[:PORT]/PATH")]
    NoHost(String),
    /// `env:NAME` without such a variable.
    #[error("env:{0} names no variable of the environment: set {0} to the URL of a stream")]
    NoVariable(String),
    /// What ends a host comes before the last `@`: where user info ends cannot be told. Nothing of the URL is shown, because
    /// anything may be part of the password.
    #[error(
        "the URL has {found} before its last @: in a user name or password write {}, and @ behind the host as %40",
        spelled(found)
    )]
    Ambiguous {
        /// The characters, in the order of `ENDS_HOST`.
        found: String,
    },
}

impl FromStr for StreamUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text, &PROTOCOLS.map(|(scheme, _)| scheme))
    }
}

impl StreamUrl {
    fn parse(text: &str, schemes: &[&str]) -> Result<Self, Error> {
        let text = text.trim();
        let other = || {
            let forms: Vec<String> = schemes.iter().map(|scheme| form(scheme)).collect();
            Error::Scheme { shown: redact::url(text), forms: forms.join(" or ") }
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(other)?;
        let scheme = scheme.to_ascii_lowercase();
        if !schemes.contains(&&*scheme) {
            let plain = scheme.strip_suffix('s').filter(|plain| schemes.contains(plain));
            return Err(plain.map_or_else(other, |plain| Error::Tls(plain.to_owned())));
        }
        let (user_info, host_on) = split_user_info(rest)?;
        let no_host = || Error::NoHost(redact::url(text));
        if host_on.is_empty() || host_on.starts_with(['/', '?', '#', ':']) {
            return Err(no_host());
        }
        let (host_on, zone) = match zone::split(host_on) {
            Some((host_on, zone)) => (host_on, Some(zone)),
            None => (host_on.to_owned(), None),
        };
        let mut url = Url::parse(&format!("{scheme}://{host_on}")).map_err(|_| other())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(no_host());
        }
        url.set_fragment(None);
        Ok(Self(Box::new(Parts { url, zone, credentials: user_info.and_then(Credentials::from_user_info) })))
    }

    /// As typed: a URL of one of these `schemes`, or `env:NAME` of a variable that holds one, which `variable` looks up. No
    /// other user sees it there.
    ///
    /// # Errors
    /// [`Error`].
    pub fn typed(text: &str, schemes: &[&str], variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let Some(name) = text.strip_prefix(VARIABLE) else { return Self::parse(text, schemes) };
        let value = variable(name).and_then(|value| value.into_string().ok());
        Self::parse(&value.ok_or_else(|| Error::NoVariable(printable::excerpt(name, 60)))?, schemes)
    }

    /// The protocol, in lower case.
    pub fn scheme(&self) -> &str {
        self.0.url.scheme()
    }

    /// With its secrets, for the environment of a child: [`StreamUrl::typed`] reads it there.
    pub fn to_variable(&self) -> Secret {
        let mut url = self.0.url.clone();
        if let Some(credentials) = &self.0.credentials {
            // The url crate takes a percent sign for an encoded character. Both fail only where there is no host.
            let _ = url.set_username(&credentials.user().replace('%', "%25"));
            let _ = url.set_password(Some(&credentials.password().replace('%', "%25")));
        }
        Secret::new(self.with_zone(url.as_str()))
    }

    /// To be connected to and sent, never to be shown: its query may hold secrets. It has no user info.
    pub const fn url(&self) -> &Url {
        &self.0.url
    }

    /// Who plays or publishes there, as the URL says or [`StreamUrl::or_credentials`] did.
    pub const fn credentials(&self) -> Option<&Credentials> {
        self.0.credentials.as_ref()
    }

    /// With these credentials where it has none.
    #[must_use]
    pub fn or_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.0.credentials = self.0.credentials.or(credentials);
        self
    }

    /// The same stream elsewhere: `url`, whose user info is dropped, with these credentials.
    #[must_use]
    pub fn at(mut url: Url, credentials: Option<Credentials>) -> Self {
        let _ = Credentials::take_from(&mut url);
        url.set_fragment(None);
        Self(Box::new(Parts { url, zone: None, credentials }))
    }

    /// Where a redirect from here leads. As curl does, credentials go along to the same host only: whoever sends others
    /// elsewhere does not get their password there.
    #[must_use]
    pub fn redirected(&self, to: Url, same_host: bool) -> Self {
        let mut to = Self::at(to, None);
        if same_host {
            to.0.zone.clone_from(&self.0.zone);
            to.0.credentials.clone_from(&self.0.credentials);
        }
        to
    }

    /// The interface that a link-local IPv6 address is of (RFC 6874): for this host alone, and never sent.
    pub fn zone(&self) -> Option<&str> {
        self.0.zone.as_deref()
    }

    /// Name or address, without brackets.
    pub fn host(&self) -> &str {
        self.0.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Whether its host is this one, by an address that only itself can be reached by.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
    }

    /// [`StreamUrl::host`] as the system looks it up: with its zone, `ADDRESS%ZONE`.
    pub fn host_in_zone(&self) -> String {
        self.zone().map_or_else(|| self.host().to_owned(), |zone| format!("{}%{zone}", self.host()))
    }

    /// The port it names, or the protocol's own.
    pub fn port(&self) -> u16 {
        port(&self.0.url)
    }

    /// `HOST:PORT`, as errors name it.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.0.url.host_str().unwrap_or_default(), self.port())
    }

    /// `url`, one of this host, with the zone in it.
    fn with_zone(&self, url: &str) -> String {
        let Some((zone, host)) = self.0.zone.as_deref().zip(self.0.url.host_str()) else { return url.to_owned() };
        let zone = utf8_percent_encode(zone, NON_ALPHANUMERIC);
        url.replacen(host, &format!("{}%25{zone}]", host.trim_end_matches(']')), 1)
    }

    /// Whether it names more than a host.
    pub fn has_path(&self) -> bool {
        !self.0.url.path().trim_matches('/').is_empty()
    }

    /// The path as it may be shown: cameras take passwords there too.
    pub fn shown_path(&self) -> String {
        redact::path(self.0.url.path())
    }

    /// The log line of a redirect from this URL that is followed to `to`.
    pub fn redirect_message(&self, to: &Self) -> String {
        let is_without = self.credentials().is_some() && to.credentials().is_none();
        let without = if is_without { " (another host: without the user and password)" } else { "" };
        format!("{self} redirects to {to}: following{without}")
    }
}

impl fmt::Display for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::url(&self.with_zone(self.0.url.as_str())))
    }
}

impl fmt::Debug for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamUrl({self})")
    }
}

/// How URLs of `scheme` are written.
pub fn form(scheme: &str) -> String {
    format!("{scheme}://HOST[:PORT]/PATH")
}

/// The port that `url` names, or its protocol's own; 0 for a protocol that is none of a stream.
pub(crate) fn port(url: &Url) -> u16 {
    let default = || PROTOCOLS.iter().find(|(scheme, _)| *scheme == url.scheme()).map(|(_, port)| *port);
    url.port().or_else(default).unwrap_or_default()
}

/// User info, where there is some, and what comes behind its `@`: the last one, since cameras are given passwords with a raw `@`.
///
/// # Errors
/// [`Error::Ambiguous`] where a password may have gone into host or path.
fn split_user_info(rest: &str) -> Result<(Option<&str>, &str), Error> {
    let Some((before, after)) = rest.rsplit_once('@') else { return Ok((None, rest)) };
    // An address in brackets has colons of its own.
    let behind_brackets = before.strip_prefix('[').and_then(|inner| inner.split_once(']'));
    let plain = behind_brackets.map_or(before, |(_, behind)| behind);
    let found: String = ENDS_HOST.iter().map(|&(c, _)| c).filter(|&c| plain.contains(c)).collect();
    if found.is_empty() {
        return Ok((Some(before), after));
    }
    // Without a colon there is no password that the @ could belong to.
    let authority = plain.split(['/', '#', '?']).next().unwrap_or_default();
    if !plain.contains(':') && !authority.contains('@') {
        return Ok((None, rest));
    }
    Err(Error::Ambiguous { found })
}

/// How each of these characters is written in user info.
fn spelled(found: &str) -> String {
    let spelled = ENDS_HOST.iter().filter(|(c, _)| found.contains(*c)).map(|(c, code)| format!("{c} as {code}"));
    spelled.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
