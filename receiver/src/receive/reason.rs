//! What a failure of retina's means to a user.
//!
//! retina gives the status of a response; everything else is only in its text, whose first line says what happened, in part as
//! debug prints. The texts are those of retina 0.4.21.

use common::printable::excerpt;
use common::redact;
use common::rtsp::StreamUrl;
use common::rtsp::auth::{Challenged, Client};
use common::rtsp::pieces;

use super::error::{Error, one_line, without_count, without_number};
use super::relay::{Heard, challenges};
use crate::config::Transport;

/// How retina's error begins where bytes are no RTSP.
const NOT_RTSP: &str = "RTSP framing error";

/// How it goes on where a connection ended within a message.
const CUT_OFF: &str = "Incomplete RTSP message at EOF";

/// Longest piece of a server's text that is shown, in characters.
const WORDS_MAX: usize = 100;

/// What helps where nothing that can be set here does.
pub(super) const BETWEEN: &str =
    "a server between that takes it, such as MediaMTX, can help; see docs/rtsp-compatibility.md";

/// The head of an RTSP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The server's words for it.
    reason: String,
    pub(super) location: Option<String>,
    challenges: String,
}

impl Answer {
    /// `None` where it is no RTSP.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head = String::from_utf8_lossy(bytes);
        let reason = head.lines().next()?.splitn(3, ' ').nth(2).unwrap_or_default().trim().to_owned();
        let location = pieces::header(&head, "Location").map(str::to_owned);
        Some(Self { status: pieces::status(&head)?, reason, location, challenges: challenges(&head) })
    }
}

/// Where a failure happened.
pub(super) struct Place<'a> {
    pub(super) target: &'a StreamUrl,
    pub(super) transport: Transport,
    /// No picture has come of this stream yet.
    pub(super) before_pictures: bool,
    /// What a relay heard, where there was one.
    pub(super) heard: &'a Heard,
}

/// Whether the other side said something that is no RTSP, or no answer.
pub(super) fn is_not_rtsp(text: &str) -> bool {
    text.split_once(": ").is_some_and(|(kind, what)| kind == NOT_RTSP && !what.starts_with(CUT_OFF))
}

/// The error for the user.
pub(super) fn explain(error: &retina::Error, place: &Place<'_>) -> Error {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    if let Some(status) = error.status_code() {
        let (head, description) = first.split_once(": ").unwrap_or((first, ""));
        let request = head.split(' ').nth(3).unwrap_or("a request");
        return of_response(status, request, description, place);
    }
    let (url, address) = (place.target.clone(), place.target.host_and_port());
    let hung_up = |reason| Error::HungUp { address: address.clone(), reason };
    match first.split_once(": ") {
        Some(("Unable to connect to RTSP server", system)) => {
            Error::Connect { address, reason: one_line(without_number(system)) }
        }
        Some(("Error reading from RTSP peer" | "Error writing to RTSP peer", system)) => {
            let reason = one_line(without_number(without_count(system)));
            if place.before_pictures { hung_up(reason) } else { Error::Broken { url, reason } }
        }
        Some((NOT_RTSP, what)) if place.before_pictures && what.starts_with(CUT_OFF) => {
            hung_up("its answer is cut off".to_owned())
        }
        Some((NOT_RTSP, what)) => of_framing(what, place),
        _ => Error::Broken { url, reason: of_packet(first, &text) },
    }
}

fn of_response(status: u16, request: &str, description: &str, place: &Place<'_>) -> Error {
    let url = place.target.clone();
    let answer = Answer::parse(&place.heard.answer).filter(|answer| answer.status == status);
    match (status, place.target.credentials()) {
        (200..300, _) => {
            let (why, help) = of_good_response(description, place.transport);
            Error::Unusable { url, request: Some(request.to_owned()), why, help }
        }
        (401, None) => Error::CredentialsNeeded { url },
        (401, Some(given)) => {
            let challenges = answer.map(|answer| answer.challenges).unwrap_or_default();
            if place.heard.challenged || (challenges.is_empty() && description.contains("after trying")) {
                return Error::CredentialsRefused { url };
            }
            match Client::new(given.clone()).challenged(&challenges) {
                Challenged::Unknown(schemes) if schemes.is_empty() => Error::NoChallenge { url },
                Challenged::Unknown(schemes) => Error::UnknownScheme { url, schemes },
                Challenged::TryAgain | Challenged::Rejected => Error::CredentialsRefused { url },
            }
        }
        (404, _) => Error::NotFound { url },
        (461, _) => Error::TransportRefused { url, transport: place.transport },
        _ => {
            let words = answer.map(|answer| shown(&answer.reason)).unwrap_or_default();
            Error::Refused { url, status, words, request: request.to_owned(), hint: hint(status) }
        }
    }
}

