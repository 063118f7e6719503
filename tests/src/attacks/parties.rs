//! Publishers and readers that do what they are told.

use std::net::SocketAddr;

use crate::rtsp::Client;

/// Users for a server that asks for them, and what the parties say to it. Others pass over it.
pub const USERS: &str = "ann:secret\n";
/// The header with base64 of that.
pub const CREDENTIALS: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";

/// A session description of one H.264 track, with more behind it.
pub fn sdp(more: &str) -> String {
    format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
         a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n{more}"
    )
}

/// A description of 119 kB with 16 media.
pub fn large_sdp() -> String {
    let control = "x".repeat(7_850);
    sdp(&(1..16).map(|track| format!("m=audio 0 RTP/AVP 0\r\na=control:{control}{track}\r\n")).collect::<String>())
}

/// The head of an ANNOUNCE of `sdp`.
pub fn announce(address: SocketAddr, path: &str, sdp: &str) -> String {
    let length = sdp.len();
    format!(
        "ANNOUNCE rtsp://{address}/{path} RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n\
         Content-Length: {length}\r\n{CREDENTIALS}\r\n{sdp}"
    )
}

/// Publishes over TCP, with the track called `trackID=0` on channels 0 and 1, and others behind it.
pub fn publisher(address: SocketAddr, path: &str, sdp: &str, others: &[&str]) -> Client {
    let mut client = Client::connect(address).expect("the server takes connections");
    ask(&mut client, &announce(address, path, sdp));
    let mut session = String::new();
    for (index, track) in ["trackID=0"].iter().chain(others).enumerate() {
        let channels = format!("{}-{}", 2 * index, 2 * index + 1);
        let transport = format!("Transport: RTP/AVP/TCP;unicast;interleaved={channels};mode=record\r\n");
        let setup = format!("SETUP rtsp://{address}/{path}/{track} RTSP/1.0\r\nCSeq: 2\r\n{transport}{session}\r\n");
        session = session_of(&ask(&mut client, &setup));
    }
    ask(&mut client, &format!("RECORD rtsp://{address}/{path} RTSP/1.0\r\nCSeq: 3\r\n{session}\r\n"));
    client
}

/// Publishes over UDP from `port`, with tracks 0 to `count`: the server's RTP ports, by track.
pub fn udp_publisher(address: SocketAddr, path: &str, count: usize, port: u16) -> (Client, Vec<u16>) {
    let mut client = Client::connect(address).expect("the server takes connections");
    let others: String = (1..count).map(|n| format!("m=audio 0 RTP/AVP 0\r\na=control:trackID={n}\r\n")).collect();
    ask(&mut client, &announce(address, path, &sdp(&others)));
    let mut session = String::new();
    let ports = (0..count).map(|track| {
        let transport = format!("Transport: RTP/AVP;unicast;client_port={port}-{};mode=record\r\n", port ^ 1);
        let url = format!("rtsp://{address}/{path}/trackID={track}");
        let head = ask(&mut client, &format!("SETUP {url} RTSP/1.0\r\nCSeq: 2\r\n{transport}{session}\r\n"));
        session = session_of(&head);
        let ports = head.split_once("server_port=").expect("the server's ports").1;
        ports.split('-').next().and_then(|port| port.parse().ok()).expect("a port")
    });
    let ports = ports.collect();
    ask(&mut client, &format!("RECORD rtsp://{address}/{path} RTSP/1.0\r\nCSeq: 3\r\n{session}\r\n"));
    (client, ports)
}

/// A reader over TCP that plays, and the Session header of its requests.
pub fn reader(address: SocketAddr, path: &str) -> (Client, String) {
    let mut client = Client::connect(address).expect("the server takes connections");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let setup = format!("SETUP rtsp://{address}/{path}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n{CREDENTIALS}{transport}\r\n");
    let session = session_of(&ask(&mut client, &setup));
    ask(&mut client, &format!("PLAY rtsp://{address}/{path} RTSP/1.0\r\nCSeq: 2\r\n{session}\r\n"));
    (client, session)
}

/// The head of the answer to a request that is granted.
fn ask(client: &mut Client, request: &str) -> String {
    let answer = client.ask(request).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.head
}

fn session_of(head: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("session:"));
    format!("{}\r\n", line.and_then(|line| line.split(';').next()).expect("a session"))
}

/// An RTP packet of media time `time` in an interleaved frame of `channel`.
pub fn packet(channel: u8, time: u32, payload: &[u8]) -> Vec<u8> {
    let header = [&[0x80, 96, 0, 0][..], &time.to_be_bytes(), &7_u32.to_be_bytes()].concat();
    frame(channel, &[&header, payload].concat())
}

/// An interleaved frame.
pub fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a frame holds 65,535 bytes at most");
    [&[b'$', channel], &length.to_be_bytes()[..], payload].concat()
}
