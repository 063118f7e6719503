//! `framelag serve` as a child process, for commands that need a server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use common::host::Stop;
use common::stream_url::{Error as UrlError, StreamUrl};

use crate::exit::Error;
use crate::processes::{Process, own_child};

/// How long the server may take to listen, or a publisher to publish.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a server may take to answer one question.
pub const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// A server on this host. Dropping it ends it.
pub struct LocalServer {
    pub process: Process,
    /// Where it speaks RTSP.
    pub address: SocketAddr,
    /// HTTP address.
    pub http: SocketAddr,
    /// Where to publish to, and play from.
    pub url: StreamUrl,
}

impl LocalServer {
    /// Starts the server with its log in `dir` and extra `flags`, on these RTSP and HTTP ports if they are free; 0
    /// picks any. The server reports the ports it took.
    /// port that this process found free could be taken before the server asks for it.
    pub fn start(dir: &Path, ports: [u16; 2], flags: &[String], stopped: &Stop) -> Result<Self, Error> {
        let [rtsp, http] = ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = own_child("framelag")?;
        command.args(["serve", "--or-any-port", "--rtsp", &rtsp, "--http", &http]).args(flags);
        let (mut process, events) = Process::start_reporting("server", command, dir.join("server.log"))?;
        let event = process.wait_for_event(&events, "serving", START_LIMIT, "listen", stopped)?;
        let address = |protocol: &str| {
            let address = event[protocol].as_str().and_then(|address| address.parse().ok());
            address.ok_or_else(|| format!("the server did not report its {protocol} address: {event}"))
        };
        let (address, http) = (address("rtsp")?, address("http")?);
        Ok(Self { process, address, http, url: url_at(address)? })
    }

    /// Waits for the stream, so that the publisher's start is not part of the receiver's time to the first picture.
    pub fn wait_for_stream(&self, publisher: &mut Process, stopped: &Stop) -> Result<(), Error> {
        publisher.wait_until(START_LIMIT, "publish", stopped, || has_stream(&self.url))
    }
}

/// The URL of our stream at a server.
pub fn url_at(rtsp: SocketAddr) -> Result<StreamUrl, String> {
    format!("rtsp://{rtsp}/cam").parse().map_err(|error: UrlError| format!("no URL for {rtsp}: {error}"))
}

/// Whether DESCRIBE (RFC 2326 section 10.2) finds a stream. If the server asks for a password first, it is assumed to be there, and
/// the receiver waits.
pub fn has_stream(url: &StreamUrl) -> bool {
    matches!(describe(url), Ok(200 | 401))
}

/// Requests `path` like a viewer and ignores the answer: servers only segment streams that are being watched.
pub fn ask(http: SocketAddr, path: &str) {
    let asked = || -> io::Result<usize> {
        let mut connection = TcpStream::connect_timeout(&http, ANSWER_LIMIT)?;
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n")?;
        connection.read(&mut [0])
    };
    if let Err(why) = asked() {
        tracing::debug!("{http}{path}: {why}");
    }
}

/// The status code of the answer.
fn describe(url: &StreamUrl) -> io::Result<u16> {
    let addresses = url.addresses()?;
    let address = addresses.first().ok_or(io::ErrorKind::NotFound)?;
    let mut connection = TcpStream::connect_timeout(address, ANSWER_LIMIT)?;
    connection.set_read_timeout(Some(ANSWER_LIMIT))?;
    write!(connection, "DESCRIBE {} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n", url.url())?;
    let mut status = [0; "RTSP/1.0 200".len()];
    connection.read_exact(&mut status)?;
    let code = str::from_utf8(&status).ok().and_then(|text| text.strip_prefix("RTSP/1.0 "));
    code.and_then(|code| code.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
