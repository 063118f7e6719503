//! The `receiver` program: exit codes, what goes to which output, and the report, on pictures from a pipe.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use common::clock::Clock;
use common::code::{Corner, Painter, Payload};
use common::frame::{Picture, Size};
use common::host::SystemClock;
use serde_json::Value;

const SIZE: Size = Size::new(160, 120);

/// Runs the program without a display, and with `input` on its standard input.
fn receiver(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_receiver"))
        .args(arguments)
        .env_remove("DISPLAY")
        // However this machine was calibrated.
        .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("it was asked for");
    let input = input.to_vec();
    // A program that ends early does not read everything.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("no panic");
    output
}

fn y4m(pictures: &[Picture]) -> Vec<u8> {
    let header = format!("YUV4MPEG2 W{} H{} F30:1 Ip C420jpeg\n", SIZE.width, SIZE.height).into_bytes();
    let frames = pictures.iter().flat_map(|picture| [b"FRAME\n", picture.data()].concat());
    header.into_iter().chain(frames).collect()
}

/// Pictures stamped now, which leaves out those of `missing`.
fn stamped(count: u32, missing: &[u32]) -> Vec<u8> {
    let mut painter = Painter::new(SIZE, Corner::TopLeft).expect("large enough");
    let mut picture = |sequence| {
        let mut picture = Picture::black(SIZE);
        let time = SystemClock::new().now().wall;
        painter.paint(&mut picture, &Payload { stream_id: 1, sequence, time });
        picture
    };
    let pictures: Vec<_> = (0..count).filter(|n| !missing.contains(n)).map(&mut picture).collect();
    y4m(&pictures)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The JSON lines on standard output; there must be nothing else.
fn lines(output: &Output) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).expect("every line is JSON");
    text(&output.stdout).lines().map(parse).collect()
}

const PIPE: [&str; 4] = ["--headless", "--warmup", "0s", "-"];

