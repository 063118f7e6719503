use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use common::clock::ManualClock;
use common::frame::{CaptureClock, PublisherTimes};
use common::h264;
use common::media::{Codec, EncodedFrame};
use common::rtp::{Packet, rtcp};
use common::rtsp::interleaved;
use common::rtsp::message::{Framer, Item};
use common::sei;
use common::time::{MediaTime, Now, WallTime};
use crossbeam_channel::{Receiver, bounded};

use super::*;
use crate::egress::Egress as _;
use crate::seal::SealedFrame;

/// How long anything may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);
const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a];
const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];

/// What the server of a test does with an item.
enum Action {
    Answer(String),
    Send(Vec<u8>),
    Nothing,
    Close,
    /// Stops reading until the test says so, or has ended.
    Stall(Receiver<()>),
}

/// What the server of a test saw: on which connection, and what.
type Seen = (usize, Item);

/// A server for `connections` connections, one after the other, that does what `script` says.
fn serve(
    connections: usize,
    mut script: impl FnMut(usize, &Item) -> Action + Send + 'static,
) -> (StreamUrl, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (seen_in, seen) = crossbeam_channel::unbounded();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().take(connections).enumerate() {
            converse(stream.expect("a connection"), |item| {
                let action = script(number, &item);
                // The test may have seen enough.
                let _ = seen_in.send((number, item));
                action
            });
        }
    });
    (format!("rtsp://{address}/cam").parse().expect("a URL"), seen)
}

