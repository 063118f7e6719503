//! Publishers of streams that cost the server as much as they can, and readers that stand still.

use std::net::UdpSocket;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::parties::{frame, large_sdp, packet, publisher, reader, sdp, udp_publisher};
use super::{INNOCENT, Target, paced};
use crate::rtsp::Client;

/// The beginning of an IDR slice.
const IDR: &[u8] = &[0x65, 0x88, 0x84];
/// Bytes that a socket may take of a peer that does not read, and more than a reader's queue in the server.
const MORE_THAN_WAITS: usize = 24 << 20;
/// Bytes written at once.
const CHUNK: usize = 96 << 10;
const READERS: usize = 20;

/// Fills the queues of readers with a frame that has begun, then sends reports, which always pass.
pub fn reports(target: Target, stop: &AtomicBool) {
    let (mut evil, _readers) = full(target, "reports");
    let reports = frame(1, b"12 bytes 321").repeat(CHUNK / 16);
    paced(stop, reports.len(), || evil.send(&reports).is_ok());
}

/// The rest of a frame never ends.
pub fn endless_frames(target: Target, stop: &AtomicBool) {
    let (mut evil, _readers) = full(target, "endless");
    let rest = packet(0, 1, &[0x41; 20]).repeat(CHUNK / 36);
    paced(stop, rest.len(), || evil.send(&rest).is_ok());
}

/// Who publishes is innocent; who watches is not.
pub fn readers_of_the_innocent(target: Target, stop: &AtomicBool) {
    let mut readers: Vec<_> = (0..READERS).map(|_| reader(target.rtsp, INNOCENT)).collect();
    // They ask much, and read nothing of the answers either.
    let requests = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(10);
    paced(stop, requests.len() * READERS, || {
        readers.retain_mut(|(client, _)| client.send(requests.as_bytes()).is_ok());
        !readers.is_empty()
    });
}

/// A large description, and packets full of parameter sets, each of them new.
pub fn parameter_sets(target: Target, stop: &AtomicBool) {
    let mut evil = publisher(target.rtsp, "sets", &large_sdp(), &[]);
    let sets = (0..16_000_u16).flat_map(|index| [0, 2, 0x68, 0x80 | index as u8]);
    let stap: Vec<u8> = [0x18].into_iter().chain(sets).collect();
    let packet = packet(0, 1, &stap);
    paced(stop, packet.len(), || evil.send(&packet).is_ok());
}

/// A few bytes of video between much that nobody gets, to a reader that stands still: four times.
pub fn small_packets(target: Target, stop: &AtomicBool) {
    const STREAMS: usize = 4;
    thread::scope(|scope| {
        for index in 0..STREAMS {
            scope.spawn(move || {
                let path = format!("small{index}");
                let sdp = sdp("m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n");
                let mut evil = publisher(target.rtsp, &path, &sdp, &["trackID=1"]);
                let _reader = reader(target.rtsp, &path);
                fill(&mut evil, MORE_THAN_WAITS / 2);
                let nobodys = packet(2, 1, &[0; 65_000]).repeat(4);
                let chunk = [packet(0, 1, &[0x41, 0]), nobodys].concat();
                paced(stop, chunk.len(), || evil.send(&chunk).is_ok());
            });
        }
    });
}

/// As many packets as fit, from several at once.
pub fn tiny_packets(target: Target, stop: &AtomicBool) {
    const PUBLISHERS: usize = 8;
    let mut all: Vec<_> =
        (0..PUBLISHERS).map(|index| publisher(target.rtsp, &format!("tiny{index}"), &sdp(""), &[])).collect();
    let tiny = frame(0, b"x").repeat(CHUNK / 5);
    paced(stop, tiny.len(), || all.iter_mut().all(|evil| evil.send(&tiny).is_ok()));
}

/// As many media as a description may have, all of them over UDP.
pub fn many_media(target: Target, stop: &AtomicBool) {
    const PUBLISHERS: usize = 8;
    const MEDIA: usize = 16;
    let ip = target.rtsp.ip();
    let all: Vec<_> = (0..PUBLISHERS)
        .map(|index| {
            let socket = UdpSocket::bind((ip, 0)).expect("a port");
            let port = socket.local_addr().expect("bound").port();
            (udp_publisher(target.rtsp, &format!("media{index}"), MEDIA, port), socket)
        })
        .collect();
    // Without the header of an interleaved frame.
    let datagram = &packet(0, 1, &[0x41; 1_000])[4..];
    paced(stop, PUBLISHERS * MEDIA * datagram.len(), || {
        let ports = all.iter().flat_map(|((_, ports), socket)| ports.iter().map(move |port| (socket, *port)));
        ports.for_each(|(socket, port)| drop(socket.send_to(datagram, (ip, port))));
        true
    });
}

/// A publisher at `path`, and readers whose queues are as full as they get with a frame that has begun.
fn full(target: Target, path: &str) -> (Client, Vec<(Client, String)>) {
    let mut evil = publisher(target.rtsp, path, &sdp(""), &[]);
    let readers = (0..READERS).map(|_| reader(target.rtsp, path)).collect();
    fill(&mut evil, MORE_THAN_WAITS);
    (evil, readers)
}

fn fill(evil: &mut Client, bytes: usize) {
    evil.send(&packet(0, 1, IDR)).expect("the server reads");
    let rest = packet(0, 1, &[0x41; 1_000]).repeat(CHUNK / 1_016);
    for _ in 0..bytes / rest.len() {
        evil.send(&rest).expect("the server reads");
    }
    // Then small ones, up to the limit whatever it counts.
    let rest = packet(0, 1, &[0x41; 20]).repeat(CHUNK / 36);
    (0..20).for_each(|_| evil.send(&rest).expect("the server reads"));
}
