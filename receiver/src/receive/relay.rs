//! Stands between retina and a server where retina alone does not get on: hears what the server says, which retina does not pass
//! on, and answers its challenges, of which retina answers the first alone.
//!
//! ```text
//! retina ── requests without credentials ──▶ relay ── with them, again after a 401 ──▶ server
//!        ◀─ everything else as it is ───────       ◀──────────────────────────────
//! ```
//!
//! It costs each packet a way through the loopback interface, so only sessions that need it go through it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::rtsp::StreamUrl;
use common::rtsp::auth::{Challenged, Client};
use common::rtsp::pieces::{self, Messages, Piece};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::AGENT;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Bytes of an answer that are kept.
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
    /// The head of the newest answer, or what came before there was one.
    pub(super) answer: Vec<u8>,
    /// Challenges that came after credentials had been accepted, and were answered.
    pub(super) renewed: u32,
    /// A challenge has been answered.
    pub(super) challenged: bool,
}

impl Relay {
    /// Waits for retina on loopback, to lead it to `target`. It ends with the connection.
    pub(super) async fn start(target: &StreamUrl) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = listener.local_addr()?;
        let heard = Arc::<Mutex<Heard>>::default();
        let agent = format!("{AGENT} {:032x}", rand::random::<u128>());
        let mut url = target.url().clone();
        let there = authority(&url);
        url.set_host(Some("127.0.0.1")).map_err(io::Error::other)?;
        url.set_port(Some(own.port())).map_err(|()| io::Error::other("the URL takes no port"))?;
        let pass = Pass {
            bases: [authority(&url), there],
            agent: agent.clone(),
            auth: target.credentials().cloned().map(Client::new),
            heard: Arc::clone(&heard),
            pending: None,
            speaks_rtsp: false,
            swallow: 0,
            extra: 0,
        };
        let server = (target.host().to_owned(), target.port());
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
    attempts: u32,
}

struct Pass {
    /// How URLs begin that retina made from ours, and how they begin for the server.
    bases: [String; 2],
    agent: String,
    auth: Option<Client>,
    heard: Arc<Mutex<Heard>>,
    pending: Option<Pending>,
    /// An answer has come.
    speaks_rtsp: bool,
    /// Bytes of the body of an answer that retina does not get.
    swallow: usize,
    /// Requests that retina does not know of; its CSeq is so much lower.
    extra: u64,
}

impl Pass {
    async fn run(mut self, listener: TcpListener, server: (String, u16)) -> io::Result<()> {
        let (mut player, _) = listener.accept().await?;
        drop(listener);
        let mut server = TcpStream::connect(server).await?;
        player.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut requests, mut answers) = (Messages::default(), Messages::default());
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
                    if count == 0 {
                        return Ok(());
                    }
                    if !self.hear(&said[..count]) {
                        // What is no RTSP has no end that could be waited for.
                        player.write_all(&said[..count]).await?;
                        continue;
                    }
                    for piece in answers.take(&said[..count]) {
                        match self.answer(piece) {
                            Answer::ToPlayer(bytes) => player.write_all(&bytes).await?,
                            Answer::AskAgain(bytes) => server.write_all(&bytes).await?,
                        }
                    }
                }
            }
        }
    }

    /// Before the first answer: keeps what is said, and says whether it can become RTSP.
    fn hear(&mut self, bytes: &[u8]) -> bool {
        const BEGINNING: &[u8] = b"RTSP/";
        if self.speaks_rtsp {
            return true;
        }
        let mut heard = lock(&self.heard);
        let room = HEARD_MAX.saturating_sub(heard.answer.len());
        heard.answer.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let known = heard.answer.len().min(BEGINNING.len());
        heard.answer[..known] == BEGINNING[..known] || heard.answer[0] == b'$'
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
        lines.extend(rest.lines().filter(|line| !line.is_empty()).map(|line| match line.split_once(':') {
            Some((name, _)) if name.eq_ignore_ascii_case("User-Agent") => format!("User-Agent: {AGENT}"),
            Some((name, value)) if name.eq_ignore_ascii_case("CSeq") => {
                let number = value.trim().parse::<u64>().map_or(0, |number| number + self.extra);
                format!("CSeq: {number}")
            }
            _ => line.to_owned(),
        }));
        if let Some(answer) = self.auth.as_mut().and_then(|auth| auth.authorization(method, &url)) {
            lines.push(format!("Authorization: {answer}"));
        }
        self.pending = Some(Pending { head, attempts });
        format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
    }

    /// What becomes of a piece of the server's.
    fn answer(&mut self, piece: Piece) -> Answer {
        let head = match piece {
            Piece::Bytes(mut bytes) => {
                let swallowed = self.swallow.min(bytes.len());
                self.swallow -= swallowed;
                bytes.drain(..swallowed);
                return Answer::ToPlayer(bytes);
            }
            Piece::Head(head) => head,
        };
        let Some(status) = pieces::status(&head).filter(|status| *status >= 200) else {
            return Answer::ToPlayer(head.into_bytes());
        };
        self.speaks_rtsp = true;
        let Some(Pending { head: request, attempts }) = self.pending.take() else {
            return Answer::ToPlayer(self.counted(&head));
        };
        lock(&self.heard).answer = head.bytes().take(HEARD_MAX).collect();
        if status != 401 {
            self.auth.iter_mut().for_each(Client::accepted);
            return Answer::ToPlayer(self.counted(&head));
        }
        let first = !self.auth.as_ref().is_some_and(Client::is_challenged);
        let challenges = challenges(&head);
        let again = self.auth.as_mut().map(|auth| auth.challenged(&challenges));
        if again != Some(Challenged::TryAgain) || attempts >= ATTEMPTS_MAX {
            return Answer::ToPlayer(self.counted(&head));
        }
        let mut heard = lock(&self.heard);
        heard.renewed += u32::from(!first);
        heard.challenged = true;
        drop(heard);
        let length = pieces::header(&head, "Content-Length").and_then(|length| length.parse().ok());
        self.swallow = length.unwrap_or(0);
        self.extra += 1;
        Answer::AskAgain(self.send(request, attempts + 1))
    }

    /// An answer with the number that retina gave its request.
    fn counted(&self, head: &str) -> Vec<u8> {
        let line = |line: &str| match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("CSeq") => match value.trim().parse::<u64>() {
                Ok(number) => format!("{name}: {}\r\n", number.saturating_sub(self.extra)),
                Err(_) => line.to_owned(),
            },
            _ => line.to_owned(),
        };
        head.split_inclusive('\n').map(line).collect::<String>().into_bytes()
    }
}

/// All challenges of a 401, which may have a header each.
pub(super) fn challenges(head: &str) -> String {
    let values = head.lines().skip(1).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("WWW-Authenticate").then(|| value.trim())
    });
    values.collect::<Vec<_>>().join(", ")
}

enum Answer {
    ToPlayer(Vec<u8>),
    AskAgain(Vec<u8>),
}
