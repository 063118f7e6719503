//! `/NAME/index.m3u8`, `/NAME/manifest.mpd`, their segments and parts, and `/NAME/mse`: streams for browsers and players.

mod carry;
mod followed;
mod marks;
mod reader;
mod reload;

use std::sync::Arc;

use axum::Extension;
use axum::body::HttpBody as _;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use common::clock::Clock;
use common::rtsp::serve::StreamPath;

use super::api;
use super::marks::{Carried, ForEveryPage, Peer};
use crate::Shared;
use crate::budget::Lease;
use crate::live::Refused;
use crate::segment::{self, File, Tracks, Window};
use carry::carry;
use followed::Followed;
use reader::Reader;
use reload::{Reload, Wait};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MPD: &str = "application/dash+xml";
const MP4: &str = "video/mp4";
/// Set by proxies: the scheme of the client's request.
const FORWARDED_PROTO: &str = "x-forwarded-proto";
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
    let mut stream = match Followed::open(shared.clone(), path, lease, permit) {
        Ok(stream) => stream,
        Err(refused) => return refusal(&shared, refused),
    };
    let response = match file {
        File::Playlist => playlist(&mut stream, reload, &carried).await,
        File::Init(tracks, number) => init(&mut stream, tracks, number).await,
        File::Part(segment, number) => part(&mut stream, segment, number).await,
        File::Manifest => manifest(&mut stream, &shared.clock, &time_url(&headers), &carried).await,
        File::Segment(number) => {
            return segment(stream, Tracks::Both, |window| find_segment(window, Tracks::Both, number)).await;
        }
        File::Grid(tracks, place) => {
            return segment(stream, tracks, |window| find_on_grid(window, tracks, place)).await;
        }
        File::Marks => return marks::show(stream.live(), &query).into_response(),
        File::Mse => return mse(stream).await,
    };
    counted(&stream, response)
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
fn counted(stream: &Followed, response: Response) -> Response {
    stream.view().sent(response.body().size_hint().exact().unwrap_or_default() as usize);
    response
}

async fn playlist(stream: &mut Followed, reload: Reload, query: &str) -> Response {
    let text = stream.wait(|window| match reload.wait(window) {
        Wait::Ready => Some(Ok(carry(segment::playlist(window, reload.skip), query))),
        Wait::Never(why) => Some(Err(why)),
        Wait::NotYet => None,
    });
    match text.await {
        Some(Ok(text)) => ([(header::CONTENT_TYPE, PLAYLIST)], text).into_response(),
        Some(Err(why)) => api::error(StatusCode::BAD_REQUEST, why),
        None => later("the stream has stalled"),
    }
}

async fn init(stream: &mut Followed, tracks: Tracks, number: u64) -> Response {
    let found = stream.wait(|window| {
        let known = window.segments().find(|segment| segment.init.number == number);
        // Only the first one is asked for before a playlist names it.
        let may_come = window.segments().next().is_none() && !window.has_ended();
        known.map_or((!may_come).then_some(None), |segment| Some(segment.init.of(tracks).cloned()))
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

async fn part(stream: &mut Followed, segment: u64, number: usize) -> Response {
    answer(stream.wait(|window| find_part(window, segment, number)).await.map(|piece| match piece {
        // A slice of a segment would keep all of it in memory.
        Piece::Bytes(bytes) => Some(Bytes::copy_from_slice(&bytes)),
        Piece::Open(_) | Piece::Nothing => None,
    }))
}

/// Waits for the segment that `find` looks up; streams an open one frame by frame.
async fn segment(mut stream: Followed, tracks: Tracks, find: impl Fn(&Window) -> Option<Piece>) -> Response {
    match stream.wait(find).await {
        Some(Piece::Open(number)) => {
            let reader = Reader::of_segment(stream, number, tracks);
            ([(header::CONTENT_TYPE, MP4)], reader.into_body()).into_response()
        }
        Some(Piece::Bytes(bytes)) => counted(&stream, answer(Some(Some(bytes)))),
        Some(Piece::Nothing) => answer(Some(None)),
        None => answer(None),
    }
}

async fn manifest(stream: &mut Followed, clock: &impl Clock, time_url: &str, query: &str) -> Response {
    // Players derive segment numbers from the manifest, so wait until a complete segment exists.
    let found = stream.wait(|window| {
        let ready = window.has_ended() || window.segments().any(|segment| segment.complete);
        let now = clock.now().wall;
        if ready { segment::manifest(window, now, time_url).map(|text| carry(text.into(), query)) } else { None }
    });
    match found.await {
        Some(text) => ([(header::CONTENT_TYPE, MPD)], text).into_response(),
        None => later("the stream has stalled"),
    }
}

/// The URL of [`time`] as the client reaches this server, possibly through a proxy that adds TLS.
fn time_url(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // The proxy nearest to the client comes first.
    let forwarded = text(FORWARDED_PROTO).and_then(|schemes| schemes.split(',').next());
    let is_https = forwarded.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let scheme = if is_https { "https" } else { "http" };
    text(header::HOST.as_str()).map_or_else(|| "/time".to_owned(), |host| format!("{scheme}://{host}/time"))
}

/// `GET /time`: the server's clock, referenced by the manifest.
pub(super) async fn time(State(shared): State<Arc<Shared>>) -> Response {
    (Extension(ForEveryPage), segment::date_time(shared.clock.now().wall)).into_response()
}

fn answer(found: Option<Option<Bytes>>) -> Response {
    match found {
        Some(Some(bytes)) => ([(header::CONTENT_TYPE, MP4)], bytes).into_response(),
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

/// `GET /{path}/mse`: sends fragments from the newest key frame on.
async fn mse(mut stream: Followed) -> Response {
    let begin = stream.wait(|window| {
        if window.has_ended() {
            return Some(None);
        }
        let cursor = window.newest_sync()?;
        let (segment, ..) = window.read(cursor)?;
        Some(Some((cursor, format!("{MP4}; codecs=\"{}\"", segment.init.codecs))))
    });
    match begin.await {
        Some(Some((cursor, kind))) => {
            ([(header::CONTENT_TYPE, kind)], Reader::of_stream(stream, cursor).into_body()).into_response()
        }
        Some(None) => api::error(StatusCode::NOT_FOUND, "the stream has ended"),
        None => later("the stream has stalled"),
    }
}

/// Forbids caching, also of errors: a restarted server reuses names, and a part that is missing may still come.
pub(super) async fn no_cache(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

fn later(why: &'static str) -> Response {
    ([(header::RETRY_AFTER, RETRY_AFTER)], api::error(StatusCode::SERVICE_UNAVAILABLE, why)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_where_the_client_reaches_it() {
        let url = |host: Option<&'static str>, forwarded: &[&'static str]| {
            let mut headers = HeaderMap::new();
            host.into_iter().for_each(|host| drop(headers.insert(header::HOST, HeaderValue::from_static(host))));
            for scheme in forwarded {
                headers.append(FORWARDED_PROTO, HeaderValue::from_static(scheme));
            }
            time_url(&headers)
        };
        assert_eq!(url(Some("cam.lan:8080"), &[]), "http://cam.lan:8080/time");
        assert_eq!(url(Some("cam.lan"), &["https"]), "https://cam.lan/time");
        assert_eq!(url(Some("cam.lan"), &["HTTPS, http"]), "https://cam.lan/time");
        assert_eq!(url(Some("cam.lan"), &["http, https"]), "http://cam.lan/time");
        assert_eq!(url(None, &[]), "/time");
    }

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
