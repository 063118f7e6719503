//! Reads what a server sends as leniently as ffmpeg and GStreamer do: bare line feeds, folded headers, spaces before colons,
//! lines that are not headers, and bytes that are not UTF-8. Pure: bytes in, responses and everything else out.

use bytes::{Buf, BytesMut};
use common::printable::excerpt;
use common::redact;
use common::rtsp::interleaved::{HEADER_LEN, MAGIC};
use common::rtsp::message::{BODY_MAX, HEAD_MAX};

/// The interleaved channels for retina, which only accepts an even one and the next.
pub(super) const CHANNELS: [u8; 2] = [0, 1];

/// Longest piece of a server's text that is shown, in characters.
const WORDS_MAX: usize = 100;

/// The header with what a server wants for authentication.
const CHALLENGE: &str = "WWW-Authenticate";

/// A response: head and body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ingress::rtsp) struct Response {
    /// The status line, as it came.
    first: String,
    headers: Vec<(String, String)>,
    pub(in crate::ingress::rtsp) body: Vec<u8>,
}

/// A part of what a server sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Response(Response),
    /// Anything else, as it came: interleaved frames, requests, and what is not RTSP.
    Other(BytesMut),
}

/// Cuts what a server sends into items.
#[derive(Debug)]
pub(super) struct ResponseReader {
    buffer: BytesMut,
    /// Up to where the end of a head has been looked for.
    searched: usize,
    /// Bytes of an interleaved frame that are still to come.
    rest: usize,
    /// The response whose body is still to come, and its length.
    waiting: Option<(Response, usize)>,
    /// A line of a head ended with a bare line feed.
    pub(super) bare_line_feeds: bool,
    /// The server's interleaved channels; for retina they become [`CHANNELS`].
    pub(super) channels: [u8; 2],
}

impl Default for ResponseReader {
    fn default() -> Self {
        let (buffer, searched, rest, waiting) = (BytesMut::new(), 0, 0, None);
        Self { buffer, searched, rest, waiting, bare_line_feeds: false, channels: CHANNELS }
    }
}

impl ResponseReader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item; `None` until more is pushed.
    ///
    /// # Errors
    /// What is too long.
    pub(super) fn next(&mut self) -> Result<Option<Item>, String> {
        if let Some((mut answer, length)) = self.waiting.take() {
            if self.buffer.len() < length {
                self.waiting = Some((answer, length));
                return Ok(None);
            }
            answer.body = self.buffer.split_to(length).to_vec();
            return Ok(Some(Item::Response(answer)));
        }
        if self.rest == 0 {
            // Line ends between messages mean nothing.
            let blank = self.buffer.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
            self.buffer.advance(blank);
            match *self.buffer {
                [MAGIC, channel, high, low, ..] => {
                    self.rest = HEADER_LEN + usize::from(u16::from_be_bytes([high, low]));
                    self.buffer[1] = self.channel(channel);
                }
                [] | [MAGIC, ..] => return Ok(None),
                [b'A'..=b'Z', ..] => return self.head(),
                _ => self.rest = self.buffer.len(),
            }
        }
        let count = self.rest.min(self.buffer.len());
        self.rest -= count;
        Ok((count > 0).then(|| Item::Other(self.buffer.split_to(count))))
    }

    /// The channel for retina of one of the server's.
    fn channel(&self, channel: u8) -> u8 {
        match self.channels.iter().position(|&own| own == channel) {
            Some(at) => CHANNELS[at],
            // Of somebody else, and of no use.
            None if CHANNELS.contains(&channel) => u8::MAX,
            None => channel,
        }
    }

    /// What has come of an answer whose body was to be longer, when the connection has ended.
    pub(super) fn cut_off(&mut self) -> Option<Response> {
        let (mut answer, _) = self.waiting.take()?;
        answer.body = std::mem::take(&mut self.buffer).to_vec();
        Some(answer)
    }

    fn head(&mut self) -> Result<Option<Item>, String> {
        let Some(end) = head_end(&self.buffer, self.searched) else {
            self.searched = self.buffer.len().saturating_sub(2);
            let too_long = || Err(format!("the head of its answer is longer than {} kB", HEAD_MAX >> 10));
            return if self.buffer.len() > HEAD_MAX { too_long() } else { Ok(None) };
        };
        self.searched = 0;
        let head = self.buffer.split_to(end);
        if !head.starts_with(b"RTSP/") {
            return Ok(Some(Item::Other(head)));
        }
        self.bare_line_feeds |= head.split_inclusive(|&byte| byte == b'\n').any(|line| !line.ends_with(b"\r\n"));
        let answer = Response::parse(&head);
        let length = answer.length().flatten().unwrap_or(0);
        if length > BODY_MAX {
            return Err(format!(
                "the body of its answer is longer than {} kB: {}",
                BODY_MAX >> 10,
                answer.line("Content-Length")
            ));
        }
        self.waiting = Some((answer, length));
        self.next()
    }
}

