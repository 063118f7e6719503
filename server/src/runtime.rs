//! Starts the server on threads of its own, and ends it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use common::clock::Clock;
use common::rtsp::serve::StreamPath;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::auth::Users;
use crate::config::{Config, Error, listen};
use crate::relay::Frames;
use crate::{Shared, clock, http, rtsp};

/// Most threads. Packets are handed on by whoever reads them; more threads do not make a packet faster.
const THREADS_MAX: usize = 4;
/// Tasks that a thread runs before it looks which sockets are ready; by default 61, which a server under attack takes
/// tens of milliseconds for.
const EVENT_INTERVAL: u32 = 8;
/// How often what happens often is told.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// Connections that have not ended by then are dropped.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// A running server. Dropping it ends the server like [`Handle::shutdown`].
pub struct Handle {
    shared: Arc<Shared>,
    rtsp: SocketAddr,
    http: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    /// Of RTSP and of HTTP: no request over HTTP, however long its answer, stops a packet.
    runtimes: Vec<Runtime>,
}

/// Binds the ports of `config` and starts serving. Returns at once; needs no runtime around it.
///
/// # Errors
/// Where a port is taken, an address cannot be listened on or would let everybody in, or the file of users is bad.
pub fn start(config: Config) -> Result<Handle, Error> {
    config.check_exposure()?;
    config.check_segments()?;
    let users = config.auth.as_deref().map(Users::load).transpose()?;
    let (rtsp_listener, clock_socket) = clock::listen_beside(config.rtsp)?;
    let http_listener = config.http.map(|address| listen(address, "--http")).transpose()?;
    let rtsp = rtsp_listener.local_addr().map_err(Error::Runtime)?;
    let http = http_listener.as_ref().map(|l| l.local_addr()).transpose().map_err(Error::Runtime)?;

    let shared = Arc::new(Shared::new(users, &config));
    let (stop, stopped) = watch::channel(false);
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, THREADS_MAX);
    let mut runtimes = vec![build_runtime("server", threads).map_err(Error::Runtime)?];
    {
        let _inside = runtimes[0].enter();
        let listener = tokio::net::TcpListener::from_std(rtsp_listener).map_err(Error::Runtime)?;
        tokio::spawn(rtsp::listener::run(listener, shared.clone(), stopped.clone()));
        if let Some(socket) = clock_socket {
            tokio::spawn(clock::run(socket, shared.clone(), stopped.clone()));
        }
        tokio::spawn(report(shared.clone(), stopped.clone()));
    }
    if let Some(listener) = http_listener {
        let runtime = build_runtime("http", 1).map_err(Error::Runtime)?;
        {
            let _inside = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Runtime)?;
            tokio::spawn(http::run(listener, shared.clone(), stopped));
        }
        runtimes.push(runtime);
    }
    let also = http.map_or(String::new(), |http| format!(", HTTP at {http}"));
    tracing::info!("serving RTSP at {rtsp}{also}");
    Ok(Handle { shared, rtsp, http, stop, runtimes })
}

impl Handle {
    /// Where RTSP is served; the real port where 0 was asked for.
    pub fn rtsp_addr(&self) -> SocketAddr {
        self.rtsp
    }

    /// Where HTTP is served, if it is.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Whole frames of the stream at `path`, for this process. `None` where nobody publishes there, or the path cannot name a
    /// stream.
    pub fn subscribe(&self, path: &str) -> Option<Frames> {
        let stream = self.shared.paths.find(&StreamPath::parse(path).ok()?)?;
        Frames::of(stream, &self.shared.memory, self.shared.clock.now().mono)
    }

    /// Closes all connections and frees the ports; takes at most two seconds. Not to be called from within
    /// asynchronous code.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("rtsp", &self.rtsp).field("http", &self.http).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nobody listens any more where both listeners have ended on their own.
        let _ = self.stop.send(true);
        if let Some(runtime) = self.runtimes.first() {
            runtime.block_on(async {
                // Each listener holds a receiver until its connections have ended.
                let _ = tokio::time::timeout(SHUTDOWN_LIMIT, self.stop.closed()).await;
            });
        }
        for runtime in self.runtimes.drain(..) {
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        }
    }
}

/// Tells now and then what has happened too often to be told each time.
async fn report(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    while tokio::time::timeout(REPORT_EVERY, stopped.wait_for(|stopped| *stopped)).await.is_err() {
        shared.report(REPORT_EVERY);
    }
    shared.report(REPORT_EVERY);
}

fn build_runtime(name: &'static str, threads: usize) -> std::io::Result<Runtime> {
    let number = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name_fn(move || format!("{name}-{}", number.fetch_add(1, Relaxed)))
        .event_interval(EVENT_INTERVAL)
        // Not enable_all: nothing here listens for signals, and where descriptors run out, that panics.
        .enable_io()
        .enable_time()
        .build()
}
