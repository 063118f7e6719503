//! The proxy with real sockets: what arrives, in which order, and never too early.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use common::impair::{Conditions, Link};
use common::time::MonoTime;
use framelag::proxy::{Direction, MAX_STREAM_BYTES, Network, Protocol, Proxy};

/// How long what should take milliseconds may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

const SEED: u64 = 42;

const NOTHING: Conditions = Conditions {
    delay: Duration::ZERO,
    jitter: Duration::ZERO,
    loss: 0.0,
    duplicate: 0.0,
    reorder: 0.0,
    hold: Duration::ZERO,
    rate_bps: 0,
    queue_bytes: 64 << 10,
};

fn delayed(millis: u64) -> Conditions {
    Conditions { delay: Duration::from_millis(millis), ..NOTHING }
}

fn proxy(protocol: Protocol, to: SocketAddr, network: Network) -> Proxy {
    Proxy::start(protocol, SocketAddr::from(([127, 0, 0, 1], 0)), to, network, SEED).expect("a port is free")
}

/// A connection through a proxy, and its two ends.
fn connection(network: Network) -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let proxy = proxy(Protocol::Tcp, listener.local_addr().expect("it is bound"), network);
    let client = TcpStream::connect(proxy.address()).expect("the proxy accepts");
    let (server, _) = listener.accept().expect("the proxy connects");
    for end in [&client, &server] {
        end.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
        end.set_nodelay(true).expect("an open socket has options");
    }
    (proxy, client, server)
}

#[test]
fn bytes_arrive_whole_and_in_order_under_everything_and_half_a_connection_may_end() {
    let everything = Conditions {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(10),
        loss: 0.001,
        reorder: 0.3,
        duplicate: 0.3,
        rate_bps: 20_000_000,
        ..NOTHING
    };
    let network = Network { forward: everything.clone(), back: delayed(3) };
    let (proxy, mut client, mut server) = connection(network);
    let pieces = proxy.watch(Direction::Forward);
    let text: Vec<u8> = (0..500_000_u32).map(|i| (i % 251) as u8).collect();
    let writer = thread::spawn({
        let (text, mut client) = (text.clone(), client.try_clone().expect("a socket can be shared"));
        move || {
            text.chunks(7_001).for_each(|chunk| client.write_all(chunk).expect("the proxy reads"));
            client.shutdown(Shutdown::Write).expect("it is open");
        }
    });
    let mut got = Vec::new();
    server.read_to_end(&mut got).expect("it ends");
    writer.join().expect("all was written");
    assert!(got == text, "{} of {} bytes, or others", got.len(), text.len());
    // The last bytes may be read before the proxy has told that it wrote them.
    let mut told = Vec::new();
    while told.len() < text.len() {
        let piece = pieces.recv_timeout(LIMIT).expect("all that is written is told");
        let in_order = piece.begun.mono <= piece.written.mono;
        assert!(in_order && piece.begun.mono - piece.read.mono >= everything.delay, "{piece:?}");
        told.extend(piece.bytes);
    }
    assert!(told == text, "other bytes");

    server.write_all(&text[..1_000]).expect("the other half is open");
    drop(server);
    got.clear();
    client.read_to_end(&mut got).expect("it ends");
    assert_eq!(got, &text[..1_000]);
}

#[test]
fn a_bottleneck_is_no_faster_than_it_is() {
    let narrow = Conditions { rate_bps: 8_000_000, queue_bytes: 20_000, ..NOTHING };
    let (_proxy, mut client, mut server) = connection(Network { forward: narrow, back: NOTHING });
    let begun = Instant::now();
    let writer = thread::spawn(move || client.write_all(&[7; 300_000]).expect("the proxy reads"));
    let mut got = Vec::new();
    server.read_to_end(&mut got).expect("it ends");
    writer.join().expect("all was written");
    assert_eq!(got.len(), 300_000);
    assert!(begun.elapsed() >= Duration::from_millis(300), "300,000 bytes at 1,000 bytes/ms: {:?}", begun.elapsed());
}

#[test]
fn conditions_change_while_it_runs() {
    let (proxy, mut client, mut server) = connection(Network::default());
    let pieces = proxy.watch(Direction::Forward);
    let mut round = |millis| {
        proxy.set_network(Network { forward: delayed(millis), back: NOTHING });
        let begun = Instant::now();
        client.write_all(b"a").expect("the proxy reads");
        server.read_exact(&mut [0]).expect("it arrives");
        let took = begun.elapsed();
        let piece = pieces.recv_timeout(LIMIT).expect("what is written is told");
        (took, piece.written.mono - piece.read.mono)
    };
    for millis in [30, 0, 60] {
        let (took, told) = round(millis);
        let least = Duration::from_millis(millis);
        assert!(took >= least && told >= least, "{millis} ms: {took:?}, {told:?}");
    }
}

#[test]
fn a_writer_waits_where_too_much_is_under_way() {
    let (_proxy, mut client, _server) = connection(Network { forward: delayed(60_000), back: NOTHING });
    client.set_write_timeout(Some(Duration::from_secs(2))).expect("a limit can be set");
    let (mut taken, begun) = (0, Instant::now());
    loop {
        match client.write(&[7; 64 << 10]) {
            Ok(count) => taken += count,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
                // Or a proxy that waits for a CPU has not taken what it could.
                if taken >= MAX_STREAM_BYTES {
                    break;
                }
                assert!(begun.elapsed() < LIMIT, "it takes no more than {taken}");
            }
        }
        assert!(taken < 8 * MAX_STREAM_BYTES, "it takes ever more");
    }
}

