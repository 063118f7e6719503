//! IPv6 zone ids: `rtsp://[fe80::1%25eth0]/cam` (RFC 6874). A link-local address means nothing without the link, and the `url` crate
//! takes none. The zone is for this host alone: it is taken out before a URL is parsed, and never sent (section 4).

use std::net::Ipv6Addr;

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
}
