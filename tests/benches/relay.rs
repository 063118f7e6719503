//! What the relay adds: a frame's way from one socket to another, through the server and straight.
//!
//! A pause before each frame lets all threads fall asleep, as they do between the frames of a real stream.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::time::MediaTime;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Bytes of a slice: about 1 Mbit/s at 30 fps, and an IDR of 1920x1080.
const SLICES: [(&str, usize); 2] = [("4 kB", 4_000), ("100 kB", 100_000)];
const PAUSE: Duration = Duration::from_millis(3);
const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n";

/// Two ends of a way, frames go in at the first and come out at the second.
struct Way {
    publisher: TcpStream,
    readers: Vec<TcpStream>,
    /// Whatever has to live as long.
    _server: Option<server::Handle>,
}

impl Way {
    fn straight() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let publisher = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        publisher.set_nodelay(true).expect("an option");
        let (reader, _) = listener.accept().expect("connected");
        Self { publisher, readers: vec![reader], _server: None }
    }

    fn through_server(readers: usize) -> Self {
        let free = "127.0.0.1:0".parse().expect("an address");
        let config = server::Config { rtsp: free, http: None, ..server::Config::default() };
        let server = server::start(config).expect("a server");
        let publisher = publisher(server.rtsp_addr());
        let readers = (0..readers).map(|_| player(server.rtsp_addr())).collect();
        Self { publisher, readers, _server: Some(server) }
    }

    /// Time from before the write until the last reader has all of it.
    fn carry(&mut self, frame: &[u8], buffer: &mut [u8]) -> Duration {
        std::thread::sleep(PAUSE);
        let start = Instant::now();
        self.publisher.write_all(frame).expect("the way is open");
        for reader in &mut self.readers {
            reader.read_exact(buffer).expect("the way is open");
        }
        start.elapsed()
    }
}

fn publisher(address: SocketAddr) -> TcpStream {
    let announce = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", SDP.len());
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n";
    let mut stream = TcpStream::connect(address).expect("the server listens");
    ask(&mut stream, "ANNOUNCE", "cam", &announce, SDP);
    let session = ask(&mut stream, "SETUP", "cam/streamid=0", transport, "");
    ask(&mut stream, "RECORD", "cam", &session, "");
    stream
}

fn player(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let session = ask(&mut stream, "SETUP", "cam/trackID=0", transport, "");
    ask(&mut stream, "PLAY", "cam", &session, "");
    stream
}

/// Gives the Session header for the next request.
fn ask(stream: &mut TcpStream, method: &str, path: &str, headers: &str, body: &str) -> String {
    stream.set_nodelay(true).expect("an option");
    let request = format!("{method} rtsp://127.0.0.1/{path} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n{body}");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        response.extend(byte);
    }
    let response = String::from_utf8(response).expect("text");
    assert!(response.starts_with("RTSP/1.0 200"), "{response}");
    let session = response.lines().find(|line| line.starts_with("Session:"));
    session.map(|line| format!("{line}\r\n")).unwrap_or_default()
}

/// One frame as a publisher writes it, every one an IDR, so that every reader gets it.
fn frame(bytes: usize) -> Vec<u8> {
    let mut slice = vec![0x88; bytes];
    slice[0] = 0x65;
    let mut packets = Packets::default();
    Packetizer::new(1, 0).packetize(&[&slice], MediaTime::default(), &mut packets);
    packets.interleaved(0).to_vec()
}

fn relay(c: &mut Criterion) {
    let mut group = c.benchmark_group("relay");
    group.sample_size(20).measurement_time(Duration::from_secs(6));
    for (name, bytes) in SLICES {
        let frame = frame(bytes);
        let ways = [
            ("straight", Way::straight()),
            ("server", Way::through_server(1)),
            ("10 readers", Way::through_server(10)),
        ];
        for (way_name, mut way) in ways {
            let mut buffer = vec![0; frame.len()];
            group.bench_function(BenchmarkId::new(way_name, name), |b| {
                b.iter_custom(|count| (0..count).map(|_| way.carry(&frame, &mut buffer)).sum());
            });
        }
    }
}

criterion_group!(benches, relay);
criterion_main!(benches);
