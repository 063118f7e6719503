//! Reads what a server sends as ffmpeg and GStreamer do: with line feeds alone, folded headers, spaces before colons, lines that are no
//! headers, and bytes that are no UTF-8. Pure: bytes in, answers and everything else out.

use bytes::{Buf, BytesMut};
use common::printable::excerpt;
use common::redact;
use common::rtsp::interleaved::{HEADER_LEN, MAGIC};
use common::rtsp::message::{BODY_MAX, HEAD_MAX};

/// Longest piece of a server's text that is shown, in characters.
const WORDS_MAX: usize = 100;

/// The header with what a server wants for authentication.
const CHALLENGE: &str = "WWW-Authenticate";

/// The head of an answer, and its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::receive) struct Answer {
    /// The status line, as it came.
    first: String,
    headers: Vec<(String, String)>,
    pub(in crate::receive) body: Vec<u8>,
}

/// A part of what a server sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Answer(Answer),
    /// Anything else, as it came: interleaved frames, requests, and what is no RTSP.
    Other(BytesMut),
}

/// Cuts what a server sends into items.
#[derive(Debug, Default)]
pub(super) struct Answers {
    buffer: BytesMut,
    /// Up to where the end of a head has been looked for.
    searched: usize,
    /// Bytes of an interleaved frame that are still to come.
    rest: usize,
    /// The answer whose body is still to come, and the length of that.
    waiting: Option<(Answer, usize)>,
    /// A line of a head ended with a line feed alone.
    pub(super) bare_line_feeds: bool,
}

impl Answers {
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
            return Ok(Some(Item::Answer(answer)));
        }
        if self.rest == 0 {
            // Line ends between messages mean nothing.
            let blank = self.buffer.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
            self.buffer.advance(blank);
            match *self.buffer {
                [MAGIC, _, high, low, ..] => self.rest = HEADER_LEN + usize::from(u16::from_be_bytes([high, low])),
                [] | [MAGIC, ..] => return Ok(None),
                [b'A'..=b'Z', ..] => return self.head(),
                _ => self.rest = self.buffer.len(),
            }
        }
        let count = self.rest.min(self.buffer.len());
        self.rest -= count;
        Ok((count > 0).then(|| Item::Other(self.buffer.split_to(count))))
    }

    /// What has come of an answer whose body was to be longer, when the connection has ended.
    pub(super) fn cut_off(&mut self) -> Option<Answer> {
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
        let answer = Answer::parse(&head);
        let length = answer.length().flatten().unwrap_or(0);
        if length > BODY_MAX {
            return Err(format!("the body of its answer is longer than {} kB: {}", BODY_MAX >> 10, answer.line("Content-Length")));
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

impl Answer {
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

    /// The status code; `None` where it is no number of three digits.
    pub(in crate::receive) fn status(&self) -> Option<u16> {
        let word = self.first.split_whitespace().nth(1).filter(|word| word.len() == 3)?;
        word.parse().ok()
    }

    /// The status line, as it may be shown.
    pub(super) fn first_line(&self) -> String {
        format!("\"{}\"", shown(&self.first))
    }

    /// The server's own words for a refusal: its reason phrase, what it says in the body, and when to try again.
    pub(in crate::receive) fn words(&self) -> String {
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

    /// The value of a header, where it has one.
    pub(in crate::receive) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, value)| found.eq_ignore_ascii_case(name) && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A header line as it may be shown; empty where there is none.
    pub(in crate::receive) fn line(&self, name: &str) -> String {
        self.all(name).next().map_or_else(String::new, |value| format!("{name}: {}", shown(value)))
    }

    /// All challenges of a 401, which may have a header each.
    pub(in crate::receive) fn challenges(&self) -> String {
        self.all(CHALLENGE).collect::<Vec<_>>().join(", ")
    }

    /// The length of the body as it is told: `None` where it is not, `Some(None)` where that is no number.
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
pub(in crate::receive) fn shown(text: &str) -> String {
    excerpt(redact::secrets(text).trim(), WORDS_MAX)
}
