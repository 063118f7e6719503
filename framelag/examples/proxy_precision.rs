//! How precisely the proxy keeps its times on this machine: pieces of 3,000 bytes, 60 a second, through each delay.
//!
//! `cargo run --release -p framelag --example proxy_precision`

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::impair::Conditions;
use framelag::proxy::{Direction, Network, Protocol, Proxy};

const PIECES: usize = 300;
const PIECE_BYTES: usize = 3_000;
const EVERY: Duration = Duration::from_micros(16_667);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("delay   later than asked, by the proxy's record      from write to read, less the delay (µs)");
    println!("        {0:>8} {1:>8} {2:>8}                      {0:>8} {1:>8} {2:>8}", "p50", "p99", "max");
    for millis in [0, 5, 20, 100, 500] {
        let delay = Duration::from_millis(millis);
        let (recorded, seen) = run(delay)?;
        let [a, b, c] = figures(recorded, delay);
        let [d, e, f] = figures(seen, delay);
        println!("{millis:>3} ms  {a:>8} {b:>8} {c:>8}                      {d:>8} {e:>8} {f:>8}");
    }
    Ok(())
}

/// The delays by the proxy's record, and those from before the write to after the read.
fn run(delay: Duration) -> Result<(Vec<Duration>, Vec<Duration>), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let forward = Conditions { delay, ..Conditions::default() };
    let network = Network { forward, back: Conditions::default() };
    let proxy = Proxy::start(Protocol::Tcp, "127.0.0.1:0".parse()?, listener.local_addr()?, network, 1)?;
    let pieces = proxy.watch(Direction::Forward);
    let mut client = TcpStream::connect(proxy.address())?;
    client.set_nodelay(true)?;
    let (mut server, _) = listener.accept()?;
    let reader = thread::spawn(move || -> std::io::Result<Vec<Instant>> {
        let mut buffer = [0; PIECE_BYTES];
        (0..PIECES).map(|_| server.read_exact(&mut buffer).map(|()| Instant::now())).collect()
    });
    let begun = Instant::now();
    let mut written = Vec::new();
    for number in 1..=PIECES as u32 {
        written.push(Instant::now());
        client.write_all(&[7; PIECE_BYTES])?;
        thread::sleep((begun + EVERY * number).saturating_duration_since(Instant::now()));
    }
    let read = reader.join().map_err(|_| "the reader panicked")??;
    let seen = read.iter().zip(&written).map(|(read, written)| *read - *written).collect();
    let recorded = pieces.try_iter().map(|piece| piece.written.mono - piece.read.mono).collect();
    Ok((recorded, seen))
}

/// p50, p99 and the largest of how much more than `delay` they are, in µs.
fn figures(mut delays: Vec<Duration>, delay: Duration) -> [u128; 3] {
    delays.sort();
    let at = |percent: usize| delays.get((delays.len() * percent / 100).min(delays.len().saturating_sub(1)));
    [50, 99, 100].map(|percent| at(percent).map_or(0, |found| found.saturating_sub(delay).as_micros()))
}
