//! What a failure of retina's means to a user.
//!
//! retina gives the status of a response; everything else is only in its text, whose first line says what happened, in part as
//! debug prints. The texts are those of retina 0.4.21.

use common::redact;
use common::rtsp::auth::{Challenged, Client};
use common::stream_url::StreamUrl;
use common::transport::Transport;

use super::error::{Error, first_line, without_count, without_number};
use super::relay::{Fault, Response, Transcript, shown};

/// How retina's error begins where bytes are no RTSP.
const NOT_RTSP: &str = "RTSP framing error";

/// How it goes on where a connection ended within a message.
const CUT_OFF: &str = "Incomplete RTSP message at EOF";

/// What helps where nothing that can be set here does.
pub(super) const BETWEEN: &str =
    "a server between that takes it, such as MediaMTX, can help; see docs/rtsp-compatibility.md";

/// Where a failure happened.
pub(super) struct Place<'a> {
    pub(super) target: &'a StreamUrl,
    pub(super) transport: Transport,
    /// No picture has come of this stream yet.
    pub(super) before_pictures: bool,
    /// What a relay transcript, where there was one.
    pub(super) transcript: &'a Transcript,
}

/// Whether the other side said something that is no RTSP to retina, or no answer.
pub(super) fn is_framing(text: &str) -> bool {
    text.starts_with(NOT_RTSP)
}

/// Whether a session that plays broke for what a relay mends: an SSRC that the answer to SETUP did not name, or an answer to a sign
/// of life.
pub(super) fn is_mendable(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let answer = ["Unexpected RTSP response", "status-line", "response > "].iter().any(|part| first.contains(part));
    (is_framing(first) && answer) || (first.starts_with("wrong ssrc") && first.contains("PlayResponseHeader"))
}

