//! Whole frames out of the server are the frames that the publisher's encoder made.

use std::sync::Arc;
use std::time::Duration;

use common::frame::Size;
use common::host::SystemClock;
use common::media::EncodedFrame;
use common::rtp::Frame;
use common::time::{MediaTime, Now};
use common::transport::Transport;
use framelag_tests::LIMIT;
use framelag_tests::process::wait_until;
use publisher::capture::pattern;
use publisher::egress::{Egress, FrameEgress, Sender, rtsp};
use publisher::encode::{self, Encoder, OpenH264};
use publisher::rate::FrameRate;
use publisher::seal::SealedFrame;
use server::{FrameDrops, Frames};

const SIZE: Size = Size::new(640, 480);
const GOP: u32 = 5;
const FRAMES: usize = 24;

fn server() -> server::Handle {
    let rtsp = "127.0.0.1:0".parse().expect("an address");
    server::start(server::Config { rtsp, http: None, ..server::Config::default() }).expect("a server")
}

/// A publisher that is given frames.
fn sender(server: &server::Handle, path: &str, transport: Transport) -> Box<Sender> {
    let config = rtsp::Config {
        to: format!("rtsp://{}/{path}", server.rtsp_addr()).parse().expect("a URL"),
        transport,
        frame_rate: Some(30.0),
        is_paced: true,
        first_sequence: 65_500,
        clock: Arc::new(SystemClock::new()),
        notify: Box::new(|_| {}),
        server: None,
    };
    rtsp::start(config).expect("the server listens")
}

/// What openh264 makes of a moving picture: IDR pictures of many packets, and small ones after them.
fn encoded() -> Vec<EncodedFrame> {
    let settings = encode::Config { size: SIZE, rate: FrameRate::THIRTY, bitrate: 4_000_000, gop: GOP };
    let mut encoder = OpenH264::new(settings).expect("an encoder");
    let frames = pattern::pictures(SIZE).take(FRAMES).enumerate().map(|(number, picture)| {
        let time = MediaTime::default().advance(Duration::from_millis(33) * number as u32);
        encoder.encode(&picture, time, false).expect("it encodes");
        encoder.next_frame().expect("it encodes").expect("it skips none")
    });
    frames.collect()
}

fn send(sender: &Sender, frame: EncodedFrame) {
    sender.send(SealedFrame { frame, stamp: 0..0, stamped: Now::default() }).expect("it goes on");
}

/// Once the publisher's stream is live.
fn subscribe(server: &server::Handle, path: &str) -> Frames {
    wait_until("a stream", LIMIT, || server.subscribe(path))
}

fn next(frames: &mut Frames) -> Option<Arc<Frame>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(LIMIT, frames.next()).await.expect("something comes") })
}

fn frames_out_are_frames_in(transport: Transport) {
    let server = server();
    let sender = sender(&server, "cam", transport);
    let sent = encoded();
    // The first tells the publisher what to announce; whether it passes before the subscriptions is chance.
    send(&sender, sent[0].clone());
    let mut subscriptions = [subscribe(&server, "cam"), subscribe(&server, "/cam/")];
    let (before, sent) = sent.split_at(GOP as usize);
    before[1..].iter().for_each(|frame| send(&sender, frame.clone()));
    assert!(sent.iter().filter(|frame| frame.is_key).count() >= 3);
    assert!(sent.iter().any(|frame| frame.data.len() > 3_000), "some are cut into several packets");
    for frame in sent {
        send(&sender, frame.clone());
        for subscription in &mut subscriptions {
            let mut received = next(subscription).expect("the stream goes on");
            while before.contains(&received.encoded) {
                received = next(subscription).expect("the stream goes on");
            }
            assert_eq!(received.encoded, *frame);
            assert_eq!(received.starts_decoding, frame.is_key);
        }
    }
    let late = server.subscribe("cam").expect("it is live");
    sender.finish().expect("all went well");
    for mut subscription in subscriptions.into_iter().chain([late]) {
        assert_eq!(next(&mut subscription), None, "the stream has ended");
        assert_eq!(subscription.drops(), FrameDrops::default());
    }
}

#[test]
fn over_tcp() {
    frames_out_are_frames_in(Transport::Tcp);
}

#[test]
fn over_udp() {
    frames_out_are_frames_in(Transport::Udp);
}

#[test]
fn a_path_where_nobody_publishes_has_no_frames() {
    let server = server();
    for path in ["cam", "", "../cam", "a b"] {
        assert!(server.subscribe(path).is_none(), "{path:?}");
    }
}
