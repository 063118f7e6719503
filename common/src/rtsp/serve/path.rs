//! Names of streams, and which track a control URL means.

use std::fmt;

use url::Url;

/// Longest name of a stream, in bytes.
const PATH_MAX: usize = 256;

/// Control attribute of the video in the server's descriptions.
pub const CONTROL: &str = "trackID=0";
/// Control attribute of the audio.
pub(super) const AUDIO_CONTROL: &str = "trackID=1";

/// The name of a stream: the path of its URL without the slash in front, one or more levels of letters, digits and
/// `_ - . ~ :`. Nothing in it needs escaping in a URL, a log line, JSON or HTML, and it cannot climb out of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPath(String);

/// A path that cannot name a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing after the host.
    #[error("the URL names no stream: write rtsp://host/name")]
    Empty,
    /// Longer than `PATH_MAX`.
    #[error("the stream's name is longer than {PATH_MAX} bytes")]
    TooLong,
    /// A character that names do not have, or a level that is empty, `.` or `..`.
    #[error("a stream's name has levels of letters, digits and _ - . ~ : with / between them")]
    Character,
}

impl StreamPath {
    /// Takes `text` with or without one slash at either end.
    ///
    /// # Errors
    /// Where it is empty, too long, or not made of levels as described above.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > PATH_MAX {
            return Err(PathError::TooLong);
        }
        let good = |c: u8| c.is_ascii_alphanumeric() || b"_-.~:".contains(&c);
        let level = |level: &str| !matches!(level, "" | "." | "..") && level.bytes().all(good);
        if text.split('/').all(level) { Ok(Self(text.to_owned())) } else { Err(PathError::Character) }
    }

    /// The name, without a slash in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the stream and the track index that a player's SETUP URL names: a track's URL, or the stream's URL for the
/// first track.
///
/// # Errors
/// As [`StreamPath::parse`].
pub(super) fn played_track(url: &Url) -> Result<(StreamPath, usize), PathError> {
    let path = url.path().strip_suffix('/').unwrap_or(url.path());
    // Players that append to a URL with a query write rtsp://host/cam?x=y/trackID=0, so there is none in the path.
    match path.rsplit_once('/') {
        Some((stream, CONTROL)) => Ok((StreamPath::parse(stream)?, 0)),
        Some((stream, AUDIO_CONTROL)) => Ok((StreamPath::parse(stream)?, 1)),
        _ => Ok((StreamPath::parse(path)?, 0)),
    }
}

/// The track that `url` means among a publisher's `controls` (RFC 2326 section C.1.1): absolute URLs, or names
/// after the stream's URL, its slash or its query. A stream of one track is also meant by its own URL.
pub(super) fn announced_track(url: &Url, path: &StreamPath, controls: &[Option<&str>]) -> Option<usize> {
    let target = path_and_query(url);
    let rest = target.strip_prefix('/')?.strip_prefix(path.as_str())?;
    let by_name = controls.iter().position(|control| {
        let Some(control) = control.map(|c| c.trim_start_matches('/')).filter(|c| !c.is_empty()) else { return false };
        match Url::parse(control) {
            Ok(absolute) if absolute.has_host() => path_and_query(&absolute) == target,
            _ => is_appended(rest, control),
        }
    });
    let is_stream = rest.is_empty() || rest == "/" || rest.starts_with('?') || rest.starts_with("/?");
    by_name.or_else(|| (is_stream && controls.len() == 1).then_some(0))
}

/// `/control`, `/control?query`, or `?query/control`.
fn is_appended(rest: &str, control: &str) -> bool {
    let after_slash = rest.strip_prefix('/').and_then(|r| r.strip_prefix(control));
    if after_slash.is_some_and(|more| more.is_empty() || more == "/" || more.starts_with('?')) {
        return true;
    }
    rest.starts_with('?') && rest.strip_suffix(control).is_some_and(|before| before.ends_with('/'))
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn names_of_one_and_of_several_levels() {
        for (text, name) in [("/cam", "cam"), ("cam/", "cam"), ("/a/b.c/d_1", "a/b.c/d_1"), ("/x:1~-", "x:1~-")] {
            assert_eq!(StreamPath::parse(text).map(|p| p.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn names_that_climb_escape_or_hide_are_refused() {
        let bad =
            ["/../etc", "/a/../b", "/.", "/a//b", "/%2e%2e/x", "/a%00", "/a\0", "/a\nb", "/a b", "/<b>", "/ü", "/a=b"];
        for text in bad {
            assert_eq!(StreamPath::parse(text), Err(PathError::Character), "{text:?}");
        }
        assert_eq!(StreamPath::parse("/"), Err(PathError::Empty));
        assert_eq!(StreamPath::parse(&"x".repeat(PATH_MAX + 1)), Err(PathError::TooLong));
        assert!(StreamPath::parse(&"x".repeat(PATH_MAX)).is_ok());
    }

    #[test]
    fn a_played_stream_is_meant_by_its_own_url_and_by_its_tracks() {
        let stream = |text: &str| played_track(&url(text)).map(|(path, track)| (path.to_string(), track));
        for text in ["", "/", "/trackID=0", "/trackID=0/", "/trackID=0?x=y", "?x=y", "?x=y/trackID=0"] {
            let whole = format!("rtsp://h:8554/a/b{text}");
            assert_eq!(stream(&whole), Ok(("a/b".to_owned(), 0)), "{text}");
        }
        assert_eq!(stream("rtsp://h/a/trackID=1"), Ok(("a".to_owned(), 1)));
        assert_eq!(stream("rtsp://h/trackID=0"), Err(PathError::Empty));
        assert_eq!(stream("rtsp://h/a/trackID=2"), Err(PathError::Character), "there are two tracks at most");
    }

    #[test]
    fn tracks_of_an_announced_stream() {
        let path = StreamPath::parse("a/b").expect("a name");
        let two = [Some("streamid=0"), Some("rtsp://other:9/a/b/audio?k=1")];
        let track = |text: &str, controls: &[Option<&str>]| announced_track(&url(text), &path, controls);
        assert_eq!(track("rtsp://h/a/b/streamid=0", &two), Some(0));
        assert_eq!(track("rtsp://h/a/b/streamid=0?x=y", &two), Some(0));
        assert_eq!(track("rtsp://h/a/b?x=y/streamid=0", &two), Some(0));
        assert_eq!(track("rtsp://h/a/b/audio?k=1", &two), Some(1));
        assert_eq!(track("rtsp://h/a/b/streamid=1", &two), None);
        assert_eq!(track("rtsp://h/a/b", &two), None);
        assert_eq!(track("rtsp://h/a/bstreamid=0", &two), None);
        assert_eq!(track("rtsp://h/c/streamid=0", &two), None);
        assert_eq!(track("rtsp://h/a/b/", &[None]), Some(0));
        assert_eq!(track("rtsp://h/a/b?x", &[Some("*")]), Some(0));
    }
}
