//! Stands between retina and a server where retina alone does not get on: hears what the server says, which retina does not pass
//! on, answers its challenges, of which retina answers the first alone, and makes its answers such as retina takes.
//!
//! ```text
//! retina ── requests without credentials ──▶ relay ── with them, again after a 401 ──▶ server
//!        ◀─ answers as retina reads them ──       ◀── answers ─────────────────────────
//!        ◀─ everything else as it is ──────       ◀────────────────────────────────────
//! ```
//!
//! It costs each packet over TCP a way through this host, so only sessions that need it go through it. Packets over UDP do not:
//! retina's connection has the address that the server knows, and so have its sockets.

mod answers;
mod heard;
mod mend;
mod pass;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) use answers::{Answer, shown};
use common::rtsp::pieces::Messages;
use common::stream_url::StreamUrl;
use heard::lock;
pub(super) use heard::{Fault, Heard};
use pass::Pass;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use url::Url;

use super::config::AGENT;

/// Longest wait for retina to connect: it does so at once, or not at all.
const ACCEPT_LIMIT: Duration = Duration::from_secs(10);

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// A relay for one connection.
pub(super) struct Relay {
    /// What retina has to ask for.
    pub(super) url: Url,
    /// Who retina has to say that it is: nobody else on this host is to use the credentials.
    pub(super) agent: String,
    heard: Arc<Mutex<Heard>>,
}

impl Relay {
    /// Connects to `target`, and waits for retina to lead it there. It ends with the connection.
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
        let heard = Arc::<Mutex<Heard>>::default();
        let agent = format!("{AGENT} {:032x}", rand::random::<u128>());
        let mut url = target.url().clone();
        let there = authority(&url);
        url.set_ip_host(own.ip()).map_err(|()| io::Error::other("the URL takes no address"))?;
        url.set_port(Some(own.port())).map_err(|()| io::Error::other("the URL takes no port"))?;
        let bases = [authority(&url), there];
        let pass = Pass::new(bases, agent.clone(), target.credentials(), server.peer_addr()?.ip(), Arc::clone(&heard));
        tokio::spawn(async move {
            if let Err(error) = run(pass, listener, server).await {
                tracing::debug!(%error, "the relay ended");
            }
        });
        Ok(Self { url, agent, heard })
    }

    /// What it has heard so far.
    pub(super) fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }
}

/// Where to wait for retina: at the address that the server knows, unless that needs a zone, which retina cannot be told.
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

/// Leads the first that connects to `listener` to the server.
async fn run(mut pass: Pass, listener: TcpListener, mut server: TcpStream) -> io::Result<()> {
    let (mut player, from) = timeout(ACCEPT_LIMIT, listener.accept()).await??;
    if from.ip() != listener.local_addr()?.ip() {
        return Err(io::Error::other("somebody on another host connected"));
    }
    drop(listener);
    player.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut requests = Messages::default();
    let (mut asked, mut said) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
    loop {
        tokio::select! {
            count = player.read(&mut asked) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                for piece in requests.take(&asked[..count]) {
                    server.write_all(&pass.request(piece)?).await?;
                }
            }
            count = server.read(&mut said) => {
                let count = count?;
                if count > 0 && !pass.hear(&said[..count]) {
                    // What is no RTSP has no end that could be waited for.
                    player.write_all(&said[..count]).await?;
                    continue;
                }
                let replies = pass.replies(&said[..count])?;
                server.write_all(&replies.to_server).await?;
                player.write_all(&replies.to_player).await?;
                if count == 0 {
                    return Ok(());
                }
            }
        }
    }
}
