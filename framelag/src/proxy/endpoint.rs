//! What users type: addresses with their protocol, and delays.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use common::host::resolve::listen_address;
use common::units::parse_duration;

/// The longest delay, jitter or hold: longer ones would run into the time limits of connections.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// What is proxied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
    /// TCP connections that speak RTSP, and the datagrams whose ports they negotiate.
    Rtsp,
}

/// An address with its protocol, such as `tcp://127.0.0.1:8554`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Host and port.
    pub address: SocketAddr,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || format!("{text:?} is not an address: write tcp://HOST:PORT or udp://HOST:PORT");
        let (scheme, rest) = text.split_once("://").ok_or_else(shape)?;
        let protocol = match scheme {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(shape()),
        };
        let (host, port) = rest.rsplit_once(':').ok_or_else(shape)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(shape());
        }
        let address = if host.starts_with('[') {
            listen_address(rest)
        } else {
            let found = rest.to_socket_addrs().map_err(|error| error.to_string());
            found.and_then(|mut all| all.next().ok_or_else(|| "the name has no address".to_owned()))
        };
        let address = address.map_err(|why| format!("cannot resolve {text:?}: {why}"))?;
        Ok(Self { protocol, address })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Rtsp => "rtsp",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

/// Parses a delay of up to a minute.
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
            let error = text.parse::<Endpoint>().expect_err(text);
            assert!(error.starts_with(&format!("{text:?} is not an address")), "{error}");
        }
        let zoned = "tcp://[fe80::1%25lo]:8554".parse::<Endpoint>().expect("every host has lo");
        assert!(matches!(zoned.address, SocketAddr::V6(v6) if v6.scope_id() > 0), "{zoned}");
        assert_eq!(zoned.to_string().parse(), Ok(zoned));
        let unknown = "tcp://no-such-host.invalid:80".parse::<Endpoint>().expect_err("not known");
        assert!(unknown.starts_with("cannot resolve \"tcp://no-such-host"), "{unknown}");
    }
}
