//! What passes through a relay: requests as the server is to see them, and answers as retina is. No I/O.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use common::credentials::Credentials;
use common::lock::lock;
use common::rtsp::auth::{Challenged, Client};
use common::rtsp::pieces::{self, Piece};

use super::responses::{CHANNELS, Item, Response, ResponseReader};
use super::rewrite::{self, Request, rewrite};
use super::transcript::{Fault, Transcript};
use crate::ingress::rtsp::config::AGENT;

/// Bytes that are kept of what is no answer.
const BEGINNING_MAX: usize = 8 << 10;

/// How often one request is sent again because of a 401.
const ATTEMPTS_MAX: u32 = 3;

/// The request that waits for its answer.
struct Pending {
    head: String,
    /// Its URL, as the server sees it.
    url: String,
    attempts: u32,
}

/// One connection of retina's, and that to the server.
pub(super) struct Translator {
    /// How URLs begin that retina made from ours, and how they begin for the server.
    bases: [String; 2],
    agent: String,
    auth: Option<Client>,
    transcript: Arc<Mutex<Transcript>>,
    /// The server's address.
    server: IpAddr,
    /// The server's id of the session.
    session: Option<String>,
    pending: Option<Pending>,
    answers: ResponseReader,
    /// An answer has come.
    speaks_rtsp: bool,
    /// Requests that retina does not know of; its CSeq is so much lower.
    extra: u64,
}

impl Translator {
    pub(super) fn new(
        bases: [String; 2],
        agent: String,
        credentials: Option<&Credentials>,
        server: IpAddr,
        transcript: Arc<Mutex<Transcript>>,
    ) -> Self {
        let auth = credentials.cloned().map(Client::new);
        let (answers, session, pending, speaks_rtsp, extra) = (ResponseReader::default(), None, None, false, 0);
        Self { bases, agent, auth, transcript, server, session, pending, answers, speaks_rtsp, extra }
    }

    /// Before the first answer: keeps what is said, and says whether it can become RTSP.
    pub(super) fn sniff(&mut self, bytes: &[u8]) -> bool {
        const PREFIX: &[u8] = b"RTSP/";
        if self.speaks_rtsp {
            return true;
        }
        let mut transcript = lock(&self.transcript);
        let room = BEGINNING_MAX.saturating_sub(transcript.beginning.len());
        transcript.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let known = transcript.beginning.len().min(PREFIX.len());
        transcript.beginning[..known] == PREFIX[..known] || transcript.beginning[0] == b'$'
    }

    /// A request as the server is to see it.
    pub(super) fn request(&mut self, piece: Piece) -> io::Result<Vec<u8>> {
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

    /// What becomes of bytes that the server has sent; of none, when it has ended the connection.
    pub(super) fn replies(&mut self, bytes: &[u8]) -> io::Result<Replies> {
        self.answers.push(bytes);
        self.try_replies(bytes.is_empty()).map_err(|fault| {
            let error = io::Error::other(format!("{fault:?}"));
            lock(&self.transcript).fault = Some(fault);
            error
        })
    }

    fn try_replies(&mut self, ended: bool) -> Result<Replies, Fault> {
        let mut replies = Replies::default();
        while let Some(item) = self.answers.next().map_err(Fault::Unusable)? {
            match item {
                Item::Other(bytes) => replies.to_player.extend_from_slice(&bytes),
                Item::Response(answer) => self.answer(answer, &mut replies)?,
            }
        }
        lock(&self.transcript).bare_line_feeds |= self.answers.bare_line_feeds;
        if ended && let Some(answer) = self.answers.cut_off() {
            if answer.status().is_none_or(|status| status < 300) {
                let (came, length) = (answer.body.len(), answer.line("Content-Length"));
                return Err(Fault::CutOff(format!("the body of its answer is cut off after {came} bytes ({length})")));
            }
            self.answer(answer, &mut replies)?;
        }
        Ok(replies)
    }

    fn answer(&mut self, answer: Response, replies: &mut Replies) -> Result<(), Fault> {
        let no_status = || Fault::Unusable(format!("its answer begins {}, which has no status", answer.first_line()));
        let status = answer.status().ok_or_else(no_status)?;
        self.speaks_rtsp = true;
        // An interim answer, or one that nobody waits for.
        let Some(Pending { head, url, attempts }) = self.pending.take_if(|_| status >= 200) else { return Ok(()) };
        let mut transcript = lock(&self.transcript);
        (transcript.requested, transcript.answer) = (url, Some(answer.clone()));
        if status == 401 {
            let first = !self.auth.as_ref().is_some_and(Client::is_challenged);
            let again = self.auth.as_mut().map(|auth| auth.challenged(&answer.challenges()));
            if again == Some(Challenged::TryAgain) && attempts < ATTEMPTS_MAX {
                transcript.rechallenged += u32::from(!first);
                transcript.challenged = true;
                drop(transcript);
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
            self.answers.channels = rewrite::channels(&answer).unwrap_or(CHANNELS);
        }
        let udp = pieces::header(&head, "Transport").is_some_and(|transport| transport.contains("client_port"));
        let cseq = pieces::header(&head, "CSeq").unwrap_or_default();
        let asked = Request { method, cseq, udp, server: self.server };
        replies.to_player.extend(rewrite(&asked, status, &answer).map_err(Fault::Unusable)?);
        Ok(())
    }
}

/// What is sent because of what came.
#[derive(Default)]
pub(super) struct Replies {
    pub(super) to_player: Vec<u8>,
    pub(super) to_server: Vec<u8>,
}
