//! Where a clock is asked, as typed.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::ntp;
use crate::redact;
use crate::sei;

/// How a clock is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// [`super::wire`].
    Framelag,
    /// [`super::ntp`].
    Ntp,
}

/// A clock that can be asked: `udp://HOST:PORT` or `ntp://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is asked.
    pub protocol: Protocol,
    /// Its name or address, without brackets, in small letters.
    pub host: String,
    /// Its UDP port.
    pub port: u16,
}

/// A text that names no clock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no clock to ask: write udp://HOST:PORT for a framelag server, or ntp://HOST[:PORT]")]
pub struct EndpointError(String);

impl Endpoint {
    /// framelag's clock at `host`, which may be in brackets, and `port`.
    pub fn framelag(host: &str, port: u16) -> Self {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        Self { protocol: Protocol::Framelag, host, port }
    }

    /// Names an NTP server in an SEI: the same at both ends where both were told the same name. Never 0.
    pub fn id(&self) -> u32 {
        // No boot id begins like this.
        sei::host_id(&format!("ntp://{}:{}", self.host.trim_end_matches('.'), self.port))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let error = || EndpointError(redact::url(text));
        let url = Url::parse(text).map_err(|_| error())?;
        let (protocol, port) = match url.scheme() {
            "udp" => (Protocol::Framelag, None),
            "ntp" => (Protocol::Ntp, Some(ntp::PORT)),
            _ => return Err(error()),
        };
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_ascii_lowercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(error()),
        };
        let port = url.port().or(port).filter(|port| *port > 0 && bare && anonymous).ok_or_else(error)?;
        Ok(Self { protocol, host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            Protocol::Framelag => "udp",
            Protocol::Ntp => "ntp",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_named_with_their_port() {
        for (typed, shown) in [
            ("udp://Server.example:8554", "udp://server.example:8554"),
            ("udp://[::1]:8554/", "udp://[::1]:8554"),
            ("ntp://192.0.2.1", "ntp://192.0.2.1:123"),
            ("ntp://time.example:1123", "ntp://time.example:1123"),
        ] {
            let endpoint: Endpoint = typed.parse().expect(typed);
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "it can be typed again");
        }
        assert_eq!(Endpoint::framelag("[::1]", 1).to_string(), "udp://[::1]:1");
    }

    #[test]
    fn what_is_no_clock_says_what_would_be_one() {
        for text in [
            "",
            "auto",
            "host:8554",
            "udp://host",
            "udp://:8554",
            "udp://host:0",
            "udp://host:99999",
            "ntp://",
            "ntp://host/path",
            "ntp://host?x=1",
            "ntp://u:secret@host",
            "http://host:1",
        ] {
            let error = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(error.contains("udp://HOST:PORT") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn both_ends_name_a_server_alike() {
        let id = |text: &str| text.parse::<Endpoint>().expect(text).id();
        assert_eq!(id("ntp://Time.Example"), id("ntp://time.example.:123"));
        assert_ne!(id("ntp://time.example"), id("ntp://time.example:124"));
    }
}
