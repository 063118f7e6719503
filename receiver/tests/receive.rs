//! Playing, against a camera that plays along and one that does not.

mod camera;
mod floods;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use camera::{H264, Script, answer};
use common::frame::{CaptureClock, PublisherTimes};
use common::h264::{self, AccessUnit};
use common::host::Stop;
use common::host::SystemClock;
use common::sei::{self, Origin, Stamp};
use common::time::WallTime;
use receiver::config::Transport;
use receiver::ingress::rtsp::{self, Config, Error, Limits};
use receiver::queue::{self, Arrival, Body, Status, Unit};

/// Longer than anything here takes on a busy machine.
const NEVER: Duration = Duration::from_secs(60);

/// An SPS and a PPS of 128x96, baseline.
const SPS: [u8; 9] = [0x67, 0x42, 0xc0, 0x0b, 0xda, 0x08, 0x06, 0xc8, 0x40];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

fn config(authority: &str, limits: Limits) -> Config {
    let url = format!("rtsp://{authority}/cam").parse().expect("a URL");
    Config { url, transport: Transport::Tcp, wait: Duration::ZERO, limits }
}

/// Limits that are not reached.
const GENEROUS: Limits =
    Limits { answer: NEVER, silence: NEVER, first_unit: NEVER, unit_bytes: u64::MAX, growth_bytes: u64::MAX };

/// A run on a thread of its own, with the end of the queue that decodes.
struct Playing {
    arrivals: queue::Receiver,
    stop: Stop,
    thread: JoinHandle<Result<(), Error>>,
}

fn play(config: Config) -> Playing {
    let (mut sender, arrivals) = queue::queue();
    let stop = Stop::new();
    let stopped = stop.clone();
    let thread = thread::spawn(move || rtsp::run(&config, &SystemClock::new(), &stopped, &mut sender));
    Playing { arrivals, stop, thread }
}

impl Playing {
    fn unit(&self) -> Unit {
        match self.arrivals.next() {
            Some(Arrival::Unit(unit)) => unit,
            other => panic!("not an access unit: {other:?}"),
        }
    }

    fn end(self) -> Result<(), Error> {
        self.stop.request();
        self.thread.join().expect("no panic")
    }
}

fn access_unit(unit: &Unit) -> &[u8] {
    match &unit.body {
        Body::Encoded(frame) => &frame.data,
        Body::Bare(_) => panic!("RTSP brings encoded pictures"),
    }
}

fn stamp(sequence: u32) -> Stamp {
    let stamp = WallTime::from_micros(1_763_722_800_000_000);
    let times = PublisherTimes { captured: None, stamp, painted: stamp, encoded: stamp, sent: stamp };
    let (capture_clock, reference) = (CaptureClock::None, None);
    Stamp { stream_id: 1, sequence, origin: Origin::default(), times, capture_clock, reference }
}

/// An IDR access unit, then others; each with an SEI, and a slice of so many bytes that it takes several packets.
fn units(count: u32) -> Vec<Vec<Vec<u8>>> {
    let unit = |sequence| {
        let slice = [&[if sequence == 0 { 0x65 } else { 0x41 }][..], &[0xab; 4_000]].concat();
        let stamped = [h264::sei_nal(&sei::message(&stamp(sequence))), slice];
        let sets: &[Vec<u8>] = if sequence == 0 { &[SPS.to_vec(), PPS.to_vec()] } else { &[] };
        [sets, &stamped].concat()
    };
    (0..count).map(unit).collect()
}

#[test]
fn access_units_come_whole_in_order_and_with_their_times() {
    let camera = camera::start(vec![Script { units: units(3), ..Script::default() }]);
    let playing = play(config(&camera.address.to_string(), GENEROUS));
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    for sequence in 0..3 {
        let unit = playing.unit();
        assert_eq!(h264::find_stamp(access_unit(&unit)), Some(stamp(sequence)));
        assert!(access_unit(&unit).len() > 4_000);
        assert_eq!(unit.body.is_key(), sequence == 0);
        assert!(unit.received.expect("it came in packets") <= unit.assembled);
    }
    let requests = camera.requests;
    assert_eq!(playing.end(), Ok(()));
    assert_eq!(requests.iter().take(4).collect::<Vec<_>>(), ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]);
}

