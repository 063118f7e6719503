//! Our own publisher and receiver, with the flags that most tests want.

use std::path::Path;

use crate::process::{Builder, Process};
use crate::report::{Frames, Report};
use crate::serving::{Transport, address_in};
use crate::{LIMIT, binary};

/// A publisher of a 640x480 test pattern at 30 fps, that pushes to `url`.
pub fn publisher(url: &str, transport: Transport) -> Builder {
    test_pattern().args(["--to", url, "--transport", transport.name()])
}

/// A publisher of a 640x480 test pattern at 30 fps that writes the stamped pictures as y4m to its raw standard output.
pub fn stamped_pictures() -> Process {
    test_pattern().args(["--to", "-"]).raw_stdout().spawn()
}

/// A publisher with `arguments`, which has begun, with a server of its own in its process; and the URL that it is played from.
pub fn publisher_with_server(arguments: &[&str]) -> (Process, String) {
    begun(Builder::new(binary::path("publisher")).args(arguments))
}

/// `publisher` when it has begun, with a server of its own in its process; and the URL that it is played from.
pub fn begun(publisher: Builder) -> (Process, String) {
    let mut publisher = publisher.words("--rtsp 127.0.0.1:0 --http 127.0.0.1:0").spawn();
    let address = publisher.wait_for_line("where it can be played", LIMIT, |line| address_in(line, "rtsp"));
    publisher.wait_for_line("the stream's start", LIMIT, |line| line.contains("publishing to").then_some(()));
    (publisher, format!("rtsp://{address}/cam"))
}

/// A receiver of `url` without a window, that measures for four seconds after one of warm-up and reports into `folder`.
pub fn receiver(url: &str, transport: Transport, folder: &Path) -> Builder {
    Builder::new(binary::path("receiver"))
        .args([url, "--transport", transport.name()])
        .words("--headless --warmup 1s --duration 5s --wait 30s --report")
        .arg(folder)
}

/// A receiver of y4m at its standard input, that measures for four seconds after one of warm-up.
pub fn receiver_of_pipe(folder: &Path) -> Builder {
    Builder::new(binary::path("receiver")).words("- --headless --warmup 1s --duration 5s --report").arg(folder)
}

/// A receiver of `url` that measures until it is told to end, and says so every second in JSON lines.
pub fn endless_receiver(url: &str, folder: &Path) -> Builder {
    endless_receiver_over(Transport::Tcp, url, folder)
}

/// [`endless_receiver`] over either transport.
pub fn endless_receiver_over(transport: Transport, url: &str, folder: &Path) -> Builder {
    Builder::new(binary::path("receiver"))
        .args([url, "--transport", transport.name()])
        .words("--headless --warmup 0s --wait 30s --json --report")
        .arg(folder)
}

/// Waits until `receiver`, which writes JSON lines, has measured `more` frames more than before.
pub fn wait_for_frames(receiver: &mut Process, more: u64) {
    let printed = receiver.line_count();
    let before = receiver.wait_for_line_after(printed, "the next second's figures", LIMIT, measured);
    receiver.wait_for_line_after(printed, "more frames", LIMIT, |line| {
        measured(line).filter(|count| *count >= before + more)
    });
}

/// How many frames were measured so far, where a line of `receiver --json` says so.
pub fn measured(line: &str) -> Option<u64> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["event"] == "second").then(|| line["frames"]["measured"].as_u64())?
}

/// What a run needs to prove anything. A busy machine publishes no more than a share of what it is to.
const MIN_MEASURED: u64 = 30;

/// Reads a report whose frames came whole: all accounted for, enough of them measured, and none lost on TCP. On UDP a
/// busy machine may lose a few.
///
/// # Panics
///
/// Where it is not so.
pub fn expect_measured(folder: &Path, transport: Transport) -> Report {
    let report = Report::read(folder);
    let frames = report.accounted();
    assert!(frames.measured >= MIN_MEASURED, "of four seconds at 25 to 30 fps, on a busy machine: {frames:?}");
    match transport {
        Transport::Tcp => assert_eq!(missing(&frames), 0, "nothing is lost over TCP: {frames:?}"),
        Transport::Udp => assert!(missing(&frames) * 10 <= frames.expected, "one in ten lost at most: {frames:?}"),
    }
    assert!(report.number("latency_ms.p50") > 0.0, "a picture is older than its stamp");
    report
}

/// Frames without a latency that did not come twice either.
pub const fn missing(frames: &Frames) -> u64 {
    frames.lost + frames.unreadable + frames.undecodable + frames.late
}

fn test_pattern() -> Builder {
    Builder::new(binary::path("publisher")).words("--source test --size 640x480 --fps 30")
}
