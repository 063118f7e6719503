//! Adds access tokens to the URLs in playlists and manifests, for clients that cannot set headers.

use bytes::Bytes;

/// Endings of file names.
const ENDS: [&str; 3] = [".m4s", ".mp4", ".m3u8"];
/// Characters that follow a file name in an attribute or on its own line.
const CLOSINGS: [char; 2] = ['"', '\n'];

/// Appends `query` to each file name in `text`.
pub(super) fn carry(text: Bytes, query: &str) -> Bytes {
    if query.is_empty() {
        return text;
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let ends = ENDS.iter().flat_map(|end| CLOSINGS.map(|closing| (end, closing)));
    ends.fold(text, |text, (end, closing)| text.replace(&format!("{end}{closing}"), &format!("{end}{query}{closing}")))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_file_gets_the_query_and_nothing_else_does() {
        let playlist = "#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PART:URI=\"part-0-0.m4s\",INDEPENDENT=YES\nsegment-0.m4s\n";
        let expected = "#EXT-X-MAP:URI=\"init.mp4?t=1\"\n#EXT-X-PART:URI=\"part-0-0.m4s?t=1\",INDEPENDENT=YES\nsegment-0.m4s?t=1\n";
        assert_eq!(carry(playlist.into(), "?t=1"), expected);
        let manifest = "<x initialization=\"init.mp4\" media=\"dash-$Number$.m4s\" time=\"http://a.mp4/time\"/>";
        let expected =
            "<x initialization=\"init.mp4?t=1\" media=\"dash-$Number$.m4s?t=1\" time=\"http://a.mp4/time\"/>";
        assert_eq!(carry(manifest.into(), "?t=1"), expected);
        assert_eq!(carry(playlist.into(), ""), playlist);
    }
}
