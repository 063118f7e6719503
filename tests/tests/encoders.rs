//! Encoders of ffmpeg's in a child process, as users ask for them by `--encoder ffmpeg:NAME`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use common::frame::{Picture, Size};
use common::media::Codec;
use common::time::MediaTime;
use framelag_tests::measuring::{begun, expect_measured, publisher_with_server, receiver};
use framelag_tests::process::{Builder, Finished};
use framelag_tests::report::Report;
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, Process, binary, need, turn};
use publisher::capture::pattern;
use publisher::encode::{self, Choice, Config, RateControl, Tuning};
use publisher::rate::FrameRate;
use receiver::decode;
use rustix::process::{Pid, Signal};

/// A user named something unusable.
const USAGE: i32 = 2;
/// It failed at run time.
const FAILED: i32 = 1;

const X264: &str = "ffmpeg:libx264";

/// (size, pictures per second, kbit/s) of the low-bandwidth settings, the least and the most of each size.
const SETTINGS: [(&str, u32, u32); 9] = [
    ("256x144", 1, 6),
    ("256x144", 4, 20),
    ("512x228", 1, 20),
    ("512x228", 25, 250),
    ("1024x576", 1, 120),
    ("1024x576", 25, 750),
    ("1280x720", 1, 150),
    ("1280x720", 25, 1400),
    ("1920x1080", 25, 3000),
];

fn publishing() -> (Process, String) {
    need::tool("ffmpeg");
    publisher_with_server(&["--source", "test", "--encoder", X264, "--json"])
}

#[test]
fn every_frame_of_x264_is_measured_with_all_its_stages() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (publisher, url) = publishing();
    receiver(&url, Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    let report = expect_measured(folder.path(), Transport::Tcp);
    let frames = report.frames();
    let stages = report.stages_add_up();
    assert_eq!(stages.complete as u64, frames.measured + frames.duplicate + frames.late, "{frames:?}");
    assert_eq!(report.number("stamps.contradicted"), 0.0, "each unit has the SEI of its own picture");
    assert!(report.number("stages_ms.encode.p50") > 0.0);
    publisher.interrupt();
    let ended = publisher.finish(LIMIT).expect_code(0);
    let last = ended.stdout.last().expect("it says how it ended");
    assert!(last.contains("\"dropped_by_encoder\":0"), "{last}");
}

