//! Runs every HTTP parser on arbitrary input, for tests.

use common::rtsp::serve::StreamPath;

use super::media::{is_media, is_playable_query};
use super::{access, origin, settings};
use crate::auth::is_token;
use crate::segment::SegmentSettings;

/// Parses `data` as a path with a query, a header value, and a settings body, as if a stranger had sent it.
///
/// # Panics
/// Panics if a parser panics or accepts invalid input.
pub fn parse_any(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let _ = (is_media(path), is_playable_query(query), origin::is_own(&text));
    if let Ok(path) = StreamPath::parse(path) {
        assert!(path.as_str().split('/').all(|level| !["", ".", ".."].contains(&level)), "it leaves its folder");
    }
    for token in [access::in_query(query), access::bearer(&text)].into_iter().flatten() {
        assert!(!is_token(token) || token.len() == 48, "{token:?}");
    }
    match settings::change(data) {
        Ok(change) => drop(change.of(SegmentSettings::default()).check()),
        Err(settings::Bad::Field(error)) => assert!(!error.to_string().contains('\x1b'), "{error:?}"),
        Err(settings::Bad::Json(_)) => {}
    }
}
