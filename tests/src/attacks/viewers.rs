//! HTTP viewers that cost the server as much as possible.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::parties::{CREDENTIALS, publisher, sdp};
use super::{INNOCENT, Target};
use crate::rtsp::{Client, http_get};

/// Connections per attack: as many as an address may have.
const CONNECTIONS: usize = 300;
/// How often each connection acts.
const EVERY: Duration = Duration::from_millis(500);
const CLIENTS: usize = 8;

fn get(path: &str) -> String {
    format!("GET /{INNOCENT}/{path} HTTP/1.1\r\nHost: localhost\r\n{CREDENTIALS}\r\n")
}

/// Keeps connections open and gives each its turn until `stop`. Reopens a connection that `turn` reports as ended.
fn keep(target: Target, stop: &AtomicBool, mut turn: impl FnMut(&mut TcpStream, usize) -> bool) {
    let mut sockets: Vec<Option<TcpStream>> = (0..CONNECTIONS).map(|_| None).collect();
    for round in 0.. {
        for socket in &mut sockets {
            if stop.load(Relaxed) {
                return;
            }
            if socket.is_none() {
                *socket = TcpStream::connect(target.http).ok().filter(|socket| socket.set_nonblocking(true).is_ok());
            }
            if socket.as_mut().is_some_and(|socket| !turn(socket, round)) {
                *socket = None;
            }
            thread::sleep(EVERY / CONNECTIONS as u32);
        }
    }
}

/// Reads the available data; `false` if the connection has ended.
fn drain(socket: &mut TcpStream) -> bool {
    let mut buffer = [0; 65_536];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

/// Viewers that request the stream as one response and never read it.
pub fn streams_unread(target: Target, stop: &AtomicBool) {
    keep(target, stop, |socket, _| {
        // Pipelined: the second request is read once the first is answered.
        socket.write_all(get("mse").as_bytes()).is_ok()
    });
}

/// Requests for a future playlist, repeated after each response, each followed by many more.
pub fn reloads(target: Target, stop: &AtomicBool) {
    let playlist = http_get(target.http, &format!("/{INNOCENT}/index.m3u8")).expect("an answer");
    let text = String::from_utf8_lossy(&playlist.body).into_owned();
    let newest = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")?.parse::<u64>().ok());
    let newest = newest.unwrap_or_default();
    keep(target, stop, |socket, round| {
        // One segment per second; a playlist has six, and one more is requested.
        let waiting = get(&format!("index.m3u8?_HLS_msn={}", newest + 6 + round as u64 / 2));
        drain(socket) && socket.write_all(waiting.repeat(10).as_bytes()).is_ok()
    });
}

/// Request heads sent byte by byte.
pub fn slow_heads(target: Target, stop: &AtomicBool) {
    let head = get("index.m3u8").into_bytes();
    keep(target, stop, |socket, round| {
        drain(socket) && socket.write_all(&head[round % (head.len() - 2)..][..1]).is_ok()
    });
}

/// A new connection for each small request.
pub fn small_connections(target: Target, stop: &AtomicBool) {
    let request = get("init.mp4").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    // After a refusal or close, connect again.
                    let _ = Client::connect(target.http).and_then(|mut client| client.ask(&request));
                }
            });
        }
    });
}

/// Changes another stream's settings repeatedly while it is watched.
pub fn settings(target: Target, stop: &AtomicBool) {
    let _evil = publisher(target.rtsp, "settings", &sdp(""), &[]);
    let mut client = Client::connect(target.http).expect("the server takes connections");
    for number in (0..).take_while(|_| !stop.load(Relaxed)) {
        let body = format!("{{\"playlist\": {}}}", 3 + number % 90);
        let length = body.len();
        let put = format!(
            "PUT /api/streams/settings/settings HTTP/1.1\r\nHost: localhost\r\n{CREDENTIALS}Content-Type: \
             application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let watch = format!("GET /settings/init-9.mp4 HTTP/1.1\r\nHost: localhost\r\n{CREDENTIALS}\r\n");
        let asked = TcpStream::connect(target.http).and_then(|mut viewer| viewer.write_all(watch.as_bytes()));
        if asked.is_err() || client.ask(&put).is_err() {
            client = Client::connect(target.http).expect("the server takes connections");
        }
    }
}
