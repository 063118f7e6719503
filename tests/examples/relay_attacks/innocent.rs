//! A stream that has no part in an attack.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::time::MediaTime;
use framelag_tests::attacks::{INNOCENT, Target, parties};

const INTERVAL: Duration = Duration::from_millis(10);
/// Bytes of a frame: three packets.
const FRAME: usize = 4_000;
/// What an attack is given to set itself up, and a last frame to arrive.
pub const SETTLING: Duration = Duration::from_secs(2);

/// A publisher and a receiver, and how long each frame took between them.
pub struct Innocent {
    next: Arc<AtomicU32>,
    received: Arc<Mutex<Vec<(u32, f64)>>>,
    sockets: [TcpStream; 2],
}

/// Of the frames of some time.
pub struct Watched {
    /// In ms, ascending.
    latencies: Vec<f64>,
    pub lost: usize,
}

impl Innocent {
    pub fn start(target: Target) -> Self {
        let publisher = parties::publisher(target.rtsp, INNOCENT, &parties::sdp(""), &[]).into_stream();
        let receiver = parties::reader(target.rtsp, INNOCENT).0.into_stream();
        let sockets = [&publisher, &receiver].map(|socket| socket.try_clone().expect("a descriptor"));
        let (next, received) = (Arc::<AtomicU32>::default(), Arc::<Mutex<Vec<_>>>::default());
        let origin = Instant::now();
        let (numbers, frames) = (next.clone(), received.clone());
        std::thread::spawn(move || publish(publisher, origin, &numbers));
        std::thread::spawn(move || receive(BufReader::new(receiver), origin, &frames));
        Self { next, received, sockets }
    }

    fn watched(&self, numbers: Range<u32>) -> Watched {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let those = received.iter().filter(|(number, _)| numbers.contains(number));
        let mut latencies: Vec<f64> = those.map(|(_, ms)| *ms).collect();
        latencies.sort_by(f64::total_cmp);
        Watched { lost: numbers.len() - latencies.len(), latencies }
    }
}

/// Watches both at the same time.
pub fn watch(streams: &[Innocent; 2], window: Duration) -> [Watched; 2] {
    let numbers = || streams.each_ref().map(|stream| stream.next.load(Relaxed));
    let first = numbers();
    std::thread::sleep(window);
    let end = numbers();
    std::thread::sleep(SETTLING);
    [0, 1].map(|index| streams[index].watched(first[index]..end[index]))
}

impl Drop for Innocent {
    fn drop(&mut self) {
        for socket in &self.sockets {
            // The threads end with their sockets, which the server may have closed.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Watched {
    pub fn quantile(&self, quantile: f64) -> f64 {
        let at = (quantile * self.latencies.len() as f64) as usize;
        self.latencies.get(at).copied().unwrap_or(f64::INFINITY)
    }
}

impl std::fmt::Display for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}, {:.2}", self.quantile(0.5), self.quantile(0.99))
    }
}

/// Sends IDR pictures, so that each that is lost is missed alone, with number and time in them.
fn publish(mut socket: TcpStream, origin: Instant, next: &AtomicU32) {
    let (mut packetizer, mut packets) = (Packetizer::new(1, 0), Packets::default());
    let mut slice = vec![0x88; FRAME];
    slice[0] = 0x65;
    for number in 0.. {
        std::thread::sleep((INTERVAL * number).saturating_sub(origin.elapsed()));
        let micros = u64::try_from(origin.elapsed().as_micros()).expect("it does not run for ages");
        slice[2..6].copy_from_slice(&number.to_be_bytes());
        slice[6..14].copy_from_slice(&micros.to_be_bytes());
        packetizer.packetize(&[&slice], MediaTime::from_ticks(number * 900), &mut packets);
        if socket.write_all(packets.interleaved(0)).is_err() {
            return;
        }
        next.store(number + 1, Relaxed);
    }
}

fn receive(mut socket: impl Read, origin: Instant, received: &Mutex<Vec<(u32, f64)>>) {
    let (mut head, mut packet) = ([0; 4], Vec::new());
    let mut begun = None;
    while socket.read_exact(&mut head).is_ok() {
        packet.resize(usize::from(u16::from_be_bytes([head[2], head[3]])), 0);
        if socket.read_exact(&mut packet).is_err() {
            return;
        }
        // RTP's header has 12 bytes, a fragment's 2, of which the second says whether it is the first.
        if packet[13] & 0x80 != 0 {
            let number = u32::from_be_bytes(packet[15..19].try_into().expect("four bytes"));
            let micros = u64::from_be_bytes(packet[19..27].try_into().expect("eight bytes"));
            begun = Some((number, Duration::from_micros(micros)));
        }
        let is_last = packet[1] & 0x80 != 0;
        if let Some((number, sent)) = begun.take_if(|_| is_last) {
            let ms = (origin.elapsed().saturating_sub(sent)).as_secs_f64() * 1e3;
            received.lock().unwrap_or_else(PoisonError::into_inner).push((number, ms));
        }
    }
}