#[test]
fn every_frame_of_a_pipe_is_accounted_for_and_the_report_is_written() {
    let folder = tempfile::tempdir().expect("a folder for files");
    let (report, shot) = (folder.path().join("run"), folder.path().join("shot.png"));
    let (report_flag, shot_flag) = (report.to_string_lossy(), shot.to_string_lossy());
    let arguments = [&PIPE[..], &["--json", "--report", &report_flag, "--snapshot", &shot_flag]].concat();
    let output = receiver(&arguments, &stamped(60, &[7, 8]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let lines = lines(&output);
    let events: Vec<_> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!((events.first(), events.last()), (Some(&"connected"), Some(&"summary")));
    let frames = &lines[lines.len() - 1]["run"]["frames"];
    let of = |bucket: &str| frames[bucket].as_u64();
    assert_eq!((of("expected"), of("measured"), of("lost")), (Some(60), Some(58), Some(2)));
    let run = &lines[lines.len() - 1]["run"];
    assert!(run["stages_ms"]["present"]["p50"].is_null() && run["stages_ms"]["read"]["p50"].is_number(), "headless");
    assert!(run["own_cost_us"]["read"]["max"].is_number() && run["own_cost_us"]["hand_over"].is_null());
    let run = std::fs::read_to_string(report.join("run.json")).expect("run.json is written");
    let run: Value = serde_json::from_str(&run).expect("run.json is JSON");
    assert_eq!((&run["frames"], &run["config"]["url"]), (frames, &Value::from("standard input")));
    assert_eq!(image::image_dimensions(&shot).expect("a PNG"), (SIZE.width, SIZE.height));
}

#[test]
fn assertions_decide_the_exit_code() {
    let input = stamped(60, &[30]);
    for (assertion, code) in [("frames.lost<=1", 0), ("frames.lost==0", 99), ("stages.encode.p50<5ms", 3)] {
        let output = receiver(&[&PIPE[..], &["--assert", assertion]].concat(), &input);
        assert_eq!(output.status.code(), Some(code), "{assertion}: {}", text(&output.stdout));
        assert!(text(&output.stdout).contains(assertion), "{}", text(&output.stdout));
    }
}

#[test]
fn pictures_without_a_code_prove_nothing() {
    let output = receiver(&PIPE, &y4m(&vec![Picture::black(SIZE); 40]));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("no corner code"), "{}", text(&output.stdout));
}

#[test]
fn a_pipe_that_breaks_off_fails_and_is_still_summed_up() {
    let mut input = stamped(60, &[]);
    input.truncate(input.len() - 100);
    let output = receiver(&PIPE, &input);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is cut off in picture 60"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("59 measured"), "{}", text(&output.stdout));
}

#[test]
fn a_pipe_that_ends_before_its_duration_proves_nothing() {
    let output = receiver(&[&PIPE[..], &["--duration", "30s", "--assert", "p50<60s"]].concat(), &stamped(60, &[]));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("ended-early"), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_run_is_one_line_and_its_exit_code() {
    // A client's own port: nobody listens there, nor can while the connection is held.
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(server.local_addr().expect("it is bound")).expect("it listens");
    let refused = format!("rtsp://user:secret@{}/cam", client.local_addr().expect("it is connected"));
    let folder = tempfile::NamedTempFile::new().expect("a file");
    let in_the_way = folder.path().to_string_lossy();
    for (arguments, code, word) in [
        (vec!["--frobnicate"], 2, "--frobnicate"),
        (vec!["http://user:secret@host/"], 2, "not a stream"),
        (vec!["user:secret@host/cam"], 2, "…@host/cam is not a stream"),
        (vec!["rtsp:/user:secret@host/cam"], 2, "write rtsp://HOST"),
        (vec!["--transport", "rtsp://u:secret@h/cam"], 2, "rtsp://…@h/cam"),
        (vec!["--assert", "rtsp://u:secret@h/cam"], 2, "rtsp://…@h/cam"),
        (vec!["--duration", "10"], 2, "not a duration"),
        (vec!["--assert", "p98<5ms"], 2, "p98"),
        (vec!["--wait", "0s", &refused], 1, "Connection refused"),
        (vec!["-"], 1, "not y4m"),
        (vec!["--report", &in_the_way, "-"], 1, &in_the_way),
    ] {
        let output = receiver(&[&["--headless"], &arguments[..]].concat(), b"RIFF");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word) && said.lines().count() == 1 && !said.contains("secret"), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn half_of_the_credentials_in_the_environment_is_an_error() {
    for [set, missing] in [["FRAMELAG_USER", "FRAMELAG_PASSWORD"], ["FRAMELAG_PASSWORD", "FRAMELAG_USER"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_receiver"))
            .args(["--headless", "rtsp://127.0.0.1:9/cam"])
            .env(set, "secret")
            .env_remove(missing)
            .output()
            .expect("the program starts");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("{set} is set and {missing} is not: set both")), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn without_a_display_it_goes_on_headless_and_says_so() {
    let output = receiver(&PIPE[1..], &stamped(40, &[]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("running headless"));
}

#[test]
fn help_has_an_example_for_each_common_use() {
    let output = receiver(&["--help"], b"");
    assert_eq!(output.status.code(), Some(0));
    for word in ["--assert 'p99<150ms'", "receiver -", "--transport udp", "Exit codes"] {
        assert!(text(&output.stdout).contains(word), "{word}");
    }
}

#[test]
fn a_report_folder_that_another_receiver_writes_is_refused_until_that_one_is_gone() {
    let folder = tempfile::tempdir().expect("a folder for files");
    let report = folder.path().join("night");
    let flag = report.to_string_lossy();
    let arguments = [&PIPE[..], &["--report", &flag]].concat();
    let mut first = Command::new(env!("CARGO_BIN_EXE_receiver"))
        .args(&arguments)
        .env_remove("DISPLAY")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    // It waits for pictures that nobody sends.
    while !report.join("run.json").exists() {
        assert!(first.try_wait().expect("it is ours").is_none(), "it ended");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let second = receiver(&arguments, &stamped(60, &[]));
    first.kill().and_then(|()| first.wait()).expect("it is ours");
    assert_eq!(second.status.code(), Some(1));
    let told = text(&second.stderr);
    assert!(told.lines().count() == 1 && told.contains("night") && told.contains("--report"), "{told}");
    // Killed without a chance to tidy up.
    assert_eq!(receiver(&arguments, &stamped(60, &[])).status.code(), Some(0));
}