#[test]
fn a_stream_that_breaks_off_is_played_again_and_the_gap_is_said() {
    let script = || Script { units: units(2), close: true, ..Script::default() };
    let camera = camera::start(vec![script(), script(), Script { units: units(1), ..Script::default() }]);
    let playing = play(config(&camera.address.to_string(), GENEROUS));
    for _ in 0..2 {
        assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
        assert!(playing.unit().body.is_key());
        assert!(!playing.unit().body.is_key());
        let Some(Arrival::Status(Status::Disconnected(why))) = playing.arrivals.next() else {
            panic!("the gap was not said")
        };
        assert!(why.contains("closed the connection"), "{why}");
    }
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    assert!(playing.unit().body.is_key());
    assert_eq!(playing.end(), Ok(()));
}

#[test]
fn sender_reports_keep_a_slow_stream_alive() {
    let slow = Script { units: units(2), reports: 6, ..Script::default() };
    let camera = camera::start(vec![slow]);
    let silence = camera::REPORT_PAUSE * 4;
    let playing = play(config(&camera.address.to_string(), Limits { silence, ..GENEROUS }));
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    assert!(playing.unit().body.is_key());
    assert!(!playing.unit().body.is_key(), "the second comes after more than the silence that is allowed");
    assert_eq!(playing.end(), Ok(()));
}

#[test]
fn reports_alone_are_not_waited_for_without_end() {
    let camera = camera::start(vec![Script { reports: 6, ..Script::default() }]);
    let limits = Limits { first_unit: camera::REPORT_PAUSE, ..GENEROUS };
    let text = failure(config(&camera.address.to_string(), limits));
    let waited = text.split("no picture came for ").nth(1).and_then(|rest| rest.split(':').next());
    assert!(waited.is_some_and(|waited| waited.ends_with("ms") || waited.ends_with('s')), "{text}");
    // A busy machine may not have brought the first report yet.
    assert!(text.contains("RTCP packets came and no video") || text.contains("not one packet came"), "{text}");
}

/// A camera that says goodbye keeps its connection open.
#[test]
fn the_goodbye_of_the_source_ends_the_session_at_once() {
    let leaving = Script { units: units(2), reports: 1, goodbye: Some(1), ..Script::default() };
    let camera = camera::start(vec![leaving, Script { units: units(1), ..Script::default() }]);
    let playing = play(config(&camera.address.to_string(), GENEROUS));
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    assert!(playing.unit().body.is_key() && !playing.unit().body.is_key());
    let Some(Arrival::Status(Status::Disconnected(why))) = playing.arrivals.next() else {
        panic!("the end was not said")
    };
    assert!(why.contains("goodbye (RTCP BYE)"), "{why}");
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))), "as after any other end");
    assert!(playing.unit().body.is_key());
    assert_eq!(playing.end(), Ok(()));
}

#[test]
fn the_goodbye_of_a_foreign_source_ends_nothing() {
    let two = Script { units: units(2), reports: 1, goodbye: Some(99), more: units(1), ..Script::default() };
    let camera = camera::start(vec![two]);
    let playing = play(config(&camera.address.to_string(), GENEROUS));
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    assert!(playing.unit().body.is_key() && !playing.unit().body.is_key());
    assert!(playing.unit().body.is_key(), "the stream goes on");
    assert_eq!(playing.end(), Ok(()));
}

/// Access units that never end: no marker, and one media time.
#[test]
fn packets_that_make_no_access_unit_are_looked_at_again() {
    let endless = || Script { units: units(3), unmarked: true, timeless: true, ..Script::default() };
    let camera = camera::start(vec![endless(), endless()]);
    let limits = Limits { silence: Duration::from_millis(300), ..GENEROUS };
    let text = failure(config(&camera.address.to_string(), limits));
    assert!(text.contains("none with the RTP marker and all of one media time"), "{text}");
}

