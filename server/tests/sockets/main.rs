//! The server on real sockets of the loopback interface.

mod api;
mod raw;
mod viewers;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use common::sync::wire;
use raw::{Camera, Client, config, frame, http, server};
use serde_json::Value;

fn status_of(handle: &server::Handle, path: &str) -> Value {
    let (status, text) = http(handle.http_addr().expect("HTTP"), &format!("GET /api/streams/status/{path}"));
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(text.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON")
}

/// Asks again until the counts say so: they follow the packets, not the other way round.
fn wait_for(handle: &server::Handle, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let status = status_of(handle, path);
        if condition(&status) {
            return status;
        }
        assert!(start.elapsed() < raw::LIMIT, "it never came: {status}");
        std::thread::yield_now();
    }
}

/// Waits until nobody publishes there.
fn wait_for_none(handle: &server::Handle, path: &str) {
    let start = Instant::now();
    while http(handle.http_addr().expect("HTTP"), &format!("GET /api/streams/status/{path}")).0 != 404 {
        assert!(start.elapsed() < raw::LIMIT, "it goes on");
        std::thread::yield_now();
    }
}

#[test]
fn packets_go_through_unchanged_from_an_idr_on_and_the_end_of_the_stream_is_told() {
    let handle = server();
    let mut publisher = Client::publisher(handle.rtsp_addr(), "/a/cam");
    let mut camera = Camera::new(1);
    let mut player = Client::player(handle.rtsp_addr(), "/a/cam");
    let sent = [camera.slice(10_000), camera.idr(30_000), camera.slice(5_000)];
    sent.iter().for_each(|packets| publisher.send_packets(packets));
    let expected = [sent[1].clone(), sent[2].clone()].concat();
    assert_eq!(player.packets(2, expected.len()), expected);

    // Who joins later gets an IDR asked for, and waits for it.
    let mut late = Client::player(handle.rtsp_addr(), "/a/cam");
    let request = publisher.packets(1, 1).remove(0);
    assert_eq!(&request[..2], [0x80, 201], "a compound packet that begins with a report");
    assert_eq!(&request[8..10], [0x81, 206], "a picture loss indication");
    let (slice, idr) = (camera.slice(100), camera.idr(100));
    publisher.send_packets(slice.iter().chain(&idr));
    assert_eq!(late.packets(2, idr.len()), idr);

    drop(publisher);
    assert_eq!(late.drain(), []);
    assert_eq!(Client::connect(handle.rtsp_addr()).ask("DESCRIBE", "/a/cam", "", "").0, 404);
}

/// Sends as ffmpeg does: without TCP_NODELAY, one write per packet. Nagle's algorithm holds back all but the first until that is
/// acknowledged.
#[test]
fn the_rest_of_a_frame_does_not_wait_for_the_kernel_to_acknowledge_its_beginning() {
    const FRAMES: usize = 20;
    let handle = server();
    let (mut publisher, mut camera) = (Client::publisher(handle.rtsp_addr(), "/cam"), Camera::new(1));
    let mut player = Client::player(handle.rtsp_addr(), "/cam");
    let through = median((0..FRAMES).map(|_| {
        // After an answer, the kernel expects another one to carry the acknowledgement, and delays it.
        assert_eq!(publisher.ask("OPTIONS", "/cam", "", "").0, 200);
        let packets = camera.idr(3_000);
        assert!(packets.len() > 2, "several writes");
        let start = Instant::now();
        packets.iter().for_each(|packet| publisher.send_packets([packet]));
        assert_eq!(player.packets(2, packets.len()), packets);
        start.elapsed()
    }));

    // What the kernel does on its own.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut from = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (mut to, _) = listener.accept().expect("a connection");
    for socket in [&from, &to] {
        socket.set_read_timeout(Some(raw::LIMIT)).expect("a limit");
    }
    let plain = median((0..FRAMES).map(|_| {
        to.write_all(&[0; 100]).expect("it is read");
        from.read_exact(&mut [0; 100]).expect("it was sent");
        let start = Instant::now();
        (0..3).for_each(|_| from.write_all(&[0; 100]).expect("it is read"));
        to.read_exact(&mut [0; 300]).expect("they were sent");
        start.elapsed()
    }));
    assert!(through < plain / 2, "{through:?} through the server, {plain:?} where nobody asks for acknowledgements");
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let handle = server();
    let mut publisher = Client::publisher(handle.rtsp_addr(), "/cam");
    let mut second = Client::connect(handle.rtsp_addr());
    assert_eq!(second.announce("/cam"), 406);
    assert_eq!(second.announce("/other"), 200);
    let mut player = Client::player(handle.rtsp_addr(), "/cam");
    let idr = Camera::new(1).idr(100);
    publisher.send_packets(&idr);
    assert_eq!(player.packets(2, idr.len()), idr);
    assert_eq!(publisher.ask("TEARDOWN", "/cam", "", "").0, 200);
    assert_eq!(second.ask("TEARDOWN", "/other", "", "").0, 454, "no SETUP, no session");
    player.drain();
    Client::publisher(handle.rtsp_addr(), "/cam");
}