/// The error for the user.
pub(super) fn explain(error: &retina::Error, place: &Place<'_>) -> Error {
    match &place.transcript.fault {
        Some(Fault::Unusable(why)) => return Error::unusable(place.target, why, BETWEEN),
        Some(Fault::CutOff(why)) => return Error::hung_up(&place.target.host_and_port(), why),
        None => {}
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    if let Some(status) = error.status_code() {
        let (head, description) = first.split_once(": ").unwrap_or((first, ""));
        let request = head.split(' ').nth(3).unwrap_or("a request");
        return of_response(status, request, description, place);
    }
    let (url, address) = (place.target, place.target.host_and_port());
    match first.split_once(": ") {
        Some(("Unable to connect to RTSP server", system)) => {
            Error::connect(&address, &first_line(without_number(system)))
        }
        Some(("Error reading from RTSP peer" | "Error writing to RTSP peer", system)) => {
            let reason = first_line(without_number(without_count(system)));
            if place.before_pictures { Error::hung_up(&address, &reason) } else { Error::broken(url, &reason) }
        }
        Some((NOT_RTSP, what)) if place.before_pictures && what.starts_with(CUT_OFF) => {
            Error::hung_up(&address, "its answer is cut off")
        }
        Some((NOT_RTSP, what)) => of_framing(what, place),
        _ => Error::broken(url, &of_packet(first, &text)),
    }
}

fn of_response(status: u16, request: &str, description: &str, place: &Place<'_>) -> Error {
    let (url, answer) = (place.target, place.transcript.answer.as_ref());
    let status = answer.and_then(Response::status).unwrap_or(status);
    let rejected = || Error::permanent(format!("{url} refuses this user name or password (401 Unauthorized)"));
    match (status, url.credentials()) {
        (200..300, _) => {
            let (why, help) = of_good_response(description, place);
            Error::unusable(url, format_args!("{why} (in answer to {request})"), &help)
        }
        (401, None) => Error::permanent(format!(
            "{url} needs a user name and a password: write them as rtsp://USER:PASSWORD@HOST…, or use --credentials FILE \
             (401 Unauthorized)"
        )),
        (401, Some(given)) => {
            let challenges = answer.map(Response::challenges).unwrap_or_default();
            if place.transcript.challenged || (challenges.is_empty() && description.contains("after trying")) {
                return rejected();
            }
            match Client::new(given.clone()).challenged(&challenges) {
                Challenged::Unknown(schemes) if schemes.is_empty() => Error::permanent(format!(
                    "{url} refuses the request and does not say what authentication it wants (401 without WWW-Authenticate)"
                )),
                Challenged::Unknown(schemes) => Error::permanent(format!(
                    "{url} wants authentication by {schemes}, but only Basic and Digest (MD5, SHA-256) are known"
                )),
                Challenged::TryAgain | Challenged::Rejected => rejected(),
            }
        }
        (404, _) => Error::transient(format!("nothing is published at {url} (404 Not Found)")),
        (461, _) => {
            let (transport, other) = (place.transport, place.transport.other());
            Error::permanent(format!(
                "{url} does not play over {transport} (461 Unsupported Transport): try --transport {other}"
            ))
        }
        _ => {
            let words = answer.map(Response::words).filter(|words| !words.is_empty());
            let (words, hint) = (words.unwrap_or_else(|| "came".to_owned()), hint(status));
            Error::permanent(format!("{url} refuses to play: {status} {words} in answer to {request}{hint}"))
        }
    }
}

/// What to do about a refusal, led by a colon; empty if nobody knows.
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
fn of_good_response(description: &str, place: &Place<'_>) -> (String, String) {
    let between = || BETWEEN.to_owned();
    let other = || format!("try --transport {}", place.transport.other());
    let transport = place.transcript.answer.as_ref().map(|answer| answer.line("Transport")).unwrap_or_default();
    if let Some((_, kind)) = description.split_once(" has unexpected content type ") {
        return (format!("its session description comes as {}, not as application/sdp", shown(kind)), between());
    }
    if let Some(count) = description.strip_prefix("No parseable streams (and ") {
        let why = match count.split(' ').next() {
            Some("0") => "its session description (SDP) has no media in it".to_owned(),
            _ => "no media of its session description (SDP) can be read".to_owned(),
        };
        return (why, between());
    }
    if description.starts_with("unable to join base url") {
        return ("a control attribute in its answer makes no URL".to_owned(), between());
    }
    if let Some(name) = description.strip_prefix("Missing ").and_then(|rest| rest.strip_suffix(" header")) {
        return (format!("it has no {} header", shown(name)), between());
    }
    if description.contains("channel") || description.contains("missing interleaved") {
        let why = clean(description);
        return (format!("the interleaved channels of \"{transport}\" cannot be used: {why}"), other());
    }
    if description.contains("server_port") {
        return (format!("\"{transport}\" names no two ports in a row as server_port"), other());
    }
    (clean(description), between())
}

/// Bytes that are no RTSP, or a response that nobody waited for.
fn of_framing(what: &str, place: &Place<'_>) -> Error {
    let (url, address) = (place.target, place.target.host_and_port());
    if !place.before_pictures {
        return Error::broken(
            url,
            match what {
                _ if what.starts_with(CUT_OFF) => "the connection ended within a message",
                _ if what.starts_with("Unexpected RTSP response") => "it answers a request that was not made",
                _ => "it sends something that is not RTSP",
            },
        );
    }
    if what.starts_with("Expected response") {
        return Error::unusable(url, "it sends a request where an answer is waited for", BETWEEN);
    }
    let bytes = place.transcript.beginning.as_slice();
    let why = match bytes {
        [b'R', b'T', b'S', b'P', b'/', ..] => {
            return Error::unusable(url, "what it sends with its answers is not RTSP", BETWEEN);
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            format!("it answers {}: is this the port of its web page?", quoted(bytes))
        }
        // Records of TLS (RFC 8446 section 5.1): an alert, a handshake.
        [0x15 | 0x16, 3, ..] => {
            "it speaks TLS, which is not supported: give its port of plain RTSP, often 554".to_owned()
        }
        [] => "what it says is not RTSP".to_owned(),
        _ => format!("it says {}", quoted(bytes)),
    };
    Error::permanent(format!("{address} is not an RTSP server: {why}"))
}

/// What is wrong with a packet.
fn of_packet(first: &str, text: &str) -> String {
    let ssrc = || text.lines().find_map(|line| line.strip_prefix("ssrc: ")).unwrap_or("another one");
    if first.starts_with("wrong ssrc") {
        return format!("its packets have another SSRC than before, {}: the sender was replaced", shown(ssrc()));
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
    let text = first_line(&redact::secrets(text));
    if text.is_empty() { "retina does not say why".to_owned() } else { text }
}

/// The first line of bytes.
fn quoted(bytes: &[u8]) -> String {
    let line = bytes.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or(bytes);
    format!("\"{}\"", shown(&String::from_utf8_lossy(line)))
}
