//! ffmpeg, GStreamer and our receiver (on retina) play from our server what our publisher pushes, over TCP and UDP.

use framelag_tests::measuring::{expect_measured, publisher, receiver};
use framelag_tests::pictures::watch;
use framelag_tests::process::{Builder, Process};
use framelag_tests::serving::{self, Server, Transport};
use framelag_tests::{LIMIT, need, turn};

/// Pictures that another player has to hand over: two seconds.
const PICTURES: usize = 60;

/// Our server and a publisher to it, which has begun.
fn live(transport: Transport) -> (Server, Process) {
    let server = serving::framelag(&[]);
    let publisher = publisher(&server.publish_url(), transport).spawn();
    server.wait_for_stream();
    (server, publisher)
}

fn ffmpeg_plays(transport: Transport) {
    let _turn = turn::take();
    let (server, _publisher) = live(transport);
    let mut player = Builder::new(need::tool("ffmpeg"))
        .args(["-loglevel", "warning", "-rtsp_transport", transport.name(), "-i", &server.play_url()])
        .words("-fps_mode passthrough -pix_fmt yuv420p -f yuv4mpegpipe -")
        .raw_stdout()
        .spawn();
    watch(&mut player, PICTURES, LIMIT).expect_codes();
}

fn gstreamer_plays(transport: Transport) {
    let _turn = turn::take();
    need::gstreamer_elements(&["rtspsrc", "avdec_h264", "y4menc"]);
    let (server, _publisher) = live(transport);
    let mut player = Builder::new(need::tool("gst-launch-1.0"))
        .args(["--quiet", "rtspsrc", "latency=0", &format!("protocols={}", transport.name())])
        .arg(format!("location={}", server.play_url()))
        .words("! rtph264depay ! h264parse ! avdec_h264")
        // y4menc writes whole buffers: the decoder must not pad the planes in them.
        .words("! identity drop-allocation=true ! videoconvert ! video/x-raw,format=I420 ! y4menc ! fdsink")
        .raw_stdout()
        .spawn();
    watch(&mut player, PICTURES, LIMIT).expect_codes();
}

fn our_receiver_plays(transport: Transport) {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (server, _publisher) = live(transport);
    receiver(&server.play_url(), transport, folder.path()).run(LIMIT).expect_code(0);
    expect_measured(folder.path(), transport);
}

#[test]
fn ffmpeg_plays_over_tcp() {
    ffmpeg_plays(Transport::Tcp);
}

#[test]
fn ffmpeg_plays_over_udp() {
    ffmpeg_plays(Transport::Udp);
}

#[test]
fn gstreamer_plays_over_tcp() {
    gstreamer_plays(Transport::Tcp);
}

#[test]
fn gstreamer_plays_over_udp() {
    gstreamer_plays(Transport::Udp);
}

#[test]
fn our_receiver_plays_over_tcp() {
    our_receiver_plays(Transport::Tcp);
}

#[test]
fn our_receiver_plays_over_udp() {
    our_receiver_plays(Transport::Udp);
}