#[test]
fn udp_in_and_out_and_strangers_are_ignored_and_counted() {
    let handle = server();
    let port = |socket: &UdpSocket| socket.local_addr().expect("bound").port();
    let bind = || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(raw::LIMIT)).expect("a limit");
        socket
    };
    let (media, control, stranger) = (bind(), bind(), bind());
    let mut publisher = Client::connect(handle.rtsp_addr());
    let ports = format!("client_port={}-{}", port(&media), port(&control));
    let answer = publisher.publish("/cam", &format!("RTP/AVP;unicast;{ports};mode=record"));
    let server_port = answer.split("server_port=").nth(1).and_then(|rest| rest.split('-').next()).expect("a port");
    let target = format!("127.0.0.1:{server_port}");

    let (player_media, player_control) = (bind(), bind());
    let mut player = Client::connect(handle.rtsp_addr());
    let ports = format!("client_port={}-{}", port(&player_media), port(&player_control));
    let player_answer = player.play("/cam", &format!("RTP/AVP;unicast;{ports}"));

    let mut camera = Camera::new(1);
    let idr = camera.idr(5_000);
    let mut buffer = [0; 2_000];
    for (index, packet) in idr.iter().enumerate() {
        media.send_to(packet, &target).expect("sent");
        if index == 0 {
            // Another port, another source from the right port, and no RTP at all.
            stranger.send_to(packet, &target).expect("sent");
            media.send_to(&Camera::new(2).idr(10)[0], &target).expect("sent");
            media.send_to(b"noise", &target).expect("sent");
        }
        let (length, _) = player_media.recv_from(&mut buffer).expect("a packet");
        assert_eq!(&buffer[..length], packet);
    }
    let status = wait_for(&handle, "cam", |status| status["foreign_packets"] == 3);
    assert_eq!((&status["publisher"]["transport"], &status["readers"][0]["transport"]), (&"udp".into(), &"udp".into()));
    assert_eq!(status["packets"], idr.len());

    // A player's lost picture reaches the publisher.
    let server_control =
        player_answer.split("server_port=").nth(1).and_then(|rest| rest.split(['-', ';', '\r']).nth(1));
    let report = common::rtp::rtcp::picture_loss(9, 1);
    player_control.send_to(&report, format!("127.0.0.1:{}", server_control.expect("a port"))).expect("sent");
    let (length, _) = control.recv_from(&mut buffer).expect("a request");
    let events = common::rtp::rtcp::parse(&buffer[..length]);
    assert_eq!(events, Ok(vec![common::rtp::rtcp::Event::PictureLoss { ssrc: 1 }]));
}

#[test]
fn a_reader_that_does_not_read_loses_frames_and_nobody_else_does() {
    let handle = server();
    let mut publisher = Client::publisher(handle.rtsp_addr(), "/cam");
    let slow = Client::player(handle.rtsp_addr(), "/cam");
    let mut good = Client::player(handle.rtsp_addr(), "/cam");
    let mut camera = Camera::new(1);
    let mut frames = 0;
    // More than the kernel's buffers and the queue hold, every frame an IDR.
    loop {
        let packets = camera.idr(200_000);
        publisher.send_packets(&packets);
        assert_eq!(good.packets(2, packets.len()), packets);
        frames += 1;
        let status = status_of(&handle, "cam");
        assert_eq!(status["lost_packets"], 0);
        if status["dropped_frames"].as_u64() > Some(0) {
            break;
        }
        assert!(frames < 1_000, "{status}");
    }
    drop(slow);
}

