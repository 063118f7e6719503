//! Runs that something breaks into: killed receivers, servers and publishers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use framelag_tests::measuring::{endless_receiver, publisher, publisher_with_server, wait_for_frames};
use framelag_tests::process::{Process, wait_until};
use framelag_tests::report::Report;
use framelag_tests::serving::{self, Server, Transport};
use framelag_tests::{LIMIT, turn, viewing};

/// Frames that make two seconds.
const SOME_FRAMES: u64 = 60;

/// Ends a receiver as a user does.
fn interrupt(receiver: Process) {
    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(0);
}

#[test]
fn a_killed_receiver_leaves_a_readable_report() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_publisher, url) = publisher_with_server(&["--source", "test"]);
    let mut receiver = endless_receiver(&url, folder.path()).spawn();
    wait_for_frames(&mut receiver, SOME_FRAMES);
    receiver.kill();
    assert_eq!(receiver.finish(LIMIT).signal, Some(9));

    let report = Report::read(folder.path());
    assert_eq!((report.value("partial"), report.value("outcome")), (&true.into(), &"inconclusive".into()));
    // A killed writer may have written one of the two files and not the other yet: each is whole by itself.
    let frames = report.frames();
    assert!(frames.measured > 0, "all but the last second is there: {frames:?}");
    let rows = report.outcomes();
    assert!(rows.iter().any(|outcome| outcome == "measured"), "{} rows", rows.len());
}

/// A server, a publisher to it and a receiver from it that measures.
fn running(folder: &std::path::Path) -> (Server, Process, Process) {
    let server = serving::framelag_at(&serving::lasting_address().to_string(), &[]);
    let publisher = publisher(&server.publish_url(), Transport::Tcp).spawn();
    server.wait_for_stream();
    let mut receiver = endless_receiver(&server.play_url(), folder).spawn();
    wait_for_frames(&mut receiver, SOME_FRAMES);
    (server, publisher, receiver)
}

#[test]
fn a_server_that_comes_back_finds_both_ends_again() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (mut server, mut publisher, mut receiver) = running(folder.path());
    let (said, heard) = (publisher.line_count(), receiver.line_count());
    server.process.kill();
    wait_until("the server's end", LIMIT, || server.process.has_ended().then_some(()));
    receiver.wait_for_line_after(heard, "that the stream is gone", LIMIT, |line| {
        line.contains(r#""event":"disconnected""#).then_some(())
    });
    publisher.wait_for_line_after(said, "that the server is gone", LIMIT, |line| {
        line.contains("lost the connection").then_some(())
    });

    let _again = serving::framelag_at(&server.address.to_string(), &[]);
    publisher.wait_for_line_after(said, "that it publishes again", LIMIT, |line| {
        line.contains("publishing to").then_some(())
    });
    wait_for_frames(&mut receiver, SOME_FRAMES);
    interrupt(receiver);

    let report = Report::read(folder.path());
    let frames = report.accounted();
    assert!(frames.lost > 0, "the gap is in the report: {frames:?}");
    assert_eq!(report.number("frames.restarts"), 0.0, "the sequence went on");
    assert_eq!(report.number("connection.disconnects"), 1.0);
    assert!(report.number("connection.disconnected_ms") > 0.0);
}

#[test]
fn a_publisher_that_comes_back_begins_a_new_segment() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (server, mut publisher_before, mut receiver) = running(folder.path());
    let heard = receiver.line_count();
    publisher_before.kill();
    wait_until("the publisher's end", LIMIT, || publisher_before.has_ended().then_some(()));
    receiver.wait_for_line_after(heard, "that the stream is gone", LIMIT, |line| {
        line.contains(r#""event":"disconnected""#).then_some(())
    });

    let _again = publisher(&server.publish_url(), Transport::Tcp).spawn();
    wait_for_frames(&mut receiver, SOME_FRAMES);
    interrupt(receiver);

    let report = Report::read(folder.path());
    report.accounted();
    assert_eq!(report.number("frames.restarts"), 1.0);
    let segments = report.column("frames.csv", "segment");
    assert_eq!((segments.first(), segments.last()), (Some(&"0".to_owned()), Some(&"1".to_owned())));
}

