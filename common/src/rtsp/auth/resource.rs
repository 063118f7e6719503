//! Whether two spellings of a URL name the same stream.

use url::Url;

use crate::rtsp::serve::TRACK_CONTROL;
use crate::stream_url::port;

/// Whether a client that wrote `given` into its Digest header may have meant `requested`, the absolute URL of its request.
///
/// RFC 7616 section 3.4.6 wants the same resource, not the same letters, and clients take that at its word: they write the
/// path alone, the stream where they set up its track, another spelling of an escape, no port, or the query left out. Which
/// stream is meant lies in the path; user, query and track do not change it. Another host, port or path is another resource.
pub(super) fn same(given: &str, requested: &str) -> bool {
    let Ok(requested) = Url::parse(requested) else { return given == requested };
    // Relative references resolve from the root: nobody counts in levels here.
    let mut root = requested.clone();
    root.set_path("/");
    root.set_query(None);
    let Ok(given) = root.join(given) else { return false };
    given.scheme() == requested.scheme() && same_authority(&given, &requested) && name(&given) == name(&requested)
}

fn same_authority(given: &Url, requested: &Url) -> bool {
    let hosts = given.host_str().zip(requested.host_str());
    // A port that only one of them has was left out by a client that knows it from its connection.
    let same_port = port(given) == port(requested) || given.port().is_none() || requested.port().is_none();
    hosts.is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)) && same_port
}

/// The path without its track and slashes around it, spelled in one way.
fn name(url: &Url) -> String {
    let path = decode_unreserved(url.path());
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(TRACK_CONTROL).filter(|rest| rest.ends_with('/')).unwrap_or(path);
    path.trim_end_matches('/').to_owned()
}

/// Takes back the escapes of characters that need none (RFC 3986 section 2.3), and writes the others in capitals. An
/// escaped slash stays escaped: it is no separator.
fn decode_unreserved(path: &str) -> String {
    let mut rest = path;
    let mut decoded = String::with_capacity(path.len());
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            decoded.push('%');
            rest = &rest[at + 1..];
            continue;
        };
        let byte = u8::from_str_radix(digits, 16).expect("two hexadecimal digits");
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            decoded.push(char::from(byte));
        } else {
            decoded.push('%');
            decoded.push_str(&digits.to_ascii_uppercase());
        }
        rest = &rest[at + 3..];
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_of_a_resource_are_taken() {
        for (given, requested) in [
            ("rtsp://h:8554/a/cam", "rtsp://h:8554/a/cam"),
            ("RTSP://H:8554/a/cam", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam/", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam", "rtsp://h:8554/a/cam/"),
            ("/a/cam", "rtsp://h:8554/a/cam"),
            ("/a/cam/", "rtsp://h:8554/a/cam/trackID=0"),
            ("a/cam", "rtsp://h:8554/a/cam"),
            ("rtsp://h/a/cam", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam", "rtsp://h/a/cam"),
            ("rtsp://h:554/a/cam", "rtsp://h/a/cam"),
            ("rtsp://ann@h:8554/a/cam", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam", "rtsp://ann:x@h:8554/a/cam"),
            ("rtsp://h:8554/%61/c%61m", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam", "rtsp://h:8554/a/%63am"),
            ("rtsp://h:8554/a%2fb", "rtsp://h:8554/a%2Fb"),
            ("rtsp://h:8554/b/../a/cam", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam", "rtsp://h:8554/a/cam/trackID=0"),
            ("rtsp://h:8554/a/cam/trackID=0", "rtsp://h:8554/a/cam"),
            ("rtsp://h:8554/a/cam/trackID=0/", "rtsp://h:8554/a/cam/trackID=0?x=y"),
            ("rtsp://h:8554/a/cam", "rtsp://h:8554/a/cam?x=y"),
            ("rtsp://h:8554/a/cam?x=y", "rtsp://h:8554/a/cam?x=y/trackID=0"),
            ("rtsp://h:8554/a/cam?y=x", "rtsp://h:8554/a/cam?x=y"),
            ("rtsp://[FE80::1]:8554/cam", "rtsp://[fe80::1]:8554/cam"),
        ] {
            assert!(same(given, requested), "{given} for {requested}");
        }
    }

    #[test]
    fn other_resources_are_not() {
        for (given, requested) in [
            ("rtsp://h/other", "rtsp://h/cam"),
            ("rtsp://h/", "rtsp://h/cam"),
            ("/", "rtsp://h/cam"),
            ("", "rtsp://h/cam"),
            ("*", "rtsp://h/cam"),
            ("rtsp:/", "rtsp://h/cam"),
            ("rtsp://", "rtsp://h/cam"),
            ("rtsp://h/a", "rtsp://h/a/cam"),
            ("rtsp://h/a/", "rtsp://h/a/cam"),
            ("rtsp://h/a/cam", "rtsp://h/a"),
            ("rtsp://h/ca", "rtsp://h/cam"),
            ("rtsp://h/camera", "rtsp://h/cam"),
            ("rtsp://h/CAM", "rtsp://h/cam"),
            ("rtsp://h/cam/trackID=1", "rtsp://h/cam"),
            ("rtsp://h/camtrackID=0", "rtsp://h/cam"),
            ("rtsp://h/a%2fcam", "rtsp://h/a/cam"),
            ("rtsp://h/x?/cam", "rtsp://h/cam"),
            ("rtsp://h:9/cam", "rtsp://h:8554/cam"),
            ("rtsp://other/cam", "rtsp://h/cam"),
            ("//other/cam", "rtsp://h/cam"),
            ("rtsps://h/cam", "rtsp://h/cam"),
            ("http://h/cam", "rtsp://h/cam"),
            ("rtsp://h/cam%", "rtsp://h/cam"),
        ] {
            assert!(!same(given, requested), "{given} for {requested}");
        }
    }
}
