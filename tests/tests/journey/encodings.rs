//! What encoders other than ours make of the pictures: orders, and ways to begin.

use framelag_tests::measuring::{expect_measured, receiver, stamped_pictures};
use framelag_tests::process::{Builder, Process};
use framelag_tests::serving::{self, Server, Transport};
use framelag_tests::{LIMIT, binary, need, turn};

/// Our server, and ffmpeg that publishes stamped pictures to it, encoded by x264 with `options`.
fn published(options: &str) -> (Server, Process, Process) {
    let server = serving::framelag(&[]);
    let mut pictures = stamped_pictures();
    let pushing = Builder::new(need::tool("ffmpeg"))
        .words("-loglevel warning -f yuv4mpegpipe -i - -c:v libx264 -preset ultrafast -b:v 1M -pix_fmt yuv420p")
        .words(options)
        .args(["-f", "rtsp", "-rtsp_transport", "tcp", &server.publish_url()])
        .stdin(pictures.take_stdout())
        .spawn();
    server.wait_for_stream();
    (server, pictures, pushing)
}

/// x264's defaults, the most B-frames that it makes, and open GOPs with references among them.
#[test]
fn b_frames_are_measured_in_the_order_in_which_they_are_shown() {
    for options in [
        "-preset medium -g 60",
        "-bf 16 -b_strategy 0 -g 60",
        "-bf 3 -g 30 -x264-params b-adapt=0:b-pyramid=normal:open-gop=1",
    ] {
        measured_in_order(options);
    }
}

fn measured_in_order(options: &str) {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (server, _pictures, _pushing) = published(options);
    let ran = receiver(&server.play_url(), Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    let report = expect_measured(folder.path(), Transport::Tcp);
    assert_eq!(report.value("outcome"), "ok", "{options}");
    // Of pictures that come one after the other, one waits for at least one more.
    assert!(report.number("stages_ms.decode.max") > 33.0, "{options}: the wait is part of it");
    let warnings = report.value("warnings").to_string();
    assert!(warnings.contains(r#""reordered""#) && warnings.contains("-bf 0"), "{warnings}");
    assert!(ran.to_string().contains("encoded for B-frames"), "it is said while it runs: {ran}");
}

/// pic_order_cnt_type 0 in profile High, as hardware encoders write it: x264 does where it might use B-frames, and with this bias
/// it uses none.
#[test]
fn pictures_that_count_their_order_are_measured() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let options = "-x264-params bframes=1:b-adapt=1:b-bias=-100:rc-lookahead=2:8x8dct=1:cabac=1:keyint=120";
    let (server, _pictures, _pushing) = published(options);
    receiver(&server.play_url(), Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    expect_measured(folder.path(), Transport::Tcp);
}

#[test]
fn intra_refresh_is_joined_in_its_middle() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (server, _pictures, _pushing) = published("-tune zerolatency -x264-params intra-refresh=1:keyint=30");
    // The only IDR picture is over when this one ends.
    Builder::new(binary::path("receiver"))
        .arg(server.play_url())
        .words("--headless --warmup 0s --duration 1s")
        .run(LIMIT);
    receiver(&server.play_url(), Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    let report = expect_measured(folder.path(), Transport::Tcp);
    assert_eq!(report.number("pictures.idr"), 0.0);
}
