//! The HTTP server: liveness, metrics, stream status, and the streams themselves for browsers.

mod access;
mod any;
mod api;
mod body;
mod marks;
mod media;
mod metrics;
mod origin;
mod phase;
mod settings;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use bytes::Bytes;
use common::lock::lock;
use futures::TryStreamExt as _;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::budget::{Lease, Listener};
use crate::relay::{Account, Share};
use crate::rtsp::listener::ACCEPT_REST;
use crate::{Pace, Shared};
use access::Need;
use marks::Peer;

pub use any::parse_any;

/// Time limit for a request's head, also for later requests on a kept-alive connection.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// The kernel closes a connection whose peer acknowledges nothing of a response for this long.
const WRITE_STALL_LIMIT: Duration = Duration::from_secs(10);
/// Largest request head, in bytes.
const HEAD_MAX: usize = 16 << 10;
/// Time an evicted connection has to finish its current response.
const EVICTION_LIMIT: Duration = Duration::from_millis(100);
/// Cost of a request for a part or playlist: a viewer makes tens of them per second.
const MEDIA_REQUEST: f64 = 0.02;
/// Response to a connection over the limit.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Accepts connections until `stopped` fires, then closes the remaining ones.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let router = router(shared.clone());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                shared.budget.relieve();
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        match shared.budget.admit(peer.ip(), Listener::Http).await {
            Ok(lease) => drop(connections.spawn(serve(stream, peer.ip(), shared.clone(), router.clone(), lease))),
            // Best effort: a fresh socket's send buffer has room for all of it.
            Err(_) => {
                shared.lives.viewers().refuse();
                drop(stream.try_write(FULL));
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, peer: IpAddr, shared: Arc<Shared>, router: Router, lease: Lease) {
    let tuned = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tuned = tuned.and_then(|()| socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_STALL_LIMIT)));
    if tuned.is_err() {
        return;
    }
    let lease = Arc::new(lease);
    let (router, pace) = (TowerToHyperService::new(router), Mutex::new(Pace::new(peer)));
    let account = shared.memory.open(peer);
    let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
        lease.touch();
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(account.clone());
        request.extensions_mut().insert(lease.clone());
        let cost = if media::is_media(request.uri().path()) { MEDIA_REQUEST } else { 1.0 };
        let (wait, answered) = (lock(&pace).charge(&shared, cost), router.call(request));
        async move {
            // Even a zero sleep takes up to a millisecond, too long for a part that waits for its frame.
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            answered.await
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = lease.evicted() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(EVICTION_LIMIT, connection).await.unwrap_or(Ok(()))
        }
        // A response that nobody reads cannot be shortened, only dropped.
        () = account.told() => Ok(()),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let may = |need| middleware::from_fn_with_state((shared.clone(), need), access::check);
    let own_pages = || middleware::from_fn(origin::only_own_pages);
    let media = Router::new()
        .route("/{*path}", get(media::show).options(origin::preflight))
        .layer(may(Need::Stream))
        .route("/time", get(media::time))
        .layer(middleware::from_fn_with_state(shared.clone(), origin::allow_pages))
        .layer(middleware::map_response(media::no_cache));
    let state = Router::new()
        .route("/metrics", get(metrics::show))
        .route("/api/streams", get(api::list))
        .route("/api/streams/status/{*path}", get(api::status))
        .route("/api/streams/settings/{*path}", get(settings::show))
        .layer(may(Need::State));
    let set = Router::new()
        .route("/api/streams/settings/{*path}", put(settings::set))
        .route("/api/streams/phase/{*path}", post(phase::shift))
        .layer(may(Need::Settings))
        .layer(own_pages());
    let token = Router::new()
        .route("/api/token", post(access::token))
        .route("/api/token/{*path}", post(access::token))
        .layer(may(Need::Token))
        .layer(own_pages());
    Router::new()
        .merge(state)
        .merge(set)
        .merge(token)
        .merge(media)
        .layer(middleware::from_fn(counted))
        .layer(middleware::from_fn_with_state(shared.clone(), origin::check))
        // Process supervisors that probe liveness have no password.
        .route("/health", get(api::health))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::method_not_allowed)
        .with_state(shared)
}

/// Counts a response against the memory budget until it is written.
async fn counted(request: Request, next: Next) -> Response {
    let account = request.extensions().get::<Arc<Account>>().cloned();
    let (head, body) = next.run(request).await.into_parts();
    let Some(account) = account else {
        return api::error(StatusCode::INTERNAL_SERVER_ERROR, "the account is unknown");
    };
    if body.size_hint().exact().is_none() {
        return Response::from_parts(head, counted_pieces(body, account));
    }
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Response::from_parts(head, Body::from(Held::count(bytes, &account))),
        Err(_) => api::error(StatusCode::INTERNAL_SERVER_ERROR, "out of memory for the response"),
    }
}

/// Counts each piece of a streamed body. Copies the pieces: each may be a slice of a whole segment, which would stay in
/// memory with it.
fn counted_pieces(body: Body, account: Arc<Account>) -> Body {
    let count = move |piece: Bytes| Held::count(Bytes::copy_from_slice(&piece), &account);
    Body::from_stream(body.into_data_stream().map_ok(count))
}

/// Bytes that count against the budget while they exist.
struct Held {
    bytes: Bytes,
    _share: Share,
}

impl Held {
    fn count(bytes: Bytes, account: &Arc<Account>) -> Bytes {
        let mut share = account.share();
        share.update(bytes.len());
        Bytes::from_owner(Self { bytes, _share: share })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_until_it_is_written() {
        let memory = crate::relay::Memory::default();
        let account = memory.open([192, 0, 2, 1].into());
        let body = Held::count(vec![0; 100_000].into(), &account);
        let (part, all) = (body.slice(..10), body.len());
        drop(body);
        assert_eq!((all, memory.held()), (100_000, 100_000), "a part keeps the whole");
        drop(part);
        assert_eq!(memory.held(), 0);
    }

    #[tokio::test]
    async fn a_piece_of_a_streamed_answer_counts_and_does_not_keep_the_segment() {
        let memory = crate::relay::Memory::default();
        let account = memory.open([192, 0, 2, 1].into());
        let whole = Bytes::from(vec![0; 100_000]);
        let pieces = [whole.slice(..10_000), whole.slice(10_000..30_000)];
        let body = Body::from_stream(futures::stream::iter(pieces.map(Ok::<_, std::convert::Infallible>)));
        let mut pieces = counted_pieces(body, account).into_data_stream();
        let first = pieces.try_next().await.expect("a piece").expect("a piece");
        assert_eq!((first.len(), memory.held()), (10_000, 10_000));
        let second = pieces.try_next().await.expect("a piece").expect("a piece");
        assert_eq!((second.len(), memory.held()), (20_000, 30_000));
        drop(pieces);
        assert!(whole.is_unique(), "neither piece keeps it");
        drop((first, second));
        assert_eq!(memory.held(), 0);
    }
}
