//! Live metrics for other programs: served to those that ask (`serve`), sent to a collector (`push`).
//!
//! ```text
//! the caller's thread ── publish, every second ──▶ board ──▶ thread "metrics": serve, push
//! ```
//!
//! The thread that measures puts copies of small counters on a board and goes on; text is made, and sockets are waited for,
//! on a thread of this module's own. Whatever a client or a collector does, nothing is measured differently, and no run
//! fails by it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use measure::live::Named;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::config::Config;
use crate::output::Output;

mod board;
pub(crate) mod collector;
mod otlp;
mod push;
mod serve;

use board::Board;

/// Why metrics cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(
        "--metrics {address} cannot be listened on ({source}): give another port, such as --metrics 0 for a free one"
    )]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Threads or the event queue are not to be had.
    #[error("cannot start the thread that exports metrics: {0}")]
    Thread(#[from] io::Error),
}

/// Exports the metrics of a run.
#[derive(Debug)]
pub(crate) struct Exporter {
    board: watch::Sender<Board>,
    thread: JoinHandle<()>,
}

impl Exporter {
    /// Begins to export what `config` asks for; `None` if it asks for nothing. Says where metrics are served.
    ///
    /// # Errors
    /// If the address cannot be listened on, or there is no thread.
    pub(crate) fn start(config: &Config, output: &Output) -> Result<Option<Self>, Error> {
        if config.metrics.is_none() && config.otlp.is_none() {
            return Ok(None);
        }
        let listener = config.metrics.map(listen).transpose()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        if let Some(listener) = &listener {
            output.metrics(&format!("http://{}/metrics", listener.local_addr()?));
        }
        let (board, watched) = watch::channel(Board::default());
        let pushing = config.otlp.clone().map(|collector| push::run(collector, watched.clone(), output.clone()));
        let work = move || work(runtime, listener, pushing, watched);
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(work)?;
        Ok(Some(Self { board, thread }))
    }

    /// These are the figures from now on.
    pub(crate) fn publish(&self, streams: Vec<Named>) {
        self.board.send_replace(Board { streams: Arc::new(streams), over: false });
    }

    /// These are the last figures. Returns when they were sent where they are to be sent, or that took too long.
    pub(crate) fn finish(self, streams: Vec<Named>) {
        self.board.send_replace(Board { streams: Arc::new(streams), over: true });
        // A thread that panicked has said so on standard error.
        let _ = self.thread.join();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| Error::Listen { address, source })
}

/// Serves until the run is over and its last figures were sent.
fn work(
    runtime: Runtime,
    listener: Option<TcpListener>,
    pushing: Option<impl Future<Output = ()>>,
    mut board: watch::Receiver<Board>,
) {
    runtime.block_on(async move {
        if let Some(listener) = listener {
            tokio::spawn(serve::run(listener, board.clone()));
        }
        match pushing {
            Some(pushing) => pushing.await,
            // Fails where the run has ended without last figures.
            None => drop(board.wait_for(|board| board.over).await),
        }
    });
    // A name that is being looked up is not waited for.
    runtime.shutdown_background();
}
