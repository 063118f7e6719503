//! Source, publisher, server and proxy, as they run for a whole calibration.

use common::host::Stop;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::frame::Size;
use common::stream_url::Error as UrlError;
use common::time::Now;
use framelag::proxy::{Direction, Endpoint, Network, Protocol, Proxy};

use super::Error;
use super::play::{self, Played};
use super::source::Source;
use super::tap::{Passed, Tap};
use crate::playing::{Playing, Receiver};
use crate::processes::{Process, sibling};
use crate::serving::Server;

/// Of the pictures.
pub const SIZE: Size = Size::new(640, 480);

/// The instrument with a proxy in it. Dropping it ends all processes.
pub struct Rig {
    publisher: Process,
    /// Ends with the publisher.
    source: Source,
    proxy: Proxy,
    tap: Tap,
    _server: Server,
    logs: PathBuf,
}

impl Rig {
    /// Starts all but the receiver, with their logs in `logs`.
    pub fn start(logs: &Path, fps: u32, seed: u64, stopped: &Stop) -> Result<Self, Error> {
        let server = Server::start(logs, [0, 0], stopped)?;
        let arguments = ["--source", "-", "--to", &server.url()];
        let (mut publisher, pipe) =
            Process::start_fed("publisher", &sibling("publisher")?, &arguments, logs.join("publisher.log"))?;
        let source = Source::start(pipe, SIZE, fps)?;
        server.wait_for_stream(&mut publisher, stopped)?;
        let tcp = |address| Endpoint { protocol: Protocol::Tcp, address };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let proxy = Proxy::start(tcp(any), tcp(server.rtsp()), Network::default(), seed);
        let proxy = proxy.map_err(|error| error.to_string())?;
        let tap = Tap::new(proxy.watch(Direction::Back));
        Ok(Self { publisher, source, proxy, tap, _server: server, logs: logs.to_owned() })
    }

    /// The frames that have passed the proxy since this was asked last, and when each picture so far was handed over.
    pub fn passed(&mut self) -> (Vec<Passed>, Vec<Now>) {
        (self.tap.take(), self.source.handed())
    }

    /// Plays for a warm-up and the time measured after it. `measuring` is called between the two, and `meanwhile` over and over.
    pub fn play(
        &mut self,
        arguments: &[&str],
        (warmup, measured): (Duration, Duration),
        stopped: &Stop,
        measuring: impl FnOnce(),
        mut meanwhile: impl FnMut(&Proxy),
    ) -> Result<Played, Error> {
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
        let watch = || {
            self.publisher.check_running()?;
            self.tap.look();
            meanwhile(&self.proxy);
            Ok(())
        };
        play::read(&receiver.run(watch, stopped, measuring)?)
    }
}
