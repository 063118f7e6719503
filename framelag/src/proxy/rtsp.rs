//! RTSP whose media travels in datagrams: the proxy rewrites the ports in SETUP to its own, and forwards the datagrams between them
//! under the same conditions.
//!
//! ```text
//! client ── RTSP ──▶ rewriting, TCP              ──▶ server
//!        ◀─ RTP ───  a Forwarder for each port   ◀──
//! ```
//!
//! Media interleaved in the RTSP connection passes too.

mod ports;

use std::collections::HashMap;
use std::io::{self, PipeReader, PipeWriter};
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use common::lock::lock;
use common::rtsp::pieces::{self, Messages, Piece};

use super::shared::{Direction, Shared};
use super::udp::Forwarder;
use ports::Ports;

/// Most transports that one connection may have, or ask for without an answer.
const MAX_TRANSPORTS: usize = 16;

/// Rewrites the ports of one RTSP connection. Dropping it ends its datagrams.
pub(super) struct Rewriter {
    client: IpAddr,
    server: IpAddr,
    shared: Arc<Shared>,
    session: Mutex<Session>,
    stopped: Arc<PipeReader>,
    /// Ends the forwarders when it is closed.
    stop: Option<PipeWriter>,
}

#[derive(Default)]
struct Session {
    requests: Messages,
    responses: Messages,
    /// Transports that were asked for, by CSeq.
    asked: HashMap<String, Ports>,
    forwarders: Vec<JoinHandle<()>>,
}

impl Rewriter {
    pub(super) fn new(client: IpAddr, server: IpAddr, shared: &Arc<Shared>) -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        let (shared, stopped) = (Arc::clone(shared), Arc::new(stopped));
        Ok(Self { client, server, shared, session: Mutex::default(), stopped, stop: Some(stop) })
    }

    /// What the other side is to see of `bytes`, up to a head that is not whole yet. The error ends the connection: datagrams that
    /// bypass the proxy would be measured without its network.
    pub(super) fn rewrite(&self, direction: Direction, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut session = lock(&self.session);
        let pieces = match direction {
            Direction::Forward => session.requests.take(bytes),
            Direction::Back => session.responses.take(bytes),
        };
        let mut rewritten = Vec::with_capacity(bytes.len());
        for piece in pieces {
            rewritten.extend(match (piece, direction) {
                (Piece::Bytes(bytes), _) => bytes,
                (Piece::Head(head), Direction::Forward) => self.request(head, &mut session)?.into_bytes(),
                (Piece::Head(head), Direction::Back) => self.response(head, &mut session)?.into_bytes(),
            });
        }
        Ok(rewritten)
    }

    fn request(&self, head: String, session: &mut Session) -> io::Result<String> {
        let wanted = pieces::is_setup(&head).then(|| pieces::ports(&head, "client_port")).flatten();
        let (Some(of_client), Some(number)) = (wanted, pieces::header(&head, "CSeq")) else { return Ok(head) };
        if session.asked.len() + session.forwarders.len() / 2 >= MAX_TRANSPORTS {
            return Err(io::Error::other(format!("it asks for more than {MAX_TRANSPORTS} transports")));
        }
        let ports = Ports::bind(self.client, of_client, self.server)
            .inspect_err(|error| tracing::warn!("no ports for datagrams: {error}"))?;
        let rewritten = pieces::with_ports(&head, "client_port", ports.to_server());
        session.asked.insert(number.to_owned(), ports);
        Ok(rewritten)
    }

    fn response(&self, head: String, session: &mut Session) -> io::Result<String> {
        let status = pieces::status(&head);
        let number = status.and_then(|_| pieces::header(&head, "CSeq"));
        let Some(ports) = number.and_then(|number| session.asked.remove(number)) else { return Ok(head) };
        let of_server = pieces::ports(&head, "server_port").filter(|_| status == Some(200));
        let Some(of_server) = of_server else { return Ok(head) };
        let head = pieces::with_ports(&head, "client_port", ports.of_client);
        let head = pieces::with_ports(&head, "server_port", ports.to_client());
        for (client, server) in ports.connect(of_server)? {
            let number = self.shared.opened.fetch_add(1, Ordering::Relaxed);
            let (shared, stopped) = (Arc::clone(&self.shared), Arc::clone(&self.stopped));
            let forwarder = Forwarder::between(client, server, number, &shared)?;
            let run = move || forwarder.run(&shared, &stopped);
            session.forwarders.push(thread::Builder::new().name(format!("proxy {number}")).spawn(run)?);
        }
        Ok(head)
    }
}

impl Drop for Rewriter {
    fn drop(&mut self) {
        self.stop = None;
        lock(&self.session).forwarders.drain(..).for_each(|forwarder| drop(forwarder.join()));
    }
}

#[cfg(test)]
mod tests;
