//! IPv6 zone ids: `rtsp://[fe80::1%25eth0]/cam` (RFC 6874). A link-local address means nothing without the link, and the `url` crate
//! takes none. The zone is for this host alone: it is taken out before a URL is parsed, and never sent (section 4).

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

use percent_encoding::percent_decode_str;

/// `text`, a URL or `ADDRESS:PORT`, without the zone of the IPv6 address in it, and the zone: a name as `eth0`, or a number. `None`
/// where it has none. `%` alone, as system tools write it, is taken as well as `%25`.
///
/// ```
/// let split = common::zone::split("rtsp://ann:x@[fe80::1%25eth0]:8554/cam");
/// assert_eq!(split, Some(("rtsp://ann:x@[fe80::1]:8554/cam".to_owned(), "eth0".to_owned())));
/// assert_eq!(common::zone::split("rtsp://[::1]/cam"), None);
/// ```
pub fn split(text: &str) -> Option<(String, String)> {
    let from = text.find("://").map_or(0, |at| at + 3);
    let end = text[from..].find(['/', '?', '#']).map_or(text.len(), |at| from + at);
    let host = text[from..end].rfind('@').map_or(from, |at| from + at + 1);
    let inside = text[host..end].strip_prefix('[')?;
    let inside = &inside[..inside.find(']')?];
    let (address, zone) = inside.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    // Of `%25` alone the number is the zone.
    let encoded = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
    let zone = percent_decode_str(encoded).decode_utf8().ok()?.into_owned();
    if zone.is_empty() || zone.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return None;
    }
    let (before, after) = (host + 1, host + 1 + inside.len());
    Some((format!("{}{address}{}", &text[..before], &text[after..]), zone))
}

/// The addresses of `host`, without brackets, and `port`, in this zone where one is given.
///
/// # Errors
/// Where there is none, and where there is no such zone.
pub fn addresses(host: &str, zone: Option<&str>, port: u16) -> std::io::Result<Vec<SocketAddr>> {
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
    let zoned = split(text).and_then(|(text, zone)| Some((text.parse::<SocketAddr>().ok()?, zone)));
    let Some((address, zone)) = zoned else {
        return text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:8554".to_owned());
    };
    let found = addresses(&address.ip().to_string(), Some(&zone), address.port());
    let found = found.map_err(|error| format!("{zone} is no network interface of this host: {error}"))?;
    found.first().copied().ok_or_else(|| "it has no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_in_the_host_alone() {
        for (text, without, zone) in [
            ("rtsp://[fe80::1%25lo]/cam", "rtsp://[fe80::1]/cam", "lo"),
            ("rtsp://[fe80::1%lo]:8554/cam", "rtsp://[fe80::1]:8554/cam", "lo"),
            ("rtsp://[fe80::1%252]/cam", "rtsp://[fe80::1]/cam", "2"),
            ("rtsp://[fe80::1%25]/cam", "rtsp://[fe80::1]/cam", "25"),
            ("rtsp://[fe80::1%25eth0%2E5]/cam", "rtsp://[fe80::1]/cam", "eth0.5"),
            ("rtsp://a:[::%x]@[fe80::1%25lo]/[::1%25x]", "rtsp://a:[::%x]@[fe80::1]/[::1%25x]", "lo"),
            ("[fe80::1%lo]:80", "[fe80::1]:80", "lo"),
        ] {
            assert_eq!(split(text), Some((without.to_owned(), zone.to_owned())), "{text}");
        }
        for text in
            ["rtsp://h/[fe80::1%25lo]", "rtsp://[fe80::1%]/", "rtsp://[h%25lo]/", "rtsp://[fe80::1%25a/b]", "[", ""]
        {
            assert_eq!(split(text), None, "{text}");
        }
    }

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
