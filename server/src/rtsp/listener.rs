//! Accepts RTSP connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use crate::Shared;
use crate::budget::{Lease, Listener};

/// Rest after a failed accept: where file descriptors have run out, the next attempt fails as well.
pub(crate) const ACCEPT_REST: Duration = Duration::from_millis(100);
/// A peer whose host has vanished is noticed after the first plus some of the second.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// Bytes that the kernel takes before they can go to the network. What waits there cannot be dropped any more, and
/// is as old to the viewer as what waits here.
const UNSENT_MAX: u32 = 128 << 10;
/// What a connection gets that there is no room for.
const FULL: &[u8] =
    b"RTSP/1.0 503 Service Unavailable (too many connections)\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// Accepts connections until `stopped` says so, then ends those that are left.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
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
                tracing::warn!(%error, "cannot accept an RTSP connection");
                shared.budget.relieve();
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let Ok(lease) = shared.budget.admit(peer.ip(), Listener::Rtsp).await else {
            shared.connections.refused.fetch_add(1, Relaxed);
            tracing::warn!(%peer, "RTSP connection refused: too many are open");
            // As far as the socket takes it at once, which is all of it.
            let _ = stream.try_write(FULL);
            continue;
        };
        connections.spawn(serve(shared.clone(), stream, lease));
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, lease: Lease) {
    shared.connections.accepted.fetch_add(1, Relaxed);
    shared.connections.open.fetch_add(1, Relaxed);
    let _open = Open(shared.clone());
    match tune(&stream).and_then(|()| Connection::new(shared, stream, lease)) {
        Ok(connection) => connection.run().await,
        Err(error) => tracing::debug!(%error, "an RTSP connection closed before it was accepted"),
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
    Ok(())
}

/// Counts a connection as open until it is dropped, also where its task is cancelled.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.open.fetch_sub(1, Relaxed);
    }
}
