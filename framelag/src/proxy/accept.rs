//! Accepts connections, for TCP and RTSP alike.

use std::io::{self, ErrorKind, PipeReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::shared::Shared;
use super::wait;

/// How long to pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(1);

/// A connection that was let in.
pub(super) struct Client {
    pub socket: TcpStream,
    pub address: SocketAddr,
    /// Its number, from 0.
    pub number: u64,
}

/// Accepts connections until `stopped` closes, and has each served on a thread of its own, which ends by then too.
pub(super) fn connections(
    socket: &TcpListener,
    shared: &Arc<Shared>,
    stopped: &Arc<PipeReader>,
    serve: impl Fn(Client, &Arc<Shared>, &PipeReader) + Clone + Send + 'static,
) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    let mut accept = || -> io::Result<()> {
        socket.set_nonblocking(true)?;
        loop {
            let ready = wait::until(vec![wait::closed(&**stopped), wait::readable(socket)], None, shared.now())?;
            if ready[0] {
                return Ok(());
            }
            let (client, address) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // A client that gave up, or no file descriptor to be had for now.
                Err(_) => {
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            connections.retain(|connection| !connection.is_finished());
            let Some(number) = shared.admit(connections.len(), address) else { continue };
            let client = Client { socket: client, address, number };
            let (serve, shared, stopped) = (serve.clone(), Arc::clone(shared), Arc::clone(stopped));
            let connection = move || serve(client, &shared, &stopped);
            connections.push(thread::Builder::new().name(format!("proxy {number}")).spawn(connection)?);
        }
    };
    if let Err(error) = accept() {
        tracing::error!("the proxy stopped accepting connections: {error}");
    }
    connections.into_iter().for_each(|connection| drop(connection.join()));
}
