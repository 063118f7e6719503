//! Publishers of packets that no camera sends: the server goes on, and so does a receiver of ours that plays them.

use framelag_tests::measuring::receiver;
use framelag_tests::rtsp::Client;
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, rtsp};

use crate::healthy::Healthy;

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
                   a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:trackID=0\r\n";

/// Makes `client` publish at `path`, over TCP, with RTP on channel 0.
pub fn publish(mut client: Client, healthy: &Healthy, path: &str) -> Client {
    let url = format!("rtsp://{}/{path}", healthy.address());
    let length = SDP.len();
    let announce = format!("CSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SDP}");
    let setup = "CSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n\r\n";
    let answer = client.ask(&format!("ANNOUNCE {url} RTSP/1.0\r\n{announce}")).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.head);
    let answer = client.ask(&format!("SETUP {url}/trackID=0 RTSP/1.0\r\n{setup}")).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.head);
    let session = answer.header("session").and_then(|value| value.split(';').next()).expect("a session").to_owned();
    let record = format!("RECORD {url} RTSP/1.0\r\nCSeq: 3\r\nSession: {session}\r\n\r\n");
    assert_eq!(client.ask(&record).expect("an answer").status, 200);
    client
}

/// An RTP packet in an interleaved frame.
pub fn packet(sequence: u16, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut rtp = vec![0x80, 96 | (u8::from(marker) << 7)];
    rtp.extend(sequence.to_be_bytes());
    rtp.extend((u32::from(sequence) * 3_000).to_be_bytes());
    rtp.extend(7_u32.to_be_bytes());
    rtp.extend(payload);
    frame(0, &rtp)
}

/// An interleaved frame.
fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a frame holds 65,535 bytes at most");
    [&[b'$', channel], &length.to_be_bytes()[..], payload].concat()
}

#[test]
fn packets_that_no_camera_sends_harm_neither_server_nor_receiver() {
    let mut healthy = Healthy::start();
    let mut evil = publish(healthy.connect(), &healthy, "evil");
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = format!("rtsp://{}/evil", healthy.address());
    let player = receiver(&url, Transport::Tcp, folder.path()).spawn();
    // The player itself says so only when pictures come, and here none ever do.
    let plays = |line: &str| (line.contains("playing") && line.contains("path=evil")).then_some(());
    healthy.server.process.wait_for_line("that somebody plays /evil", LIMIT, plays);

    let payloads: [&[u8]; 9] = [
        &[],
        &[0x67, 0xff, 0xff, 0xff, 0xff, 0xff], // a sequence parameter set of ones
        &[0x18, 0xff, 0xff, 0x65],             // STAP-A whose first unit reaches beyond the packet
        &[0x18, 0x00, 0x00],                   // STAP-A with an empty unit
        &[0x7c, 0x05, 0x00],                   // FU-A that never started
        &[0x7c, 0xc5, 0x00],                   // FU-A that starts and ends at once
        &[0x7c, 0x85],                         // FU-A that starts and never ends
        &[0x65, 0x88, 0x84, 0x00, 0x33, 0xff], // an IDR slice that no parameter set describes
        &[0xff; 1_400],
    ];
    for sequence in 0..3_000_u16 {
        let payload = payloads[usize::from(sequence) % payloads.len()];
        let sent = evil.send(&packet(sequence.wrapping_mul(7_919), sequence % 3 == 0, payload));
        if sent.is_err() {
            evil = publish(healthy.connect(), &healthy, "evil");
        }
    }
    player.interrupt();
    let ended = player.finish(LIMIT);
    assert!(matches!(ended.code, Some(1 | 3)), "nothing is measured, nothing breaks\n{ended}");
    assert!(!ended.to_string().contains("panicked"), "{ended}");
    healthy.expect_unharmed();
}

#[test]
fn frames_out_of_place_end_their_own_connection_alone() {
    let healthy = Healthy::start();
    for (what, bytes) in [
        ("on a channel that was not set up", frame(9, b"x")),
        ("of length 0", frame(0, b"")),
        ("of length 65,535", frame(0, &vec![0xff; 65_535])),
        ("that are no RTP", frame(0, b"x")),
        ("that are no RTCP", frame(1, &[0x81, 201, 0xff, 0xff, 0])),
        ("cut short", frame(0, &[0x80; 500])[..100].to_vec()),
    ] {
        let mut client = publish(healthy.connect(), &healthy, "other");
        client.send(&bytes).unwrap_or_else(|error| panic!("frames {what}: {error}"));
        drop(client);
        let url = format!("rtsp://{}/other", healthy.address());
        // The path is free again for the next.
        framelag_tests::process::wait_until(what, LIMIT, || {
            (rtsp::describe(healthy.address(), &url) == Some(404)).then_some(())
        });
    }
    healthy.expect_unharmed();
}
