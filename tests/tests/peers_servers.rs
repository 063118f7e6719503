//! Our publisher pushes to, and our receiver plays from, other people's servers, over TCP and UDP: GStreamer's, one on
//! gortsplib, and MediaMTX where there is one.

use framelag_tests::measuring::{expect_measured, publisher, receiver};
use framelag_tests::serving::{self, Server, Transport};
use framelag_tests::{LIMIT, need, turn};

/// Starts a server, pushes to it and measures what comes back from it.
fn measured_through(start: impl FnOnce() -> Server, transport: Transport) {
    let _turn = turn::take();
    let server = start();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let _publisher = publisher(&server.publish_url(), transport).spawn();
    server.wait_for_stream();
    let received = receiver(&server.play_url(), transport, folder.path()).run(LIMIT);
    assert_eq!(received.code, Some(0), "{received}the server printed:\n{}", server.process.dump());
    expect_measured(folder.path(), transport);
}

fn mediamtx(transport: Transport) {
    let Some(program) = need::mediamtx() else { return };
    let folder = tempfile::tempdir().expect("a folder for the test");
    measured_through(|| serving::mediamtx(&program, folder.path()), transport);
}

#[test]
fn gstreamer_server_over_tcp() {
    measured_through(serving::gstreamer, Transport::Tcp);
}

#[test]
fn gstreamer_server_over_udp() {
    measured_through(serving::gstreamer, Transport::Udp);
}

#[test]
fn gortsplib_server_over_tcp() {
    measured_through(serving::gortsplib, Transport::Tcp);
}

#[test]
fn gortsplib_server_over_udp() {
    measured_through(serving::gortsplib, Transport::Udp);
}

#[test]
fn mediamtx_over_tcp() {
    mediamtx(Transport::Tcp);
}

#[test]
fn mediamtx_over_udp() {
    mediamtx(Transport::Udp);
}
