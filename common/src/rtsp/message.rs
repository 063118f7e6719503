//! Cuts a byte stream into RTSP messages and interleaved frames, with a limit on everything a peer can send.
//!
//! The grammar of a message is rtsp-types' business, but it has no limits and starts again from the front whenever
//! more bytes are needed. So a message is framed here first, each byte looked at once, and only a whole one within
//! the limits is parsed.

use bytes::{Buf, Bytes, BytesMut};
use rtsp_types::{Message, Request, Response};

use super::interleaved;

/// Longest method of a request, in bytes.
pub const METHOD_MAX: usize = 64;
/// Longest request URL, in bytes.
pub const URL_MAX: usize = 2048;
/// Longest name of a header, in bytes.
pub const HEADER_NAME_MAX: usize = 512;
/// Longest value of a header, in bytes.
pub const HEADER_VALUE_MAX: usize = 2048;
/// Most headers in a message.
pub const HEADERS_MAX: usize = 255;
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
        /// 0 to 65,535 bytes: one RTP or compound RTCP packet if the peer behaves.
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
    /// More than [`HEADERS_MAX`] headers.
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
/// Feed it with [`Framer::push`] and drain it with [`Framer::next`] until that gives `None` before the next push; it
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

    /// Whether a part of a message or frame is waiting for its rest: a peer that stops here has been cut off, or is
    /// slow on purpose.
    pub fn is_mid_item(&self) -> bool {
        !self.buffer.is_empty()
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
        if self.buffer.len() < end {
            return None;
        }
        let mut frame = self.buffer.split_to(end);
        frame.advance(interleaved::HEADER_LEN);
        Some(Item::Data { channel, payload: frame.freeze() })
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
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";

    fn all(bytes: &[u8]) -> Result<Vec<Item>, Error> {
        let mut framer = Framer::default();
        framer.push(bytes);
        drain(&mut framer)
    }

    fn drain(framer: &mut Framer) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        while let Some(item) = framer.next_item()? {
            items.push(item);
        }
        Ok(items)
    }

    /// The one request in `bytes`.
    pub(in crate::rtsp) fn request(bytes: &[u8]) -> Request<Vec<u8>> {
        match all(bytes).expect("a good request").remove(0) {
            Item::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn with_header(header: &str) -> Vec<u8> {
        format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n{header}\r\n\r\n").into_bytes()
    }

    #[test]
    fn a_pipelined_stream_comes_out_the_same_however_it_is_cut() {
        let mut stream = OPTIONS.to_vec();
        stream.extend(b"\r\n\r\n$\x00\x00\x00$\x01\x00\x03abc");
        stream.extend(b"ANNOUNCE rtsp://h/cam RTSP/1.0\r\ncontent-length:  5 \r\nCSeq: 2\r\n\r\nv=0\r\n");
        stream.extend(b"$\x02\xff\xff");
        stream.extend(std::iter::repeat_n(b'$', 65_535));
        stream.extend(b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n");
        let whole = all(&stream).expect("the stream is good");
        assert_eq!(whole.len(), 6);
        let Item::Request(announce) = &whole[3] else { panic!("{:?}", whole[3]) };
        assert_eq!(announce.body(), b"v=0\r\n");
        assert!(matches!(&whole[1], Item::Data { channel: 0, payload } if payload.is_empty()));
        assert!(matches!(&whole[4], Item::Data { channel: 2, payload } if payload.len() == 65_535));
        for step in [1, 2, 3, 7, 1000] {
            let mut framer = Framer::default();
            let mut items = Vec::new();
            for piece in stream.chunks(step) {
                framer.push(piece);
                items.extend(drain(&mut framer).expect("the stream is good"));
            }
            assert_eq!(items, whole, "in pieces of {step}");
            assert!(!framer.is_mid_item());
        }
    }

    #[test]
    fn content_lengths_that_two_parties_could_read_differently_are_refused() {
        for bad in ["-1", "+5", "5, 5", "5 5", "0x5", "", "5;", "٥"] {
            let error = all(&with_header(&format!("Content-Length: {bad}"))).expect_err(bad);
            assert!(matches!(error, Error::ContentLength(_)), "{bad}: {error}");
        }
        for twice in ["5\r\nContent-Length: 6", "5\r\ncontent-length: 5"] {
            let error = all(&with_header(&format!("Content-Length: {twice}"))).expect_err(twice);
            assert!(error.to_string().contains("twice"), "{error}");
        }
        for huge in ["131073", "4294967296", "99999999999999999999999999"] {
            let error = all(&with_header(&format!("Content-Length: {huge}"))).expect_err(huge);
            assert_eq!(error, Error::TooLong { part: "the body", limit: BODY_MAX });
        }
        assert_eq!(all(&with_header("Content-Length: 131072")), Ok(vec![]));
    }

    #[test]
    fn every_limit_holds_and_one_less_passes() {
        let request = |method: usize, url: usize| {
            format!("{} rtsp://h/{} RTSP/1.0\r\n\r\n", "M".repeat(method), "u".repeat(url - 9)).into_bytes()
        };
        assert!(all(&request(METHOD_MAX, URL_MAX)).is_ok());
        assert_eq!(all(&request(METHOD_MAX + 1, 20)), Err(Error::TooLong { part: "the method", limit: METHOD_MAX }));
        assert_eq!(all(&request(5, URL_MAX + 1)), Err(Error::TooLong { part: "the URL", limit: URL_MAX }));
        let name_and_value =
            |name: usize, value: usize| with_header(&format!("{}: {}", "n".repeat(name), "v".repeat(value)));
        assert!(all(&name_and_value(HEADER_NAME_MAX, HEADER_VALUE_MAX)).is_ok());
        assert!(all(&name_and_value(HEADER_NAME_MAX + 1, 5)).is_err());
        assert!(all(&name_and_value(5, HEADER_VALUE_MAX + 1)).is_err());
        let headers = |n: usize| format!("OPTIONS * RTSP/1.0\r\n{}\r\n", "A: b\r\n".repeat(n)).into_bytes();
        assert!(all(&headers(HEADERS_MAX)).is_ok());
        assert_eq!(all(&headers(HEADERS_MAX + 1)), Err(Error::TooManyHeaders));
        let long = format!("OPTIONS * RTSP/1.0\r\n{}\r\n", format!("A: {}\r\n", "b".repeat(2000)).repeat(40));
        assert_eq!(all(long.as_bytes()), Err(Error::TooLong { part: "the head of the message", limit: HEAD_MAX }));
    }

    #[test]
    fn a_line_that_never_ends_is_refused_before_its_end() {
        for start in [&b"OPTIONS rtsp://h/"[..], b"OPTIONS * RTSP/1.0\r\nA: "] {
            let mut framer = Framer::default();
            framer.push(start);
            let refused = (0..100).any(|_| {
                framer.push(&[b'x'; 100]);
                framer.next_item().is_err()
            });
            assert!(refused);
            assert!(!framer.is_mid_item(), "a refused stream is not kept");
        }
    }

    #[test]
    fn what_is_not_rtsp_is_named() {
        let http = all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect_err("HTTP is not RTSP");
        assert_eq!(http.to_string(), "the peer does not speak RTSP: it sent \"HTTP/1.1 400 Bad Request\"");
        for bytes in [
            &b"\x16\x03\x01\x02\x00\x01"[..],
            b"GET / HTTP/1.1\r\n",
            b"SSH-2.0-x\r\n",
            b"options * RTSP/1.0\r\n",
            b"A\n",
        ] {
            assert!(matches!(all(bytes), Err(Error::NotRtsp(_))), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn control_characters_and_broken_lines_are_refused() {
        let bad: [&[u8]; 9] = [
            b"OPT\0IONS * RTSP/1.0\r\n\r\n",
            b"OPTIONS rtsp://h/\0 RTSP/1.0\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nCSeq: 1\0\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nCSeq: 1\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nCSeq\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\n: 1\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nA: 1\r\n folded\r\n\r\n",
            b"OPTIONS * RTSP/1.0\r\nA: \xff\xfe\r\n\r\n",
            b"OPTIONS not-a-url RTSP/1.0\r\n\r\n",
        ];
        for bytes in bad {
            assert!(all(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_password_in_a_refused_request_is_not_told() {
        let error = all(b"ANNOUNCE rtsp://u:secret@[::1/cam RTSP/1.0\r\n\r\n").expect_err("the URL is broken");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_are_never_hoarded(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..50)) {
            let mut framer = Framer::default();
            for piece in &pieces {
                framer.push(piece);
                let _ = drain(&mut framer);
                prop_assert!(framer.buffer.len() <= HEAD_MAX + BODY_MAX + 65_540 + piece.len());
            }
        }

        #[test]
        fn a_damaged_message_never_panics(at in 0..OPTIONS.len(), with in any::<u8>(), cut in 0..OPTIONS.len()) {
            let mut bytes = OPTIONS.to_vec();
            bytes[at] = with;
            bytes.truncate(OPTIONS.len() - cut);
            let _ = all(&bytes);
        }
    }
}
