//! Servers that send without end: each stream of theirs ends by itself, soon and with its reason, and what was measured before is kept.

use std::process::Command;
use std::time::Duration;

use common::clock::Clock;
use common::code::{Corner, Painter, Payload};
use common::frame::{Picture, Size};
use common::host::Stop;
use common::host::SystemClock;
use openh264::OpenH264API;
use openh264::encoder::{BitRate, Encoder, EncoderConfig, FrameRate, UsageType};
use openh264::formats::YUVSlices;
use receiver::config::Transport;
use receiver::ingress::rtsp::{self, Config, Limits};
use receiver::queue;
use serde_json::Value;

use crate::GENEROUS;
use crate::camera::{self, Script};

/// Nothing but bytes can be too much.
const LIMITS: Limits = Limits { unit_bytes: 2 << 20, ..GENEROUS };

/// How playing it ends.
fn end_of(script: Script) -> String {
    let camera = camera::start(vec![script]);
    let url = format!("rtsp://{}/cam", camera.address).parse().expect("a URL");
    let config = Config { url, transport: Transport::Tcp, wait: Duration::ZERO, limits: LIMITS };
    let (mut sender, _arrivals) = queue::queue();
    let error = rtsp::run(&config, &SystemClock::new(), &Stop::new(), &mut sender).expect_err("it cannot play");
    error.to_string()
}

/// A script that answers DESCRIBE with `beginning`, which `more` follows without end.
fn instead_of_a_description(beginning: fn(&str, &str) -> Option<Vec<u8>>, more: fn(u32) -> Vec<u8>) -> Script {
    Script { answer: beginning, endless: Some(("DESCRIBE", more)), ..Script::default() }
}

fn letters(_: u32) -> Vec<u8> {
    vec![b'x'; 1 << 16]
}

