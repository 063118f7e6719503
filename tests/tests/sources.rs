//! Files and pipes of every kind as sources, through the whole publisher.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use framelag_tests::process::{Builder, Finished};
use framelag_tests::{LIMIT, binary, need};

/// Wrong usage.
const USAGE: i32 = 2;

/// Writes half a second of a test picture with ffmpeg and `options` to `to`.
fn make(to: &Path, options: &str) {
    let mut ffmpeg = Command::new(need::tool("ffmpeg"));
    ffmpeg.args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=20:duration=0.5"]);
    ffmpeg.args(["-strict", "-1"]).args(options.split_whitespace()).arg("-y").arg(to);
    assert!(ffmpeg.status().expect("ffmpeg starts").success(), "ffmpeg makes {} with {options}", to.display());
}

/// `publisher --to - --source SOURCE OPTIONS`, which must succeed: how many pictures came.
fn pictures(source: &Path, stdin: Option<File>, options: &str) -> usize {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let out = folder.path().join("out.y4m");
    let mut publisher = publisher(source, options).stdout(File::create(&out).expect("a file in it"));
    if let Some(file) = stdin {
        publisher = publisher.stdin(file);
    }
    publisher.run(LIMIT).expect_code(0);
    let written = fs::read(out).expect("pictures were written");
    let picture = 6 + 320 * 240 * 3 / 2;
    let header = written.iter().position(|&byte| byte == b'\n').expect("a y4m header") + 1;
    assert_eq!((written.len() - header) % picture, 0, "whole pictures of 320x240");
    (written.len() - header) / picture
}

fn publisher(source: &Path, options: &str) -> Builder {
    Builder::new(binary::path("publisher")).words("--to - --source").arg(source).words(options)
}

fn refused(source: &Path, options: &str, says: &str) -> Finished {
    let finished = publisher(source, options).run(LIMIT).expect_code(USAGE);
    let said = finished.stderr.join("\n");
    assert!(said.contains(says) && said.lines().count() == 1, "{}: {said}", source.display());
    finished
}

#[test]
fn every_y4m_that_ffmpeg_writes_is_read_from_a_file_and_from_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for format in [
        "yuv420p",
        "yuv411p",
        "yuv422p",
        "yuva444p",
        "gray",
        "gray9",
        "gray10le",
        "gray16le",
        "yuv420p9",
        "yuv422p10",
        "yuv420p14",
        "yuv444p16",
    ] {
        let file = folder.path().join(format!("{format}.y4m"));
        make(&file, &format!("-pix_fmt {format}"));
        assert_eq!(pictures(&file, None, ""), 10, "{format}");
        let pipe = File::open(&file).expect("it was written");
        assert_eq!(pictures(Path::new("-"), Some(pipe), ""), 10, "{format} from a pipe");
    }
}

#[test]
fn a_y4m_without_a_rate_is_played_at_the_rate_that_ffmpeg_takes_or_the_flag_gives() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("clip.y4m");
    make(&file, "-pix_fmt yuv420p");
    let text = fs::read(&file).expect("it was written");
    let header = text.iter().position(|&byte| byte == b'\n').expect("a header");
    let line = String::from_utf8_lossy(&text[..header]).replace("F20:1", "F0:0");
    fs::write(&file, [line.as_bytes(), &text[header..]].concat()).expect("the folder is ours");
    assert_eq!(pictures(&file, None, ""), 10);
    // Ten pictures at ffmpeg's 25 per second are 0.4 s.
    assert_eq!(pictures(&file, None, "--fps 50"), 20);
    let endless = line.replace("F0:0", "F100000:1");
    fs::write(&file, [endless.as_bytes(), &text[header..]].concat()).expect("the folder is ours");
    refused(&file, "", "frame rate of 100000:1: say the right one with --fps");
}

#[test]
fn everything_can_be_looped_whether_or_not_it_can_be_rewound() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (name, options) in [
        ("still.jpg", "-frames:v 1"),
        ("still.png", "-frames:v 1"),
        ("bare.h264", "-c:v libx264"),
        ("bare.mjpeg", ""),
        ("film.mp4", "-c:v libx264"),
        ("422.y4m", "-pix_fmt yuv422p"),
    ] {
        let file = folder.path().join(name);
        make(&file, options);
        // One round has ten at most; how many come in time is the machine's.
        assert!(pictures(&file, None, "--loop --fps 20 --duration 3s") > 11, "{name}");
    }
}

#[test]
fn a_percent_sign_in_a_name_stands_for_itself() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let made = folder.path().join("made.jpg");
    make(&made, "-frames:v 1");
    for name in ["50%.jpg", "%d.jpg", "a%03d.jpg", "b%%.jpg"] {
        let file = folder.path().join(name);
        fs::copy(&made, &file).expect("the folder is ours");
        assert_eq!(pictures(&file, None, ""), 1, "{name}");
    }
}

#[test]
fn sound_with_a_cover_picture_has_no_video() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cover = folder.path().join("cover.jpg");
    make(&cover, "-frames:v 1");
    let song = folder.path().join("song.mp3");
    let mut ffmpeg = Command::new(need::tool("ffmpeg"));
    ffmpeg.args("-nostdin -loglevel error -f lavfi -i sine=duration=1 -i".split(' ')).arg(&cover);
    ffmpeg.args("-map 0 -map 1 -c:v copy -disposition:v attached_pic".split(' ')).arg(&song);
    assert!(ffmpeg.status().expect("ffmpeg starts").success());
    refused(&song, "", "song.mp3 has no video stream (a cover picture is none)");
}
