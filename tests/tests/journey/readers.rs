//! Several readers of one stream: late ones, and slow ones, who harm nobody.

use framelag_tests::measuring::{
    endless_receiver, expect_measured, missing, publisher, publisher_with_server, receiver, wait_for_frames,
};
use framelag_tests::process::wait_until;
use framelag_tests::report::Report;
use framelag_tests::rtsp::http_get;
use framelag_tests::serving::{self, Transport};
use framelag_tests::{LIMIT, turn};

#[test]
fn who_comes_late_gets_a_picture_without_waiting_for_the_next_gop() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    // Left to itself the publisher sends its next IDR in 55 minutes.
    let (_publisher, url) = publisher_with_server(&["--source", "test", "--gop", "100000"]);
    let first = tempfile::tempdir().expect("a folder for the test");
    let mut early = endless_receiver(&url, first.path()).spawn();
    wait_for_frames(&mut early, 30);
    receiver(&url, Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    let report = expect_measured(folder.path(), Transport::Tcp);
    assert!(report.number("startup.first_frame_ms") > 0.0);
    early.interrupt();
    early.finish(LIMIT).expect_code(0);
    assert_eq!(missing(&Report::read(first.path()).accounted()), 0, "the IDR that was asked for costs nobody a frame");
}

#[test]
fn a_reader_that_stalls_loses_whole_frames_and_nobody_else_does() {
    let _turn = turn::take();
    let (slow, healthy) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let server = serving::framelag(&[]);
    // Much, so that what the sockets hold of it is full in seconds.
    let _publisher = publisher(&server.publish_url(), Transport::Tcp).args(["--bitrate", "20M"]).spawn();
    server.wait_for_stream();
    let mut stalled = endless_receiver(&server.play_url(), slow.path()).spawn();
    let mut other = endless_receiver(&server.play_url(), healthy.path()).spawn();
    wait_for_frames(&mut stalled, 30);

    stalled.pause();
    wait_until("frames dropped for the reader that stalls", LIMIT, || dropped(&server).filter(|count| *count > 0));
    stalled.resume();
    wait_for_frames(&mut stalled, 60);
    wait_for_frames(&mut other, 30);
    for receiver in [stalled, other] {
        receiver.interrupt();
        receiver.finish(LIMIT).expect_code(0);
    }

    let lost = Report::read(slow.path()).accounted();
    assert!(lost.lost > 0 && lost.undecodable == 0, "whole frames up to an IDR are left out: {lost:?}");
    let frames = Report::read(healthy.path()).accounted();
    assert!(frames.measured > 90 && missing(&frames) == 0, "the other reader notices nothing: {frames:?}");
}

/// Frames that the server dropped for readers of `cam`, as its API says.
fn dropped(server: &serving::Server) -> Option<u64> {
    let answer = http_get(server.http?, "/api/streams/status/cam").ok()?;
    let status: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    status["dropped_frames"].as_u64()
}
