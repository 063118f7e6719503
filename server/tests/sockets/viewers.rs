//! Tests of HTTP viewers with a simulated camera.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;

use super::raw::{self, Camera, Client, config, http};
use super::wait_for;

/// A stream from which one frame has arrived.
pub struct Cam {
    pub handle: server::Handle,
    pub publisher: Client,
    camera: Camera,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn count(&self, kind: &[u8; 4]) -> usize {
        self.body.windows(4).filter(|window| window == kind).count()
    }
}

impl Cam {
    pub fn new() -> Self {
        let cam = Self::of(server::start(config()).expect("a server"), "");
        wait_for(&cam.handle, "cam", |status| status["frames"] == 1);
        cam
    }

    /// On a server that accepts publishers with `header`.
    pub fn of(handle: server::Handle, header: &str) -> Self {
        let mut publisher = Client::connect(handle.rtsp_addr());
        publisher.headers = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
        publisher.publish("/cam", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record");
        let mut cam = Self { handle, publisher, camera: Camera::new(1) };
        cam.send_idr();
        cam
    }

    pub fn http(&self) -> SocketAddr {
        self.handle.http_addr().expect("HTTP")
    }

    pub fn send_idr(&mut self) {
        let packets = self.camera.idr(1_000);
        self.publisher.send_packets(&packets);
    }

    pub fn send_slices(&mut self, count: usize) {
        for _ in 0..count {
            let packets = self.camera.slice(100);
            self.publisher.send_packets(&packets);
        }
    }

    /// Waits for a key frame request.
    pub fn is_asked(&mut self) {
        assert_eq!(self.publisher.packets(1, 1)[0][9], 206, "payload-specific feedback");
    }

    /// Requests a file, and reads the response until the server closes.
    pub fn get(&self, name: &str) -> JoinHandle<Answer> {
        let mut socket = TcpStream::connect(self.handle.http_addr().expect("HTTP")).expect("it listens");
        socket.set_read_timeout(Some(raw::LIMIT)).expect("a limit");
        write!(socket, "GET /cam/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            socket.read_to_end(&mut bytes).expect("an answer");
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
            Answer { status, head, body: bytes.split_off(end + 4) }
        })
    }

    /// Returns a playlist with a complete segment and seven frames of the next: the first that a player is given.
    pub fn playlist(&mut self) -> String {
        self.playlist_at("index.m3u8")
    }

    pub fn playlist_at(&mut self, name: &str) -> String {
        let playlist = self.get(name);
        self.is_asked();
        self.send_idr();
        self.send_slices(30);
        // A second has passed without a key frame.
        self.is_asked();
        self.send_idr();
        self.send_slices(6);
        let answer = playlist.join().expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.head);
        answer.text()
    }
}

#[test]
fn the_first_viewer_has_the_stream_cut_and_key_frames_are_asked_for() {
    let mut cam = Cam::new();
    let text = cam.playlist();
    assert!(text.contains("segment-0.m4s") && text.contains("URI=\"part-1-0.m4s\",INDEPENDENT=YES"), "{text}");
    assert!(text.ends_with("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-1-7.m4s\"\n"), "{text}");
    let (segment, part) = (cam.get("segment-0.m4s"), cam.get("part-1-0.m4s"));
    assert_eq!(segment.join().expect("an answer").count(b"moof"), 31);
    assert_eq!(part.join().expect("an answer").count(b"moof"), 1);
}

#[test]
fn what_comes_next_is_waited_for() {
    let mut cam = Cam::new();
    cam.playlist();
    let (playlist, part) = (cam.get("index.m3u8?_HLS_msn=1&_HLS_part=7"), cam.get("part-1-7.m4s"));
    cam.send_slices(1);
    let (playlist, part) = (playlist.join().expect("an answer"), part.join().expect("an answer"));
    assert!(playlist.text().contains("URI=\"part-1-7.m4s\"\n"), "{}", playlist.text());
    assert_eq!((part.status, part.count(b"moof")), (200, 1));
    assert!(part.head.contains("cache-control: no-cache") && part.head.contains("content-length"), "{}", part.head);
}

#[test]
fn a_segment_that_grows_is_sent_as_it_grows() {
    let mut cam = Cam::new();
    cam.playlist();
    let (open, dash) = (cam.get("segment-1.m4s"), cam.get("dash-1.m4s"));
    cam.send_slices(24);
    cam.is_asked();
    cam.send_idr();
    for answer in [open, dash] {
        let answer = answer.join().expect("an answer");
        assert!(answer.head.contains("transfer-encoding: chunked"), "{}", answer.head);
        assert!((30..=31).contains(&answer.count(b"moof")), "{}", answer.count(b"moof"));
    }
}

#[test]
fn the_manifest_names_the_segments_and_the_clock() {
    let mut cam = Cam::new();
    cam.playlist();
    let manifest = cam.get("manifest.mpd").join().expect("an answer");
    assert!(manifest.head.contains("content-type: application/dash+xml"), "{}", manifest.head);
    assert!(manifest.text().contains("media=\"dash-$Number$.m4s\""), "{}", manifest.text());
    assert!(manifest.text().contains("value=\"http://localhost/time\""), "{}", manifest.text());
    let (status, time) = http(cam.handle.http_addr().expect("HTTP"), "GET /time");
    assert!(status == 200 && time.contains("\r\n\r\n20") && time.ends_with('Z'), "{time}");
}

