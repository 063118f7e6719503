//! The server of a run, started if it has to be.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::host::Stop;
use common::stream_url::StreamUrl;
use framelag::plan::segments::Segments;
use framelag::plan::server::{FOLDER, PORT, Server};
use framelag::{loopback, mediamtx, programs::executable};
use report::dir;

use crate::exit::Error;
use crate::local_server::{ANSWER_LIMIT, LocalServer, url_at};
use crate::processes::{Process, child};

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How often a server is started whose port turns out to be taken.
const STARTS: u32 = 5;

/// The server of a run. Dropping it ends what was started.
pub struct RunServer {
    /// Where to publish to, and play from. `None` for the server in the publisher, which says where once it listens.
    pub url: Option<StreamUrl>,
    /// Where browsers play from, if they do.
    pub http: Option<SocketAddr>,
    process: Option<Process>,
}

/// A program to start: its command and, if it serves browsers, its HTTP address.
type Told = (Command, Option<SocketAddr>);

impl RunServer {
    /// Starts the processes needed to serve `segments`, with logs and files in `folder`.
    pub fn start(server: &Server, segments: &Segments, folder: &Path, stopped: &Stop) -> Result<Self, Error> {
        match server {
            Server::Embedded => Ok(Self { url: None, http: None, process: None }),
            Server::Running(url) => Ok(Self { url: Some(url.clone()), http: None, process: None }),
            Server::Own => {
                let LocalServer { process, url, http, .. } =
                    LocalServer::start(folder, [0, 0], &segments.flags, stopped)?;
                Ok(Self { url: Some(url), http: Some(http), process: Some(process) })
            }
            Server::Mediamtx => {
                let host = loopback::random_host();
                let command = |rtsp| mediamtx_command(rtsp, segments, host, folder);
                Self::start_at(host, command, folder, stopped)
            }
            Server::Command(words) => {
                let command = |rtsp| Ok((expand(words.reveal(), rtsp, folder)?, None));
                Self::start_at(Ipv4Addr::LOCALHOST, command, folder, stopped)
            }
        }
    }

    /// Starts a program that is told where to listen on `host`, and waits until it does. If another program listens there first, it
    /// is started again elsewhere.
    fn start_at(
        host: Ipv4Addr,
        command: impl Fn(SocketAddr) -> Result<Told, String>,
        folder: &Path,
        stopped: &Stop,
    ) -> Result<Self, Error> {
        let start = || -> Result<Self, Error> {
            let rtsp = loopback::unused_address(host);
            let (command, http) = command(rtsp)?;
            let mut process = Process::start("server", command, folder.join("server.log"))?;
            let listens = || TcpStream::connect_timeout(&rtsp, ANSWER_LIMIT).is_ok();
            process.wait_until(START_LIMIT, "listen", stopped, listens)?;
            Ok(Self { url: Some(url_at(rtsp)?), http, process: Some(process) })
        };
        for _ in 1..STARTS {
            match start() {
                Err(Error::Failed(why)) if loopback::is_taken(&why) => tracing::debug!("{why}: once more"),
                started => return started,
            }
        }
        start()
    }

    /// An error with the end of its log if the server has ended.
    pub fn check_running(&mut self) -> Result<(), String> {
        self.process.as_mut().map_or(Ok(()), Process::check_running)
    }
}

/// Prepares MediaMTX with RTSP at `rtsp`, and HLS on `host` if a browser plays.
fn mediamtx_command(rtsp: SocketAddr, segments: &Segments, host: Ipv4Addr, folder: &Path) -> Result<Told, String> {
    let program = mediamtx::find().ok_or_else(|| "mediamtx is no longer available".to_owned())?;
    let hls = segments.via.map(|via| segments.mediamtx(via)).transpose()?;
    let hls = hls.map(|hls| (loopback::unused_address(host), hls));
    let file = folder.join("mediamtx.yml");
    let written = dir::create(&file).and_then(|mut file| file.write_all(mediamtx::config(rtsp, hls).as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    let mut command = child(&program)?;
    command.envs([mediamtx::ENVIRONMENT]).arg(&file);
    Ok((command, hls.map(|(address, _)| address)))
}

/// The command with `rtsp`'s port and the run's folder filled in.
fn expand(words: &[String], rtsp: SocketAddr, folder: &Path) -> Result<Command, String> {
    let (port, dir) = (rtsp.port().to_string(), folder.display().to_string());
    let mut words = words.iter().map(|word| word.replace(PORT, &port).replace(FOLDER, &dir));
    let program = words.next().ok_or_else(|| "the command is empty".to_owned())?;
    let file = executable(&program).ok_or_else(|| format!("the program {program} no longer exists"))?;
    let mut command = child(&file)?;
    command.args(words);
    Ok(command)
}