#[test]
fn hostile_peers_are_answered_or_closed_and_others_unharmed() {
    let handle = server();
    let mut publisher = Client::publisher(handle.rtsp_addr(), "/cam");
    let mut player = Client::player(handle.rtsp_addr(), "/cam");

    let huge = format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 9000000\r\n\r\n{}", "x".repeat(500_000));
    let mut client = Client::connect(handle.rtsp_addr());
    client.send(huge.as_bytes());
    client.socket.shutdown(Shutdown::Write).expect("open");
    let mut answer = String::new();
    client.socket.read_to_string(&mut answer).expect("closed in order, not reset: others would lose the answer");
    assert!(answer.starts_with("RTSP/1.0 413 "), "{answer}");

    for bytes in [&b"\x16\x03\x01\x02\x00"[..], &frame(0, b"early"), b"\0\0\0\0"] {
        let mut client = Client::connect(handle.rtsp_addr());
        client.send(bytes);
        client.drain();
    }
    let mut client = Client::player(handle.rtsp_addr(), "/cam");
    client.send(&frame(9, b"unknown"));
    client.drain();

    let idr = Camera::new(1).idr(100);
    publisher.send_packets(&idr);
    assert_eq!(player.packets(2, idr.len()), idr);
}

#[test]
fn who_pipelines_and_does_not_read_is_cut_off() {
    let handle = server();
    let mut client = Client::connect(handle.rtsp_addr());
    let requests = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(10_000);
    let cut_off = (0..1_000).any(|_| client.socket.write_all(requests.as_bytes()).is_err());
    assert!(cut_off);
}

#[test]
fn the_http_side() {
    let handle = server();
    let address = handle.http_addr().expect("HTTP");
    let _publisher = Client::publisher(handle.rtsp_addr(), "/a/b");
    let (status, text) = http(address, "GET /health");
    assert!(status == 200 && text.contains("\"status\":\"ok\""), "{text}");
    let (status, text) = http(address, "GET /metrics");
    assert!(status == 200 && text.ends_with("# EOF\n"), "{text}");
    assert!(text.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{text}");
    assert!(text.contains("framelag_stream_packets_total{path=\"a/b\"} 0\n"), "{text}");
    let (status, text) = http(address, "GET /api/streams");
    assert!(status == 200 && text.contains("\"name\":\"a/b\""), "{text}");
    assert_eq!(status_of(&handle, "a/b")["publisher"]["transport"], "tcp");
    for (request, expected) in [
        ("GET /", 404),
        ("GET /api/streams/status/none", 404),
        ("GET /api/streams/status/..%2f..%2fetc", 404),
        ("GET /api/streams/status/%00", 404),
        ("POST /health", 405),
    ] {
        let (status, text) = http(address, request);
        assert!(status == expected && text.contains("{\"error\":"), "{request}: {text}");
    }
}

#[test]
fn users_may_do_what_the_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("users");
    std::fs::write(&file, "cam:secret:publish\nann:secret:play\n").expect("a file");
    let handle = server::start(server::Config { auth: Some(file), ..config() }).expect("a server");
    drop(folder);

    let mut client = Client::connect(handle.rtsp_addr());
    assert_eq!(client.announce("/cam"), 401);
    // base64 of ann:secret, then of cam:secret.
    client.headers = "Authorization: Basic YW5uOnNlY3JldA==\r\n".to_owned();
    assert_eq!(client.announce("/cam"), 403);
    client.headers = "Authorization: Basic Y2FtOnNlY3JldA==\r\n".to_owned();
    client.publish("/cam", "RTP/AVP/TCP;interleaved=0-1");
    let mut player = Client::connect(handle.rtsp_addr());
    let (status, text) = player.ask("DESCRIBE", "/cam", "", "");
    assert!(status == 401 && text.contains("Digest realm="), "{text}");
    player.headers = "Authorization: Basic YW5uOnNlY3JldA==\r\n".to_owned();
    player.play("/cam", "RTP/AVP/TCP;interleaved=0-1");

    let address = handle.http_addr().expect("HTTP");
    assert_eq!(http(address, "GET /health").0, 200);
    for path in ["/metrics", "/api/streams", "/api/streams/status/cam"] {
        let (status, text) = http(address, &format!("GET {path}"));
        assert!(status == 401 && text.contains("www-authenticate: Basic"), "{text}");
    }
    assert_eq!(http(address, "GET /metrics HTTP/1.1\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\nX: ").0, 200);
    for (path, user, expected) in [
        ("/cam/index.m3u8", "", 401),
        ("/cam/mse", "", 401),
        ("/cam/mse", "Authorization: Basic Y2FtOnNlY3JldA==\r\n", 403),
        ("/other/mse", "Authorization: Basic YW5uOnNlY3JldA==\r\n", 404),
    ] {
        let (status, text) = http(address, &format!("GET {path} HTTP/1.1\r\n{user}X: "));
        assert_eq!(status, expected, "{path} {user}");
        // Why it was refused every page may know.
        assert_eq!(text.contains("access-control-allow-origin"), expected != 404, "{text}");
    }
}

