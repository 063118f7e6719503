//! Responses (RFC 2326 section 7), built by hand because several headers may repeat.

use std::fmt::Write as _;

use bytes::Bytes;
use rtsp_types::StatusCode;

/// What the Server header says.
const SERVER: &str = concat!("framelag/", env!("CARGO_PKG_VERSION"));

/// A response in the making.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    reason: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// 200 OK.
    pub(super) fn ok() -> Self {
        Self { status: StatusCode::Ok, reason: None, headers: Vec::new(), body: Vec::new() }
    }

    /// A request that is not granted: the status, and why in the reason phrase, where people see it in their client's
    /// error message.
    pub(super) fn refusal(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, reason: Some(why.into()), headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.with("Content-Type", content_type)
    }

    /// The bytes to send, in answer to request `cseq` (`None`: it could not be read).
    pub(super) fn to_bytes(&self, cseq: Option<u32>) -> Bytes {
        let code = u16::from(self.status);
        let reason = match &self.reason {
            Some(why) => format!("{} ({})", self.status, printable(why)),
            None if self.status == StatusCode::Ok => "OK".to_owned(),
            None => self.status.to_string(),
        };
        let mut text = format!("RTSP/1.0 {code} {reason}\r\n");
        let mut header = |name: &str, value: &str| {
            write!(text, "{name}: {value}\r\n").expect("writing to a String does not fail");
        };
        if let Some(cseq) = cseq {
            header("CSeq", &cseq.to_string());
        }
        header("Server", SERVER);
        for (name, value) in &self.headers {
            header(name, &printable(value));
        }
        if !self.body.is_empty() {
            header("Content-Length", &self.body.len().to_string());
        }
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        // A response may wait for its reader, and holds no more than it says.
        bytes.into_boxed_slice().into()
    }
}

/// `text` on one line of ASCII: what came from a client cannot end a header or a status line.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_has_its_headers_and_the_length_of_its_body() {
        let reply = Reply::ok().with("Session", "abc").body("text/plain", b"hello".to_vec());
        let text = String::from_utf8(reply.to_bytes(Some(7)).to_vec()).expect("text");
        assert!(text.starts_with("RTSP/1.0 200 OK\r\nCSeq: 7\r\nServer: framelag/"), "{text}");
        assert!(text.ends_with("Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"), "{text}");
    }

    #[test]
    fn what_a_client_sent_cannot_add_a_header() {
        let refusal = Reply::refusal(StatusCode::BadRequest, "bad\r\nX: y").with("Allow", "A\r\n\r\n");
        let text = String::from_utf8(refusal.to_bytes(None).to_vec()).expect("text");
        assert!(text.starts_with("RTSP/1.0 400 Bad Request (bad??X: y)\r\n"), "{text}");
        assert_eq!(text.matches("\r\n\r\n").count(), 1);
    }
}