#[test]
fn a_message_that_never_ends_is_not_buffered_for_ever() {
    for (what, beginning) in [
        ("a status line", (|_, _| Some(b"RTSP/1.0 200 ".to_vec())) as fn(&str, &str) -> _),
        ("a header", |_, _| Some(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nX-Long: ".to_vec())),
        ("the name of a header", |_, _| Some(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nX-".to_vec())),
        ("a body", |_, _| Some(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999999\r\n\r\n".to_vec())),
        ("a request", |_, _| Some(b"OPTIONS rtsp://".to_vec())),
    ] {
        let text = end_of(instead_of_a_description(beginning, letters));
        assert!(text.ends_with("sends more than 2 MB that make no picture"), "{what}: {text}");
    }
}

#[test]
fn messages_without_end_are_not_taken_for_ever() {
    let headers = instead_of_a_description(
        |_, _| Some(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n".to_vec()),
        |n| format!("X-{n}: 1\r\n").into_bytes(),
    );
    let text = end_of(headers);
    assert!(text.ends_with("sends more than 2 MB that make no picture"), "headers: {text}");
    // Whether the library passes these over or refuses them is up to it.
    for (what, more) in [
        ("answers to nothing", (|_| b"RTSP/1.0 100 Continue\r\nCSeq: 99\r\n\r\n".repeat(1_000)) as fn(u32) -> Vec<u8>),
        ("requests", |n| format!("OPTIONS rtsp://127.0.0.1/ RTSP/1.0\r\nCSeq: {n}\r\n\r\n").into_bytes()),
        ("data of a channel that nobody asked for", |_| b"$\x07\x00\x04abcd".repeat(1_000)),
        ("empty lines", |_| b"\r\n".repeat(30_000)),
    ] {
        let text = end_of(instead_of_a_description(|_, _| Some(Vec::new()), more));
        assert!(!text.is_empty() && text.lines().count() == 1, "{what}: {text}");
    }
}

/// The n-th interleaved RTP packet (RFC 3550 section 5.1) of one access unit that has no end: no marker, one timestamp.
fn packet(n: u32, payload: &[u8]) -> Vec<u8> {
    let sequence = (n as u16).to_be_bytes();
    let rtp = [&[0x80, 0x60][..], &sequence, &[0, 0, 0, 1, 0, 0, 0, 1], payload].concat();
    [&[b'$', 0][..], &(rtp.len() as u16).to_be_bytes(), &rtp].concat()
}

#[test]
fn an_access_unit_that_never_ends_is_not_put_together_for_ever() {
    // A fragmented slice (FU-A, RFC 6184 section 5.8): its start, and then more of it.
    let fragments: fn(u32) -> Vec<u8> = |n| {
        let start = if n == 0 { 0x85 } else { 0x05 };
        packet(n, &[&[0x7c, start][..], &[0xab; 1_200]].concat())
    };
    // As many NAL units as go into a packet (STAP-A, section 5.7.1), of two bytes each.
    let tiny: fn(u32) -> Vec<u8> = |n| packet(n, &[&[0x78][..], &[0, 2, 0x06, 0x80].repeat(300)].concat());
    for (what, endless) in [("fragments", fragments), ("tiny NAL units", tiny)] {
        let text = end_of(Script { endless: Some(("PLAY", endless)), ..Script::default() });
        assert!(text.ends_with("sends more than 2 MB that make no picture"), "{what}: {text}");
    }
}

/// Stamped pictures as access units, each as its NAL units.
fn stamped(count: u32) -> Vec<Vec<Vec<u8>>> {
    let size = Size::new(160, 120);
    let config = EncoderConfig::new()
        .usage_type(UsageType::CameraVideoRealTime)
        .max_frame_rate(FrameRate::from_hz(30.0))
        .bitrate(BitRate::from_bps(2_000_000))
        .skip_frames(false);
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).expect("an encoder");
    let mut painter = Painter::new(size, Corner::TopLeft).expect("large enough");
    let unit = |sequence| {
        let mut picture = Picture::black(size);
        painter.paint(&mut picture, &Payload { stream_id: 1, sequence, time: SystemClock::new().now().wall });
        let [y, u, v] = picture.planes();
        let slices = YUVSlices::new((y, u, v), (160, 120), (160, 80, 80));
        let coded = encoder.encode(&slices).expect("a picture").to_vec();
        annex_b(&coded)
    };
    (0..count).map(unit).collect()
}

/// The NAL units between start codes (ITU-T H.264 annex B).
fn annex_b(coded: &[u8]) -> Vec<Vec<u8>> {
    let mut nals: Vec<Vec<u8>> = Vec::new();
    let mut at = 0;
    while at < coded.len() {
        if coded[at..].starts_with(&[0, 0, 0, 1]) {
            nals.push(Vec::new());
            at += 4;
        } else if coded[at..].starts_with(&[0, 0, 1]) {
            nals.push(Vec::new());
            at += 3;
        } else {
            nals.last_mut().expect("a start code comes first").push(coded[at]);
            at += 1;
        }
    }
    nals
}

#[test]
fn what_was_measured_before_a_flood_is_kept() {
    let first_line = |n| if n == 0 { b"RTSP/1.0 200 ".to_vec() } else { letters(n) };
    let script = Script { units: stamped(20), endless: Some(("PLAY", first_line)), ..Script::default() };
    let camera = camera::start(vec![script]);
    let folder = tempfile::tempdir().expect("a folder for files");
    let report = folder.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_receiver"))
        .args(["--headless", "--warmup", "0s", "--clock", "same-host", "--report"])
        .arg(&report)
        .arg(format!("rtsp://{}/cam", camera.address))
        .env_remove("DISPLAY")
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("sends more than 32 MB that make no picture"), "{said}");
    let run = std::fs::read_to_string(report.join("run.json")).expect("run.json is written");
    let run: Value = serde_json::from_str(&run).expect("run.json is JSON");
    assert_eq!((&run["frames"]["measured"], &run["outcome"]), (&Value::from(20), &Value::from("failed")), "{said}");
    let rows = std::fs::read_to_string(report.join("frames.csv")).expect("frames.csv is written");
    assert_eq!(rows.lines().count(), 21);
}