/// Where the head at the front of `buffer` ends, whose line feeds before `from` are known.
fn head_end(buffer: &[u8], from: usize) -> Option<usize> {
    (from..buffer.len()).filter(|&at| buffer[at] == b'\n').find_map(|at| match buffer[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

impl Response {
    /// Reads a head.
    fn parse(head: &[u8]) -> Self {
        let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = text(lines.next().unwrap_or_default());
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            // A folded header (RFC 2326 section 4.2, RFC 2068 section 4.2) goes on.
            if let ([b' ' | b'\t', ..], Some((_, value))) = (line, headers.last_mut()) {
                value.push(' ');
                value.push_str(text(line).trim());
            } else if let Some(colon) = line.iter().position(|&byte| byte == b':') {
                let (name, value) = (text(&line[..colon]).trim().to_owned(), &line[colon + 1..]);
                // Of a challenge the bytes count, and whoever answers has to see that they cannot be had.
                let is_challenge = name.eq_ignore_ascii_case(CHALLENGE);
                let value = if is_challenge { String::from_utf8_lossy(value).into_owned() } else { text(value) };
                headers.push((name, value.trim().to_owned()));
            }
        }
        Self { first, headers, body: Vec::new() }
    }

    /// The status code; `None` if it is no number of three digits.
    pub(in crate::ingress::rtsp) fn status(&self) -> Option<u16> {
        let word = self.first.split_whitespace().nth(1).filter(|word| word.len() == 3)?;
        word.parse().ok()
    }

    /// The status line, as it may be shown.
    pub(super) fn first_line(&self) -> String {
        format!("\"{}\"", shown(&self.first))
    }

    /// The server's own words for a refusal: its reason phrase, what it says in the body, and when to try again.
    pub(in crate::ingress::rtsp) fn words(&self) -> String {
        let reason = self.first.splitn(3, ' ').nth(2).unwrap_or_default();
        // Of a page its text alone.
        let body = text(&self.body);
        let plain: Vec<_> = body.split('<').map(|part| part.rsplit('>').next().unwrap_or_default()).collect();
        let plain = plain.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let body = (!plain.is_empty()).then(|| format!("\"{}\"", shown(&plain)));
        let more: Vec<_> = body.into_iter().chain(self.get("Retry-After").map(|_| self.line("Retry-After"))).collect();
        let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
        format!("{}{more}", shown(reason)).trim().to_owned()
    }

    /// The value of a header, if it has one.
    pub(in crate::ingress::rtsp) fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, value)| found.eq_ignore_ascii_case(name) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A header line as it may be shown; empty if there is none.
    pub(in crate::ingress::rtsp) fn line(&self, name: &str) -> String {
        self.all(name).next().map_or_else(String::new, |value| format!("{name}: {}", shown(value)))
    }

    /// All challenges of a 401, which may have a header each.
    pub(in crate::ingress::rtsp) fn challenges(&self) -> String {
        self.all(CHALLENGE).collect::<Vec<_>>().join(", ")
    }

    /// The length of the body as it is told: `None` if it is not, `Some(None)` if that is no number.
    pub(super) fn length(&self) -> Option<Option<usize>> {
        self.all("Content-Length").next().map(|value| {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| value.parse().unwrap_or(usize::MAX))
        })
    }
}

