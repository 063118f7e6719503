//! Cuts a byte stream into RTSP messages and interleaved frames, with a limit on everything a peer can send.
//!
//! The grammar of a message is rtsp-types' business, but it has no limits and starts again from the front whenever
//! more bytes are needed. So a message is framed here first, each byte looked at once, and only a whole one within
//! the limits is parsed.

use bytes::{Buf, Bytes, BytesMut};
use rtsp_types::{Message, Request, Response};

use super::interleaved;

/// Longest method of a request, in bytes.
pub(super) const METHOD_MAX: usize = 64;
/// Longest request URL, in bytes.
pub(super) const URL_MAX: usize = 2048;
/// Longest name of a header, in bytes.
pub(super) const HEADER_NAME_MAX: usize = 512;
/// Longest value of a header, in bytes.
pub(super) const HEADER_VALUE_MAX: usize = 2048;
/// Most headers in a message.
pub(super) const HEADERS_MAX: usize = 255;
/// Longest head (first line and headers together), in bytes.
pub const HEAD_MAX: usize = 64 * 1024;
/// Longest body, in bytes.
pub const BODY_MAX: usize = 128 * 1024;

/// What comes out of a [`Framer`].
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A whole request.
    Request(Request<Vec<u8>>),
    /// A whole response.
    Response(Response<Vec<u8>>),
    /// An interleaved frame (RFC 2326 section 10.12).
    Data {
        /// The channel it came on.
        channel: u8,
        /// 0 to 65,535 bytes: one RTP or compound RTCP packet if the peer behaves. It has memory of its own: who keeps
        /// it keeps these bytes, and nothing of what came with them.
        payload: Bytes,
    },
}

/// Why a byte stream is not RTSP, or not within the limits. The stream cannot be followed any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first line of a message is not RTSP's.
    #[error("the peer does not speak RTSP: it sent {0}")]
    NotRtsp(String),
    /// Something is longer than its limit.
    #[error("{part} is longer than {limit} bytes")]
    TooLong {
        /// The part of the message.
        part: &'static str,
        /// Its limit in bytes.
        limit: usize,
    },
    /// More than `HEADERS_MAX` headers.
    #[error("more than {HEADERS_MAX} headers in one message")]
    TooManyHeaders,
    /// A line of the head that the grammar does not allow.
    #[error("line {line} of the message {why}")]
    Line {
        /// Counted from 1, the request or status line.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A Content-Length that is no number, or not the only one.
    #[error("Content-Length {0} is not one plain number")]
    ContentLength(String),
    /// rtsp-types did not take the message: not UTF-8, or a URL that is none.
    #[error("malformed message beginning {0}")]
    Malformed(String),
}

/// Finds messages and interleaved frames in a byte stream, however it was cut.
///
/// Feed it with [`Framer::push`] and drain it with [`Framer::next_item`] until that gives `None` before the next push; it
/// then never holds more than one message within the limits and the bytes of the last push.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    head: Head,
    failed: Option<Error>,
}

/// How far the head of the message at the front of the buffer has been read.
#[derive(Debug, Default)]
struct Head {
    /// Where the line being read begins.
    line_start: usize,
    /// Up to where its end has been looked for.
    searched: usize,
    /// Lines read, the first one included.
    lines: usize,
    content_length: Option<usize>,
    /// Where the body begins, once the whole head has been read.
    body_start: Option<usize>,
}

