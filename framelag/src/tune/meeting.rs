//! Where publisher and receiver of a run meet: a server, started where it has to be, and its URLs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use framelag::plan::server::{FOLDER, PORT, Server};
use framelag::{mediamtx, programs::executable};
use reports::dir;
use url::Url;

use crate::processes::{Error, Process, free_port, leashed};
use crate::serving;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long it may take to answer one question.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// A server that a run meets at. Dropping it ends what was started.
pub struct Meeting {
    /// Where to publish to. Where the publisher has the server in it, where that will be.
    pub push: Url,
    /// Where to play from.
    pub play: Url,
    /// Addresses for RTSP and HTTP of a server in the publisher.
    pub embedded: Option<[SocketAddr; 2]>,
    process: Running,
}

/// What was started.
enum Running {
    Nothing,
    Own(serving::Server),
    Other(Process),
}

impl Meeting {
    /// Starts what has to be, with its log and files in `folder`.
    pub fn prepare(server: &Server, folder: &Path, stopped: &AtomicBool) -> Result<Self, Error> {
        let free = || free_port(0).map_err(|error| format!("no free port on 127.0.0.1: {error}"));
        Ok(match server {
            Server::Embedded => {
                let (rtsp, http) = (free()?, free()?);
                Self { embedded: Some([rtsp, http]), ..Self::at(url(rtsp)?, Running::Nothing) }
            }
            Server::Own => {
                let server = serving::Server::start(folder, [0, 0], stopped)?;
                Self::at(url(server.rtsp())?, Running::Own(server))
            }
            Server::Mediamtx => {
                let program = mediamtx::find().ok_or_else(|| "mediamtx has gone".to_owned())?;
                let rtsp = free()?;
                let file = folder.join("mediamtx.yml");
                let config = mediamtx::config(rtsp).map_err(|error| format!("no two free UDP ports: {error}"))?;
                let written = dir::create(&file).and_then(|mut file| file.write_all(config.as_bytes()));
                written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
                let mut command = leashed(&program)?;
                command.envs([mediamtx::ENVIRONMENT]);
                Self::started(command, &[&file.display().to_string()], rtsp, folder, stopped)?
            }
            Server::Command(words) => {
                let rtsp = free()?;
                let (port, dir) = (rtsp.port().to_string(), folder.display().to_string());
                let words: Vec<String> =
                    words.reveal().iter().map(|word| word.replace(PORT, &port).replace(FOLDER, &dir)).collect();
                let (program, arguments) = words.split_first().ok_or_else(|| "the command is empty".to_owned())?;
                let file = executable(program).ok_or_else(|| format!("the program {program} has gone"))?;
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                Self::started(leashed(&file)?, &arguments, rtsp, folder, stopped)?
            }
            Server::Running(url) => Self::at(url.reveal().clone(), Running::Nothing),
        })
    }

    fn at(url: Url, process: Running) -> Self {
        Self { push: url.clone(), play: url, embedded: None, process }
    }

    /// Starts a program and waits until it listens at `rtsp`.
    fn started(
        command: Command,
        arguments: &[&str],
        rtsp: SocketAddr,
        folder: &Path,
        stopped: &AtomicBool,
    ) -> Result<Self, Error> {
        let mut process = Process::start("server", command, arguments, folder.join("server.log"))?;
        let listens = || TcpStream::connect_timeout(&rtsp, ANSWER_LIMIT).is_ok();
        process.wait_until(START_LIMIT, "listen", stopped, listens)?;
        Ok(Self::at(url(rtsp)?, Running::Other(process)))
    }

    /// An error with the end of its log where the server has ended.
    pub fn check_running(&mut self) -> Result<(), String> {
        match &mut self.process {
            Running::Nothing => Ok(()),
            Running::Own(server) => server.check_running(),
            Running::Other(process) => process.check_running(),
        }
    }

    /// What asks whether there is a stream.
    pub fn probe(&self) -> Probe {
        Probe { url: self.play.clone() }
    }
}

/// Asks a server for its stream.
pub struct Probe {
    url: Url,
}

impl Probe {
    /// Whether DESCRIBE (RFC 2326 section 10.2) finds a stream. Where the server asks for a password first it is taken for there,
    /// and the receiver waits.
    pub fn has_stream(&self) -> bool {
        matches!(self.describe(), Ok(200 | 401))
    }

    fn describe(&self) -> io::Result<u16> {
        let address = self.url.socket_addrs(|| Some(554))?;
        let address = address.first().ok_or(io::ErrorKind::NotFound)?;
        let mut connection = TcpStream::connect_timeout(address, ANSWER_LIMIT)?;
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut url = self.url.clone();
        // Neither fails on a URL with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        write!(connection, "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n")?;
        let mut status = [0; "RTSP/1.0 200".len()];
        connection.read_exact(&mut status)?;
        let code = str::from_utf8(&status).ok().and_then(|text| text.strip_prefix("RTSP/1.0 "));
        code.and_then(|code| code.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn url(rtsp: SocketAddr) -> Result<Url, String> {
    Url::parse(&format!("rtsp://{rtsp}/cam")).map_err(|error| format!("{rtsp} makes no URL: {error}"))
}