#[test]
fn a_sender_without_markers_is_told_of_once() {
    let unmarked = |close| Script { units: units(32), unmarked: true, close, ..Script::default() };
    let camera = camera::start(vec![unmarked(true), unmarked(false)]);
    let playing = play(config(&camera.address.to_string(), GENEROUS));
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    let remark = loop {
        match playing.arrivals.next() {
            Some(Arrival::Unit(_)) => {}
            Some(Arrival::Status(Status::Remark(remark))) => break remark,
            other => panic!("neither a unit nor the remark: {other:?}"),
        }
    };
    assert!(remark.contains("no RTP marker"), "{remark}");
    while !matches!(playing.arrivals.next().expect("the stream comes back"), Arrival::Status(Status::Disconnected(_))) {
    }
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    // The 30th would bring it again.
    (0..31).for_each(|_| drop(playing.unit()));
    assert_eq!(playing.end(), Ok(()));
}

/// What is no IDR picture comes with the parameter sets too, where it is the first of a session.
#[test]
fn a_session_begins_with_parameter_sets_whatever_its_first_picture_is() {
    let mut joined = units(3);
    joined.remove(0);
    joined[0].splice(0..0, [SPS.to_vec(), PPS.to_vec(), vec![0x06, 0x06, 0x01, 0xc4, 0x80]]);
    let camera = camera::start(vec![Script { units: joined, ..Script::default() }]);
    let playing = play(config(&camera.address.to_string(), GENEROUS));
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    let unit = playing.unit();
    let glance = AccessUnit::parse(access_unit(&unit));
    assert_eq!((unit.body.is_key(), unit.is_entry_point), (false, true));
    assert_eq!((glance.sps, glance.pps, glance.recovery), (Some(&SPS[..]), Some(&PPS[..]), Some(0)));
    assert!(!playing.unit().is_entry_point);
    assert_eq!(playing.end(), Ok(()));
}

#[test]
fn what_other_streams_hold_is_no_flood_of_this_one() {
    assert_eq!(Limits::of_one_in(1), Limits::default());
    assert_eq!(Limits::of_one_in(16).growth_bytes, 16 * Limits::default().growth_bytes);
}

#[test]
fn a_camera_that_is_not_there_yet_is_waited_for() {
    let not_found = |_: &str, request: &str| Some(answer(request, "404 Not Found", "", ""));
    let missing = Script { answer: not_found, ..Script::default() };
    let camera = camera::start(vec![missing, Script { units: units(1), ..Script::default() }]);
    let playing = play(Config { wait: NEVER, ..config(&camera.address.to_string(), GENEROUS) });
    let Some(Arrival::Status(Status::Waiting(why))) = playing.arrivals.next() else { panic!("nothing was said") };
    assert!(why.contains("404"), "{why}");
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Connected(_)))));
    playing.unit();
    assert_eq!(playing.end(), Ok(()));
}

