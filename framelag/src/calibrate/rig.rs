//! Source, publisher, server and proxy, as they run for a whole calibration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::frame::Size;
use common::host::Stop;
use common::time::Now;
use framelag::proxy::{Direction, Network, Protocol, Proxy};

use super::measured::{self, Measured};
use super::proxied::{FrameTracker, ProxiedFrame};
use super::source::Source;
use crate::exit::Error;
use crate::local_server::{LocalServer, url_at};
use crate::playback::Playback;
use crate::processes::{Process, own_child};

/// Size of the pictures.
pub const SIZE: Size = Size::new(640, 480);

/// The instrument with a proxy in it. Dropping it ends all processes.
pub struct Rig {
    publisher: Process,
    /// Ends with the publisher.
    source: Source,
    proxy: Proxy,
    tracker: FrameTracker,
    _server: LocalServer,
    logs: PathBuf,
}

impl Rig {
    /// Starts all but the receiver, with their logs in `logs`.
    pub fn start(logs: &Path, fps: u32, seed: u64, stopped: &Stop) -> Result<Self, Error> {
        let server = LocalServer::start(logs, [0, 0], &[], stopped)?;
        let mut command = own_child("publisher")?;
        command.args(["--source", "-", "--to", &server.url.to_string()]);
        let (mut publisher, pipe) = Process::start_fed("publisher", command, logs.join("publisher.log"))?;
        let source = Source::start(pipe, SIZE, fps)?;
        server.wait_for_stream(&mut publisher, stopped)?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let proxy = Proxy::start(Protocol::Tcp, any, server.address, Network::default(), seed)?;
        let tracker = FrameTracker::new(proxy.watch(Direction::Back));
        Ok(Self { publisher, source, proxy, tracker, _server: server, logs: logs.to_owned() })
    }

    /// The frames that have passed the proxy since the last call, and when each picture so far was handed over.
    pub fn passed(&mut self) -> (Vec<ProxiedFrame>, Vec<Now>) {
        (self.tracker.take(), self.source.handed())
    }

    /// Plays for a warm-up and the time measured after it. Calls `meanwhile` all along, with whether the
    /// warm-up is over.
    pub fn play(
        &mut self,
        arguments: &[&str],
        (warmup, measured): (Duration, Duration),
        stopped: &Stop,
        mut meanwhile: impl FnMut(&Proxy, bool),
    ) -> Result<Measured, Error> {
        let url = url_at(self.proxy.address())?;
        let report = self.logs.join("run");
        let playback = Playback {
            url: &url,
            arguments,
            joins: 1,
            warmup,
            measured,
            gop_time: Duration::ZERO,
            report: report.clone(),
            log: self.logs.join("receiver.log"),
        };
        playback.run(stopped, |measuring| {
            self.publisher.check_running()?;
            self.tracker.poll();
            meanwhile(&self.proxy, measuring);
            Ok(())
        })?;
        measured::read(&report)
    }
}
