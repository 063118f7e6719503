//! What users type: addresses with their protocol, and delays.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use common::host::resolve;
use common::units::parse_duration;
use common::zone;

/// The longest delay, jitter or hold: beyond it every connection would run into its own limits.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// What is proxied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// An address with its protocol, such as `tcp://127.0.0.1:8554`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where.
    pub address: SocketAddr,
}

/// A text that is no [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Another shape.
    #[error("{0:?} is not an address: write tcp://HOST:PORT or udp://HOST:PORT")]
    Shape(String),
    /// The name is not known.
    #[error("cannot resolve {0:?}: {1}")]
    Unknown(String, String),
}

impl Protocol {
    /// Its name in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let shape = || EndpointError::Shape(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(shape)?;
        let protocol = [Protocol::Tcp, Protocol::Udp].into_iter().find(|protocol| protocol.name() == scheme);
        let protocol = protocol.ok_or_else(shape)?;
        let (host, port) = rest.rsplit_once(':').ok_or_else(shape)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(shape());
        }
        let unknown = |why: String| EndpointError::Unknown(text.to_owned(), why);
        if let Some((plain, zone)) = zone::split(rest) {
            let (host, port) = plain.rsplit_once(':').ok_or_else(shape)?;
            let (host, port) = (host.trim_matches(['[', ']']), port.parse().map_err(|_| shape())?);
            let found = resolve::addresses(host, Some(&zone), port);
            let found =
                found.map_err(|error| unknown(format!("{zone} is not a network interface of this host: {error}")))?;
            let address = found.first().copied().ok_or_else(|| unknown("there is no such address".to_owned()))?;
            return Ok(Self { protocol, address });
        }
        let mut found = rest.to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
        let address = found.next().ok_or_else(|| unknown("the name has no address".to_owned()))?;
        Ok(Self { protocol, address })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.name(), self.address)
    }
}

/// A delay as it is typed, up to a minute.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn delay(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    if duration > MAX_DELAY {
        return Err(format!("{text:?} is too long: at most 60s"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written() {
        for text in ["tcp://127.0.0.1:8554", "udp://[::1]:5000", "tcp://0.0.0.0:0"] {
            assert_eq!(text.parse::<Endpoint>().expect(text).to_string(), text);
        }
        for text in
            ["127.0.0.1:8554", "http://127.0.0.1:80", "tcp://127.0.0.1", "tcp://:80", "tcp://a:b", "tcp://a:99999"]
        {
            assert_eq!(text.parse::<Endpoint>(), Err(EndpointError::Shape(text.to_owned())));
        }
        let zoned = "tcp://[fe80::1%25lo]:8554".parse::<Endpoint>().expect("every host has lo");
        assert!(matches!(zoned.address, SocketAddr::V6(v6) if v6.scope_id() > 0), "{zoned}");
        assert_eq!(zoned.to_string().parse(), Ok(zoned));
        let unknown = "tcp://no-such-host.invalid:80".parse::<Endpoint>().expect_err("not known");
        assert!(matches!(unknown, EndpointError::Unknown(..)), "{unknown}");
    }
}
