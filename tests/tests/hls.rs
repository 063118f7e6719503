//! A stream in the formats of browsers: HLS and DASH that ffmpeg plays, and MSE.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::frame::Size;
use common::host::SystemClock;
use common::time::{MediaTime, Now};
use common::transport::Transport;
use framelag_tests::rtsp::{Client, http_get};
use framelag_tests::{LIMIT, viewing};
use publisher::capture::pattern;
use publisher::egress::{Egress, FrameEgress, rtsp};
use publisher::encode::{self, Encoder, OpenH264};
use publisher::rate::FrameRate;
use publisher::seal::SealedFrame;
use server::{PartLength, SegmentSettings};

const SIZE: Size = Size::new(320, 240);
const GOP: u32 = 15;

fn server(segments: SegmentSettings) -> server::Handle {
    let free: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let config = server::Config { rtsp: free, http: Some(free), segments, ..server::Config::default() };
    server::start(config).expect("a server")
}

fn segments(segment_ms: u64) -> SegmentSettings {
    let segment = Duration::from_millis(segment_ms);
    SegmentSettings { segment, part: PartLength::Frame, ..SegmentSettings::default() }
}

/// Publishes a moving picture to `/cam` at 30 fps until it is dropped.
struct Publisher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    fn start(server: &server::Handle) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let config = rtsp::Config {
            to: format!("rtsp://{}/cam", server.rtsp_addr()).parse().expect("a URL"),
            transport: Transport::Tcp,
            frame_rate: Some(30.0),
            is_paced: true,
            first_sequence: 1,
            clock: Arc::new(SystemClock::new()),
            notify: Box::new(|_| {}),
            server: None,
        };
        let sender = rtsp::start(config).expect("the server listens");
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let settings = encode::Config { size: SIZE, rate: FrameRate::THIRTY, bitrate: 1_000_000, gop: GOP };
            let mut encoder = OpenH264::new(settings).expect("an encoder");
            let start = Instant::now();
            for (number, picture) in pattern::pictures(SIZE).enumerate().take_while(|_| !stopped.load(Relaxed)) {
                let due = Duration::from_secs(number as u64) / 30;
                std::thread::sleep(due.saturating_sub(start.elapsed()));
                encoder.encode(&picture, MediaTime::default().advance(due), false).expect("it encodes");
                let frame = encoder.next_frame().expect("it encodes").expect("it skips none");
                sender.send(SealedFrame { frame, stamp: 0..0, stamped: Now::default() }).expect("it goes on");
            }
            sender.finish().expect("all went well");
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn http(server: &server::Handle) -> SocketAddr {
    server.http_addr().expect("HTTP")
}

