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
mod mend;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use answers::{Answer, shown};
use answers::{Answers, Item};
use common::rtsp::StreamUrl;
use common::rtsp::auth::{Challenged, Client};
use common::rtsp::pieces::{self, Messages, Piece};
use mend::{Asked, mended};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use url::Url;

use super::AGENT;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Bytes that are kept of what is no answer.
const HEARD_MAX: usize = 8 << 10;

/// How often one request is sent again because of a 401.
const ATTEMPTS_MAX: u32 = 3;

/// A relay for one connection.
pub(super) struct Relay {
    /// What retina has to ask for.
    pub(super) url: Url,
    /// Who retina has to say that it is: nobody else on this host is to use the credentials.
    pub(super) agent: String,
    heard: Arc<Mutex<Heard>>,
}

/// What went through a relay.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// What came before there was an answer.
    pub(super) beginning: Vec<u8>,
    /// The newest answer to a request.
    pub(super) answer: Option<Answer>,
    /// The URL of that request, as the server saw it.
    pub(super) asked: String,
    /// Why nothing can be made of what came.
    pub(super) fault: Option<Fault>,
    /// Lines of answers end with a line feed alone.
    pub(super) bare_line_feeds: bool,
    /// Challenges that came after credentials had been accepted, and were answered.
    pub(super) renewed: u32,
    /// A challenge has been answered.
    pub(super) challenged: bool,
}

/// Why nothing can be made of what a server sends.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It is so.
    Unusable(String),
    /// The connection ended too early.
    CutOff(String),
}

impl Heard {
    /// Whether the server has said anything.
    pub(super) fn is_anything(&self) -> bool {
        !self.beginning.is_empty()
    }
}