/// Reads `/cam/mse` until it has `wanted` boxes of this kind, or ends. Returns whether it goes on.
fn read_boxes(socket: &mut TcpStream, bytes: &mut Vec<u8>, (kind, wanted): (&[u8], usize)) -> bool {
    let mut buffer = [0; 65_536];
    while bytes.windows(kind.len()).filter(|window| *window == kind).count() < wanted {
        let read = socket.read(&mut buffer).expect("frames come, or the end");
        if read == 0 {
            return false;
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
    true
}

#[test]
fn one_response_goes_on_when_its_publisher_comes_back_and_ends_when_that_one_ends() {
    let _turn = turn::take();
    let server = serving::framelag(&["--preset", "frame"]);
    let mut first = publisher(&server.publish_url(), Transport::Tcp).spawn();
    server.wait_for_stream();
    let mut socket = TcpStream::connect(server.http.expect("it listens for HTTP")).expect("it listens");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    write!(socket, "GET /cam/mse HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut bytes = Vec::new();
    assert!(read_boxes(&mut socket, &mut bytes, (b"moof", 30)), "it has begun");
    first.kill();
    wait_until("the publisher's end", LIMIT, || first.has_ended().then_some(()));

    let again = publisher(&server.publish_url(), Transport::Tcp).spawn();
    assert!(read_boxes(&mut socket, &mut bytes, (b"moov", 2)), "it goes on with what the new publisher sends");
    let mut more = Vec::new();
    assert!(read_boxes(&mut socket, &mut more, (b"moof", 60)), "and on");
    again.interrupt();
    // A server that waited for this publisher to come back would take 10 s.
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    assert!(!read_boxes(&mut socket, &mut more, (b"moof", 10_000)), "it ends with the stream");
}

/// Browsers that measure streams of a server with segments and one-frame parts: by what, their folders and receivers.
type Browsers = Vec<(&'static str, tempfile::TempDir, Process)>;

/// Has a publisher's stream played by a browser for each of `played`, what it takes and its file, until all measure.
fn in_browsers(played: &[(&'static str, &str)], options: &str) -> (Server, Process, Browsers) {
    let server = serving::framelag(&["--segment", "500ms", "--part", "frame"]);
    let publisher = publisher(&server.publish_url(), Transport::Tcp).words("--gop 15").spawn();
    server.wait_for_stream();
    let http = server.http.expect("it listens for HTTP");
    let play = |(via, file): &(&'static str, &str)| {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let receiver = viewing::chromium(via, &format!("http://{http}/cam/{file}"), folder.path());
        (*via, folder, receiver.words("--json").words(options).spawn())
    };
    let mut browsers: Browsers = played.iter().map(play).collect();
    browsers.iter_mut().for_each(|(_, _, receiver)| wait_for_frames(receiver, SOME_FRAMES));
    (server, publisher, browsers)
}

#[test]
fn browsers_play_on_when_the_publisher_comes_back() {
    let _turn = turn::take();
    let played = [("ll-hls", "index.m3u8"), ("dash", "manifest.mpd"), ("mse", "mse")];
    let (server, mut first, receivers) = in_browsers(&played, "--joins 1 --duration 10m");
    first.kill();
    wait_until("the publisher's end", LIMIT, || first.has_ended().then_some(()));
    let _again = publisher(&server.publish_url(), Transport::Tcp).words("--gop 15").spawn();
    for (via, folder, mut receiver) in receivers {
        wait_for_frames(&mut receiver, SOME_FRAMES);
        interrupt(receiver);
        let report = Report::read(&folder.path().join("run"));
        report.accounted();
        assert_eq!(report.number("frames.restarts"), 1.0, "{via}");
        let segments = report.column("frames.csv", "segment");
        assert_eq!((segments.first(), segments.last()), (Some(&"0".to_owned()), Some(&"1".to_owned())), "{via}");
    }
}

/// Length of a join that its stream cuts short.
const JOIN_S: f64 = 60.0;

#[test]
fn a_stream_that_ends_while_browsers_play_it_is_inconclusive_and_what_was_measured_counts() {
    let _turn = turn::take();
    let played = [("ll-hls", "index.m3u8"), ("hls", "index.m3u8"), ("dash", "manifest.mpd"), ("mse", "mse")];
    let (_server, publisher, receivers) = in_browsers(&played, &format!("--joins 2 --duration {JOIN_S}s --wait 2s"));
    publisher.interrupt();
    for (via, folder, receiver) in receivers {
        receiver.finish(LIMIT).expect_code(3);
        let report = Report::read(&folder.path().join("run"));
        let warnings = report.value("warnings").to_string();
        let why = if via == "mse" { "http-status 404: /cam/mse answers 404" } else { "ended: the stream has ended" };
        assert!(warnings.contains(&format!("only 1 of 2 joins were played ({why})")), "{via}: {warnings}");
        let gone =
            warnings.split_once("the stream was gone for the last ").and_then(|(_, rest)| rest.split_once(" s of"));
        let gone_s: f64 = gone.and_then(|(gone, _)| gone.parse().ok()).unwrap_or_else(|| panic!("{via}: {warnings}"));
        let played_s = report.number("duration_s");
        assert!((played_s + gone_s - JOIN_S).abs() < 1.5, "{via}: {played_s} s and {gone_s} s gone");
        assert!(report.accounted().measured > 30, "{via}");
        assert_eq!(report.value("joins").as_array().map(Vec::len), Some(1), "{via}");
    }
}
