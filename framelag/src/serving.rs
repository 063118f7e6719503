//! `framelag serve` as a process of its own, for commands that need a server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::processes::{Error, Process, free_port, sibling};

/// How long a process may take until it does its part.
const START_LIMIT: Duration = Duration::from_secs(15);

/// How long the server on this host may take to answer one question.
const ANSWER_LIMIT: Duration = Duration::from_millis(200);

/// A server of this host, ended when dropped.
pub struct Server {
    process: Process,
    rtsp: SocketAddr,
    http: SocketAddr,
}

impl Server {
    /// Starts it with its log in `dir`, on these ports of RTSP and HTTP where they are free; 0 is any.
    pub fn start(dir: &Path, [rtsp, http]: [u16; 2], stopped: &AtomicBool) -> Result<Self, Error> {
        let port = |preferred| free_port(preferred).map_err(|error| format!("no free port on 127.0.0.1: {error}"));
        let (rtsp, http) = (port(rtsp)?, port(http)?);
        let arguments = ["serve", "--rtsp", &rtsp.to_string(), "--http", &http.to_string()];
        let mut process = Process::start_leashed("server", &sibling("framelag")?, &arguments, dir.join("server.log"))?;
        let listens = || TcpStream::connect_timeout(&http, ANSWER_LIMIT).is_ok();
        process.wait_until(START_LIMIT, "listen", stopped, listens)?;
        Ok(Self { process, rtsp, http })
    }

    /// An error with the end of its log where it has ended.
    pub fn check_running(&mut self) -> Result<(), String> {
        self.process.check_running()
    }

    /// Where it speaks RTSP.
    pub const fn rtsp(&self) -> SocketAddr {
        self.rtsp
    }

    /// Where to publish to, and play from.
    pub fn url(&self) -> String {
        format!("rtsp://{}/cam", self.rtsp)
    }

    /// Waits until the stream is there, so that the receiver's time to the first picture is not the publisher's.
    pub fn wait_for_stream(&self, publisher: &mut Process, stopped: &AtomicBool) -> Result<(), Error> {
        publisher.wait_until(START_LIMIT, "publish", stopped, || self.has_stream().unwrap_or(false))
    }

    fn has_stream(&self) -> io::Result<bool> {
        let mut connection = TcpStream::connect_timeout(&self.http, ANSWER_LIMIT)?;
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        connection
            .write_all(b"GET /api/streams/status/cam HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; "HTTP/1.1 200".len()];
        connection.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    }
}
