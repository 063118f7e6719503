//! Viewers over HTTP that cost the server as much as they can.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::parties::{CREDENTIALS, publisher, sdp};
use super::{INNOCENT, Target};
use crate::rtsp::{Client, http_get};

/// Connections of an attack, as many as an address may well have.
const CONNECTIONS: usize = 300;
/// How often each does something.
const EVERY: Duration = Duration::from_millis(500);
const CLIENTS: usize = 8;

fn get(path: &str) -> String {
    format!("GET /{INNOCENT}/{path} HTTP/1.1\r\nHost: localhost\r\n{CREDENTIALS}\r\n")
}

/// Keeps connections, and gives each its turn, until `stop`. One that `turn` says has ended comes again.
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

/// Takes what has come; `false` where the connection has ended.
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

/// Viewers of the stream as one answer, none of whom reads it.
pub fn streams_unread(target: Target, stop: &AtomicBool) {
    keep(target, stop, |socket, _| {
        // Asked for again and again: the second request is read once the first is answered.
        socket.write_all(get("mse").as_bytes()).is_ok()
    });
}

/// Requests for a playlist that is not there yet, each sent again when it is answered, and many more behind each.
pub fn reloads(target: Target, stop: &AtomicBool) {
    let playlist = http_get(target.http, &format!("/{INNOCENT}/index.m3u8")).expect("an answer");
    let text = String::from_utf8_lossy(&playlist.body).into_owned();
    let newest = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")?.parse::<u64>().ok());
    let newest = newest.unwrap_or_default();
    keep(target, stop, |socket, round| {
        // A segment a second; a playlist has six, and the one that is waited for.
        let waiting = get(&format!("index.m3u8?_HLS_msn={}", newest + 6 + round as u64 / 2));
        drain(socket) && socket.write_all(waiting.repeat(10).as_bytes()).is_ok()
    });
}

/// Heads that come byte by byte.
pub fn slow_heads(target: Target, stop: &AtomicBool) {
    let head = get("index.m3u8").into_bytes();
    keep(target, stop, |socket, round| {
        drain(socket) && socket.write_all(&head[round % (head.len() - 2)..][..1]).is_ok()
    });
}

/// A connection for each small request.
pub fn small_connections(target: Target, stop: &AtomicBool) {
    let request = get("init.mp4").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    // Refused or closed, the next one comes.
                    let _ = Client::connect(target.http).and_then(|mut client| client.ask(&request));
                }
            });
        }
    });
}

/// Settings of another stream, changed again and again while it is watched.
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