#[test]
fn the_end_of_the_stream_is_told() {
    let mut cam = Cam::new();
    cam.playlist();
    let (playlist, part, mse) = (cam.get("index.m3u8?_HLS_msn=2"), cam.get("part-1-7.m4s"), cam.get("mse"));
    assert_eq!(cam.publisher.ask("TEARDOWN", "/cam", "", "").0, 200);
    let playlist = playlist.join().expect("an answer");
    assert!(playlist.text().ends_with("segment-1.m4s\n#EXT-X-ENDLIST\n"), "{}", playlist.text());
    assert_eq!(part.join().expect("an answer").status, 404);
    let mse = mse.join().expect("an answer");
    assert_eq!((mse.status, mse.count(b"ftyp"), mse.count(b"moof")), (200, 1, 7));
}

#[test]
fn foreign_names_of_this_host_are_refused_and_other_pages_may_read_streams() {
    let cam = Cam::new();
    let address = cam.handle.http_addr().expect("HTTP");
    for path in ["/api/streams", "/metrics", "/cam/index.m3u8", "/cam/mse"] {
        let (status, text) = http(address, &format!("GET {path} HTTP/1.1\r\nHost: example.com\r\nX: "));
        assert_eq!(status, 421, "{text}");
    }
    assert_eq!(http(address, "GET /health HTTP/1.1\r\nHost: example.com\r\nX: ").0, 200);
    let (status, text) = http(address, "OPTIONS /cam/mse");
    assert!(status == 204 && text.contains("access-control-allow-origin: *"), "{text}");
    let (_, text) = http(address, "GET /nobody/mse");
    assert!(text.contains("access-control-allow-origin: *"), "{text}");
    let (status, text) = http(address, "GET /api/streams");
    assert!(status == 200 && !text.contains("access-control"), "{text}");
    assert_eq!(http(address, "POST /cam/mse").0, 405);
}

#[test]
fn a_stream_cannot_hide_what_the_server_has_of_its_own() {
    let handle = server::start(config()).expect("a server");
    for name in ["/api", "/api/streams", "/metrics", "/health/x", "/time", "/assets"] {
        assert!(Client::connect(handle.rtsp_addr()).announce(name) >= 400, "{name}");
    }
    assert_eq!(Client::connect(handle.rtsp_addr()).announce("/cam/api"), 200);
}

#[test]
fn one_address_has_so_many_requests_waiting_and_others_still_get_in() {
    let mut cam = Cam::new();
    cam.playlist();
    let ask = |from: [u8; 4]| {
        let mut client = raw::http_client(cam.http(), from);
        write!(client, "GET /cam/part-1-7.m4s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        client
    };
    let mut waiting: Vec<_> = (0..256).map(|_| ask([127, 0, 0, 9])).collect();
    wait_for(&cam.handle, "cam", |status| status["http"]["viewers"] == 256);
    let mut refused = String::new();
    ask([127, 0, 0, 9]).read_to_string(&mut refused).expect("an answer");
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 2\r\n"), "{refused}");
    assert!(refused.contains("access-control-allow-origin: *"), "{refused}");
    let mut other = ask([127, 0, 0, 8]);
    wait_for(&cam.handle, "cam", |status| status["http"]["viewers"] == 257);
    cam.send_slices(1);
    for socket in waiting.iter_mut().chain([&mut other]) {
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).expect("an answer");
        assert!(bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
    }
    let (_, metrics) = http(cam.http(), "GET /metrics");
    assert!(metrics.contains("framelag_http_refused_total 1\n"), "{metrics}");
}

#[test]
fn heads_are_bounded_and_bodies_are_not_waited_for() {
    let cam = Cam::new();
    let long = "x".repeat(20_000);
    for request in [
        format!("GET /cam/{long}"),
        format!("GET /cam/index.m3u8?{long}"),
        format!("GET /cam/mse HTTP/1.1\r\nX: {long}\r\nY: "),
    ] {
        let (status, _) = http(cam.http(), &request);
        assert!([400, 414, 431].contains(&status), "{status}");
    }
    let mut client = raw::http_client(cam.http(), [127, 0, 0, 1]);
    write!(client, "GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n")
        .expect("it reads");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}

#[test]
fn a_viewer_that_reads_nothing_is_cut_off_and_others_go_on() {
    let mut cam = Cam::new();
    cam.playlist();
    let mut lazy = raw::http_client(cam.http(), [127, 0, 0, 1]);
    write!(lazy, "GET /cam/mse HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    wait_for(&cam.handle, "cam", |status| status["http"]["viewers"] == 1);
    // More than socket buffers hold, and nobody reads it.
    let start = std::time::Instant::now();
    let mut viewers = 1;
    while viewers > 0 {
        assert!(start.elapsed() < raw::LIMIT, "it is still there");
        cam.send_idr();
        for _ in 0..30 {
            let packets = cam.camera.slice(20_000);
            cam.publisher.send_packets(&packets);
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
        viewers = super::status_of(&cam.handle, "cam")["http"]["viewers"].as_u64().expect("a count");
    }
    let status = super::status_of(&cam.handle, "cam");
    assert!(status["http"]["segment_bytes"].as_u64() < Some(48 << 20), "{status}");
    assert_eq!(cam.get("index.m3u8").join().expect("an answer").status, 200);
}
