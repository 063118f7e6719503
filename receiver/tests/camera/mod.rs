//! A camera whose every answer is scripted: an RTSP server of one track, over TCP or UDP, that does what a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::rtp::rtcp::{self, Sent};
use common::time::{MediaTime, WallTime};

/// A session description of one H.264 track whose parameter sets come in the stream.
pub const H264: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track0\r\n";

/// Time from one sender report to the next.
pub const REPORT_PAUSE: Duration = Duration::from_millis(250);

/// What stands for the ports that packets come from over UDP.
pub const SERVER_PORTS: &str = "server_port=9-10";

/// The n-th of bytes without end.
pub type Endless = fn(n: u32) -> Vec<u8>;

/// What a connection is served with.
pub struct Script {
    /// What DESCRIBE, SETUP and PLAY are answered with; `None` for what they usually are. An empty answer is none at all.
    pub answer: fn(method: &str, request: &str) -> Option<Vec<u8>>,
    /// The access units that follow PLAY, each as its NAL units.
    pub units: Vec<Vec<Vec<u8>>>,
    /// So many sender reports follow each access unit, [`REPORT_PAUSE`] apart; without access units, they follow PLAY.
    pub reports: u32,
    /// The source that says goodbye after them (RTCP BYE).
    pub goodbye: Option<u32>,
    /// Access units that follow the goodbye.
    pub more: Vec<Vec<Vec<u8>>>,
    /// No packet has the marker.
    pub unmarked: bool,
    /// All packets are of one media time.
    pub timeless: bool,
    /// The connection is closed after them; else it stays open until the player closes it.
    pub close: bool,
    /// The answer to this method, with all that follows it, is followed by these bytes without end: the n-th of them.
    pub endless: Option<(&'static str, Endless)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            answer: |_, _| None,
            units: Vec::new(),
            reports: 0,
            goodbye: None,
            more: Vec::new(),
            unmarked: false,
            timeless: false,
            close: false,
            endless: None,
        }
    }
}

/// The camera's address, and the methods of the requests that come in.
pub struct Camera {
    pub address: SocketAddr,
    pub requests: Receiver<String>,
}

/// Serves one connection after the other, each by its script, and none after the last.
pub fn start(scripts: Vec<Script>) -> Camera {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (sender, requests) = channel();
    thread::spawn(move || {
        for script in scripts {
            serve_one(&listener, &script, &sender);
        }
    });
    Camera { address, requests }
}

/// Serves one connection to `listener` by its script, and says which requests come in.
pub fn serve_one(listener: &TcpListener, script: &Script, requests: &Sender<String>) {
    let (stream, _) = listener.accept().expect("a player connects");
    serve(stream, script, requests);
}

