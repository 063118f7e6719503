//! `framelag serve` as a process of its own, for commands that need a server.

use common::host::Stop;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::processes::{Error, Process, leashed, sibling};

/// How long a process may take until it does its part.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the server on this host may take to answer one question.
const ANSWER_LIMIT: Duration = Duration::from_millis(200);

/// A server of this host, ended when dropped.
pub struct Server {
    process: Process,
    rtsp: SocketAddr,
    http: SocketAddr,
}

impl Server {
    /// Starts it with its log in `dir`, on these ports of RTSP and HTTP where they are free; 0 is any. Which it took, it says
    /// itself: a port that this process had found free could be another's before the server asks for it.
    pub fn start(dir: &Path, ports: [u16; 2], stopped: &Stop) -> Result<Self, Error> {
        let [rtsp, http] = ports.map(|port| format!("127.0.0.1:{port}"));
        let arguments = ["serve", "--or-any-port", "--rtsp", &rtsp, "--http", &http];
        let log = dir.join("server.log");
        let mut process =
            Process::start_reporting("server", leashed(&sibling("framelag")?)?, &arguments, "serving", log)?;
        let report = process.wait_for_report(START_LIMIT, "listen", stopped)?;
        let address = |name: &str| {
            let address = report[name].as_str().and_then(|address| address.parse().ok());
            address.ok_or_else(|| format!("the server did not report its {name} address: {report}"))
        };
        Ok(Self { rtsp: address("rtsp")?, http: address("http")?, process })
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
    pub fn wait_for_stream(&self, publisher: &mut Process, stopped: &Stop) -> Result<(), Error> {
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