/// What to do about a refusal, led by a colon; empty where nobody knows.
const fn hint(status: u16) -> &'static str {
    match status {
        400 => ": check the path and query of the URL",
        403 => ": it does not let this user, or this host, play the stream",
        405 | 501 => ": it does not play this URL by RTSP; check the path",
        406 | 415 => ": it has no session description (SDP) of this URL; check the path",
        410 => ": the stream has gone; ask who runs the server for its new URL",
        451 => ": it does not understand a parameter; check the path and query of the URL",
        453 => ": it has no bandwidth for another player; end one, or ask for a smaller stream of it",
        454 | 455 => ": it has lost the session; try again",
        459 | 460 => ": it wants streams to be controlled in another way than retina does",
        500 | 502 => ": something is wrong at its end; look at its log, or start it over",
        503 => ": it is busy; end another player, or try later",
        505 => ": it speaks another version of RTSP than 1.0",
        551 => ": it wants an option that retina does not have",
        _ => "",
    }
}

/// Why a good answer is of no use, and what would help.
fn of_good_response(description: &str, transport: Transport) -> (String, String) {
    let between = || BETWEEN.to_owned();
    let other = || format!("try --transport {}", transport.other());
    let starts = |start: &str| description.strip_prefix(start).map(str::trim);
    if let Some((_, kind)) = description.split_once(" has unexpected content type ") {
        return (format!("its session description comes as {}, not as application/sdp", shown(kind)), between());
    }
    if description.ends_with("No version line") {
        return ("its session description (SDP) is empty, or has no v= line".to_owned(), between());
    }
    if let Some(what) = starts("Unable to parse SDP:") {
        return (format!("its session description (SDP) cannot be read: {}", lower(&shown(what))), between());
    }
    if let Some(count) = starts("No parseable streams (and") {
        let why = match count.split(' ').next() {
            Some("0") => "its session description (SDP) has no media in it".to_owned(),
            _ => "no media of its session description (SDP) can be read".to_owned(),
        };
        return (why, between());
    }
    if let Some(value) = starts("bad Content-Base").or_else(|| starts("bad Content-Location")) {
        return (format!("its Content-Base {} is not a URL", inner(value)), between());
    }
    if description.starts_with("unable to join base url") {
        return ("a control attribute in its answer makes no URL".to_owned(), between());
    }
    if description.contains("timeout=0") {
        return (
            "its Session header says timeout=0, so it would want signs of life without pause".to_owned(),
            between(),
        );
    }
    if let Some(value) = starts("Unparseable timeout") {
        return (format!("the time-out in its Session header is not a number of seconds: {}", shown(value)), between());
    }
    if let Some(value) = starts("Unparseable Session header") {
        return (format!("its Session header {} has another parameter than timeout", inner(value)), between());
    }
    if let Some(name) = starts("Missing").and_then(|rest| rest.strip_suffix(" header")) {
        return (format!("it has no {} header", shown(name)), between());
    }
    if description.contains("channel") || description.contains("missing interleaved") {
        return (
            format!("the interleaved channels in its Transport header cannot be used: {}", clean(description)),
            other(),
        );
    }
    if description.contains("server_port") {
        let why = "its Transport header names no two ports in a row as server_port".to_owned();
        return (why, if transport == Transport::Udp { other() } else { between() });
    }
    if let Some(value) = starts("Transport header has unparseable source") {
        return (format!("the source in its Transport header is not an IP address: {}", inner(value)), between());
    }
    if let Some(value) = starts("bad seq") {
        return (format!("the seq in its RTP-Info header is not a number of 16 bits: {}", inner(value)), between());
    }
    if description.starts_with("RTP-Info missing stream URL") {
        return ("its RTP-Info header names no URL".to_owned(), between());
    }
    (clean(description), between())
}

