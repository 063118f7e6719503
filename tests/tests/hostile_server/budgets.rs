//! One address holds all that the server has: others get in, health is told, and who publishes comes back.
//!
//! The server may have 128 descriptors, so that a test can use them up.

use std::net::{IpAddr, SocketAddr};

use framelag_tests::rtsp::{Client, http_get};
use framelag_tests::{LIMIT, process, serving};

use crate::healthy::Healthy;
use crate::publishers::{packet, publish};

const DESCRIPTORS: usize = 128;
const ATTACKER: [u8; 4] = [127, 0, 0, 9];

/// A request that keeps a connection.
fn options(client: &mut Client) -> Option<u16> {
    client.ask("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").ok().map(|answer| answer.status)
}

fn from(address: [u8; 4], healthy: &Healthy) -> Client {
    Client::connect_from(IpAddr::from(address), healthy.address()).expect("the server takes connections")
}

fn play(client: &mut Client, healthy: &Healthy) -> u16 {
    let url = format!("rtsp://{}/cam", healthy.address());
    let setup = "CSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";
    let Ok(answer) = client.ask(&format!("SETUP {url}/trackID=0 RTSP/1.0\r\n{setup}")) else { return 0 };
    let Some(session) = answer.header("session").and_then(|value| value.split(';').next()) else {
        return answer.status;
    };
    let play = format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: {session}\r\n\r\n");
    client.ask(&play).map_or(0, |answer| answer.status)
}

fn expect_health(http: SocketAddr) {
    for path in ["/health", "/metrics", "/api/streams"] {
        for _ in 0..3 {
            let answer = http_get(http, path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(answer.status, 200, "{path}");
        }
    }
}

#[test]
fn keep_alives_of_one_address_keep_nobody_out() {
    let healthy = Healthy::start_with(serving::framelag_with_descriptors(DESCRIPTORS));
    let http = healthy.server.http.expect("it serves HTTP");
    let mut crowd = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        let mut rtsp = healthy.connect();
        assert_eq!(options(&mut rtsp), Some(200), "the newest gets in");
        let mut web = Client::connect(http).expect("the server takes connections");
        let answer = web.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("an answer");
        assert_eq!(answer.status, 200);
        crowd.extend([rtsp, web]);
    }
    expect_health(http);
    let metrics = String::from_utf8(http_get(http, "/metrics").expect("an answer").body).expect("text");
    let evicted = metrics.lines().find_map(|line| line.strip_prefix("framelag_evicted_total ")?.parse::<usize>().ok());
    assert!(
        evicted.is_some_and(|evicted| evicted > 2 * DESCRIPTORS),
        "who made room is counted: {evicted:?}\n{metrics}"
    );
    assert_eq!(play(&mut healthy.connect(), &healthy), 200, "from the same address");
    assert_eq!(play(&mut from([127, 0, 0, 2], &healthy), &healthy), 200, "and from another");
    healthy.expect_unharmed();
}

#[test]
fn players_of_one_address_make_room_for_those_of_another_and_for_who_comes_back() {
    let healthy = Healthy::start_with(serving::framelag_with_descriptors(DESCRIPTORS));
    let http = healthy.server.http.expect("it serves HTTP");
    let mut back = publish(healthy.connect(), &healthy, "back");
    back.send(&packet(1, true, &[0x65, 0x88])).expect("it reads");
    process::wait_until("the packet to be counted", LIMIT, || {
        let metrics = http_get(http, "/metrics").ok()?;
        String::from_utf8_lossy(&metrics.body).contains("framelag_stream_frames_total{path=\"back\"} 1").then_some(())
    });
    drop(back);

    let mut crowd = Vec::new();
    let refused = (0..4 * DESCRIPTORS).find_map(|_| {
        let mut client = from(ATTACKER, &healthy);
        let status = play(&mut client, &healthy);
        crowd.push(client);
        (status != 200).then_some(status)
    });
    assert_eq!(refused, Some(503), "at some time it is enough, and it is said");
    expect_health(http);
    for _ in 0..5 {
        assert_eq!(play(&mut from([127, 0, 0, 2], &healthy), &healthy), 200, "who holds less gets in");
    }
    let mut back = publish(from(ATTACKER, &healthy), &healthy, "back");
    back.send(&packet(2, true, &[0x65, 0x88])).expect("it reads");
    expect_health(http);
    healthy.expect_unharmed();
}

#[test]
fn publishers_of_many_media_over_udp_hold_few_descriptors() {
    let healthy = Healthy::start_with(serving::framelag_with_descriptors(2 * DESCRIPTORS));
    let http = healthy.server.http.expect("it serves HTTP");
    let video = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track0\r\n";
    let others: String = (1..16).map(|n| format!("m=audio 0 RTP/AVP 0\r\na=control:track{n}\r\n")).collect();
    let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n{video}{others}");
    let publishers: Vec<_> = (0..15)
        .map(|number| {
            let mut client = from(ATTACKER, &healthy);
            let url = format!("rtsp://{}/many{number}", healthy.address());
            let announce = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
            let answer = client.ask(&format!("ANNOUNCE {url} RTSP/1.0\r\nCSeq: 1\r\n{announce}")).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.head);
            let mut session = String::new();
            for track in 0..16 {
                let port = 20_000 + 2 * track;
                let transport = format!("Transport: RTP/AVP;unicast;client_port={port}-{};mode=record", port + 1);
                let setup = format!("SETUP {url}/track{track} RTSP/1.0\r\nCSeq: 2\r\n{transport}\r\n\r\n");
                let answer = client.ask(&setup).expect("an answer");
                assert!(answer.status == 200 && answer.head.contains("server_port="), "{}", answer.head);
                session = answer.header("session").and_then(|value| value.split(';').next()).expect("one").to_owned();
            }
            let record = format!("RECORD {url} RTSP/1.0\r\nCSeq: 3\r\nSession: {session}\r\n\r\n");
            assert_eq!(client.ask(&record).expect("an answer").status, 200);
            client
        })
        .collect();
    expect_health(http);
    assert_eq!(play(&mut from(ATTACKER, &healthy), &healthy), 200, "there is room for more, from the same address too");
    drop(publishers);
    healthy.expect_unharmed();
}
