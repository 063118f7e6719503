//! `/NAME/index.m3u8`, `/NAME/manifest.mpd`, their segments and parts, and `/NAME/mse`: streams for browsers and players.

mod carry;
mod marks;
mod reader;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::HttpBody as _;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use common::clock::Clock;
use common::rtsp::serve::StreamPath;
use common::time::WallTime;

use super::api;
use super::marks::{Carried, ForEveryPage, Peer};
use crate::Shared;
use crate::budget::Lease;
use crate::live::{Live, Refused};
use crate::segment::{self, File, Tracks, Window};
use carry::carry;
use reader::{Reader, Viewer};
use reload::{Reload, Wait};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MPD: &str = "application/dash+xml";
const MP4: &str = "video/mp4";
/// Seconds for the Retry-After header.
const RETRY_AFTER: &str = "2";

/// Whether `path` is a media path, which a viewer requests many times per second.
pub(super) fn is_media(path: &str) -> bool {
    !path.starts_with("/api/") && path.rsplit_once('/').is_some_and(|(_, name)| File::parse(name).is_some())
}

/// Whether a player may request a playlist with this query.
pub(super) fn is_playable_query(query: &str) -> bool {
    Reload::parse(query).is_ok()
}

/// `GET /{path}`.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(lease): Extension<Arc<Lease>>,
    Extension(Carried(carried)): Extension<Carried>,
    headers: HeaderMap,
) -> Response {
    let asked =
        path.rsplit_once('/').and_then(|(path, name)| Some((StreamPath::parse(path).ok()?, File::parse(name)?)));
    let Some((path, file)) = asked else { return api::not_found().await };
    let query = query.unwrap_or_default();
    let reload = match Reload::parse(&query) {
        Ok(reload) => reload,
        Err(why) => return api::error(StatusCode::BAD_REQUEST, why),
    };
    let Some(permit) = shared.lives.admit(peer) else { return later("too many viewers: try again later") };
    let mut live = match watch(&shared, &path) {
        Ok(live) => live,
        Err(refused) => return refusal(&shared, refused),
    };
    let viewer = Viewer { lease, view: live.view(), _permit: permit };
    match file {
        File::Playlist => {
            let text = playlist(&live, reload, &carried).await;
            // The settings have changed: continue with the new entry.
            if live.is_replaced() && !text.status().is_success() {
                live = match watch(&shared, &path) {
                    Ok(live) => live,
                    Err(refused) => return refusal(&shared, refused),
                };
                return playlist(&live, reload, &carried).await;
            }
            sent(&viewer, text)
        }
        File::Init(tracks, number) => sent(&viewer, init(&live, tracks, number).await),
        File::Part(segment, number) => sent(&viewer, part(&live, |window| find_part(window, segment, number)).await),
        File::Segment(number) => {
            segment(live, viewer, Tracks::Both, |window| find_segment(window, Tracks::Both, number)).await
        }
        File::Grid(tracks, place) => segment(live, viewer, tracks, |window| find_on_grid(window, tracks, place)).await,
        File::Manifest => {
            let host = headers.get(header::HOST);
            sent(&viewer, manifest(&live, shared.clock.now().wall, host, &carried).await)
        }
        File::Marks => (no_cache(), marks::show(&live, &query)).into_response(),
        File::Mse => {
            let find = move || shared.lives.continued(&path, shared.paths.find(&path).as_ref());
            mse(live, viewer, find).await
        }
    }
}

fn watch(shared: &Shared, path: &StreamPath) -> Result<Arc<Live>, Refused> {
    shared.lives.watch(path, shared.paths.find(path).as_ref())
}

fn refusal(shared: &Shared, refused: Refused) -> Response {
    match refused {
        Refused::NoStream => api::error(StatusCode::NOT_FOUND, "no stream at this path"),
        Refused::Full => {
            shared.lives.viewers().refuse();
            later("too many streams are being watched: try again later")
        }
    }
}

/// Counts a complete response.
fn sent(viewer: &Viewer, response: Response) -> Response {
    viewer.view.sent(response.body().size_hint().exact().unwrap_or_default() as usize);
    response
}

async fn playlist(live: &Live, reload: Reload, query: &str) -> Response {
    let limit = live.read(limit);
    let text = live.wait(limit, |window| match reload.wait(window) {
        Wait::Ready => Some(Ok(carry(segment::playlist(window, reload.skip), query))),
        Wait::Never(why) => Some(Err(why)),
        Wait::NotYet => None,
    });
    match text.await {
        Some(Ok(text)) => ([(header::CONTENT_TYPE, PLAYLIST)], no_cache(), text).into_response(),
        Some(Err(why)) => api::error(StatusCode::BAD_REQUEST, why),
        None => later("the stream has stalled"),
    }
}

async fn init(live: &Live, tracks: Tracks, number: u64) -> Response {
    let found = live.wait(live.read(limit), |window| {
        let newest = window.segments().next_back()?;
        let known = window.segments().find(|segment| segment.init.number == number);
        match known {
            Some(segment) => Some(segment.init.of(tracks).cloned()),
            None => (number <= newest.init.number || number > newest.init.number + 1).then_some(None),
        }
    });
    answer(found.await)
}

/// Result of a lookup: the bytes of a part or segment, or why there are none.
enum Piece {
    Bytes(Bytes),
    /// A segment with this number that is still growing, or of which only some tracks are requested.
    Open(u64),
    Nothing,
}

/// Waits for the part that `find` looks up.
async fn part(live: &Live, find: impl Fn(&Window) -> Option<Piece>) -> Response {
    answer(live.wait(live.read(limit), find).await.map(|piece| match piece {
        Piece::Bytes(bytes) => Some(bytes),
        Piece::Open(_) | Piece::Nothing => None,
    }))
}

