//! What attacks on the relay do to a stream that has no part in them: `cargo run --release -p framelag-tests --example
//! relay_attacks [SECONDS [PART OF A NAME]]`.
//!
//! For each of [`ATTACKS`], a stream of 100 frames a second is timed from socket to socket, first alone and then during
//! the attack. Prints a table; `over` marks a p99 of more than 3 times the undisturbed one and 5 ms, or a lost frame.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::time::MediaTime;
use framelag_tests::attacks::{ATTACKS, INNOCENT, Target, during, parties};

const INTERVAL: Duration = Duration::from_millis(10);
/// Bytes of a frame: three packets.
const FRAME: usize = 4_000;
/// What an attack is given to set itself up, and a last frame to arrive.
const SETTLING: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return serve();
    }
    let seconds = arguments.first().map_or(Ok(5), |text| text.parse()).context("how many seconds?")?;
    let part = arguments.get(1).map_or("", String::as_str);
    println!("| attack | p50, p99 alone (ms) | p50, p99 attacked (ms) | lost | CPU (s/s) | memory (MB) | |");
    println!("|---|---|---|---|---|---|---|");
    for (name, attack) in ATTACKS.iter().filter(|(name, _)| name.contains(part)) {
        let server = Server::start()?;
        let innocent = Innocent::start(server.target);
        let window = Duration::from_secs(seconds);
        let alone = innocent.watch(window);
        let (attacked, cpu) = during(*attack, server.target, || {
            std::thread::sleep(SETTLING);
            let before = server.cpu();
            let attacked = innocent.watch(window);
            (attacked, (server.cpu() - before) / (seconds + SETTLING.as_secs()) as f64)
        });
        let over = attacked.quantile(0.99) > 3.0 * alone.quantile(0.99) + 5.0 || attacked.lost > 0;
        let verdict = if over { "over" } else { "" };
        let memory = server.memory_mb();
        println!("| {name} | {alone} | {attacked} | {} | {cpu:.2} | {memory:.0} | {verdict} |", attacked.lost);
    }
    Ok(())
}

/// The server, in a process of its own: says where it listens, and ends with its input.
fn serve() -> Result<()> {
    let free = "127.0.0.1:0".parse()?;
    let handle = server::start(server::Config { rtsp: free, http: Some(free), ..server::Config::default() })?;
    println!("{} {}", handle.rtsp_addr(), handle.http_addr().context("HTTP was asked for")?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

struct Server {
    child: Child,
    target: Target,
}

impl Server {
    fn start() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
        let mut addresses = line.split_whitespace().map(str::parse::<SocketAddr>);
        let mut next = || anyhow::Ok(addresses.next().context("an address")??);
        let target = Target { rtsp: next()?, http: next()? };
        Ok(Self { child, target })
    }

    /// Seconds on a CPU so far; the system counts in hundredths.
    fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    /// The most that it has held so far.
    fn memory_mb(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A publisher and a receiver, and how long each frame took between them.
struct Innocent {
    next: Arc<AtomicU32>,
    received: Arc<Mutex<Vec<(u32, f64)>>>,
    sockets: [TcpStream; 2],
}

/// Of the frames of some time.
struct Watched {
    /// In ms, ascending.
    latencies: Vec<f64>,
    lost: usize,
}

impl Innocent {
    fn start(target: Target) -> Self {
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

    fn watch(&self, window: Duration) -> Watched {
        let first = self.next.load(Relaxed);
        std::thread::sleep(window);
        let end = self.next.load(Relaxed);
        std::thread::sleep(SETTLING);
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let those = received.iter().filter(|(number, _)| (first..end).contains(number));
        let mut latencies: Vec<f64> = those.map(|(_, ms)| *ms).collect();
        latencies.sort_by(f64::total_cmp);
        Watched { lost: (end - first) as usize - latencies.len(), latencies }
    }
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
    fn quantile(&self, quantile: f64) -> f64 {
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
