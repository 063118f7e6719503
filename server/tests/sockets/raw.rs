//! An RTSP client made of a socket and text, which can misbehave as it likes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::h264::nals;
use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::rtsp::interleaved;
use common::rtsp::message::{Framer, Item};
use common::time::MediaTime;

/// What any answer may take before a test gives up.
pub const LIMIT: Duration = Duration::from_secs(60);

pub const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n";
const IDR: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a, 0, 0, 0, 1, 0x68,
    0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88,
];
const SLICE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a];

/// A server on free ports.
pub fn server() -> server::Handle {
    server::start(config()).expect("a server")
}

pub fn config() -> server::Config {
    let free = "127.0.0.1:0".parse().expect("an address");
    server::Config { rtsp: free, http: Some(free), ..server::Config::default() }
}

/// One connection.
pub struct Client {
    pub socket: TcpStream,
    framer: Framer,
    cseq: u32,
    session: Option<String>,
    /// Sent with every request.
    pub headers: String,
}

/// What the server sent.
#[derive(Debug, PartialEq)]
pub enum Received {
    Response { status: u16, text: String },
    Data { channel: u8, payload: Vec<u8> },
    Closed,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        socket.set_write_timeout(Some(LIMIT)).expect("a limit");
        Self { socket, framer: Framer::default(), cseq: 0, session: None, headers: String::new() }
    }

    /// A client that publishes to `/cam`, over TCP where `transport` says nothing else.
    pub fn publisher(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::connect(address);
        client.publish(path, "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record");
        client
    }

    pub fn publish(&mut self, path: &str, transport: &str) -> String {
        assert_eq!(self.announce(path), 200);
        let (status, text) =
            self.ask("SETUP", &format!("{path}/streamid=0"), &format!("Transport: {transport}\r\n"), "");
        assert_eq!(status, 200, "{text}");
        assert_eq!(self.ask("RECORD", path, "", "").0, 200);
        text
    }

    pub fn announce(&mut self, path: &str) -> u16 {
        self.ask("ANNOUNCE", path, "Content-Type: application/sdp\r\n", SDP).0
    }

    /// A client that plays `/cam`.
    pub fn player(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::connect(address);
        client.play(path, "RTP/AVP/TCP;unicast;interleaved=2-3");
        client
    }

    pub fn play(&mut self, path: &str, transport: &str) -> String {
        let transport = format!("Transport: {transport}\r\n");
        let (status, text) = self.ask("SETUP", &format!("{path}/trackID=0"), &transport, "");
        assert_eq!(status, 200, "{text}");
        assert_eq!(self.ask("PLAY", path, "", "").0, 200);
        text
    }

    /// Sends a request and gives status and text of the response; frames before it are left out.
    pub fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        self.cseq += 1;
        let mut head = format!("{method} rtsp://127.0.0.1{path} RTSP/1.0\r\nCSeq: {}\r\n", self.cseq);
        head += &self.headers;
        head += headers;
        if let Some(session) = &self.session {
            head += &format!("Session: {session}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        self.send(format!("{head}\r\n{body}").as_bytes());
        loop {
            match self.receive() {
                Received::Response { status, text } => return (status, text),
                Received::Data { .. } => {}
                Received::Closed => panic!("closed instead of an answer to {method}"),
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server reads");
    }

    /// Sends `packets` as interleaved frames of channel 0, in one write.
    pub fn send_packets<'a>(&mut self, packets: impl IntoIterator<Item = &'a Vec<u8>>) {
        let frames: Vec<u8> = packets.into_iter().flat_map(|packet| frame(0, packet)).collect();
        self.send(&frames);
    }

    /// The next message or frame.
    pub fn receive(&mut self) -> Received {
        let mut buffer = [0; 65_536];
        loop {
            match self.framer.next_item().expect("the server speaks RTSP") {
                Some(Item::Response(response)) => {
                    let mut text = Vec::new();
                    response.write(&mut text).expect("memory");
                    let session = response.headers().find(|(name, _)| name.as_str().eq_ignore_ascii_case("session"));
                    if let Some((_, value)) = session {
                        self.session = value.as_str().split(';').next().map(str::to_owned);
                    }
                    let text = String::from_utf8_lossy(&text).into_owned();
                    return Received::Response { status: response.status().into(), text };
                }
                Some(Item::Data { channel, payload }) => return Received::Data { channel, payload: payload.to_vec() },
                Some(Item::Request(request)) => panic!("the server asks {request:?}"),
                None => {}
            }
            match self.socket.read(&mut buffer) {
                Ok(0) => return Received::Closed,
                Ok(count) => self.framer.push(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Received::Closed,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// The next `count` packets of channel `channel`.
    pub fn packets(&mut self, channel: u8, count: usize) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while packets.len() < count {
            match self.receive() {
                Received::Data { channel: c, payload } if c == channel => packets.push(payload),
                Received::Data { .. } | Received::Response { .. } => {}
                Received::Closed => panic!("closed after {} of {count} packets", packets.len()),
            }
        }
        packets
    }

    /// Reads until the server closes.
    pub fn drain(&mut self) -> Vec<Received> {
        let mut all = Vec::new();
        loop {
            match self.receive() {
                Received::Closed => return all,
                other => all.push(other),
            }
        }
    }
}

pub fn frame(channel: u8, packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).expect("a packet");
    [&interleaved::header(channel, length)[..], packet].concat()
}

/// Frames of a stream, as RTP packets.
pub struct Camera {
    packetizer: Packetizer,
    time: MediaTime,
}

impl Camera {
    pub fn new(ssrc: u32) -> Self {
        Self { packetizer: Packetizer::new(ssrc, 0), time: MediaTime::default() }
    }

    /// An IDR frame of about `length` bytes.
    pub fn idr(&mut self, length: usize) -> Vec<Vec<u8>> {
        self.frame(IDR, length)
    }

    /// Another frame of about `length` bytes.
    pub fn slice(&mut self, length: usize) -> Vec<Vec<u8>> {
        self.frame(SLICE, length)
    }

    fn frame(&mut self, start: &[u8], length: usize) -> Vec<Vec<u8>> {
        self.time = self.time.advance(Duration::from_millis(33));
        let annex_b = [start, &vec![0x55; length]].concat();
        let mut packets = Packets::default();
        self.packetizer.packetize(&nals(&annex_b).collect::<Vec<_>>(), self.time, &mut packets);
        packets.iter().map(<[u8]>::to_vec).collect()
    }
}

/// A connection for HTTP from `local`.
pub fn http_client(address: SocketAddr, local: [u8; 4]) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a descriptor");
    socket.bind(&SocketAddr::from((local, 0)).into()).expect("a loopback address");
    socket.connect(&address.into()).expect("the server listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream
}

/// What a request has beside its first line and what every one has.
#[derive(Clone, Copy, Default)]
pub struct Headers<'a> {
    /// Each with a line break in front.
    pub lines: &'a str,
    pub body: &'a str,
}

/// One HTTP request; gives status and everything behind the status line.
pub fn http(address: SocketAddr, request: &str) -> (u16, String) {
    http_with(address, request, Headers::default())
}

pub fn http_with(address: SocketAddr, request: &str, headers: Headers<'_>) -> (u16, String) {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    let Headers { lines, body } = headers;
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close{lines}\r\n\r\n{body}");
    socket.write_all(request.as_bytes()).expect("the server reads");
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, text)
}