#[test]
fn without_a_server_connections_are_refused_and_counted() {
    // A client's own port: nobody listens there, nor can while the connection is held.
    let server = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let held = TcpStream::connect(server.local_addr().expect("it is bound")).expect("it listens");
    let nobody = held.local_addr().expect("it is connected");
    let proxy = proxy(Protocol::Tcp, nobody, Network::default());
    let mut client = TcpStream::connect(proxy.address()).expect("the proxy accepts");
    client.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)), "it is closed");
    assert_eq!((proxy.opened(), proxy.refused()), (1, 1));
}

#[test]
fn the_end_of_the_proxy_ends_its_connections() {
    let (proxy, mut client, mut server) = connection(Network { forward: delayed(60_000), back: NOTHING });
    client.write_all(b"under way").expect("the proxy reads");
    let begun = Instant::now();
    drop(proxy);
    assert!(begun.elapsed() < LIMIT, "it does not wait for what is under way");
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    assert!(matches!(server.read(&mut [0]), Ok(0) | Err(_)));
}

/// Sends `count` numbered datagrams from `from` to `to`, slowly enough for a busy machine.
fn send(from: &UdpSocket, to: SocketAddr, count: u32) {
    for number in 0..count {
        from.send_to(&number.to_be_bytes(), to).expect("loopback takes datagrams");
        thread::sleep(Duration::from_micros(200));
    }
}

/// How often each of the numbers comes to `socket`, until `count` datagrams have come.
fn receive(socket: &UdpSocket, count: u64) -> (BTreeMap<u32, u32>, u32) {
    socket.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
    let (mut got, mut passed, mut last) = (BTreeMap::new(), 0, 0);
    for _ in 0..count {
        let mut buffer = [0; 4];
        socket.recv_from(&mut buffer).expect("it arrives");
        let number = u32::from_be_bytes(buffer);
        *got.entry(number).or_default() += 1;
        passed += u32::from(number < last);
        last = last.max(number);
    }
    (got, passed)
}

/// How often each number of `count` datagrams arrives by the model.
fn model(conditions: Conditions, seed: u64, count: u32) -> (BTreeMap<u32, u32>, common::impair::Counts) {
    let mut link = Link::new(conditions, seed);
    let end = MonoTime::from_origin(LIMIT);
    let mut arrived = BTreeMap::new();
    for number in 0..count {
        link.handle_packet(MonoTime::default(), number.to_be_bytes().to_vec());
    }
    while let Some(packet) = link.poll_output(end) {
        *arrived.entry(u32::from_be_bytes(packet.try_into().expect("four bytes"))).or_default() += 1;
    }
    (arrived, link.counts())
}

#[test]
fn datagrams_meet_the_fate_that_the_model_foretells() {
    const COUNT: u32 = 1_000;
    let forward = Conditions {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(3),
        loss: 0.1,
        duplicate: 0.05,
        reorder: 0.1,
        hold: Duration::from_millis(10),
        ..NOTHING
    };
    let back = Conditions { loss: 0.3, ..NOTHING };
    let server = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    let client = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    let network = Network { forward: forward.clone(), back: back.clone() };
    let proxy = proxy(Protocol::Udp, server.local_addr().expect("it is bound"), network);

    let (expected, counts) = model(forward, SEED, COUNT);
    let sender = thread::spawn({
        let (client, to) = (client.try_clone().expect("a socket can be shared"), proxy.address());
        move || send(&client, to, COUNT)
    });
    let (got, passed) = receive(&server, counts.delivered);
    sender.join().expect("all were sent");
    assert_eq!(got, expected);
    assert!(passed > 0, "some were passed by others");
    assert_eq!(
        wait_for(|| Some(proxy.counts(Direction::Forward)).filter(|seen| seen.delivered == counts.delivered)),
        counts
    );

    // The answers go to the client through the socket that the server has heard.
    let (expected, counts) = model(back, SEED + 1, COUNT);
    client.send_to(&[0; 4], proxy.address()).expect("loopback takes datagrams");
    let mut heard = None;
    while heard.is_none() {
        client.send_to(&[0; 4], proxy.address()).expect("loopback takes datagrams");
        server.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit can be set");
        heard = server.recv_from(&mut [0; 4]).ok();
    }
    let (_, through) = heard.expect("the loop ends with one");
    let sender = thread::spawn(move || send(&server, through, COUNT));
    let (got, _) = receive(&client, counts.delivered);
    sender.join().expect("all were sent");
    assert_eq!((got, proxy.opened()), (expected, 1));
}

#[test]
fn each_client_has_a_path_of_its_own() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    let proxy = proxy(Protocol::Udp, server.local_addr().expect("it is bound"), Network::default());
    let clients = [1_u8, 2].map(|name| {
        let client = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        client.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
        client.send_to(&[name], proxy.address()).expect("loopback takes datagrams");
        client
    });
    server.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
    for _ in &clients {
        let mut name = [0];
        let (_, from) = server.recv_from(&mut name).expect("it arrives");
        server.send_to(&[name[0] + 10], from).expect("loopback takes datagrams");
    }
    for (client, answer) in clients.iter().zip([11, 12]) {
        let mut got = [0];
        client.recv_from(&mut got).expect("it arrives");
        assert_eq!(got, [answer]);
    }
    assert_eq!(proxy.opened(), 2);
}

fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain");
        thread::sleep(Duration::from_millis(1));
    }
}