/// UTF-8, else Latin-1.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// A piece of a server's text as it may be printed. It may quote the URL.
pub(in crate::ingress::rtsp) fn shown(text: &str) -> String {
    excerpt(redact::secrets(text).trim(), WORDS_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of `bytes`, pushed in pieces of so many.
    fn items(bytes: &[u8], step: usize) -> Vec<Item> {
        let mut answers = ResponseReader::default();
        let mut items: Vec<Item> = Vec::new();
        for piece in bytes.chunks(step) {
            answers.push(piece);
            while let Ok(Some(item)) = answers.next() {
                match (items.last_mut(), item) {
                    (Some(Item::Other(before)), Item::Other(bytes)) => before.extend_from_slice(&bytes),
                    (_, item) => items.push(item),
                }
            }
        }
        items
    }

    #[test]
    fn what_comes_is_the_same_however_it_is_cut() {
        let stream = b"\r\nRTSP/1.0 200\nCSeq : 1\nno header\nContent-Length: 3\n\nv=0$\0\0\x02ab$\x01\0\0\r\n\
                       RTSP/1.0 503 caf\xe9\r\nX: a\r\n\tb\r\n\r\n";
        let whole = items(stream, stream.len());
        let [Item::Response(first), Item::Other(frames), Item::Response(second)] = &whole[..] else {
            panic!("{whole:?}")
        };
        assert_eq!((first.status(), first.get("cseq"), &first.body[..]), (Some(200), Some("1"), &b"v=0"[..]));
        assert_eq!(&frames[..], b"$\0\0\x02ab$\x01\0\0");
        assert_eq!((second.words().as_str(), second.get("x")), ("caf\u{e9}", Some("a b")));
        for step in 1..20 {
            assert_eq!(items(stream, step), whole, "in pieces of {step}");
        }
    }

    #[test]
    fn channels_become_those_of_retina() {
        let mut answers = ResponseReader { channels: [3, 7], ..ResponseReader::default() };
        answers.push(b"$\x03\0\0$\x07\0\0$\0\0\0$\x05\0\0");
        let channels: Vec<u8> = std::iter::from_fn(|| match answers.next() {
            Ok(Some(Item::Other(frame))) => Some(frame[1]),
            _ => None,
        })
        .collect();
        assert_eq!(channels, [0, 1, 255, 5]);
    }

    #[test]
    fn nothing_is_hoarded() {
        let mut answers = ResponseReader::default();
        answers.push(b"RTSP/1.0 200 OK\r\n");
        let refused = (0..100).find_map(|_| {
            answers.push(&[b'x'; 1_000]);
            answers.next().err()
        });
        assert_eq!(refused.as_deref(), Some("the head of its answer is longer than 64 kB"));
        let mut answers = ResponseReader::default();
        answers.push(b"RTSP/1.0 200 OK\r\nContent-Length: 999999999999999999999\r\n\r\n");
        let refused = answers.next().expect_err("it would take too much");
        assert!(refused.starts_with("the body of its answer is longer than 128 kB: Content-Length: 9999"), "{refused}");
    }

    proptest! {
        #[test]
        fn no_server_can_make_it_panic(
            heads in "(RTSP/1.0 [0-9]{0,4}[ -~]{0,5}\r?\n([A-Za-z-]{0,9}:? ?[ -~]{0,9}\r?\n){0,3}\r?\n|\\$[0-3]{3}){0,5}",
            noise in any::<Vec<u8>>(),
        ) {
            for bytes in [heads.as_bytes(), &noise] {
                for item in items(bytes, 7) {
                    if let Item::Response(answer) = item {
                        let server = std::net::Ipv4Addr::LOCALHOST.into();
                        for (method, udp) in [("DESCRIBE", false), ("SETUP", false), ("SETUP", true)] {
                            let asked = super::super::rewrite::Request { method, cseq: "1", udp, server };
                            let _ = super::super::rewrite::rewrite(&asked, 200, &answer);
                        }
                        answer.words();
                    }
                }
            }
        }
    }
}