/// A folder with an `ffmpeg` in it: the real one, but that it skips pictures 3, 8, 13 and so on before it encodes.
fn ffmpeg_that_skips() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let script = format!(
        "#!/bin/sh\nfor word; do shift\n[ \"$word\" = -fps_mode ] && set -- \"$@\" -vf \"select='not(eq(mod(n,5),3))'\"\n\
         set -- \"$@\" \"$word\"\ndone\nexec {} \"$@\"\n",
        need::tool("ffmpeg").display()
    );
    let file = folder.path().join("ffmpeg");
    fs::write(&file, script).expect("the folder can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

#[test]
fn pictures_that_the_encoder_skips_are_counted_and_do_not_hold_up_the_source() {
    let _turn = turn::take();
    let (skips, home) = (ffmpeg_that_skips(), tempfile::tempdir().expect("a folder for the test"));
    let path = std::env::var_os("PATH").expect("there is one");
    let path = [skips.path().to_owned()].into_iter().chain(std::env::split_paths(&path));
    let publisher = Builder::new(binary::path("publisher")).words("--source test --duration 8s --json --encoder");
    let publisher = publisher.arg(X264).env("PATH", std::env::join_paths(path).expect("folders without a colon"));
    let (publisher, url) = begun(publisher);
    let receiver = receiver(&url, Transport::Tcp, home.path()).run(LIMIT);
    let ended = publisher.finish(LIMIT).expect_code(0);
    let ended: serde_json::Value =
        serde_json::from_str(ended.stdout.last().expect("it says how it ended")).expect("JSON lines");
    let count = |name: &str| ended[name].as_u64().unwrap_or_else(|| panic!("{name} in {ended}"));
    let (frames, skipped) = (count("frames"), count("dropped_by_encoder"));
    let expected = (0..frames).filter(|number| number % 5 == 3).count() as u64;
    // The last one's may come after its end.
    assert!((expected..=expected + 1).contains(&skipped) && expected > 0, "{expected}: {ended}");
    // An access unit that is owed is waited for up to a second: were a skipped one, there would be fewer than seconds.
    let seconds = ended["seconds"].as_f64().expect("the run had a length");
    assert!(skipped as f64 > seconds, "{ended}");
    let report = Report::read(home.path());
    assert_eq!(report.number("stamps.contradicted"), 0.0, "each unit has the SEI of its own picture\n{receiver}");
}

/// A publisher with these arguments, and the one line that it complains with.
fn refused(encoder: &str, path: Option<&str>) -> String {
    let publisher =
        Builder::new(binary::path("publisher")).words("--source test --rtsp 127.0.0.1:0 --http 127.0.0.1:0");
    let publisher = publisher.args(["--encoder", encoder]);
    let publisher = match path {
        Some(path) => publisher.env("PATH", path),
        None => publisher,
    };
    let ran = publisher.run(LIMIT).expect_code(USAGE);
    assert_eq!(ran.stderr.len(), 1, "it complains in one line\n{ran}");
    ran.stderr[0].clone()
}

#[test]
fn encoders_that_cannot_be_used_are_refused_with_what_would_be_right() {
    need::tool("ffmpeg");
    let unknown = refused("ffmpeg:nosuch", None);
    assert!(unknown.contains("--encoder ffmpeg:nosuch") && unknown.contains("libx264"), "{unknown}");
    let other = refused("ffmpeg:mpeg4", None);
    assert!(other.contains("makes mpeg4") && other.contains("H.264") && other.contains("libx264"), "{other}");
    let audio = refused("ffmpeg:aac", None);
    assert!(audio.contains("no such encoder"), "{audio}");
    let option = refused("ffmpeg:-vn", None);
    assert!(option.contains("ffmpeg:NAME"), "{option}");
    let absent = refused(X264, Some("/nowhere"));
    assert!(absent.contains("--encoder ffmpeg:libx264") && absent.contains("not installed"), "{absent}");
}

/// Sends a signal to the encoder of a publisher that publishes, and waits for the publisher's end.
fn after(signal: Signal) -> Finished {
    let _turn = turn::share();
    let (publisher, _url) = publishing();
    let id = publisher.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("it runs");
    let [child] = children.split_whitespace().collect::<Vec<_>>()[..] else { panic!("one child, not {children:?}") };
    let child = child.parse().ok().and_then(Pid::from_raw).expect("a process id");
    rustix::process::kill_process(child, signal).expect("the encoder runs");
    let ran = publisher.finish(LIMIT);
    // Its own child again: where it was only stopped, it has been ended.
    assert!(rustix::process::test_kill_process(child).is_err(), "the encoder is gone");
    ran
}

#[test]
fn an_encoder_that_dies_ends_the_run_with_its_reason() {
    let ran = after(Signal::KILL).expect_code(FAILED);
    let last = ran.stderr.last().expect("it says why");
    assert!(last.contains("ffmpeg:libx264 failed on picture") && last.contains("signal: 9"), "{last}");
}

#[test]
fn an_encoder_that_hangs_ends_the_run() {
    let ran = after(Signal::STOP).expect_code(FAILED);
    let last = ran.stderr.last().expect("it says why");
    assert!(last.contains("ffmpeg:libx264 failed on picture") && last.contains("hangs"), "{last}");
}

#[test]
fn what_ffmpeg_says_is_passed_on() {
    need::tool("ffmpeg");
    // A host of tests has no GPU: the encoder is known, and cannot begin.
    let publisher =
        Builder::new(binary::path("publisher")).words("--source test --rtsp 127.0.0.1:0 --http 127.0.0.1:0");
    let ran = publisher.args(["--encoder", "ffmpeg:h264_v4l2m2m"]).run(LIMIT).expect_code(FAILED);
    let last = ran.stderr.last().expect("it says why");
    let why = last.split_once("ffmpeg:h264_v4l2m2m failed on picture 0: ffmpeg ended (").map(|(_, why)| why);
    let reason = why.and_then(|why| why.split_once("): ")).map(|(_, reason)| reason);
    assert!(reason.is_some_and(|reason| !reason.is_empty()), "{last}");
}

fn x264() -> Choice {
    Choice::Ffmpeg("libx264".to_owned())
}

/// Two seconds without detail, and two of nothing but detail.
fn scenes(size: Size) -> impl Iterator<Item = Picture> {
    let mut noise = 1_u32;
    (0..120).map(move |number| {
        let mut picture = Picture::black(size);
        let mut random = || {
            // Xorshift (Marsaglia 2003).
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            noise as u8
        };
        if number >= 60 {
            picture.planes_mut()[0].iter_mut().for_each(|luma| *luma = 100 + random() % 64);
        }
        picture
    })
}

/// The sizes in bits of what x264 makes of the scenes at 500 kbit/s.
fn sizes(tuning: &Tuning) -> Vec<usize> {
    let size = Size::new(320, 240);
    let config = Config { size, rate: FrameRate::THIRTY, bitrate: 500_000, gop: 300 };
    let mut encoder = encode::open(&x264(), config, tuning).expect("an encoder");
    let each = scenes(size).enumerate().map(|(number, picture)| {
        let time = MediaTime::from_ticks(number as u32 * 3_000);
        encoder.encode(&picture, time, false).expect("it encodes");
        let frame = encode::late_frame(&mut *encoder, Instant::now() + LIMIT).expect("it encodes");
        frame.unwrap_or_else(|| panic!("no frame of picture {number} within {LIMIT:?}")).data.len() * 8
    });
    each.collect()
}

#[test]
fn a_buffer_is_how_much_of_a_new_scene_comes_at_once() {
    need::tool("ffmpeg");
    let largest = |buffer| {
        let tuning = Tuning { buffer, ..Tuning::default() };
        sizes(&tuning)[60..].iter().copied().max().expect("there are pictures")
    };
    let (picture, second) = (largest(None), largest(Some(500_000)));
    assert!(picture < 500_000 / 10, "a buffer of one picture's bits: {picture}");
    assert!(second > 3 * picture, "one of a second's: {second} of {picture}");
}

#[test]
fn a_variable_bit_rate_goes_beyond_a_constant_one() {
    need::tool("ffmpeg");
    let noisy = |control| {
        let tuning = Tuning { control, ..Tuning::default() };
        sizes(&tuning)[60..].iter().sum::<usize>() / 2
    };
    let (constant, variable) = (noisy(RateControl::Cbr), noisy(RateControl::Vbr));
    assert!(constant < 550_000 && variable > 2 * constant, "after nothing to encode: {variable} and {constant} bit/s");
}

#[test]
fn options_of_an_encoder_are_passed_on_and_unknown_ones_are_refused() {
    need::tool("ffmpeg");
    let bits = |texts: &[&str]| {
        let options = texts.iter().map(|text| text.parse().expect("KEY=VALUE")).collect();
        sizes(&Tuning { options, ..Tuning::default() }).iter().sum::<usize>()
    };
    assert!(bits(&["qmin=50"]) * 2 < bits(&[]), "coarser than it would have to be");
    let publisher =
        Builder::new(binary::path("publisher")).words("--source test --rtsp 127.0.0.1:0 --http 127.0.0.1:0");
    let ran = publisher.args(["--encoder", X264, "--encoder-option", "prset=fast"]).run(LIMIT).expect_code(USAGE);
    let last = ran.stderr.last().expect("it says why");
    assert!(last.contains("--encoder-option prset=fast") && last.contains("preset, tune"), "{last}");
}

#[test]
fn the_receivers_decoder_takes_x264_at_every_setting() {
    need::tool("ffmpeg");
    for (size, fps, kbps) in SETTINGS {
        let size = size.parse().expect("a size");
        let rate = FrameRate::new(fps.into(), 1).expect("a rate");
        let config = Config { size, rate, bitrate: kbps * 1000, gop: 3 };
        let mut encoder = encode::open(&x264(), config, &Tuning::default()).expect("an encoder");
        let mut decoder = decode::open(Codec::H264).expect("a decoder");
        for (number, picture) in (0..6).zip(pattern::pictures(size)) {
            let time = MediaTime::from_ticks(number * 3_000);
            encoder.encode(&picture, time, false).expect("it encodes");
            // On a busy machine it may come later than it is waited for at once.
            let frame = encode::late_frame(&mut *encoder, Instant::now() + LIMIT).expect("it encodes");
            let frame = frame.unwrap_or_else(|| panic!("{size}: no frame of picture {number} within {LIMIT:?}"));
            assert_eq!((frame.time, frame.is_key), (time, number % 3 == 0), "{size}");
            let mut decoded = None;
            let outcome = decoder.decode(&frame, (), &mut |(), planes| decoded = Some(planes.size));
            assert!(outcome.is_ok() && decoded == Some(size), "{size} picture {number}: {outcome:?}");
        }
    }
}