impl Relay {
    /// Connects to `target`, and waits for retina to lead it there. It ends with the connection.
    pub(super) async fn start(target: &StreamUrl) -> io::Result<Self> {
        let there = target.clone();
        let addresses = spawn_blocking(move || there.addresses()).await.map_err(io::Error::other)??;
        let server = TcpStream::connect(&*addresses).await?;
        let listener = TcpListener::bind((own_address(server.local_addr()?), 0)).await?;
        let own = listener.local_addr()?;
        let heard = Arc::<Mutex<Heard>>::default();
        let agent = format!("{AGENT} {:032x}", rand::random::<u128>());
        let mut url = target.url().clone();
        let there = authority(&url);
        url.set_ip_host(own.ip()).map_err(|()| io::Error::other("the URL takes no address"))?;
        url.set_port(Some(own.port())).map_err(|()| io::Error::other("the URL takes no port"))?;
        let pass = Pass {
            bases: [authority(&url), there],
            agent: agent.clone(),
            auth: target.credentials().cloned().map(Client::new),
            heard: Arc::clone(&heard),
            server: server.peer_addr()?.ip(),
            session: None,
            pending: None,
            speaks_rtsp: false,
            extra: 0,
        };
        tokio::spawn(async move {
            if let Err(error) = pass.run(listener, server).await {
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

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `rtsp://HOST:PORT`, as requests begin with it.
fn authority(url: &Url) -> String {
    url[..url::Position::BeforePath].to_owned()
}

/// The request that waits for its answer.
struct Pending {
    head: String,
    /// Its URL, as the server sees it.
    url: String,
    attempts: u32,
}

struct Pass {
    /// How URLs begin that retina made from ours, and how they begin for the server.
    bases: [String; 2],
    agent: String,
    auth: Option<Client>,
    heard: Arc<Mutex<Heard>>,
    /// The server's address.
    server: IpAddr,
    /// The server's id of the session.
    session: Option<String>,
    pending: Option<Pending>,
    /// An answer has come.
    speaks_rtsp: bool,
    /// Requests that retina does not know of; its CSeq is so much lower.
    extra: u64,
}

impl Pass {
    async fn run(mut self, listener: TcpListener, mut server: TcpStream) -> io::Result<()> {
        let (mut player, from) = listener.accept().await?;
        if from.ip() != listener.local_addr()?.ip() {
            return Err(io::Error::other("somebody on another host connected"));
        }
        drop(listener);
        player.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut requests, mut answers) = (Messages::default(), Answers::default());
        let (mut asked, mut said) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
        loop {
            tokio::select! {
                count = player.read(&mut asked) => {
                    let count = count?;
                    if count == 0 {
                        return Ok(());
                    }
                    for piece in requests.take(&asked[..count]) {
                        server.write_all(&self.request(piece)?).await?;
                    }
                }
                count = server.read(&mut said) => {
                    let count = count?;
                    if count > 0 && !self.hear(&said[..count]) {
                        // What is no RTSP has no end that could be waited for.
                        player.write_all(&said[..count]).await?;
                        continue;
                    }
                    answers.push(&said[..count]);
                    let replies = self.replies(&mut answers, count == 0).map_err(|fault| self.fail(fault))?;
                    server.write_all(&replies.to_server).await?;
                    player.write_all(&replies.to_player).await?;
                    if count == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Keeps why it cannot go on.
    fn fail(&self, fault: Fault) -> io::Error {
        let (Fault::Unusable(why) | Fault::CutOff(why)) = &fault;
        let error = io::Error::other(why.clone());
        lock(&self.heard).fault = Some(fault);
        error
    }

    /// Before the first answer: keeps what is said, and says whether it can become RTSP.
    fn hear(&mut self, bytes: &[u8]) -> bool {
        const BEGINNING: &[u8] = b"RTSP/";
        if self.speaks_rtsp {
            return true;
        }
        let mut heard = lock(&self.heard);
        let room = HEARD_MAX.saturating_sub(heard.beginning.len());
        heard.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let known = heard.beginning.len().min(BEGINNING.len());
        heard.beginning[..known] == BEGINNING[..known] || heard.beginning[0] == b'$'
    }

    /// A request as the server is to see it.
    fn request(&mut self, piece: Piece) -> io::Result<Vec<u8>> {
        let head = match piece {
            Piece::Bytes(bytes) => return Ok(bytes),
            Piece::Head(head) => head,
        };
        if pieces::header(&head, "User-Agent") != Some(&self.agent) {
            return Err(io::Error::other("somebody else connected"));
        }
        Ok(self.send(head, 1))
    }

    fn send(&mut self, head: String, attempts: u32) -> Vec<u8> {
        let [ours, theirs] = &self.bases;
        let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
        let mut words = first.splitn(3, ' ');
        let (method, url) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let url = url.strip_prefix(ours.as_str()).map_or_else(|| url.to_owned(), |path| format!("{theirs}{path}"));
        let mut lines = vec![format!("{method} {url} {}", words.next().unwrap_or_default())];
        let headers = rest.lines().filter(|line| !line.is_empty());
        lines.extend(headers.filter_map(|line| match line.split_once(':') {
            Some((name, _)) if name.eq_ignore_ascii_case("User-Agent") => Some(format!("User-Agent: {AGENT}")),
            Some((name, _)) if name.eq_ignore_ascii_case("Session") => {
                self.session.as_ref().map(|session| format!("Session: {session}"))
            }
            Some((name, value)) if name.eq_ignore_ascii_case("CSeq") => {
                let number = value.trim().parse::<u64>().map_or(0, |number| number + self.extra);
                Some(format!("CSeq: {number}"))
            }
            _ => Some(line.to_owned()),
        }));
        if let Some(answer) = self.auth.as_mut().and_then(|auth| auth.authorization(method, &url)) {
            lines.push(format!("Authorization: {answer}"));
        }
        self.pending = Some(Pending { head, url, attempts });
        format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
    }

    /// What becomes of what the server has sent.
    fn replies(&mut self, answers: &mut Answers, ended: bool) -> Result<Replies, Fault> {
        let mut replies = Replies::default();
        while let Some(item) = answers.next().map_err(Fault::Unusable)? {
            match item {
                Item::Other(bytes) => replies.to_player.extend_from_slice(&bytes),
                Item::Answer(answer) => self.answer(answer, &mut replies)?,
            }
        }
        lock(&self.heard).bare_line_feeds |= answers.bare_line_feeds;
        if ended && let Some(answer) = answers.cut_off() {
            if answer.status().is_none_or(|status| status < 300) {
                let (came, length) = (answer.body.len(), answer.line("Content-Length"));
                return Err(Fault::CutOff(format!("the body of its answer is cut off after {came} bytes ({length})")));
            }
            self.answer(answer, &mut replies)?;
        }
        Ok(replies)
    }

    fn answer(&mut self, answer: Answer, replies: &mut Replies) -> Result<(), Fault> {
        let no_status = || Fault::Unusable(format!("its answer begins {}, which has no status", answer.first_line()));
        let status = answer.status().ok_or_else(no_status)?;
        self.speaks_rtsp = true;
        // An interim answer, or one that nobody waits for.
        let Some(Pending { head, url, attempts }) = self.pending.take_if(|_| status >= 200) else { return Ok(()) };
        let mut heard = lock(&self.heard);
        (heard.asked, heard.answer) = (url, Some(answer.clone()));
        if status == 401 {
            let first = !self.auth.as_ref().is_some_and(Client::is_challenged);
            let again = self.auth.as_mut().map(|auth| auth.challenged(&answer.challenges()));
            if again == Some(Challenged::TryAgain) && attempts < ATTEMPTS_MAX {
                heard.renewed += u32::from(!first);
                heard.challenged = true;
                drop(heard);
                self.extra += 1;
                replies.to_server.extend(self.send(head, attempts + 1));
                return Ok(());
            }
        } else {
            self.auth.iter_mut().for_each(Client::accepted);
        }
        let method = head.split(' ').next().unwrap_or_default();
        if method == "SETUP" {
            let id = answer.get("Session").and_then(|value| value.split(';').next()).map(str::trim);
            self.session = id.filter(|id| !id.is_empty()).map(str::to_owned);
        }
        let udp = pieces::header(&head, "Transport").is_some_and(|transport| transport.contains("client_port"));
        let cseq = pieces::header(&head, "CSeq").unwrap_or_default();
        let asked = Asked { method, cseq, udp, server: self.server };
        replies.to_player.extend(mended(&asked, status, &answer).map_err(Fault::Unusable)?);
        Ok(())
    }
}

/// What is sent because of what came.
#[derive(Default)]
struct Replies {
    to_player: Vec<u8>,
    to_server: Vec<u8>,
}
