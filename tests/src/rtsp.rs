//! A client that says whatever it is told: for readiness, and for requests that no good client sends.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::LIMIT;

/// Bytes of an answer's head that are read at most.
const HEAD_MAX: usize = 64 * 1024;

/// A connection to an RTSP (or HTTP) server.
pub struct Client {
    stream: TcpStream,
}

/// A server's answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and headers as they came.
    pub head: String,
    /// The body, as long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Where nobody listens at `address`.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, LIMIT)?)
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Connects from `local`, an address of this host.
    ///
    /// # Errors
    ///
    /// Where nobody listens at `address`.
    pub fn connect_from(local: IpAddr, address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(local, 0).into())?;
        socket.connect_timeout(&address.into(), LIMIT)?;
        Self::over(socket.into())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// Where the server has closed the connection or does not read.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads one answer, passing over interleaved frames that come before it.
    ///
    /// # Errors
    ///
    /// Where the connection ends first, or no answer comes in time.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.byte()?;
            if head.is_empty() && byte == b'$' {
                self.skip_frame()?;
                continue;
            }
            head.push(byte);
            if head.len() > HEAD_MAX {
                return Err(io::Error::other("an answer without end"));
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// Sends a request and reads the answer to it.
    ///
    /// # Errors
    ///
    /// As [`Client::send`] and [`Client::answer`].
    pub fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.send(request.as_bytes())?;
        self.answer()
    }

    /// Waits for the server to close the connection; whatever it says before is passed over.
    ///
    /// # Errors
    ///
    /// Where it does not close the connection within `limit`.
    pub fn closed_within(&mut self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))?;
        let deadline = std::time::Instant::now() + limit;
        let mut dropped = [0; 4096];
        while std::time::Instant::now() < deadline {
            match self.stream.read(&mut dropped) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The connection itself.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Reads the rest of an interleaved frame: channel, length, payload (RFC 2326 section 10.12).
    fn skip_frame(&mut self) -> io::Result<()> {
        let mut header = [0; 3];
        self.stream.read_exact(&mut header)?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([header[1], header[2]]))];
        self.stream.read_exact(&mut payload)
    }
}

impl Answer {
    /// The value of header `name`, in whichever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The status that the server answers a DESCRIBE of `url` with; `None` where nobody answers.
pub fn describe(address: SocketAddr, url: &str) -> Option<u16> {
    let mut client = Client::connect(address).ok()?;
    let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n");
    client.ask(&request).ok().map(|answer| answer.status)
}

/// The answer to an HTTP GET.
///
/// # Errors
///
/// As [`Client::connect`] and [`Client::ask`].
pub fn http_get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    Client::connect(address)?.ask(&format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}
