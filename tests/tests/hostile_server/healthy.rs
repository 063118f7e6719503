//! A publisher and a receiver that must not notice anything.

use std::net::SocketAddr;

use framelag_tests::LIMIT;
use framelag_tests::measuring::{endless_receiver, missing, publisher, wait_for_frames};
use framelag_tests::process::Process;
use framelag_tests::report::Report;
use framelag_tests::rtsp::Client;
use framelag_tests::serving::{self, Server, Transport};
use framelag_tests::turn::{self, Turn};

/// A server with a stream `cam`, which somebody watches.
pub struct Healthy {
    pub server: Server,
    _publisher: Process,
    receiver: Process,
    folder: tempfile::TempDir,
    _turn: Turn,
}

impl Healthy {
    pub fn start() -> Self {
        Self::start_with(serving::framelag(&[]))
    }

    /// With a server that has just been started.
    pub fn start_with(server: Server) -> Self {
        let turn = turn::take();
        let folder = tempfile::tempdir().expect("a folder for the test");
        let publisher = publisher(&server.publish_url(), Transport::Tcp).spawn();
        server.wait_for_stream();
        let mut receiver = endless_receiver(&server.play_url(), folder.path()).spawn();
        wait_for_frames(&mut receiver, 15);
        Self { server, _publisher: publisher, receiver, folder, _turn: turn }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address()).expect("the server takes connections")
    }

    /// Waits until the receiver has `count` more frames.
    pub fn expect_frames(&mut self, count: u64) {
        wait_for_frames(&mut self.receiver, count);
    }

    /// Checks that the receiver has every frame, up to some that came after the attack.
    pub fn expect_unharmed(mut self) {
        self.expect_frames(30);
        self.receiver.interrupt();
        self.receiver.finish(LIMIT).expect_code(0);
        let report = Report::read(self.folder.path());
        assert_eq!(missing(&report.accounted()), 0, "no frame is lost: {:?}", report.frames());
        assert_eq!(report.number("connection.disconnects"), 0.0);
        assert!(!self.server.process.has_ended(), "{}", self.server.process.dump());
        let said = self.server.process.dump();
        assert!(!said.contains("panicked"), "{said}");
    }
}
