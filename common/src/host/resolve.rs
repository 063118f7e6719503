//! Host names and network interfaces, as the system resolves them.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::stream_url::StreamUrl;
use crate::zone;

impl StreamUrl {
    /// The addresses of its host.
    ///
    /// # Errors
    /// Where there is none, and where there is no such zone.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        addresses(self.host(), self.zone(), self.port())
    }
}

/// The addresses of `host`, without brackets, and `port`, in this zone where one is given.
///
/// # Errors
/// Where there is none, and where there is no such zone.
pub fn addresses(host: &str, zone: Option<&str>, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = match zone {
        Some(zone) => (&*format!("{host}%{zone}"), port).to_socket_addrs(),
        None => (host, port).to_socket_addrs(),
    };
    found.map(Iterator::collect)
}

/// An address to listen at, as it is typed: `127.0.0.1:8554`, `[::1]:8554`, `[fe80::1%25eth0]:8554`.
///
/// # Errors
/// What it is not.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let zoned = zone::split(text).and_then(|(text, zone)| Some((text.parse::<SocketAddr>().ok()?, zone)));
    let Some((address, zone)) = zoned else {
        return text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:8554".to_owned());
    };
    let found = addresses(&address.ip().to_string(), Some(&zone), address.port());
    let found = found.map_err(|error| format!("{zone} is not a network interface of this host: {error}"))?;
    found.first().copied().ok_or_else(|| "it has no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_an_interface_of_this_host() {
        let found = listen_address("[fe80::1%25lo]:8554").expect("every host has lo");
        assert!(matches!(found, SocketAddr::V6(v6) if v6.scope_id() > 0 && v6.port() == 8554), "{found}");
        assert_eq!(listen_address(&found.to_string()), Ok(found), "as it is printed it can be typed");
        let told = listen_address("[fe80::1%25nosuch0]:8554").expect_err("there is none");
        assert!(told.contains("nosuch0 is no"), "{told}");
        assert_eq!(listen_address("127.0.0.1:1"), Ok(SocketAddr::from(([127, 0, 0, 1], 1))));
        assert!(listen_address("8554").is_err());
    }
}