/// Bytes that are no RTSP, or a response that nobody waited for.
fn of_framing(what: &str, place: &Place<'_>) -> Error {
    let (url, address) = (place.target.clone(), place.target.host_and_port());
    let unusable = |why: &str| Error::Unusable {
        url: place.target.clone(),
        request: None,
        why: why.to_owned(),
        help: BETWEEN.to_owned(),
    };
    if !place.before_pictures {
        let reason = match what {
            _ if what.starts_with(CUT_OFF) => "the connection ended within a message",
            _ if what.starts_with("Unexpected RTSP response") => "it answers a request that was not made",
            _ => "it sends something that is not RTSP",
        };
        return Error::Broken { url, reason: reason.to_owned() };
    }
    if what.starts_with("Expected response") {
        let why = match what.rsplit_once(", got ") {
            Some((_, got)) if got.contains("no/unparseable cseq") => {
                "its answer has no CSeq, so it is not known to what"
            }
            Some((_, got)) if got.contains("with CSeq") => "its answer has the CSeq of another request",
            _ => "it sends a request where an answer is waited for",
        };
        return unusable(why);
    }
    let bytes = place.heard.answer.as_slice();
    match bytes {
        [b'R', b'T', b'S', b'P', b'/', rest @ ..] => unusable(match rest {
            [b'1', b'.', b'0', ..] if continues(bytes) => {
                "a header of its answer goes on in the next line, which is not read"
            }
            [b'1', b'.', b'0', ..] => "its answer is malformed",
            _ => "it speaks another version of RTSP than 1.0",
        }),
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            Error::NotRtsp { address, why: format!("it answers {}: is this the port of its web page?", quoted(bytes)) }
        }
        // Records of TLS (RFC 8446 section 5.1): an alert, a handshake.
        [0x15 | 0x16, 3, ..] => {
            let why = "it speaks TLS, which is not supported: give its port of plain RTSP, often 554";
            Error::NotRtsp { address, why: why.to_owned() }
        }
        [] => Error::NotRtsp { address, why: "what it says is not RTSP".to_owned() },
        _ => Error::NotRtsp { address, why: format!("it says {}", quoted(bytes)) },
    }
}

/// Obsolete line folding (RFC 9112 section 5.2), which RFC 2326 section 4.2 takes over from RFC 2068.
fn continues(head: &[u8]) -> bool {
    head.windows(3).any(|three| matches!(three, [b'\r', b'\n', b' ' | b'\t']))
}

/// What is wrong with a packet.
fn of_packet(first: &str, text: &str) -> String {
    let ssrc = || text.lines().find_map(|line| line.strip_prefix("ssrc: ")).unwrap_or("another one");
    if first.starts_with("wrong ssrc") {
        return if first.contains("PlayResponseHeader") {
            format!("its packets have SSRC {}, and its answer to SETUP named another: {BETWEEN}", shown(ssrc()))
        } else {
            format!("its packets have another SSRC than before, {}: the sender was replaced", shown(ssrc()))
        };
    }
    if first.starts_with("Out-of-order packet") {
        return "an RTP packet came out of order, or very many are missing".to_owned();
    }
    if first.starts_with("corrupt RTP header") {
        return "what came on the channel of RTP is not RTP".to_owned();
    }
    clean(first)
}

/// A sentence of retina's without the debug prints in it, and without secrets.
fn clean(text: &str) -> String {
    const DEBUG: [&str; 6] = ["; expecting", " while expecting", "Some(", "None", " { ", "Err("];
    let end = DEBUG.iter().filter_map(|print| text.find(print)).min().unwrap_or(text.len());
    let text = text[..end].trim_end_matches([' ', ',', ':', '=']);
    let text = one_line(&redact::secrets(text));
    if text.is_empty() { "retina does not say why".to_owned() } else { text }
}

/// What stands between the first and the last quote.
fn inner(text: &str) -> String {
    let value = text.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or(text, |(value, _)| value);
    format!("\"{}\"", shown(&value.replace("\\\"", "\"")))
}

/// The first line of bytes.
fn quoted(bytes: &[u8]) -> String {
    let line = bytes.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or(bytes);
    format!("\"{}\"", shown(&String::from_utf8_lossy(line)))
}

/// A piece of a server's text as it may be printed. It may quote the URL.
fn shown(text: &str) -> String {
    excerpt(redact::secrets(text).trim(), WORDS_MAX)
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