fn converse(mut stream: TcpStream, mut script: impl FnMut(Item) -> Action) {
    let mut framer = Framer::default();
    let mut buffer = [0; 65_536];
    loop {
        while let Some(item) = framer.next_item().expect("the sender speaks RTSP") {
            match script(item) {
                Action::Answer(text) => stream.write_all(text.as_bytes()).expect("the sender listens"),
                Action::Send(bytes) => stream.write_all(&bytes).expect("the sender listens"),
                Action::Nothing => {}
                Action::Close => return,
                Action::Stall(until) => {
                    let _ = until.recv();
                }
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(len) => framer.push(&buffer[..len]),
        }
    }
}

/// Answers like a server that takes everything.
fn record(item: &Item, transport: &str) -> Action {
    let Item::Request(request) = item else { return Action::Nothing };
    let cseq = request.header(&rtsp_types::headers::CSEQ).expect("every request has one");
    Action::Answer(format!(
        "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nSession: a;timeout=60\r\nTransport: {transport}\r\n\r\n"
    ))
}

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

fn config(to: &StreamUrl, transport: Transport) -> (Config, ManualClock) {
    let clock = ManualClock::new(WallTime::from_micros(1_700_000_000_000_000));
    let config = Config {
        to: to.clone(),
        transport,
        frame_rate: Some(30.0),
        is_paced: true,
        first_sequence: 65_535,
        clock: Arc::new(clock.clone()),
        notify: Box::new(|_| {}),
        server: None,
    };
    (config, clock)
}

fn started(to: &StreamUrl) -> Box<Sender> {
    start(config(to, Transport::Tcp).0).expect("the server listens")
}

/// An access unit with a slice of `len` bytes, stamped at `stamped`.
fn unit(sequence: u32, is_key: bool, len: usize, stamped: Now) -> SealedFrame {
    let wall = stamped.wall;
    let times = PublisherTimes { captured: None, stamp: wall, painted: wall, encoded: wall, sent: wall };
    let stamp = sei::message(&sei::Stamp {
        stream_id: 1,
        sequence,
        origin: sei::Origin::default(),
        times,
        capture_clock: CaptureClock::None,
        reference: None,
    });
    let mut data = Vec::new();
    let mut put = |nal: &[u8]| {
        data.extend([0, 0, 0, 1]);
        data.extend(nal);
    };
    if is_key {
        put(SPS);
        put(PPS);
    }
    let slice = [if is_key { 0x65 } else { 0x41 }, 0x88];
    put(&[&slice[..], &vec![0xab; len]].concat());
    let stamp = h264::insert_sei(&mut data, &stamp);
    let time = MediaTime::from_ticks(sequence * 3_000);
    SealedFrame { frame: EncodedFrame { codec: Codec::H264, data, is_key, time }, stamp, stamped }
}

/// The next RTP packet that the server saw.
fn packet(seen: &Receiver<Seen>) -> (usize, Vec<u8>) {
    loop {
        match seen.recv_timeout(LIMIT).expect("packets come") {
            (connection, Item::Data { channel: 0, payload }) => return (connection, payload.to_vec()),
            _ => continue,
        }
    }
}

/// The stamp in a packet that carries whole NAL units.
fn stamp(packet: &[u8]) -> Option<sei::Stamp> {
    sei::find(packet)
}

fn starts_decoding(packet: &[u8]) -> bool {
    Packet::parse(packet).and_then(|packet| packet.starts_decoding(Codec::H264)).expect("ours")
}

#[test]
fn a_stream_arrives_with_the_time_of_sending_in_it() {
    let (url, seen) = serve(1, |_, item| record(item, TCP));
    let (config, clock) = config(&url, Transport::Tcp);
    let sender = start(config).expect("the server listens");
    let stamped = clock.now();
    clock.advance(Duration::from_millis(5));
    clock.step_wall(1_000_000);
    sender.send(unit(7, true, 3_000, stamped)).expect("it goes on");
    sender.send(unit(8, false, 100, stamped)).expect("it goes on");
    let stats = sender.finish().expect("all went well");
    assert_eq!((stats.frames, stats.packets, stats.dropped, stats.reconnects), (2, 1 + 3 + 1, 0, 0));
    let packets: Vec<_> = (0..5).map(|_| packet(&seen).1).collect();
    let infos: Vec<_> = packets.iter().map(|packet| Packet::parse(packet).expect("ours")).collect();
    assert_eq!(infos.iter().map(|info| info.marker).collect::<Vec<_>>(), [false, false, false, true, true]);
    assert!(starts_decoding(&packets[0]));
    let found = stamp(&packets[0]).expect("the SEI is whole");
    assert_eq!(found.sequence, 7);
    assert_eq!(found.times.sent.micros_since(stamped.wall), 5_000, "a step of the wall clock is not in it");
    let ending: Vec<_> = seen.try_iter().map(|(_, item)| item).collect();
    assert!(matches!(&ending[..], [.., Item::Request(end)] if *end.method() == rtsp_types::Method::Teardown));
    let bye = |item: &Item| matches!(item, Item::Data { channel: 1, payload } if matches!(rtcp::parse(payload).as_deref(), Ok([rtcp::Event::Bye { .. }])));
    assert!(ending.iter().any(bye));
}

#[test]
fn udp_packets_and_reports_come_from_the_announced_ports() {
    let [rtp, rtcp] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port is free"));
    let port = |socket: &UdpSocket| socket.local_addr().expect("it is bound").port();
    // Where the server says that packets should go elsewhere, they do not.
    let transport = format!("RTP/AVP;unicast;server_port={}-{};source=127.0.0.9", port(&rtp), port(&rtcp));
    let (url, seen) = serve(1, move |_, item| record(item, &transport));
    let (config, clock) = config(&url, Transport::Udp);
    let sender = start(config).expect("the server listens");
    sender.send(unit(0, true, 3_000, clock.now())).expect("it goes on");
    let mut buffer = [0; 2_000];
    for socket in [&rtp, &rtcp] {
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    }
    let (len, from) = rtp.recv_from(&mut buffer).expect("a packet comes");
    assert!(starts_decoding(&buffer[..len]));
    let (len, from_rtcp) = rtcp.recv_from(&mut buffer).expect("a report comes");
    assert!(matches!(rtcp::parse(&buffer[..len]).as_deref(), Ok([rtcp::Event::SenderReport { packets: 4, .. }])));
    let setup = seen.try_iter().find_map(|(_, item)| match item {
        Item::Request(request) => request.header(&rtsp_types::headers::TRANSPORT).map(ToString::to_string),
        _ => None,
    });
    let ports = format!("client_port={}-{}", from.port(), from_rtcp.port());
    assert!(setup.as_deref().is_some_and(|setup| setup.contains(&ports)), "{ports} in {setup:?}");
    // A reader's plea comes back by the same port.
    rtcp.send_to(&rtcp::picture_loss(1, 0), from_rtcp).expect("the port is open");
    let asked = (1..1_000).any(|sequence| {
        sender.send(unit(sequence, false, 10, clock.now())).expect("it goes on");
        rtp.recv_from(&mut buffer).expect("a packet comes");
        sender.take_key_request()
    });
    assert!(asked);
}

#[test]
fn a_reader_that_needs_a_picture_reaches_the_encoder() {
    let (url, seen) = serve(1, |_, item| match item {
        Item::Data { channel: 0, .. } => {
            let plea = rtcp::picture_loss(1, 0);
            Action::Send([&interleaved::header(1, plea.len() as u16)[..], &plea].concat())
        }
        item => record(item, TCP),
    });
    let (config, clock) = config(&url, Transport::Tcp);
    let sender = start(config).expect("the server listens");
    let asked = (0..1_000).any(|sequence| {
        sender.send(unit(sequence, sequence == 0, 10, clock.now())).expect("it goes on");
        packet(&seen);
        sender.take_key_request()
    });
    assert!(asked);
}

#[test]
fn a_lost_connection_is_made_again_and_begins_with_an_idr_picture() {
    let (url, seen) = serve(2, |connection, item| match item {
        Item::Data { channel: 0, .. } if connection == 0 => Action::Close,
        item => record(item, TCP),
    });
    let (mut config, clock) = config(&url, Transport::Tcp);
    let (tell, events) = crossbeam_channel::unbounded();
    config.notify = Box::new(move |event| tell.send(event).expect("the test listens"));
    let sender = start(config).expect("the server listens");
    sender.send(unit(0, true, 10, clock.now())).expect("it goes on");
    assert_eq!(events.recv_timeout(LIMIT), Ok(Event::Connected));
    assert!(matches!(events.recv_timeout(LIMIT), Ok(Event::Lost(Error::Lost { .. }))));
    sender.send(unit(1, false, 10, clock.now())).expect("it goes on");
    assert_eq!(events.recv_timeout(LIMIT), Ok(Event::Connected));
    let first = (2..).find_map(|sequence| {
        let idr = sender.take_key_request();
        sender.send(unit(sequence, idr, 10, clock.now())).expect("it goes on");
        seen.recv_timeout(Duration::from_millis(10))
            .ok()
            .filter(|(connection, item)| *connection == 1 && matches!(item, Item::Data { .. }))
    });
    let Some((_, Item::Data { payload, .. })) = first else { panic!("a packet of the second connection") };
    assert!(starts_decoding(&payload));
    assert_eq!(Packet::parse(&payload).expect("RTP").sequence, 0, "the numbers go on where the lost connection ended");
    let stats = sender.finish().expect("it began well");
    assert_eq!(stats.reconnects, 1);
    assert!(stats.dropped >= 1, "{stats:?}");
}

/// Sends until a frame is dropped, because the server stops reading inside the first.
fn fill(sender: &Sender, seen: &Receiver<Seen>, clock: &ManualClock) {
    /// Bytes of a picture that no kernel takes whole.
    const HUGE: usize = 64 << 20;
    sender.send(unit(0, true, HUGE, clock.now())).expect("it goes on");
    packet(seen);
    let dropped = (1..100).any(|sequence| {
        sender.send(unit(sequence, false, 10, clock.now())).expect("it goes on");
        sender.counters().dropped > 0
    });
    assert!(dropped);
    assert!(!sender.take_key_request(), "the network is still busy");
}

#[test]
fn a_server_that_stalls_costs_frames_but_never_the_pipeline() {
    let (release, until) = bounded(0);
    let (url, seen) = serve(1, move |_, item| match item {
        Item::Data { .. } => Action::Stall(until.clone()),
        item => record(item, TCP),
    });
    let (config, clock) = config(&url, Transport::Tcp);
    let sender = start(config).expect("the server listens");
    fill(&sender, &seen, &clock);
    let before = sender.counters();
    sender.send(unit(9_000, false, 10, clock.now())).expect("it goes on");
    assert_eq!(sender.counters().dropped, before.dropped + 1, "nothing but an IDR picture is taken now");
    assert_eq!(sender.queued(), 0, "what waited is old");
    sender.send(unit(9_001, true, 10, clock.now())).expect("it goes on");
    assert_eq!(sender.counters().dropped, before.dropped + 1, "an IDR picture has room");
    assert!(!sender.take_key_request(), "one came by itself");
    sender.finish().expect("it began well");
    drop(release);
}

#[test]
fn one_idr_picture_is_asked_for_when_the_network_has_caught_up() {
    let (release, until) = bounded::<()>(0);
    let (url, seen) = serve(1, move |_, item| match item {
        Item::Data { .. } => Action::Stall(until.clone()),
        item => record(item, TCP),
    });
    let (config, clock) = config(&url, Transport::Tcp);
    let sender = start(config).expect("the server listens");
    fill(&sender, &seen, &clock);
    drop(release);
    let limit = std::time::Instant::now() + LIMIT;
    let asked = || {
        let _ = seen.recv_timeout(Duration::from_millis(10));
        sender.take_key_request()
    };
    assert!(std::iter::repeat_with(asked).take_while(|_| std::time::Instant::now() < limit).any(|asked| asked));
    sender.send(unit(9_000, false, 10, clock.now())).expect("it goes on");
    assert!(!sender.take_key_request(), "it is under way");
    sender.finish().expect("it began well");
}

/// An answer that redirects to `to` with `status`.
fn redirect(status: &str, to: &str) -> Action {
    Action::Answer(format!("RTSP/1.0 {status}\r\nCSeq: 1\r\nLocation: {to}\r\n\r\n"))
}

#[test]
fn redirects_are_followed_and_other_hosts_get_no_password() {
    for status in ["301 Moved Permanently", "302 Moved Temporarily", "305 Use Proxy", "307 Temporary Redirect"] {
        let (end, seen) = serve(1, |_, item| record(item, TCP));
        let to = format!("rtsp://evil:pw@{}/there", end.host_and_port());
        let (url, _) = serve(1, move |_, _| redirect(status, &to));
        let with_password = format!("rtsp://ann:secret@{}/cam", url.host_and_port());
        let sender = started(&with_password.parse().expect("a URL"));
        sender.send(unit(0, true, 10, Now::default())).expect("nobody has refused");
        let (_, Item::Request(first)) = seen.recv_timeout(LIMIT).expect("the other server is asked") else {
            panic!("{status}: the first item is no request");
        };
        assert_eq!(first.request_uri().map(|uri| uri.path()), Some("/there"), "{status}");
        assert!(first.header(&rtsp_types::headers::AUTHORIZATION).is_none(), "{status}");
        packet(&seen);
        sender.finish().expect("it was taken");
    }
}

#[test]
fn a_redirect_in_the_middle_is_followed_from_where_the_stream_is() {
    let (end, seen) = serve(2, |connection, item| match item {
        Item::Data { .. } if connection == 0 => {
            Action::Send(b"REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: /there\r\n\r\n".to_vec())
        }
        item => record(item, TCP),
    });
    let to = format!("rtsp://{}/first", end.host_and_port());
    let (url, _) = serve(1, move |_, _| redirect("302 Found", &to));
    let sender = started(&url);
    sender.send(unit(0, true, 10, Now::default())).expect("nobody has refused");
    let path = |connection| loop {
        match seen.recv_timeout(LIMIT).expect("it is asked") {
            (on, Item::Request(request)) if on == connection => {
                return request.request_uri().map(|uri| uri.path().to_owned());
            }
            _ => {}
        }
    };
    assert_eq!(path(0).as_deref(), Some("/first"));
    assert_eq!(path(1).as_deref(), Some("/there"));
    sender.finish().expect("it began well");
}

#[test]
fn redirects_that_are_not_followed_say_why() {
    for (to, why) in [
        ("http://other/cam", "redirects are followed to rtsp:// only"),
        ("rtsps://other/cam?token=secret", "redirects are followed to rtsp:// only"),
        ("", "without saying where to"),
        ("/cam", "round in a circle"),
        ("rtsp://127.0.0.1:1/", "it names no path"),
    ] {
        let (url, _) = serve(1, move |_, _| redirect("302 Found", to));
        let sender = started(&url);
        sender.send(unit(0, true, 10, Now::default())).expect("nobody knows yet");
        let error = sender.finish().expect_err(to).to_string();
        assert!(error.contains(why) && !error.contains("secret") && !error.contains('\n'), "{to}: {error}");
    }
    let mut number = 0;
    let (url, _) = serve(6, move |_, _| {
        number += 1;
        redirect("302 Found", &format!("/{number}"))
    });
    let sender = started(&url);
    sender.send(unit(0, true, 10, Now::default())).expect("nobody knows yet");
    let error = sender.finish().expect_err("too many").to_string();
    assert!(error.contains("more than 5 times"), "{error}");
}

#[test]
fn what_keeps_a_stream_from_beginning_is_one_line_without_the_password() {
    let with_password = |url: &StreamUrl| {
        let text = format!("rtsp://ann:secret@{}/cam?token=secret", url.host_and_port());
        text.parse::<StreamUrl>().expect("a URL")
    };
    for (answer, expected) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "the peer does not speak RTSP: it sent \"HTTP/1.1 400 Bad Request\""),
        ("RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", "refused OPTIONS with 404 Not Found: check the URL's path"),
        ("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Foo\r\n\r\n", "authentication by Foo"),
    ] {
        let (url, _seen) = serve(1, move |_, _| Action::Answer(answer.to_owned()));
        let sender = started(&with_password(&url));
        sender.send(unit(0, true, 10, Now::default())).expect("nobody knows yet");
        let error = sender.finish().expect_err(answer).to_string();
        assert!(error.starts_with(&format!("cannot publish to {url}?…: ")), "{error}");
        assert!(error.contains(expected) && !error.contains("secret") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_failure_reaches_the_pipeline_with_the_next_frame() {
    let (url, _seen) = serve(1, |_, _| Action::Close);
    let sender = started(&url);
    let limit = std::time::Instant::now() + LIMIT;
    let failed = std::iter::repeat_with(|| sender.send(unit(0, true, 10, Now::default())))
        .take_while(|_| std::time::Instant::now() < limit)
        .find_map(Result::err);
    assert!(matches!(failed, Some(crate::error::Error::Send(Error::Lost { .. }))), "{failed:?}");
}

#[test]
fn a_server_that_sends_without_end_and_never_answers_is_late_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("rtsp://{}/cam", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        // Where the clock runs on before the first frame, the sender connects again.
        for mut stream in listener.incoming().flatten() {
            // Frames of a channel that nobody asked for.
            while stream.write_all(&b"$\x07\x00\x04abcd".repeat(1_000)).is_ok() {}
        }
    });
    let (config, clock) = config(&url.parse().expect("a URL"), Transport::Tcp);
    let sender = start(config).expect("the server listens");
    sender.send(unit(0, true, 10, clock.now())).expect("nobody knows yet");
    // Whenever the session begins, its request is too old after one of these.
    let late = std::iter::repeat_with(|| {
        clock.advance(Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(1));
        sender.send(unit(1, true, 10, clock.now()))
    });
    let error = late.map(Result::err).find_map(|error| error).expect("it ends");
    assert!(error.to_string().contains("did not answer OPTIONS"), "{error}");
}

