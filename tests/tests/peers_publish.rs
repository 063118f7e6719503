//! ffmpeg and GStreamer publish our stamped pictures to our server, over TCP and UDP; our receiver measures them.

use framelag_tests::measuring::{expect_measured, receiver, stamped_pictures};
use framelag_tests::process::{Builder, Process};
use framelag_tests::serving::{self, Server, Transport};
use framelag_tests::{LIMIT, need, turn};

/// Publishes stamped pictures with the program that `publish` starts on y4m at standard input, and measures them.
fn measured_through(transport: Transport, publish: impl Fn(&Server, Process) -> (Process, Process)) {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let server = serving::framelag(&[]);
    let _publishing = publish(&server, stamped_pictures());
    server.wait_for_stream();
    receiver(&server.play_url(), Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    expect_measured(folder.path(), transport);
}

/// ffmpeg encodes with x264 and pushes.
fn ffmpeg(transport: Transport) -> impl Fn(&Server, Process) -> (Process, Process) {
    move |server, mut pictures| {
        let pushing = Builder::new(need::tool("ffmpeg"))
            .words("-loglevel warning -f yuv4mpegpipe -i -")
            .words("-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 1M -pix_fmt yuv420p")
            .args(["-f", "rtsp", "-rtsp_transport", transport.name(), &server.publish_url()])
            .stdin(pictures.take_stdout())
            .spawn();
        (pictures, pushing)
    }
}

/// GStreamer encodes with x264 and pushes with `rtspclientsink`.
fn gstreamer(transport: Transport) -> impl Fn(&Server, Process) -> (Process, Process) {
    move |server, mut pictures| {
        need::gstreamer_elements(&["y4mdec", "x264enc", "rtspclientsink"]);
        let pushing = Builder::new(need::tool("gst-launch-1.0"))
            .words("--quiet fdsrc ! y4mdec ! videoconvert ! video/x-raw,format=I420")
            .words("! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=1000 ! h264parse")
            .args(["!", "rtspclientsink", "latency=0", &format!("protocols={}", transport.name())])
            .arg(format!("location={}", server.publish_url()))
            .stdin(pictures.take_stdout())
            .spawn();
        (pictures, pushing)
    }
}

#[test]
fn ffmpeg_publishes_over_tcp() {
    measured_through(Transport::Tcp, ffmpeg(Transport::Tcp));
}

#[test]
fn ffmpeg_publishes_over_udp() {
    measured_through(Transport::Udp, ffmpeg(Transport::Udp));
}

#[test]
fn gstreamer_publishes_over_tcp() {
    measured_through(Transport::Tcp, gstreamer(Transport::Tcp));
}

#[test]
fn gstreamer_publishes_over_udp() {
    measured_through(Transport::Udp, gstreamer(Transport::Udp));
}
