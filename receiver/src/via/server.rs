//! The HTTP server of the measuring page: its files, and the WebSocket for its reports. On loopback it requires the
//! URL's token; at other addresses it uses TLS and admits one browser: the first that runs the page.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::get;
use common::clock::Clock;
use common::host::SystemClock;
use common::stream_url::StreamUrl;
use common::time::MonoTime;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::assets;
use super::page_clock::{Probe, Prober};
use super::protocol::{FromPage, ToPage};

mod door;
mod proxy;
mod tls;

#[cfg(test)]
mod tests;

use door::{Door, Entry};
use proxy::Proxy;
use tls::Identity;

/// Most messages queued for the run, several seconds of them; further ones apply backpressure to the page.
const MAX_EVENTS: usize = 64;
/// Most texts queued for a page.
const MAX_WAITING: usize = 16;
/// Largest message of a page: 200 ms of lines are a few kB.
const MESSAGE_MAX: usize = 1 << 20;
/// Pause while the run's queue is full.
const HELD_BACK: Duration = Duration::from_millis(2);

/// An event from a page.
#[derive(Debug)]
pub(super) struct Event {
    /// Index of the page's socket.
    pub(super) socket: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// It connected; texts for it are sent here. Dropping the sender closes the socket.
    Opened(mpsc::Sender<String>),
    /// It answered a clock probe.
    Probed(Probe),
    /// Other messages, one per line.
    Lines(String),
    /// It disconnected.
    Closed,
}

/// A running server, stopped on drop.
#[derive(Debug)]
pub(super) struct Server {
    /// URL of the page, with its token.
    pub(super) page: String,
    /// SHA-256 of its certificate, with TLS.
    pub(super) fingerprint: Option<String>,
    /// URL that the page plays.
    pub(super) media: String,
    pub(super) events: Receiver<Event>,
    _runtime: Runtime,
}

struct Shared {
    /// Expected `Host` headers: a foreign name that resolves to this host is refused (DNS rebinding). Browsers leave out
    /// the scheme's default port.
    hosts: Vec<String>,
    scheme: &'static str,
    /// The page's query.
    query: String,
    /// Present if the server is reachable from other hosts.
    door: Option<Door>,
    proxy: Option<Proxy>,
    policy: HeaderValue,
    clock: SystemClock,
    events: Sender<Event>,
    sockets: AtomicU64,
}

impl Server {
    /// Serves the page that plays `url`: over TLS at `listen`, or on a free loopback port.
    ///
    /// # Errors
    /// Fails if the port or the thread is not available.
    pub(super) fn start(clock: SystemClock, url: &StreamUrl, listen: Option<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into()))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let identity = listen.map(|listen| Identity::make(listen.ip())).transpose()?;
        let proxy = Proxy::to(url).filter(|_| listen.is_some());
        let (host, query) = (address.to_string(), format!("token={:032x}", rand::random::<u128>()));
        let scheme = if listen.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{host}");
        let page = format!("{origin}/{}?{query}", assets::PAGE);
        let media = match &proxy {
            Some(_) => Proxy::at(&origin, url.url()),
            None => url.url().to_string(),
        };
        let door = listen.map(|_| Door::new(format!("/{}", assets::PAGE), &query));
        let (sender, events) = bounded(MAX_EVENTS);
        let policy = HeaderValue::from_str(&assets::policy()).map_err(io::Error::other)?;
        let sockets = AtomicU64::new(0);
        let hosts = hosts(address, scheme);
        let shared = Arc::new(Shared { hosts, scheme, query, door, proxy, policy, clock, events: sender, sockets });
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("page").enable_all().build()?;
        let router = router(shared);
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let fingerprint = identity.as_ref().map(|identity| identity.fingerprint.clone());
        match identity {
            Some(identity) => drop(runtime.spawn(tls::serve(listener, identity, router))),
            None => drop(runtime.spawn(async move { axum::serve(listener, router).await })),
        }
        drop(entered);
        Ok(Self { page, fingerprint, media, events, _runtime: runtime })
    }
}

/// Returns how browsers write `address` in the header `Host`.
fn hosts(address: SocketAddr, scheme: &str) -> Vec<String> {
    let written = address.to_string();
    let is_default = address.port() == if scheme == "https" { 443 } else { 80 };
    let bare = written.rsplit_once(':').filter(|_| is_default).map(|(host, _)| host.to_owned());
    std::iter::once(written).chain(bare).collect()
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/measure/socket", get(upgrade))
        .route(&format!("{}/{{*path}}", proxy::PREFIX), get(media))
        .route("/{*path}", get(file))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guarded))
        .with_state(shared)
}

