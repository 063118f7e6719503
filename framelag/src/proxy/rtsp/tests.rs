use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use common::impair::Conditions;

use super::super::{Network, Protocol, Proxy};
use super::*;

/// Generous: two cores may run many things.
const LIMIT: Duration = Duration::from_secs(60);

fn message(stream: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).expect("the other side is there"), 0, "{head}");
    }
    head
}

fn udp() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(LIMIT)).expect("a socket takes a limit");
    let port = socket.local_addr().expect("it is bound").port();
    (socket, port)
}

/// A session through a proxy: the client's RTP socket with the port to send to, and the server's.
struct Session {
    proxy: Proxy,
    client: (UdpSocket, u16),
    server: (UdpSocket, u16),
    _connections: [BufReader<TcpStream>; 2],
}

fn session(network: Network) -> Session {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let proxy = Proxy::start(Protocol::Rtsp, "127.0.0.1:0".parse().expect("an address"), address, network, 1)
        .expect("it starts");
    let mut client = TcpStream::connect(proxy.address()).expect("it listens");
    client.set_read_timeout(Some(LIMIT)).expect("a socket takes a limit");
    let ((rtp, of_client), (to_rtp, of_server)) = (udp(), udp());
    write!(
        client,
        "SETUP rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP;unicast;client_port={of_client}-{}\r\n\r\n",
        of_client.wrapping_add(1)
    )
    .expect("it is read");
    let mut server = BufReader::new(listener.accept().expect("it is connected").0);
    server.get_ref().set_read_timeout(Some(LIMIT)).expect("a socket takes a limit");
    let asked = message(&mut server);
    let told = pieces::ports(&asked, "client_port").expect("it has ports");
    assert_ne!(told[0], of_client, "{asked}");
    assert_eq!(told[0] % 2, 0, "{asked}");
    write!(
        server.get_mut(),
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nTransport: RTP/AVP;unicast;client_port={}-{};server_port={of_server}-{}\r\n\r\n",
        told[0],
        told[1],
        of_server.wrapping_add(1)
    )
    .expect("it is read");
    let mut client = BufReader::new(client);
    let answered = message(&mut client);
    assert_eq!(pieces::ports(&answered, "client_port").map(|ports| ports[0]), Some(of_client), "{answered}");
    let to = pieces::ports(&answered, "server_port").expect("it has ports")[0];
    assert_ne!(to, of_server, "{answered}");
    Session { proxy, client: (rtp, to), server: (to_rtp, told[0]), _connections: [client, server] }
}

#[test]
fn datagrams_find_both_ways_through_the_ports_that_were_agreed_on() {
    let session = session(Network::default());
    let mut buffer = [0; 16];
    // The server sends first, as it does to one who plays.
    for ((from, to), (other, expected)) in
        [(&session.server, &session.client), (&session.client, &session.server), (&session.server, &session.client)]
    {
        from.send_to(b"media", ("127.0.0.1", *to)).expect("it is sent");
        let (count, source) = other.recv_from(&mut buffer).expect("it arrives");
        assert_eq!((&buffer[..count], source.port()), (b"media".as_slice(), *expected));
    }
}

#[test]
fn loss_is_applied_to_datagrams_and_counted() {
    let lossy = Conditions { loss: 0.5, ..Conditions::default() };
    let session = session(Network { forward: Conditions::default(), back: lossy });
    let ((from, to), (other, _)) = (&session.server, &session.client);
    const COUNT: u64 = 200;
    for _ in 0..COUNT {
        from.send_to(b"media", ("127.0.0.1", *to)).expect("it is sent");
        // One after the other: none is lost before a full buffer.
        thread::sleep(Duration::from_micros(200));
    }
    let begun = std::time::Instant::now();
    while session.proxy.counts(Direction::Back).sent < COUNT && begun.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(1));
    }
    let counts = session.proxy.counts(Direction::Back);
    assert_eq!((counts.sent, counts.delivered + counts.lost), (COUNT, COUNT), "{counts:?}");
    assert!((50..150).contains(&counts.lost), "{counts:?}");
    let mut buffer = [0; 16];
    for _ in 0..counts.delivered {
        other.recv(&mut buffer).expect("it arrives");
    }
}
