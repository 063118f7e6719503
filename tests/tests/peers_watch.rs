//! Players that are not ours play HLS and DASH of `framelag serve`: each shows stamped pictures, in order, and complains of
//! nothing. (hls.js and dash.js do in `journey/paths.rs`.)

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use common::code::Reader;
use common::frame::Luma;
use framelag_tests::process::{Builder, Process};
use framelag_tests::viewing::Streams;
use framelag_tests::{LIMIT, need, turn};
use rustix::process::geteuid;

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
/// Pictures that a player has to show: two seconds at 30 per second.
const PICTURES: usize = 60;

fn streams() -> Streams {
    Streams::served(&["--segment", "500ms"]).with("cam")
}

/// The frame numbers of the I420 pictures in what `open` opens; the channel ends with them. VLC names each with a line of its own,
/// and its format with another.
fn numbers<R: Read>(open: impl FnOnce() -> R + Send + 'static, are_named: bool) -> Receiver<u32> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pictures = BufReader::new(open());
        let (mut reader, mut picture) = (Reader::new(), vec![0; WIDTH * HEIGHT * 3 / 2]);
        while (!are_named || find_frame(&mut pictures)) && pictures.read_exact(&mut picture).is_ok() {
            let luma = Luma { data: &picture[..WIDTH * HEIGHT], width: WIDTH, height: HEIGHT, stride: WIDTH };
            // A player on a busy machine leaves frames out, and what builds on them is a picture without a code.
            let Some(read) = reader.read(luma) else { continue };
            if sender.send(read.sequence).is_err() {
                return;
            }
        }
    });
    receiver
}

fn find_frame(pictures: &mut impl BufRead) -> bool {
    let mut line = Vec::new();
    while pictures.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        if line == b"FRAME\n" {
            return true;
        }
        line.clear();
    }
    false
}

/// Some players show the last picture of a piece again.
fn expect_pictures(player: &Process, numbers: &Receiver<u32>) {
    let mut seen: Vec<u32> = Vec::new();
    while seen.len() < PICTURES {
        let Ok(number) = numbers.recv_timeout(LIMIT) else {
            panic!("no more pictures after {}\n{}", seen.len(), player.dump());
        };
        assert!(seen.last().is_none_or(|last| number >= *last), "{number} after {seen:?}");
        seen.push(number);
        seen.dedup();
    }
    assert_eq!(player.dump(), "", "nothing is complained of");
}

/// Waits for the pictures that `player` writes to its standard output.
fn plays(player: Builder) {
    let mut player = player.raw_stdout().spawn();
    let pictures = player.take_stdout();
    let numbers = numbers(|| pictures, false);
    expect_pictures(&player, &numbers);
}

fn ffmpeg(url: &str) -> Builder {
    Builder::new(need::tool("ffmpeg"))
        .words("-v error -i")
        .arg(url)
        .words("-fps_mode passthrough -enc_time_base -1 -pix_fmt yuv420p -f rawvideo -")
}

fn gstreamer(url: &str, demuxer: &str) -> Builder {
    need::gstreamer_elements(&["souphttpsrc", demuxer, "qtdemux", "h264parse", "avdec_h264", "videoconvert"]);
    let rest = "qtdemux ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! fdsink";
    Builder::new(need::tool("gst-launch-1.0"))
        .args(["-q", "souphttpsrc", &format!("location={url}"), "!", demuxer, "!"])
        .words(rest)
}

#[test]
fn ffmpeg_plays_hls() {
    let _turn = turn::share();
    plays(ffmpeg(&streams().url("cam", "index.m3u8")));
}

#[test]
fn ffmpeg_plays_dash() {
    let _turn = turn::share();
    plays(ffmpeg(&streams().url("cam", "manifest.mpd")));
}

#[test]
fn gstreamer_plays_hls() {
    let _turn = turn::share();
    plays(gstreamer(&streams().url("cam", "index.m3u8"), "hlsdemux"));
}

#[test]
fn gstreamer_plays_dash() {
    let _turn = turn::share();
    plays(gstreamer(&streams().url("cam", "manifest.mpd"), "dashdemux"));
}

/// VLC writes pictures to a file that it opens by itself, and refuses to run as root.
#[test]
fn vlc_plays_hls() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let pipe = folder.path().join("pictures");
    Builder::new(need::tool("mkfifo")).arg(&pipe).run(LIMIT).expect_code(0);
    for (path, mode) in [(folder.path(), 0o777), (&pipe, 0o666)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    }
    let streams = streams();
    let player = vlc(folder.path(), &pipe).arg(streams.url("cam", "index.m3u8")).spawn();
    // With a writer of its own the pipe has no end where VLC opens it anew.
    let numbers = numbers(|| File::options().read(true).write(true).open(pipe).expect("it was made"), true);
    expect_pictures(&player, &numbers);
}

fn vlc(home: &Path, pictures: &Path) -> Builder {
    let vlc = need::tool("cvlc");
    let program = if geteuid().is_root() {
        Builder::new(need::tool("setpriv")).words("--reuid 65534 --regid 65534 --clear-groups").arg(vlc)
    } else {
        Builder::new(vlc)
    };
    program
        .words("-q --no-audio --no-video-title-show --no-drop-late-frames --no-skip-frames")
        .words("--intf dummy --vout yuv --yuv-chroma I420 --yuv-file")
        .arg(pictures)
        .env("HOME", home)
}
