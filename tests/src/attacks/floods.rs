//! Requests without end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use common::rtp::rtcp;

use super::parties::{CREDENTIALS, announce, frame, large_sdp, publisher, reader, sdp};
use super::{INNOCENT, Target, paced};

const CLIENTS: usize = 8;

/// A description as large as it gets, asked for again and again.
pub fn describe(target: Target, stop: &AtomicBool) {
    let sets = vec!["aM48gAAA".repeat(400); 31].join(",");
    let fmtp = format!("a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n");
    let _evil = publisher(target.rtsp, "large", &sdp(&fmtp), &[]);
    let request = format!("DESCRIBE rtsp://{}/large RTSP/1.0\r\nCSeq: 1\r\n{CREDENTIALS}\r\n", target.rtsp);
    flood(target.rtsp, &request.repeat(100), stop);
}

/// Descriptions that are refused, once they have been read.
pub fn announce_refused(target: Target, stop: &AtomicBool) {
    let refused = large_sdp().replace("H264", "H265");
    flood(target.rtsp, &announce(target.rtsp, "refused", &refused), stop);
}

/// Readers of the innocent stream that come and go.
pub fn play_and_pause(target: Target, stop: &AtomicBool) {
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let (client, session) = reader(target.rtsp, INNOCENT);
                let url = format!("rtsp://{}/{INNOCENT}", target.rtsp);
                let request = |method| format!("{method} {url} RTSP/1.0\r\nCSeq: 3\r\n{session}\r\n");
                let requests = [request("PAUSE"), request("PLAY")].concat().repeat(10);
                send_and_read(client.into_stream(), requests.as_bytes(), stop);
            });
        }
    });
}

/// Answers that grow with the streams and their readers.
pub fn http(target: Target, stop: &AtomicBool) {
    let _readers: Vec<_> = (0..50).map(|_| reader(target.rtsp, INNOCENT)).collect();
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{CREDENTIALS}\r\n");
    flood(target.http, &[request("/metrics"), request("/api/streams")].concat().repeat(10), stop);
}

/// Readers of the innocent stream that say they lost a picture, again and again.
pub fn picture_losses(target: Target, stop: &AtomicBool) {
    let losses = frame(1, &rtcp::picture_loss(9, 1)).repeat(500);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| send_and_read(reader(target.rtsp, INNOCENT).0.into_stream(), &losses, stop));
        }
    });
}

/// Sends the same from several connections, and reads what comes back.
fn flood(address: SocketAddr, requests: &str, stop: &AtomicBool) {
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let stream = TcpStream::connect(address).expect("the server takes connections");
                    send_and_read(stream, requests.as_bytes(), stop);
                }
            });
        }
    });
}

/// Ends with `stop`, or when the server closes the connection.
fn send_and_read(mut stream: TcpStream, requests: &[u8], stop: &AtomicBool) {
    let reading = stream.try_clone().expect("a descriptor");
    thread::scope(|scope| {
        scope.spawn(move || read_all(reading));
        paced(stop, CLIENTS * requests.len(), || stream.write_all(requests).is_ok());
        // Where the server has closed it already, so much the better.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
}

fn read_all(mut stream: TcpStream) {
    let mut buffer = vec![0; 256 << 10];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}