/// Waits for the segment that `find` looks up; streams an open one frame by frame.
async fn segment(live: Arc<Live>, viewer: Viewer, tracks: Tracks, find: impl Fn(&Window) -> Option<Piece>) -> Response {
    match live.wait(live.read(limit), find).await {
        Some(Piece::Open(number)) => {
            let reader = Reader::of_segment(live, viewer, number, tracks);
            ([(header::CONTENT_TYPE, MP4)], no_cache(), reader.into_body()).into_response()
        }
        Some(Piece::Bytes(bytes)) => sent(&viewer, answer(Some(Some(bytes)))),
        Some(Piece::Nothing) => answer(Some(None)),
        None => answer(None),
    }
}

async fn manifest(live: &Live, now: WallTime, host: Option<&HeaderValue>, query: &str) -> Response {
    let host = host.and_then(|host| host.to_str().ok());
    let time_url = host.map_or_else(|| "/time".to_owned(), |host| format!("http://{host}/time"));
    // Players derive segment numbers from the manifest, so wait until a complete segment exists.
    let found = live.wait(live.read(limit), |window| {
        let ready = window.has_ended() || window.segments().any(|segment| segment.complete);
        if ready { segment::manifest(window, now, &time_url).map(|text| carry(text.into(), query)) } else { None }
    });
    match found.await {
        Some(text) => ([(header::CONTENT_TYPE, MPD)], no_cache(), text).into_response(),
        None => later("the stream has stalled"),
    }
}

/// `GET /time`: the server's clock, referenced by the manifest.
pub(super) async fn time(State(shared): State<Arc<Shared>>) -> Response {
    (Extension(ForEveryPage), no_cache(), segment::date_time(shared.clock.now().wall)).into_response()
}

fn answer(found: Option<Option<Bytes>>) -> Response {
    match found {
        Some(Some(bytes)) => ([(header::CONTENT_TYPE, MP4)], no_cache(), bytes).into_response(),
        Some(None) => api::error(StatusCode::NOT_FOUND, "no such segment or part; it may have expired"),
        None => later("the stream has stalled"),
    }
}

/// Returns `None` while the part may still come next.
fn find_part(window: &Window, segment: u64, part: usize) -> Option<Piece> {
    if let Some(bytes) = window.segment(segment).and_then(|segment| segment.part(part)) {
        return Some(Piece::Bytes(bytes));
    }
    let next = [segment::hinted(window), segment::next_part(window)].contains(&(segment, part));
    if next && !window.has_ended() { None } else { Some(Piece::Nothing) }
}

/// Returns `None` while the segment is the next one.
fn find_segment(window: &Window, tracks: Tracks, number: u64) -> Option<Piece> {
    match window.segment(number) {
        Some(segment) if tracks != Tracks::Both && segment.init.separate.is_none() => Some(Piece::Nothing),
        Some(segment) if segment.complete && tracks == Tracks::Both => Some(Piece::Bytes(segment.whole())),
        Some(segment) => Some(Piece::Open(segment.number)),
        None if number == window.next_number() && !window.has_ended() => None,
        None => Some(Piece::Nothing),
    }
}

/// Looks the segment up by grid position; returns `None` while it is the next one.
fn find_on_grid(window: &Window, tracks: Tracks, place: u64) -> Option<Piece> {
    let newest = window.segments().next_back().map(|segment| segment.grid);
    match (window.on_grid(place), newest) {
        (Some(segment), _) => find_segment(window, tracks, segment.number),
        (None, newest) if !window.has_ended() && newest.is_none_or(|newest| place == newest + 1) => None,
        (None, _) => Some(Piece::Nothing),
    }
}

/// `GET /{path}/mse`: sends fragments from the newest key frame on, and continues with the one that `find` returns once it differs.
async fn mse(live: Arc<Live>, viewer: Viewer, find: impl Fn() -> Option<Arc<Live>> + Send + 'static) -> Response {
    let begin = live.wait(live.read(limit), |window| {
        if window.has_ended() {
            return Some(None);
        }
        let cursor = window.newest_sync()?;
        let (segment, ..) = window.read(cursor)?;
        Some(Some((cursor, format!("{MP4}; codecs=\"{}\"", segment.init.codecs))))
    });
    match begin.await {
        Some(Some((cursor, kind))) => {
            let reader = Reader::of_stream(live, viewer, cursor, Box::new(find));
            ([(header::CONTENT_TYPE, kind)], no_cache(), reader.into_body()).into_response()
        }
        Some(None) => api::error(StatusCode::NOT_FOUND, "the stream has ended"),
        None => later("the stream has stalled"),
    }
}

/// Longest wait of a request: three target durations (draft-pantos-hls-rfc8216bis section 6.2.5.2). The first request also
/// waits for a key frame.
fn limit(window: &Window) -> Duration {
    let start = if window.segments().next().is_none() { 5 } else { 0 };
    Duration::from_secs((3 * window.target()).max(3) + start)
}

fn no_cache() -> [(header::HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-cache")]
}

fn later(why: &'static str) -> Response {
    ([(header::RETRY_AFTER, RETRY_AFTER)], api::error(StatusCode::SERVICE_UNAVAILABLE, why)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_names_like_media_costs_as_much_as_the_rest_of_it() {
        for media in ["/cam/mse", "/rooms/one/index.m3u8", "/cam/api/part-0-1.m4s"] {
            assert!(is_media(media), "{media}");
        }
        for other in ["/api/token/mse", "/api/streams/settings/marks", "/api/streams", "/cam/mse/", "/metrics"] {
            assert!(!is_media(other), "{other}");
        }
    }
}
