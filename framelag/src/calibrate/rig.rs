//! Server, publisher and proxy, as they run for all phases.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::frame::Size;
use common::impair::Conditions;
use common::rtsp::UrlError;
use framelag::proxy::{Direction, Endpoint, Network, Protocol, Proxy};

use super::Error;
use super::play::{self, Played};
use crate::playing::{Playing, Receiver};
use crate::processes::{Process, sibling};
use crate::serving::Server;

/// Of the pictures.
pub const SIZE: Size = Size::new(640, 480);

/// The instrument with a proxy in it. Dropping it ends all processes.
pub struct Rig {
    publisher: Process,
    proxy: Proxy,
    _server: Server,
    logs: PathBuf,
}

impl Rig {
    /// Starts all but the receiver, with their logs in `logs`.
    pub fn start(logs: &Path, fps: u32, seed: u64, stopped: &AtomicBool) -> Result<Self, Error> {
        let server = Server::start(logs, [0, 0], stopped)?;
        let (url, size, fps) = (server.url(), SIZE.to_string(), fps.to_string());
        let arguments = ["--source", "test", "--size", &size, "--fps", &fps, "--to", &url];
        let mut publisher =
            Process::start_leashed("publisher", &sibling("publisher")?, &arguments, logs.join("publisher.log"))?;
        server.wait_for_stream(&mut publisher, stopped)?;
        let tcp = |address| Endpoint { protocol: Protocol::Tcp, address };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let proxy = Proxy::start(tcp(any), tcp(server.rtsp()), Network::default(), seed);
        let proxy = proxy.map_err(|error| error.to_string())?;
        Ok(Self { publisher, proxy, _server: server, logs: logs.to_owned() })
    }

    /// Delays what goes to the receiver from now on.
    pub fn delay(&self, delay: Duration, jitter: Duration) {
        let back = Conditions { delay, jitter, ..Conditions::default() };
        self.proxy.set_network(Network { forward: Conditions::default(), back });
    }

    /// Plays without a window; and the delays that the proxy injected while the receiver measured.
    pub fn play(
        &mut self,
        warmup: Duration,
        measured: Duration,
        stopped: &AtomicBool,
    ) -> Result<(Played, Vec<Duration>), Error> {
        self.play_with(&["--headless"], warmup, measured, stopped)
    }

    /// Plays in a window.
    pub fn show(&mut self, warmup: Duration, measured: Duration, stopped: &AtomicBool) -> Result<Played, Error> {
        self.play_with(&[], warmup, measured, stopped).map(|(played, _)| played)
    }

    fn play_with(
        &mut self,
        arguments: &[&str],
        warmup: Duration,
        measured: Duration,
        stopped: &AtomicBool,
    ) -> Result<(Played, Vec<Duration>), Error> {
        let url = format!("rtsp://{}/cam", self.proxy.address());
        let url = url.parse().map_err(|error: UrlError| error.to_string())?;
        let receiver = Receiver::start(Playing {
            url: &url,
            arguments,
            warmup,
            measured,
            gop_time: Duration::ZERO,
            report: self.logs.join("run"),
            log: self.logs.join("receiver.log"),
        })?;
        let report = receiver.run(
            || self.publisher.check_running(),
            stopped,
            || drop(self.proxy.take_delays(Direction::Back)),
        )?;
        Ok((play::read(&report)?, self.proxy.take_delays(Direction::Back)))
    }
}