impl Framer {
    /// Takes bytes read from the peer.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Where bytes can be read into, behind those that wait, in place of [`Framer::push`].
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether a part of a message or frame is waiting for its rest: a peer that stops here has been cut off, or is
    /// slow on purpose.
    pub fn is_mid_item(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The first line of the message at the front, when it has just been completed: before [`Framer::next_item`] reads it, and
    /// not again. Looks only at bytes that the framer has not looked at.
    pub(super) fn first_line(&self) -> Option<&[u8]> {
        if self.head.lines > 0 || self.buffer.first() == Some(&interleaved::MAGIC) {
            return None;
        }
        let at = self.buffer.get(self.head.searched..)?.iter().position(|&b| b == b'\n')?;
        let line = &self.buffer[..self.head.searched + at];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The next whole message or frame; `None` until more bytes are pushed.
    ///
    /// # Errors
    /// Where the stream breaks the grammar or a limit. Every later call gives the same error.
    pub fn next_item(&mut self) -> Result<Option<Item>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.try_next().inspect_err(|error| {
            self.failed = Some(error.clone());
            self.buffer = BytesMut::new();
        })
    }

    fn try_next(&mut self) -> Result<Option<Item>, Error> {
        if self.head.lines == 0 {
            self.skip_blank_lines();
            if self.buffer.first() == Some(&interleaved::MAGIC) {
                return Ok(self.data());
            }
        }
        let Some(body_start) = self.read_head()? else { return Ok(None) };
        let end = body_start + self.head.content_length.unwrap_or(0);
        if self.buffer.len() < end {
            return Ok(None);
        }
        self.head = Head::default();
        parse_whole(&self.buffer.split_to(end)).map(Some)
    }

    /// Line ends between messages mean nothing; cameras and firewalls send them to keep connections open.
    fn skip_blank_lines(&mut self) {
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.head.searched = 0;
        }
    }

    fn data(&mut self) -> Option<Item> {
        let (channel, len) = interleaved::parse_header(&self.buffer)?;
        let end = interleaved::HEADER_LEN + usize::from(len);
        let payload = Bytes::copy_from_slice(self.buffer.get(interleaved::HEADER_LEN..end)?);
        self.buffer.advance(end);
        Some(Item::Data { channel, payload })
    }

    /// Reads lines of the head up to the empty one that ends it. Gives where the body begins.
    fn read_head(&mut self) -> Result<Option<usize>, Error> {
        while self.head.body_start.is_none() {
            let rest = &self.buffer[self.head.searched..];
            let Some(at) = rest.iter().position(|&b| b == b'\n') else {
                self.check_unfinished_line()?;
                self.head.searched = self.buffer.len();
                return Ok(None);
            };
            let end = self.head.searched + at + 1;
            if end > HEAD_MAX {
                return Err(Error::TooLong { part: "the head of the message", limit: HEAD_MAX });
            }
            let number = self.head.lines + 1;
            let line = check_line(&self.buffer[self.head.line_start..end], number)?;
            let is_last = line.is_empty() && number > 1;
            match number {
                1 => check_first_line(line)?,
                _ if is_last => {}
                _ => check_header(line, number, &mut self.head.content_length)?,
            }
            self.head.line_start = end;
            self.head.searched = end;
            self.head.lines = number;
            self.head.body_start = is_last.then_some(end);
        }
        Ok(self.head.body_start)
    }

    /// Refuses a line as soon as it cannot become a good one, so that nothing is kept of it.
    fn check_unfinished_line(&self) -> Result<(), Error> {
        let line = &self.buffer[self.head.line_start..];
        if self.head.lines == 0 {
            if line.first().is_some_and(|b| !b.is_ascii_uppercase() && *b != b'\r') {
                return Err(not_rtsp(line));
            }
            let limit = METHOD_MAX + URL_MAX + " RTSP/1.0\r\n".len() + 1;
            return if line.len() > limit { Err(Error::TooLong { part: "the first line", limit }) } else { Ok(()) };
        }
        let limit = HEADER_NAME_MAX + HEADER_VALUE_MAX;
        if line.len() > limit { Err(Error::TooLong { part: "a header", limit }) } else { Ok(()) }
    }
}

/// The line without its CRLF, when it has one and no other control characters.
fn check_line(line: &[u8], number: usize) -> Result<&[u8], Error> {
    let Some(text) = line.strip_suffix(b"\r\n") else {
        // Only the first line of a peer that is no RTSP peer at all deserves another name.
        return Err(if number == 1 {
            not_rtsp(line)
        } else {
            Error::Line { line: number, why: "does not end in CRLF" }
        });
    };
    if text.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(Error::Line { line: number, why: "holds a control character" });
    }
    Ok(text)
}

