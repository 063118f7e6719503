//! Where publisher and receiver of a run meet: a server, started where it has to be, and its URLs.

use common::host::Stop;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::stream_url::{Error as UrlError, StreamUrl};
use framelag::plan::server::{FOLDER, PORT, Server};
use framelag::{loopback, mediamtx, programs::executable};
use report::dir;

use crate::processes::{Error, Process, leashed};
use crate::serving;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long it may take to answer one question.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// How often a server is started that finds its port taken. That once is rare already.
const STARTS: u32 = 5;

/// A server that a run meets at. Dropping it ends what was started.
pub struct Meeting {
    url: Option<StreamUrl>,
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
    pub fn prepare(server: &Server, folder: &Path, stopped: &Stop) -> Result<Self, Error> {
        Ok(match server {
            Server::Embedded => Self { url: None, process: Running::Nothing },
            Server::Own => {
                let server = serving::Server::start(folder, [0, 0], stopped)?;
                Self { url: Some(url(server.rtsp())?), process: Running::Own(server) }
            }
            Server::Mediamtx => {
                let program = mediamtx::find().ok_or_else(|| "mediamtx has gone".to_owned())?;
                let file = folder.join("mediamtx.yml");
                let command = |rtsp| {
                    let config = mediamtx::config(rtsp);
                    let written = dir::create(&file).and_then(|mut file| file.write_all(config.as_bytes()));
                    written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
                    let mut command = leashed(&program)?;
                    command.envs([mediamtx::ENVIRONMENT]).arg(&file);
                    Ok(command)
                };
                Self::started(loopback::host(), command, folder, stopped)?
            }
            Server::Command(words) => {
                let words = words.reveal();
                Self::started(Ipv4Addr::LOCALHOST, |rtsp| spelled_out(words, rtsp, folder), folder, stopped)?
            }
            Server::Running(url) => Self { url: Some(url.clone()), process: Running::Nothing },
        })
    }

    /// Starts a program that is told where to listen on `host`, and waits until it does. Where somebody else listens there first,
    /// the program is started once more, elsewhere.
    fn started(
        host: Ipv4Addr,
        command: impl Fn(SocketAddr) -> Result<Command, String>,
        folder: &Path,
        stopped: &Stop,
    ) -> Result<Self, Error> {
        let start = || -> Result<Self, Error> {
            let rtsp = loopback::place(host);
            let mut process = Process::start("server", command(rtsp)?, &[], folder.join("server.log"))?;
            let listens = || TcpStream::connect_timeout(&rtsp, ANSWER_LIMIT).is_ok();
            process.wait_until(START_LIMIT, "listen", stopped, listens)?;
            Ok(Self { url: Some(url(rtsp)?), process: Running::Other(process) })
        };
        for _ in 1..STARTS {
            match start() {
                Err(Error::Failed(why)) if loopback::is_taken(&why) => tracing::debug!("{why}: once more"),
                started => return started,
            }
        }
        start()
    }

    /// Where to publish to, and to play from. `None` where the publisher has the server in it: it says where, once it listens.
    pub const fn url(&self) -> Option<&StreamUrl> {
        self.url.as_ref()
    }

    /// An error with the end of its log where the server has ended.
    pub fn check_running(&mut self) -> Result<(), String> {
        match &mut self.process {
            Running::Nothing => Ok(()),
            Running::Own(server) => server.check_running(),
            Running::Other(process) => process.check_running(),
        }
    }
}

/// The words of a command with `rtsp`'s port and the run's folder in them.
fn spelled_out(words: &[String], rtsp: SocketAddr, folder: &Path) -> Result<Command, String> {
    let (port, dir) = (rtsp.port().to_string(), folder.display().to_string());
    let mut words = words.iter().map(|word| word.replace(PORT, &port).replace(FOLDER, &dir));
    let program = words.next().ok_or_else(|| "the command is empty".to_owned())?;
    let file = executable(&program).ok_or_else(|| format!("the program {program} no longer exists"))?;
    let mut command = leashed(&file)?;
    command.args(words);
    Ok(command)
}

/// Asks a server for its stream.
pub struct Probe {
    url: StreamUrl,
}

impl Probe {
    /// Asks the server at `url`.
    pub fn new(url: &StreamUrl) -> Self {
        Self { url: url.clone() }
    }

    /// Whether DESCRIBE (RFC 2326 section 10.2) finds a stream. Where the server asks for a password first it is taken for there,
    /// and the receiver waits.
    pub fn has_stream(&self) -> bool {
        matches!(self.describe(), Ok(200 | 401))
    }

    fn describe(&self) -> io::Result<u16> {
        let addresses = self.url.addresses()?;
        let address = addresses.first().ok_or(io::ErrorKind::NotFound)?;
        let mut connection = TcpStream::connect_timeout(address, ANSWER_LIMIT)?;
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        let url = self.url.url();
        write!(connection, "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n")?;
        let mut status = [0; "RTSP/1.0 200".len()];
        connection.read_exact(&mut status)?;
        let code = str::from_utf8(&status).ok().and_then(|text| text.strip_prefix("RTSP/1.0 "));
        code.and_then(|code| code.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn url(rtsp: SocketAddr) -> Result<StreamUrl, String> {
    format!("rtsp://{rtsp}/cam").parse().map_err(|error: UrlError| format!("{rtsp} makes no URL: {error}"))
}