/// An answer with a body.
pub fn answer(request: &str, status: &str, headers: &str, body: &str) -> Vec<u8> {
    let cseq = request.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("0");
    let length = body.len();
    format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// What a request is answered with where a script says nothing else.
pub fn usual(method: &str, request: &str) -> Vec<u8> {
    match (method, client_port(request)) {
        ("DESCRIBE", _) => answer(request, "200 OK", "Content-Type: application/sdp\r\n", H264),
        ("SETUP", ports) => {
            let transport = match ports {
                Some(port) => format!("RTP/AVP;unicast;client_port={port}-{};{SERVER_PORTS}", port + 1),
                None => "RTP/AVP/TCP;unicast;interleaved=0-1".to_owned(),
            };
            answer(request, "200 OK", &format!("Session: 1;timeout=60\r\nTransport: {transport}\r\n"), "")
        }
        _ => answer(request, "200 OK", "Session: 1\r\n", ""),
    }
}

/// Where packets are wanted over UDP.
fn client_port(request: &str) -> Option<u16> {
    request.split_once("client_port=")?.1.split('-').next()?.parse().ok()
}

fn serve(mut stream: TcpStream, script: &Script, requests: &Sender<String>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let at = stream.local_addr().expect("it is connected").ip();
    let udp = UdpSocket::bind((at, 0)).expect("a free port");
    let mut to = None;
    while let Some(request) = read(&mut reader) {
        let method = request.split(' ').next().unwrap_or_default().to_owned();
        let mut reply = (script.answer)(&method, &request).unwrap_or_else(|| usual(&method, &request));
        if let Some(port) = client_port(&request) {
            let rtp = udp.local_addr().expect("it is bound").port();
            let ports = format!("server_port={rtp}-{}", rtp.wrapping_add(1));
            reply = String::from_utf8_lossy(&reply).replace(SERVER_PORTS, &ports).into_bytes();
            to = Some((&udp, SocketAddr::new(stream.peer_addr().expect("it is connected").ip(), port)));
        }
        // A test that has seen enough does not listen any more, and a player may hang up at any time.
        let _ = requests.send(method.clone());
        let _ = stream.write_all(&reply);
        if method == "PLAY" {
            play(&mut stream, script, to);
            if script.close {
                return;
            }
        }
        if let Some((_, bytes)) = script.endless.filter(|(after, _)| *after == method) {
            let _ = (0..).try_for_each(|n| stream.write_all(&bytes(n)));
            return;
        }
    }
}

fn play(stream: &mut TcpStream, script: &Script, udp: Option<(&UdpSocket, SocketAddr)>) {
    let mut packetizer = Packetizer::new(1, 100);
    let mut packets = Packets::default();
    for (n, unit) in (0_u32..).zip(script.units.iter().chain(&script.more)) {
        if let Some(source) = script.goodbye.filter(|_| n as usize == script.units.len()) {
            rtcp_frame(stream, &rtcp::bye(source));
        }
        let nals: Vec<_> = unit.iter().map(Vec::as_slice).collect();
        packets.clear();
        let time = if script.timeless { 0 } else { 3_000 * n };
        packetizer.packetize(&nals, MediaTime::from_ticks(time), &mut packets);
        let mut frames = packets.interleaved(0).to_vec();
        if script.unmarked {
            without_markers(&mut frames);
        }
        let _ = match udp {
            Some((socket, to)) => packets_of(&frames).try_for_each(|packet| socket.send_to(packet, to).map(drop)),
            None => stream.write_all(&frames),
        };
        report(stream, script.reports);
    }
    if script.units.is_empty() {
        report(stream, script.reports);
    }
    if let Some(source) = script.goodbye.filter(|_| script.more.is_empty()) {
        rtcp_frame(stream, &rtcp::bye(source));
    }
}

/// The packets in interleaved frames.
fn packets_of(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (header, rest) = frames.split_first_chunk::<4>()?;
        let (packet, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[2], header[3]])));
        frames = rest;
        Some(packet)
    })
}

/// Takes the marker bit out of each interleaved packet.
fn without_markers(frames: &mut [u8]) {
    let mut at = 0;
    while at + 5 < frames.len() {
        frames[at + 5] &= 0x7f;
        at += 4 + usize::from(u16::from_be_bytes([frames[at + 2], frames[at + 3]]));
    }
}

/// Sends `count` sender reports (RFC 3550 section 6.4.1) on channel 1, as a camera of slow pictures does.
fn report(stream: &mut TcpStream, count: u32) {
    for _ in 0..count {
        thread::sleep(REPORT_PAUSE);
        let report =
            rtcp::sender_report(1, WallTime::from_micros(1_763_722_800_000_000), MediaTime::default(), Sent::default());
        rtcp_frame(stream, &report);
    }
}

fn rtcp_frame(stream: &mut TcpStream, packet: &[u8]) {
    let _ = stream.write_all(&[&[b'$', 1, 0, packet.len() as u8][..], packet].concat());
}

/// The next request, up to its empty line; frames of the player's own (RTCP) are passed over.
fn read(reader: &mut impl BufRead) -> Option<String> {
    let mut request = String::new();
    loop {
        if reader.fill_buf().ok()?.first() == Some(&b'$') {
            let mut header = [0; 4];
            reader.read_exact(&mut header).ok()?;
            let length = u64::from(u16::from_be_bytes([header[2], header[3]]));
            std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
            continue;
        }
        let before = request.len();
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
        if request[before..].trim().is_empty() {
            return Some(request);
        }
    }
}