#[test]
fn shutdown_closes_connections_and_frees_the_ports() {
    let handle = server();
    let (rtsp, http) = (handle.rtsp_addr(), handle.http_addr().expect("HTTP"));
    let mut publisher = Client::publisher(rtsp, "/cam");
    let mut player = Client::player(rtsp, "/cam");
    let taken = server::start(server::Config { rtsp, ..config() }).expect_err("taken").to_string();
    assert!(taken.contains(&rtsp.port().to_string()) && taken.contains("--rtsp"), "{taken}");
    let taken = server::start(server::Config { http: Some(http), ..config() }).expect_err("taken").to_string();
    assert!(taken.contains(&http.port().to_string()) && taken.contains("--http"), "{taken}");
    handle.shutdown();
    publisher.drain();
    player.drain();
    server::start(server::Config { rtsp, http: Some(http), ..config() }).expect("the ports are free").shutdown();
}

/// What comes back for `request`, sent to the port of RTSP, and from where.
fn ask_clock(handle: &server::Handle, request: &[u8]) -> (Vec<u8>, std::net::SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(raw::LIMIT)).expect("a limit");
    socket.send_to(request, handle.rtsp_addr()).expect("sent");
    let mut answer = [0; 1_500];
    let (length, from) = socket.recv_from(&mut answer).expect("an answer");
    (answer[..length].to_vec(), from)
}

#[test]
fn it_tells_its_time_over_udp_at_the_port_of_rtsp() {
    use common::clock::Clock;
    let (clock, handle) = (common::host::SystemClock::new(), server());
    let request = wire::request(0x1234);
    let before = clock.now().wall;
    let (bytes, from) = ask_clock(&handle, &request);
    let answer = wire::parse_answer(&bytes).expect("an answer of the protocol");
    assert_eq!((from, answer.nonce, answer.host), (handle.rtsp_addr(), 0x1234, common::host::clock::host()));
    assert!(before <= answer.there_in && answer.there_in <= answer.there_out && answer.there_out <= clock.now().wall);
    assert!(bytes.len() <= request.len(), "nobody has more sent than they send");
    // Nonsense gets no answer, and does not stop it.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for nonsense in [&b"FLCK"[..], &bytes, &[0xff; 1_400], &[]] {
        socket.send_to(nonsense, handle.rtsp_addr()).expect("sent");
    }
    assert!(wire::parse_answer(&ask_clock(&handle, &request).0).is_ok());
    socket.set_nonblocking(true).expect("a socket");
    assert!(socket.recv_from(&mut [0; 64]).is_err(), "no answer to any of it");
}

/// Any port of an address that nobody else uses: what is let go of there, and what goes with it by its number, stays free.
fn own() -> SocketAddr {
    SocketAddr::from(([127, rand::random_range(1..=254), rand::random(), rand::random_range(1..=254)], 0))
}

#[test]
fn without_its_udp_port_it_serves_all_the_same() {
    let taken = UdpSocket::bind(own()).expect("a free port");
    let rtsp = taken.local_addr().expect("bound");
    let handle = server::start(server::Config { rtsp, ..config() }).expect("RTSP needs no UDP port");
    assert_eq!(Client::connect(handle.rtsp_addr()).ask("OPTIONS", "/cam", "", "").0, 200);
    let handle_again = server::start(server::Config { rtsp: own(), ..config() }).expect("a server");
    drop(handle);
    assert!(UdpSocket::bind(handle_again.rtsp_addr()).is_err(), "it is taken while it serves");
    let address = handle_again.rtsp_addr();
    drop(handle_again);
    assert!(UdpSocket::bind(address).is_ok(), "and free after it");
}
