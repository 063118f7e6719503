//! `GET /metrics`. One request a connection, few connections, and little time for each: nothing can be held open.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use measure::catalogue::families;
use metrics::openmetrics::{self, Format};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use crate::metrics::board::Board;

/// Most connections at a time.
const CONNECTIONS_MAX: usize = 32;
/// A connection ends within this, whatever its peer does.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);
/// Bytes that a request's head may have.
const HEAD_MAX: usize = 16 << 10;
/// Rest after a failed accept: where file descriptors have run out, the next attempt fails as well.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves what is on `board`, until the runtime ends.
pub(super) async fn run(listener: TcpListener, board: watch::Receiver<Board>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "metrics cannot be served"),
    };
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        match (listener.accept().await, Arc::clone(&free).try_acquire_owned()) {
            (Ok((stream, _)), Ok(permit)) => {
                let board = board.clone();
                tokio::spawn(async move {
                    serve(stream, board).await;
                    drop(permit);
                });
            }
            (Ok((_, peer)), Err(_)) => tracing::debug!(%peer, "more than {CONNECTIONS_MAX} metrics clients: closed"),
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept a metrics client");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, board: watch::Receiver<Board>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(&request, &board);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_LIMIT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a metrics client disconnected early"),
        Err(_) => tracing::debug!("a metrics client timed out"),
    }
}

fn answer<B>(request: &Request<B>, board: &watch::Receiver<Board>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "metrics can be read, by GET or HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let lists: Vec<_> = request.headers().get_all(ACCEPT).iter().filter_map(|list| list.to_str().ok()).collect();
    let format = Format::accepted(&lists.join(","));
    // Only the handle is copied while the board is held: who publishes does not wait for text.
    let streams = Arc::clone(&board.borrow().streams);
    respond(StatusCode::OK, format.content_type(), openmetrics::text(&families(&streams), format))
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text.to_owned())
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
