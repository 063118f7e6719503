//! Rewrites a response for retina: only the headers it reads, in the form it accepts. Pure.

use std::net::IpAddr;

use url::Url;

use super::responses::{CHANNELS, Response};

/// The session's id for retina; the server's own may be empty, or one that retina does not take.
pub(super) const SESSION: &str = "relayed";

/// The request that is answered.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) cseq: &'a str,
    /// It asks for UDP.
    pub(super) udp: bool,
    /// The server's address.
    pub(super) server: IpAddr,
}

/// An answer with this status, as retina reads it.
///
/// # Errors
/// Why nothing can be made of it.
pub(super) fn rewrite(asked: &Request<'_>, status: u16, answer: &Response) -> Result<Vec<u8>, String> {
    let mut headers = vec![("CSeq", asked.cseq.to_owned())];
    let mut body = Vec::new();
    match (asked.method, status) {
        ("DESCRIBE", 200..300) => {
            match answer.length() {
                Some(Some(_)) => {}
                Some(None) => {
                    let line = answer.line("Content-Length");
                    return Err(format!("the length of its session description is no number (\"{line}\")"));
                }
                None => return Err("its session description has no Content-Length".to_owned()),
            }
            let (description, has_media) = description(&answer.body);
            body = description.into_bytes();
            headers.extend(base(answer));
            let kind = answer.get("Content-Type").filter(|_| !has_media);
            headers.extend(kind.map(|kind| ("Content-Type", content_type(kind))));
        }
        ("SETUP", 200..300) => {
            headers.push(("Session", session(answer)));
            headers.extend(answer.get("Transport").map(|value| ("Transport", transport(value, answer, asked))));
        }
        _ => headers.extend(answer.get("Public").map(|methods| ("Public", methods.to_owned()))),
    }
    headers.push(("Content-Length", body.len().to_string()));
    // retina takes no header without a value, and in one nothing but ASCII.
    let value = |value: &str| value.chars().filter(|c| matches!(c, ' '..='~')).collect::<String>().trim().to_owned();
    let lines = headers.iter().map(|(name, text)| (name, value(text))).filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // What is no status to retina is a refusal all the same.
    let status = if (200..600).contains(&status) { status } else { 500 };
    Ok([format!("RTSP/1.0 {status} -\r\n{lines}\r\n").as_bytes(), &body].concat())
}

/// Where the URLs of a description begin, if it says that in a way that makes a URL.
fn base(answer: &Response) -> Option<(&'static str, String)> {
    let value = answer.get("Content-Base").or_else(|| answer.get("Content-Location"))?;
    let is_url = Url::parse(value).is_ok() || Url::parse(&format!("rtsp://{value}")).is_ok();
    is_url.then(|| ("Content-Base", value.to_owned()))
}

/// A type, without its parameters if it is the one that retina takes.
fn content_type(value: &str) -> String {
    const SDP: &str = "application/sdp";
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(SDP) { SDP.to_owned() } else { value.to_owned() }
}

/// What retina reads of a session description: its media, with the port that RTSP has no use for, and attributes. Whether
/// there are any.
fn description(body: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(body);
    let mut lines = vec!["v=0".to_owned()];
    let mut has_media = false;
    for line in text.lines().map(|line| line.trim().replace(['\0', '\r'], "")) {
        match line.as_bytes() {
            [b'a', b'=', _, ..] => lines.push(line),
            [b'm', b'=', ..] => {
                has_media = true;
                let mut words = line[2..].split_whitespace();
                let (media, _, protocol) = (words.next(), words.next(), words.next());
                let formats = words.collect::<Vec<_>>().join(" ");
                // What is no RTP is passed over.
                let unread = ("unknown", "-", "-");
                let (media, protocol, formats) = match (media, protocol) {
                    (Some(media), Some(protocol)) if !formats.is_empty() => (media, protocol, formats.as_str()),
                    _ => unread,
                };
                lines.push(format!("m={media} 0 {protocol} {formats}"));
            }
            _ => {}
        }
    }
    (lines.join("\r\n") + "\r\n", has_media)
}

/// A Session header (RFC 2326 section 12.37) with its time-out, if that is one.
fn session(answer: &Response) -> String {
    let parameters =
        answer.get("Session").unwrap_or_default().split(';').skip(1).filter_map(|part| part.split_once('='));
    let timeout = parameters
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))
        .find_map(|(_, value)| value.trim().trim_matches('"').parse::<u32>().ok());
    match timeout.filter(|&seconds| seconds > 0) {
        Some(seconds) => format!("{SESSION};timeout={seconds}"),
        None => SESSION.to_owned(),
    }
}

/// A parameter of a Transport header (RFC 2326 section 12.39).
fn parameter<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let offer = value.split(',').next().unwrap_or_default();
    let mut parts = offer.split(';').filter_map(|part| part.split_once('='));
    parts.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
}

/// The interleaved channels that the server has chosen, if that can be read.
pub(super) fn channels(answer: &Response) -> Option<[u8; 2]> {
    let channels = parameter(answer.get("Transport")?, "interleaved")?;
    let (rtp, rtcp) = channels.split_once('-').map_or((channels, None), |(rtp, rtcp)| (rtp, Some(rtcp)));
    let rtp = rtp.trim().parse::<u8>().ok()?;
    Some([rtp, rtcp.map_or_else(|| rtp.checked_add(1), |rtcp| rtcp.trim().parse().ok())?])
}

/// A Transport header with channels or ports alone. What the server says of its SSRC and address does not always hold: retina learns
/// the one from the first packet, and the other is known.
fn transport(value: &str, answer: &Response, asked: &Request<'_>) -> String {
    if asked.udp {
        let port = parameter(value, "server_port");
        let port = port.map(|port| match port.parse::<u16>().ok().and_then(|port| port.checked_add(1)) {
            Some(next) => format!("{port}-{next}"),
            None => port.to_owned(),
        });
        let ports = port.map(|ports| format!(";server_port={ports}")).unwrap_or_default();
        return format!("RTP/AVP;unicast;source={}{ports}", asked.server);
    }
    let is_tcp = value.split(';').next().is_some_and(|lower| lower.to_ascii_uppercase().contains("TCP"));
    let chosen = parameter(value, "interleaved").filter(|_| channels(answer).is_none());
    let [rtp, rtcp] = CHANNELS;
    match chosen {
        Some(chosen) => format!("RTP/AVP/TCP;unicast;interleaved={chosen}"),
        None if is_tcp || channels(answer).is_some() => format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}"),
        None => "RTP/AVP/TCP;unicast".to_owned(),
    }
}