/// Frames that ffprobe decodes of the first 3 s.
fn frames_in_3_s(url: &str) -> u32 {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-read_intervals", "%+3", "-count_frames", "-show_entries"]);
    command.args(["stream=nb_read_frames,width,height", "-of", "csv=p=0", url]).stdin(Stdio::null());
    let output = command.output().expect("ffprobe runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let line = text.lines().next().unwrap_or_default();
    let fields: Vec<u32> = line.split(',').filter_map(|field| field.parse().ok()).collect();
    assert_eq!(fields[..2], [320, 240], "{text}");
    fields[2]
}

#[test]
fn ffmpeg_plays_the_playlist() {
    let server = server(segments(500));
    let _publisher = Publisher::start(&server);
    viewing::playlist(http(&server), "cam");
    let frames = frames_in_3_s(&format!("http://{}/cam/index.m3u8", http(&server)));
    assert!((80..=110).contains(&frames), "3 s at 30 fps: {frames}");
}

#[test]
fn parts_come_frame_by_frame_and_a_playlist_waits_for_them() {
    let server = server(segments(500));
    let _publisher = Publisher::start(&server);
    let text = viewing::playlist(http(&server), "cam");
    assert!(text.contains("#EXTINF:0.499998,\nsegment-0.m4s\n"), "{text}");
    assert!(text.contains("#EXT-X-PART:DURATION=0.033331,URI=\"part-0-0.m4s\",INDEPENDENT=YES\n"), "{text}");
    let get = |path: &str| http_get(http(&server), &format!("/cam/{path}")).expect("an answer");
    // The part after the newest one, and the playlist with it.
    let hint = text.split("TYPE=PART,URI=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a hint");
    let numbers: Vec<u64> =
        hint[5..hint.len() - 4].split('-').map(|number| number.parse().expect("a number")).collect();
    let reload = format!("index.m3u8?_HLS_msn={}&_HLS_part={}", numbers[0], numbers[1]);
    let reloaded = get(&reload);
    assert_eq!(reloaded.status, 200, "{}", reloaded.head);
    assert!(String::from_utf8_lossy(&reloaded.body).contains(hint), "{hint}");
    let part = get(hint);
    assert_eq!(part.status, 200, "{}", part.head);
    assert_eq!(&part.body[4..8], b"prft");
    let whole = get("segment-0.m4s");
    assert_eq!(whole.body.windows(4).filter(|kind| kind == b"moof").count(), 15, "a fragment per frame");
    let first = get("part-0-0.m4s");
    assert_eq!(whole.body[..first.body.len()], first.body);
    assert_eq!(&get("init.mp4").body[4..8], b"ftyp");
}

#[test]
fn mse_is_one_answer_with_a_fragment_per_frame_from_a_key_frame_on() {
    let server = server(segments(500));
    let _publisher = Publisher::start(&server);
    viewing::playlist(http(&server), "cam");
    let mut socket = TcpStream::connect(http(&server)).expect("it listens");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    write!(socket, "GET /cam/mse HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
    let count = |bytes: &[u8], kind: &[u8]| bytes.windows(kind.len()).filter(|window| *window == kind).count();
    while count(&bytes, b"moof") < 40 {
        let read = socket.read(&mut buffer).expect("frames come");
        assert!(read > 0, "it goes on");
        bytes.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("transfer-encoding: chunked"), "{text}");
    assert!(text.contains("content-type: video/mp4; codecs=\"avc1.42"), "{text}");
    assert!(text.contains("cache-control: no-cache") && text.contains("access-control-allow-origin: *"), "{text}");
    assert_eq!((count(&bytes, b"ftyp"), count(&bytes, b"moov"), count(&bytes, b"mehd")), (1, 1, 0));
}

#[test]
fn what_is_not_there_is_refused() {
    let server = server(segments(500));
    for path in ["/cam/index.m3u8", "/cam/mse", "/cam/part-0-0.m4s", "/index.m3u8", "/../index.m3u8", "/a b/mse"] {
        let status = http_get(http(&server), path).expect("an answer").status;
        assert!(status == 404 || (path.contains(' ') && status == 400), "{path}: {status}");
    }
    let _publisher = Publisher::start(&server);
    viewing::playlist(http(&server), "cam");
    for (path, status) in [
        ("index.m3u8?_HLS_msn=1000000", 400),
        ("index.m3u8?_HLS_msn=18446744073709551615&_HLS_part=18446744073709551615", 400),
        ("index.m3u8?_HLS_msn=-1", 400),
        ("index.m3u8?_HLS_msn=x", 400),
        ("index.m3u8?_HLS_part=1", 400),
        ("index.m3u8?_HLS_skip=NO", 400),
        ("index.m3u8?_HLS_msn=0&other=1&&=", 200),
        ("index.m3u8?_HLS_skip=YES", 200),
        ("segment-1000000.m4s", 404),
        ("segment-+1.m4s", 404),
        ("segment-99999999999999999999999.m4s", 404),
        ("part-0-100.m4s", 404),
        ("part-1000000-0.m4s", 404),
        ("part-0.m4s", 404),
        ("init-5.mp4", 404),
        ("other", 404),
    ] {
        let answer = http_get(http(&server), &format!("/cam/{path}")).expect("an answer");
        assert_eq!(answer.status, status, "{path}: {}", answer.head);
    }
}

#[test]
fn ffmpeg_plays_the_manifest() {
    let server = server(segments(1_000));
    let _publisher = Publisher::start(&server);
    viewing::playlist(http(&server), "cam");
    let frames = frames_in_3_s(&format!("http://{}/cam/manifest.mpd", http(&server)));
    // Its clock counts whole seconds, and it takes a segment that is younger for the end of the stream.
    assert!((30..=130).contains(&frames), "up to 3 s at 30 fps: {frames}");
}

#[test]
fn many_viewers_get_every_part_whoever_does_not_read() {
    let server = server(segments(500));
    let _publisher = Publisher::start(&server);
    viewing::playlist(http(&server), "cam");
    let address = http(&server);
    let mut lazy = TcpStream::connect(address).expect("it listens");
    write!(lazy, "GET /cam/mse HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    let watch = move || {
        let mut client = Client::connect(address).expect("it listens");
        let mut get = |name: &str| {
            let answer =
                client.ask(&format!("GET /cam/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n")).expect("an answer");
            assert_eq!(answer.status, 200, "{name}: {}", answer.head);
            String::from_utf8_lossy(&answer.body).into_owned()
        };
        let mut newest = newest_part(&get("index.m3u8"));
        for _ in 0..45 {
            let text = get(&format!("index.m3u8?_HLS_msn={}&_HLS_part={}", newest.0, newest.1 + 1));
            let next = newest_part(&text);
            assert!(next > newest, "{next:?} after {newest:?}");
            newest = next;
            assert_eq!(get(&format!("part-{}-{}.m4s", newest.0, newest.1)).matches("moof").count(), 1);
        }
    };
    let viewers: Vec<_> = (0..30).map(|_| std::thread::spawn(watch)).collect();
    viewers.into_iter().for_each(|viewer| viewer.join().expect("it gets every part"));
}

/// Segment and number of the newest part that a playlist has.
fn newest_part(text: &str) -> (u64, u64) {
    let line = text.lines().rfind(|line| line.starts_with("#EXT-X-PART:")).expect("parts");
    let name = line.split("URI=\"part-").nth(1).and_then(|rest| rest.split(".m4s").next()).expect("a name");
    let (segment, part) = name.split_once('-').expect("two numbers");
    (segment.parse().expect("a number"), part.parse().expect("a number"))
}