/// A request line (RFC 2326 section 6.1) or status line (section 7.1).
fn check_first_line(line: &[u8]) -> Result<(), Error> {
    if line.starts_with(b"RTSP/") {
        return if line.len() > URL_MAX {
            Err(Error::TooLong { part: "the status line", limit: URL_MAX })
        } else {
            Ok(())
        };
    }
    let mut words = line.split(|&b| b == b' ');
    let (method, url, version) = (words.next(), words.next(), words.next());
    let (Some(method), Some(url), Some(version), None) = (method, url, version, words.next()) else {
        return Err(not_rtsp(line));
    };
    if !version.starts_with(b"RTSP/") || !method.first().is_some_and(u8::is_ascii_uppercase) {
        return Err(not_rtsp(line));
    }
    if method.len() > METHOD_MAX {
        return Err(Error::TooLong { part: "the method", limit: METHOD_MAX });
    }
    if url.len() > URL_MAX {
        return Err(Error::TooLong { part: "the URL", limit: URL_MAX });
    }
    Ok(())
}

/// Checks a header line, and takes note of a Content-Length. A second one is refused even where it agrees: two
/// parties that pick different ones would see different messages (RFC 9112 section 6.3 tells that story for HTTP).
fn check_header(line: &[u8], number: usize, content_length: &mut Option<usize>) -> Result<(), Error> {
    if number - 1 > HEADERS_MAX {
        return Err(Error::TooManyHeaders);
    }
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err(Error::Line { line: number, why: "continues the header before it, which nobody does any more" });
    }
    let colon = line.iter().position(|&b| b == b':').filter(|&at| at > 0);
    let Some(colon) = colon else { return Err(Error::Line { line: number, why: "is not a header: it has no name" }) };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if name.len() > HEADER_NAME_MAX {
        return Err(Error::TooLong { part: "the name of a header", limit: HEADER_NAME_MAX });
    }
    if value.len() > HEADER_VALUE_MAX {
        return Err(Error::TooLong { part: "the value of a header", limit: HEADER_VALUE_MAX });
    }
    if name.eq_ignore_ascii_case(b"content-length") {
        if content_length.is_some() {
            return Err(Error::ContentLength(format!("{} (sent twice)", excerpt(value))));
        }
        *content_length = Some(parse_content_length(value)?);
    }
    Ok(())
}

fn parse_content_length(value: &[u8]) -> Result<usize, Error> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Error::ContentLength(excerpt(value)));
    }
    let number = std::str::from_utf8(value).ok().and_then(|v| v.parse::<usize>().ok());
    // A number that overflows is only one more way of being too long.
    number.filter(|&n| n <= BODY_MAX).ok_or(Error::TooLong { part: "the body", limit: BODY_MAX })
}

fn parse_whole(bytes: &[u8]) -> Result<Item, Error> {
    match Message::<Vec<u8>>::parse(bytes) {
        Ok((Message::Request(request), used)) if used == bytes.len() => Ok(Item::Request(request)),
        Ok((Message::Response(response), used)) if used == bytes.len() => Ok(Item::Response(response)),
        _ => {
            let line = bytes.split(|&b| b == b'\r').next().unwrap_or(bytes);
            // The URL of a request may carry a password, so only its method is told.
            Err(Error::Malformed(excerpt(line.split(|&b| b == b' ').next().unwrap_or(line))))
        }
    }
}

fn not_rtsp(bytes: &[u8]) -> Error {
    let line = bytes.split(|&b| b == b'\r' || b == b'\n').next().unwrap_or(bytes);
    Error::NotRtsp(excerpt(line))
}

/// A quoted, escaped and shortened piece of what a peer sent, safe to print.
fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let cut = &bytes[..bytes.len().min(LONGEST)];
    format!("\"{}\"{}", cut.escape_ascii(), if bytes.len() > LONGEST { "…" } else { "" })
}

#[cfg(test)]
pub(super) mod tests;
