//! Undisturbed runs on real footage: every frame is accounted for, and its stages add up.

use std::path::Path;

use framelag_tests::measuring::{expect_measured, publisher_with_server, receiver, receiver_of_pipe, stamped_pictures};
use framelag_tests::report::Report;
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, need, turn};

/// Plays a clip again and again through the publisher's own server, and measures it.
fn journey_of(clip: &str, transport: Transport) {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clip = need::footage(clip);
    need::tool("ffmpeg");
    let clip = clip.to_str().expect("the repository's path is UTF-8");
    let (_publisher, url) = publisher_with_server(&["--source", clip, "--loop"]);
    receiver(&url, transport, folder.path()).run(LIMIT).expect_code(0);
    let report = expect_measured(folder.path(), transport);
    let frames = report.frames();
    let stages = report.stages_add_up();
    assert_eq!((stages.complete as u64, stages.presented), (frames.measured + frames.duplicate + frames.late, 0));
    println!("{transport:?}: the stages of {} frames are at most {} µs off", stages.complete, stages.largest_error_us);
    expect_agreement(&report);
    assert_eq!(report.value("outcome"), "ok");
    assert_eq!(report.value("partial"), false);
    assert_eq!(report.value("warnings").as_array().map(Vec::len), Some(0), "{}", report.value("warnings"));
    assert_eq!(report.number("frames.restarts"), 0.0, "the clip's end is not the stream's");
    for file in ["intervals.csv", "latency.hlog", "latency.hgrm"] {
        expect_file(folder.path(), file);
    }
    let seconds: u64 =
        report.column("intervals.csv", "measured").iter().map(|count| count.parse::<u64>().unwrap_or(0)).sum();
    assert_eq!(seconds, frames.measured, "the seconds add up to the run");
}

/// Checks that code, SEI and sender reports of the frames name the same times.
fn expect_agreement(report: &Report) {
    assert!(report.number("stamps.agreeing") >= 30.0, "{}", report.value("stamps"));
    for nothing in ["stamps.contradicted", "stamps.missing_sei", "capture.implausible"] {
        assert_eq!(report.number(nothing), 0.0, "{nothing}");
    }
    assert_eq!(report.number("stamps.largest_difference_us"), 0.0, "code and SEI carry one and the same time");
    // The first ten seconds of a publisher have a report every second.
    assert!(report.number("stamps.sender_reports") >= 2.0, "{}", report.value("stamps"));
    let median = report.number("stamps.sender_report_difference_us.median");
    assert!(median.abs() <= 1_000.0, "the server passes the publisher's reports on: {median} µs");
    assert!(report.value("capture.clock").is_null(), "a file has no capture time");
}

fn expect_file(folder: &Path, name: &str) {
    let length = std::fs::metadata(folder.join(name)).map(|file| file.len());
    assert!(length.as_ref().is_ok_and(|length| *length > 0), "{name}: {length:?}");
}

#[test]
fn large_pictures_over_tcp() {
    journey_of("bigbuckbunny.mp4", Transport::Tcp);
}

#[test]
fn wide_pictures_over_udp() {
    journey_of("bikes.mp4", Transport::Udp);
}

#[test]
fn small_pictures_over_tcp() {
    journey_of("carphone_pristine.mp4", Transport::Tcp);
}

#[test]
fn a_pipe_is_measured_without_a_server() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut pictures = stamped_pictures();
    receiver_of_pipe(folder.path()).stdin(pictures.take_stdout()).run(LIMIT).expect_code(0);
    let report = expect_measured(folder.path(), Transport::Tcp);
    assert!(report.value("stages_ms.encode.p50").is_null(), "nothing was encoded");
    assert_eq!(report.number("stamps.missing_sei"), 0.0, "a pipe has no place for one");
    // Whom nobody reads from any more comes to a quiet end.
    pictures.finish(LIMIT).expect_code(0);
}