#[test]
fn urls_that_lead_nowhere_are_told_at_once() {
    // A client's own port: nobody listens there, nor can while the connection is held.
    let server = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let client = TcpStream::connect(server.local_addr().expect("it is bound")).expect("it listens");
    let refused = format!("rtsp://ann:secret@{}/cam", client.local_addr().expect("it is connected"));
    for (url, expected) in [
        (refused.as_str(), "nothing listens there; is the server running?"),
        ("rtsp://127.0.0.1", "it names no path"),
        ("rtsp://ann:secret@no-such-host.invalid/cam", "unknown host"),
    ] {
        let started = start(config(&url.parse().expect("a URL"), Transport::Tcp).0);
        let error = started.err().expect(url).to_string();
        assert!(error.contains(expected) && !error.contains("secret") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_stream_without_parameter_sets_is_refused() {
    let (url, _seen) = serve(1, |_, item| record(item, TCP));
    let sender = started(&url);
    let mut first = unit(0, true, 10, Now::default());
    let slice = h264::nals(&first.frame.data).last().expect("a slice").to_vec();
    first.frame.data = [&[0, 0, 0, 1][..], &slice].concat();
    sender.send(first).expect("nobody knows yet");
    let error = sender.finish().expect_err("it cannot be announced").to_string();
    assert!(error.ends_with("the encoder's first IDR picture has no parameter sets"), "{error}");
}
