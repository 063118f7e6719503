//! The HTTP side: liveness, metrics, and what the streams are doing.

mod api;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use common::clock::Clock;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::{Shared, auth};

/// Most HTTP connections at a time.
const CONNECTIONS_MAX: usize = 200;
/// A request's head is complete within this, also that of the next one on a connection kept open.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// A peer that acknowledges nothing of a response for this long is cut off by the kernel.
const WRITE_STALL_LIMIT: Duration = Duration::from_secs(10);
/// Rest after a failed accept: where file descriptors have run out, the next attempt fails as well.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Accepts connections until `stopped` says so, then ends those that are left.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let router = router(shared);
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match (accepted, free.clone().try_acquire_owned()) {
            (Ok((stream, _)), Ok(permit)) => {
                let router = router.clone();
                connections.spawn(async move {
                    serve(stream, router).await;
                    drop(permit);
                });
            }
            (Ok((_, peer)), Err(_)) => tracing::debug!(%peer, "more than {CONNECTIONS_MAX} HTTP connections: closed"),
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, router: Router) {
    let tuned = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tuned = tuned.and_then(|()| socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_STALL_LIMIT)));
    if tuned.is_err() {
        return;
    }
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let known = middleware::from_fn_with_state(shared.clone(), only_users);
    Router::new()
        .route("/metrics", get(metrics::show))
        .route("/api/streams", get(api::list))
        .route("/api/streams/status/{*path}", get(api::status))
        .layer(known)
        // A supervisor that asks whether the process lives has no password.
        .route("/health", get(api::health))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::method_not_allowed)
        .with_state(shared)
}

/// Lets those in who have a password, where there are users.
async fn only_users(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(users) = &shared.users else { return next.run(request).await };
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if users.know(authorization, shared.clock.now().mono) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, auth::http_challenge())];
    (challenge, api::error(StatusCode::UNAUTHORIZED, "user and password are needed")).into_response()
}
