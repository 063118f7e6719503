//! Our own publisher and receiver, with the flags that most tests want.

use std::path::Path;

use crate::binary;
use crate::process::{Builder, Process};
use crate::report::{Frames, Report};
use crate::serving::Transport;

/// A publisher of a 640x480 test pattern at 30 fps, that pushes to `url`.
pub fn publisher(url: &str, transport: Transport) -> Builder {
    test_pattern().args(["--to", url, "--transport", transport.name()])
}

/// A publisher of a 640x480 test pattern at 30 fps that writes the stamped pictures as y4m to its raw standard output.
pub fn stamped_pictures() -> Process {
    test_pattern().args(["--to", "-"]).raw_stdout().spawn()
}

/// A receiver of `url` without a window, that measures for four seconds after one of warm-up and reports into `folder`.
pub fn receiver(url: &str, transport: Transport, folder: &Path) -> Builder {
    Builder::new(binary::path("receiver"))
        .args([url, "--transport", transport.name()])
        .words("--headless --warmup 1s --duration 5s --wait 30s --report")
        .arg(folder)
}

/// Reads a report whose frames came whole: all accounted for, most of four seconds' worth measured, and none lost on
/// TCP. On UDP a busy machine may lose a few.
///
/// # Panics
///
/// Where it is not so.
pub fn expect_measured(folder: &Path, transport: Transport) -> Report {
    let report = Report::read(folder);
    let frames = report.accounted();
    assert!(frames.measured > 60, "most of four seconds at 25 to 30 fps: {frames:?}");
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