#[test]
fn a_connection_that_is_closed_before_the_stream_plays_is_tried_again() {
    // A proxy whose server is not up yet takes connections and lets them go.
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = proxy.local_addr().expect("it is bound");
    // One is closed at once, one with the request unread, which resets it, one within its answer.
    let camera = thread::spawn(move || {
        drop(proxy.accept().expect("a player connects"));
        let (unread, _) = proxy.accept().expect("and again");
        unread.peek(&mut [0]).expect("it asks");
        drop(unread);
        let (mut cut, _) = proxy.accept().expect("and again");
        cut.read(&mut [0; 4096]).and_then(|_| cut.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")).expect("it asks");
        drop(cut);
        camera::serve_one(&proxy, &Script { units: units(1), ..Script::default() }, &channel().0);
    });
    let playing = play(Config { wait: NEVER, ..config(&address.to_string(), GENEROUS) });
    let mut told = Vec::new();
    loop {
        match playing.arrivals.next() {
            Some(Arrival::Status(Status::Waiting(why))) => told.push(why),
            Some(Arrival::Status(Status::Connected(_))) => break,
            other => panic!("it gave up after {told:?}: {other:?}"),
        }
    }
    assert!(!told.is_empty() && told.iter().all(|why| why.contains("hung up")), "{told:?}");
    playing.unit();
    assert_eq!(playing.end(), Ok(()));
    camera.join().expect("no panic");

    // Without patience it is said.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("it is bound").to_string();
    thread::spawn(move || drop(closed.accept()));
    let text = failure(config(&address, GENEROUS));
    assert!(text.starts_with(&format!("{address} hung up before a picture came: ")), "{text}");
}

/// How playing ends that never gets anywhere.
fn failure(config: Config) -> String {
    let error = play(config).thread.join().expect("no panic").expect_err("it cannot play");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
    text
}

fn failure_with(answer: fn(&str, &str) -> Option<Vec<u8>>) -> String {
    let camera = camera::start(vec![Script { answer, ..Script::default() }]);
    failure(config(&camera.address.to_string(), GENEROUS))
}

/// Replaces the answer to one method.
macro_rules! refusing {
    ($method:literal, $answer:expr) => {
        failure_with(|method, request| (method == $method).then(|| ($answer)(request)))
    };
}

#[test]
fn each_refusal_is_told_in_one_line_that_names_it() {
    for (text, word) in [
        (refusing!("DESCRIBE", |request| answer(request, "404 Not Found", "", "")), "nothing is published at"),
        (
            refusing!("DESCRIBE", |request| {
                answer(request, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"cam\"\r\n", "")
            }),
            "needs a user name and a password",
        ),
        (refusing!("SETUP", |request| answer(request, "461 Unsupported Transport", "", "")), "try --transport udp"),
        (refusing!("DESCRIBE", |request| answer(request, "403 Forbidden", "", "")), "403"),
        (refusing!("PLAY", |request| answer(request, "454 Session Not Found", "", "")), "454"),
        (
            refusing!("DESCRIBE", |request| {
                let sdp = H264.replace("H264/90000", "H265/90000");
                answer(request, "200 OK", "Content-Type: application/sdp\r\n", &sdp)
            }),
            "is H265, not H.264",
        ),
        (
            refusing!("DESCRIBE", |request| {
                let sdp = H264.replace("m=video", "m=audio").replace("H264/90000", "PCMU/8000");
                answer(request, "200 OK", "Content-Type: application/sdp\r\n", &sdp)
            }),
            "has no video",
        ),
        (refusing!("DESCRIBE", |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), "is not an RTSP server"),
        (refusing!("DESCRIBE", |_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "is not an RTSP server"),
    ] {
        assert!(text.contains(word) && text.contains("127.0.0.1:"), "{word}: {text}");
    }
}

#[test]
fn wrong_credentials_are_told_from_missing_ones_and_never_shown() {
    let refuse = |_: &str, request: &str| {
        Some(answer(request, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"cam\"\r\n", ""))
    };
    let camera = camera::start(vec![Script { answer: refuse, ..Script::default() }]);
    let text = failure(config(&format!("me:secret@{}", camera.address), GENEROUS));
    assert!(text.contains("refuses this user name or password"), "{text}");
}

#[test]
fn nobody_there_silence_and_floods_end_within_their_limits() {
    // A client's own port: nobody listens there, nor can while the connection is held.
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(server.local_addr().expect("it is bound")).expect("it listens");
    let unused = client.local_addr().expect("it is connected");
    let text = failure(config(&unused.to_string(), GENEROUS));
    assert_eq!(text, format!("cannot connect to {unused}: Connection refused"));

    let short = Duration::from_millis(200);
    let mute = camera::start(vec![Script { answer: |_, _| Some(Vec::new()), ..Script::default() }]);
    let text = failure(config(&mute.address.to_string(), Limits { answer: short, ..GENEROUS }));
    assert_eq!(text, format!("{} does not answer DESCRIBE within 0.2 s", mute.address));

    let silent = camera::start(vec![Script::default()]);
    let text = failure(config(&silent.address.to_string(), Limits { silence: short, ..GENEROUS }));
    assert!(text.contains("plays, but no picture came for ") && text.contains(": not one packet came"), "{text}");
}
