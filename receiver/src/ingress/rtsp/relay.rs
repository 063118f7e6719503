//! Stands between retina and a server that retina alone cannot play: records what the server says, which retina does not pass
//! on, answers every challenge, where retina answers only the first, and rewrites responses so that retina accepts them.
//!
//! ```text
//! retina ── requests without credentials ──▶ relay ── with them, again after a 401 ──▶ server
//!        ◀─ answers as retina reads them ──       ◀── answers ─────────────────────────
//!        ◀─ everything else as it is ──────       ◀────────────────────────────────────
//! ```
//!
//! It costs each packet over TCP another hop through this host, so only sessions that need it use it. Packets over UDP bypass
//! it: retina's connection has the address that the server knows, and so have its sockets.

mod responses;
mod rewrite;
mod transcript;
mod translator;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::lock::lock;
use common::rtsp::pieces::Messages;
use common::stream_url::StreamUrl;
pub(super) use responses::{Response, shown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
pub(super) use transcript::{Fault, Transcript};
use translator::Translator;
use url::Url;

use super::config::AGENT;

/// Longest wait for retina to connect: it does so at once, or not at all.
const ACCEPT_LIMIT: Duration = Duration::from_secs(10);

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// A relay for one connection.
pub(super) struct Relay {
    /// What retina has to connect to.
    pub(super) url: Url,
    /// The user agent that retina has to send, so that nobody else on this host can use the credentials.
    pub(super) agent: String,
    transcript: Arc<Mutex<Transcript>>,
}

impl Relay {
    /// Connects to `target`, and waits for retina to connect. The relay ends with the connection.
    pub(super) async fn start(target: &StreamUrl) -> io::Result<Self> {
        let there = target.clone();
        let addresses = spawn_blocking(move || there.addresses()).await.map_err(io::Error::other)?;
        let addresses = addresses.map_err(|error| match target.zone() {
            Some(zone) => io::Error::other(format!("{zone} is not a network interface of this host ({error})")),
            None => error,
        })?;
        let server = TcpStream::connect(&*addresses).await?;
        let at = own_address(server.local_addr()?);
        let listener = TcpListener::bind((at, 0)).await?;
        let own = listener.local_addr()?;
        let transcript = Arc::<Mutex<Transcript>>::default();
        let agent = format!("{AGENT} {:032x}", rand::random::<u128>());
        let mut url = target.url().clone();
        let there = authority(&url);
        url.set_ip_host(own.ip()).map_err(|()| io::Error::other("the URL takes no address"))?;
        url.set_port(Some(own.port())).map_err(|()| io::Error::other("the URL takes no port"))?;
        let bases = [authority(&url), there];
        let translator = Translator::new(
            bases,
            agent.clone(),
            target.credentials(),
            server.peer_addr()?.ip(),
            Arc::clone(&transcript),
        );
        tokio::spawn(async move {
            if let Err(error) = run(translator, listener, server).await {
                tracing::debug!(%error, "the relay ended");
            }
        });
        Ok(Self { url, agent, transcript })
    }

    /// What it has heard so far.
    pub(super) fn transcript(&self) -> Transcript {
        lock(&self.transcript).clone()
    }
}

/// The address to listen on for retina: the one that the server knows, unless that needs a zone, which retina does not support.
fn own_address(local: SocketAddr) -> IpAddr {
    match local.ip() {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// `rtsp://HOST:PORT`, as requests begin with it.
fn authority(url: &Url) -> String {
    url[..url::Position::BeforePath].to_owned()
}

/// Relays the first connection to `listener` to the server.
async fn run(mut translator: Translator, listener: TcpListener, mut server: TcpStream) -> io::Result<()> {
    let (mut player, from) = timeout(ACCEPT_LIMIT, listener.accept()).await??;
    if from.ip() != listener.local_addr()?.ip() {
        return Err(io::Error::other("somebody on another host connected"));
    }
    drop(listener);
    player.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut requests = Messages::default();
    let (mut request, mut reply) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
    loop {
        tokio::select! {
            count = player.read(&mut request) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                for piece in requests.take(&request[..count]) {
                    server.write_all(&translator.request(piece)?).await?;
                }
            }
            count = server.read(&mut reply) => {
                let count = count?;
                if count > 0 && !translator.sniff(&reply[..count]) {
                    // What is not RTSP has no end to wait for.
                    player.write_all(&reply[..count]).await?;
                    continue;
                }
                let replies = translator.replies(&reply[..count])?;
                server.write_all(&replies.to_server).await?;
                player.write_all(&replies.to_player).await?;
                if count == 0 {
                    return Ok(());
                }
            }
        }
    }
}