/// Checks the Host header, and isolates the page so that its timers have 5 µs steps.
async fn guarded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let is_media = request.uri().path().starts_with(proxy::PREFIX);
    let mut response = if host.is_some_and(|host| shared.hosts.iter().any(|own| own == host)) {
        admitted(&shared, request, next).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this is another host").into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "credentialless"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // What the stream's server sends must not run as a page of this origin.
    let policy = if is_media { HeaderValue::from_static("sandbox") } else { shared.policy.clone() };
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

async fn admitted(shared: &Shared, request: Request, next: Next) -> Response<Body> {
    let Some(door) = &shared.door else { return next.run(request).await };
    let uri = request.uri();
    let is_media = uri.path().starts_with(proxy::PREFIX);
    match door.enter(request.method(), uri.path(), uri.query(), cookies(request.headers())) {
        Entry::Chosen => next.run(request).await,
        Entry::Loaded if !is_media => next.run(request).await,
        Entry::New(cookie) => ([(header::SET_COOKIE, cookie)], next.run(request).await).into_response(),
        Entry::Loaded | Entry::Refused => {
            let why = "the token is missing or wrong, or another browser has opened the page";
            (StatusCode::FORBIDDEN, [(header::CONNECTION, "close")], why).into_response()
        }
    }
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok())
}

async fn media(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    match &shared.proxy {
        Some(proxy) => proxy.pass(request).await,
        None => (StatusCode::NOT_FOUND, "no such file").into_response(),
    }
}

async fn file(Path(path): Path<String>) -> Response<Body> {
    let Some(asset) = assets::find(&path) else { return (StatusCode::NOT_FOUND, "no such file").into_response() };
    let mut response = Response::new(Body::from(asset.bytes.into_owned()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if asset.is_gzipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

async fn upgrade(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let is_own = |host: &String| origin == Some(&*format!("{}://{host}", shared.scheme));
    let is_ours = origin.is_none() || shared.hosts.iter().any(is_own);
    if query.as_ref() != Some(&shared.query) || !is_ours {
        return (StatusCode::FORBIDDEN, "the token is missing or wrong").into_response();
    }
    if shared.door.as_ref().is_some_and(|door| !door.choose(cookies(&headers))) {
        return (StatusCode::FORBIDDEN, "another browser has opened the page").into_response();
    }
    upgrade.max_message_size(MESSAGE_MAX).on_upgrade(move |socket| async move {
        let number = shared.sockets.fetch_add(1, Ordering::Relaxed);
        let gone = talk(socket, number, &shared).await;
        tracing::debug!(?gone, "the page's socket closed");
        let _ = send(&shared, Event { socket: number, what: What::Closed }).await;
    })
}

/// Relays messages until either side closes; then returns `None`.
async fn talk(mut socket: WebSocket, number: u64, shared: &Shared) -> Option<()> {
    let clock = &shared.clock;
    let (sender, mut texts) = mpsc::channel::<String>(MAX_WAITING);
    send(shared, Event { socket: number, what: What::Opened(sender) }).await?;
    let mut prober = Prober::new(rand::random(), clock.now().mono);
    loop {
        let due = prober.next().saturating_since(clock.now().mono);
        tokio::select! {
            text = texts.recv() => socket.send(Message::Text(text?.into())).await.ok()?,
            message = socket.recv() => match message?.ok()? {
                // Read the clock first, so that parsing does not delay an answer's time.
                Message::Text(text) => for event in events(&text, clock.now().mono, &mut prober) {
                    send(shared, Event { socket: number, what: event }).await?;
                },
                Message::Close(_) => return None,
                _ => {}
            },
            () = tokio::time::sleep(due) => {
                let nonce = prober.ask(clock.now().mono);
                let probe = ToPage::Probe { nonce: &nonce }.to_text();
                socket.send(Message::Text(probe.into())).await.ok()?;
            }
        }
    }
}

/// Parses a message that arrived at `now`. Answers to probes arrive alone.
fn events(text: &str, now: MonoTime, prober: &mut Prober) -> Vec<What> {
    if let Some(FromPage::Answer(answer)) = FromPage::parse(text) {
        return prober.answered(&answer, now).map(What::Probed).into_iter().collect();
    }
    vec![What::Lines(text.to_owned())]
}

/// Passes an event to the run, waiting while it is busy; `None` once the run has ended.
async fn send(shared: &Shared, mut event: Event) -> Option<()> {
    loop {
        match shared.events.try_send(event) {
            Ok(()) => return Some(()),
            Err(TrySendError::Full(back)) => event = back,
            Err(TrySendError::Disconnected(_)) => return None,
        }
        tokio::time::sleep(HELD_BACK).await;
    }
}
