//! Files and pipes of every kind as sources, through the whole publisher.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use framelag_tests::process::{Builder, Finished, Process};
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

/// Writes a clip like [`make`] with another frame rate in its header.
fn make_of_rate(to: &Path, options: &str, rate: &str) {
    make(to, options);
    let bytes = fs::read(to).expect("it was written");
    let header = bytes.iter().position(|&byte| byte == b'\n').expect("a header");
    let line = String::from_utf8_lossy(&bytes[..header]).replace("F20:1", rate);
    assert!(line.contains(rate), "{line}");
    fs::write(to, [line.as_bytes(), &bytes[header..]].concat()).expect("the folder is ours");
}

#[test]
fn a_y4m_without_a_rate_is_played_at_the_rate_of_the_flag_or_at_one_that_is_told() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("clip.y4m");
    let told = |options: &str| {
        let embedded = "--rtsp 127.0.0.1:0 --http 127.0.0.1:0 --json --source";
        let publisher = Builder::new(binary::path("publisher")).words(embedded).arg(&file).words(options);
        let finished = publisher.run(LIMIT).expect_code(0);
        let count = |lines: &[String]| {
            let told = |line: &&String| line.contains("does not say its frame rate") && line.contains("--fps");
            lines.iter().filter(told).count()
        };
        assert_eq!(count(&finished.stderr), count(&finished.stdout), "{finished}");
        count(&finished.stderr)
    };
    make(&file, "-pix_fmt yuv420p");
    assert_eq!(told(""), 0, "20 per second");
    for format in ["yuv420p", "yuv422p"] {
        make_of_rate(&file, &format!("-pix_fmt {format}"), "F0:0");
        // The flag says how fast its pictures come, and makes no more of them.
        for options in ["", "--fps 50", "--fps 50 --size 320x240"] {
            assert_eq!(pictures(&file, None, options), 10, "{format} {options}");
            let pipe = File::open(&file).expect("it was written");
            assert_eq!(pictures(Path::new("-"), Some(pipe), options), 10, "{format} {options} from a pipe");
        }
        assert_eq!((told(""), told("--loop --duration 1s"), told("--fps 50")), (1, 1, 0), "{format}");
    }
    make_of_rate(&file, "-pix_fmt yuv420p", "F100000:1");
    refused(&file, "", "frame rate of 100000:1: set the right one with --fps");
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

#[test]
fn a_y4m_that_is_empty_or_ends_in_its_header_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (text, says) in
        [("", "is empty"), ("YUV4", "ends inside its y4m header"), ("YUV4MPEG2 W2 H2", "ends inside its y4m header")]
    {
        let file = folder.path().join("clip.y4m");
        fs::write(&file, text).expect("the folder is ours");
        refused(&file, "", &format!("clip.y4m {says}"));
    }
}

#[test]
fn a_pipe_without_a_writer_is_told_and_one_signal_ends_the_wait() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let fifo = folder.path().join("pipe.y4m");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is in every system").success());
    let waits = |mut publisher: Process, says: &str| {
        publisher.wait_for_line(says, LIMIT, |line| line.contains(says).then_some(()));
        publisher.interrupt();
        publisher.finish(LIMIT).expect_code(0);
    };
    let says = format!("no picture from the pipe {} yet: waiting for its writer", fifo.display());
    waits(publisher(&fifo, "").spawn(), &says);
    // Somebody does, but only half a header.
    let mut half = publisher(&fifo, "").spawn();
    let mut writer = File::create(&fifo).expect("the publisher reads");
    writer.write_all(b"YUV4").expect("there is room");
    half.wait_for_line(&says, LIMIT, |line| line.contains(&says).then_some(()));
    half.interrupt();
    half.finish(LIMIT).expect_code(0);
    let silent = publisher(Path::new("-"), "").stdin(Stdio::piped()).spawn();
    waits(silent, "no picture on standard input yet: waiting for its writer");
    let receiver = Builder::new(binary::path("receiver")).words("--headless -").stdin(Stdio::piped());
    let mut receiver = receiver.spawn();
    let says = "no picture on standard input yet: waiting for its writer";
    receiver.wait_for_line(says, LIMIT, |line| line.contains(says).then_some(()));
    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(3);
    // Into one that nobody reads nothing is written.
    let finished = publisher(Path::new("test"), "--duration 1s --pictures").arg(&fifo).run(LIMIT).expect_code(1);
    assert!(finished.to_string().contains("start its reader first"), "{finished}");
}
