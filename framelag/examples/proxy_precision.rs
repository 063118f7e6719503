//! How precisely the proxy keeps its times on this machine: pieces of 3,000 bytes over TCP, 60 a second, through each delay;
//! and datagrams of many clients, both ways at once.
//!
//! `cargo run --release -p framelag --example proxy_precision`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use common::impair::Conditions;
use framelag::proxy::{Direction, Network, Protocol, Proxy};

const PIECES: usize = 300;
const PIECE_BYTES: usize = 3_000;
const EVERY: Duration = Duration::from_micros(16_667);

/// Of each datagram, both ways.
const DATAGRAM_DELAY: Duration = Duration::from_millis(20);
const DATAGRAM_BYTES: usize = 1_200;
/// Bursts of datagrams, one each [`BURST_EVERY`], that go around the clients.
const BURSTS: u32 = 3_000;
const BURST_EVERY: Duration = Duration::from_millis(1);
/// Datagrams of a burst from clients to server, and back.
const BURST: [usize; 2] = [2, 10];
/// After this long without a datagram no other comes.
const QUIET: Duration = Duration::from_millis(500);

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
    println!("\ndatagrams, from send to receive, less the delay of {DATAGRAM_DELAY:?} (µs)");
    println!("clients  forward: {0:>8} {1:>8} {2:>8}   back: {0:>8} {1:>8} {2:>8}", "p50", "p99", "max");
    for clients in [1, 16, 256] {
        let [forward, back] = datagrams(clients)?;
        let (got, [a, b, c]) = (forward.len(), figures(forward, DATAGRAM_DELAY));
        let [d, e, f] = figures(back, DATAGRAM_DELAY);
        let sent = BURSTS as usize * BURST[0];
        println!("{clients:>7}           {a:>8} {b:>8} {c:>8}         {d:>8} {e:>8} {f:>8}   {got} of {sent} forward");
    }
    Ok(())
}

/// The delays of the datagrams that clients sent, and of those that the first of them got.
fn datagrams(clients: usize) -> io::Result<[Vec<Duration>; 2]> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UdpSocket::bind(any)?;
    let delayed = Conditions { delay: DATAGRAM_DELAY, ..Conditions::default() };
    let network = Network { forward: delayed.clone(), back: delayed };
    let proxy = Proxy::start(Protocol::Udp, any, server.local_addr()?, network, 1).map_err(io::Error::other)?;
    let (mut sockets, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..clients {
        let socket = UdpSocket::bind(any)?;
        socket.connect(proxy.address())?;
        socket.send(&[])?;
        peers.push(server.recv_from(&mut [0])?.1);
        sockets.push(socket);
    }
    let begun = Instant::now();
    let send_back = |number: usize, datagram: &[u8]| server.send_to(datagram, peers[number % clients]);
    thread::scope(|scope| {
        let forward = scope.spawn(|| receive(&server, begun));
        let back = scope.spawn(|| receive(&sockets[0], begun));
        scope.spawn(|| send(BURST[1], begun, send_back));
        send(BURST[0], begun, |number, datagram| sockets[number % clients].send(datagram))?;
        let ended = |_| io::Error::other("a receiver panicked");
        Ok([forward.join().map_err(ended)??, back.join().map_err(ended)??])
    })
}

/// Sends bursts of numbered datagrams, each with the time since `begun`.
fn send(burst: usize, begun: Instant, send: impl Fn(usize, &[u8]) -> io::Result<usize>) -> io::Result<()> {
    let (mut datagram, mut numbers) = ([0; DATAGRAM_BYTES], 0..);
    for tick in 1..=BURSTS {
        for number in numbers.by_ref().take(burst) {
            let sent = begun.elapsed().as_micros() as u64;
            datagram[..8].copy_from_slice(&sent.to_be_bytes());
            send(number, &datagram)?;
        }
        thread::sleep((begun + BURST_EVERY * tick).saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// How long each datagram took, until none comes any more.
fn receive(socket: &UdpSocket, begun: Instant) -> io::Result<Vec<Duration>> {
    socket.set_read_timeout(Some(QUIET))?;
    let (mut delays, mut sent) = (Vec::new(), [0; 8]);
    loop {
        // The rest of the datagram is cut off.
        match socket.recv(&mut sent) {
            Ok(_) => delays.push(begun.elapsed() - Duration::from_micros(u64::from_be_bytes(sent))),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(delays),
            Err(error) => return Err(error),
        }
    }
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
