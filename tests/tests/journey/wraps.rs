//! The numbers of RTP run out on the way: sequence numbers after 65,536 packets, media time after 13 h 15 m.
//!
//! The publisher draws where both begin. Here they begin a few seconds before their ends, by the publisher's own library.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::clock::Clock;
use common::code::Corner;
use common::frame::{CaptureClock, PublisherTimes, Size};
use common::host::SystemClock;
use common::time::MediaTime;
use common::{h264, sei};
use framelag_tests::measuring::{endless_receiver_over, missing, wait_for_frames};
use framelag_tests::report::Report;
use framelag_tests::serving::{self, Transport};
use framelag_tests::{LIMIT, turn};
use publisher::capture::pattern;
use publisher::egress::{Egress, FrameEgress, Sender, rtsp};
use publisher::encode::{self, Encoder, OpenH264};
use publisher::rate::FrameRate;
use publisher::seal::SealedFrame;
use publisher::stamp::{self, Stamper};

const SIZE: Size = Size::new(320, 240);
/// One packet a frame, but for an IDR now and then.
const BITRATE: u32 = 128_000;
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Packets before the sequence number's wrap: at most as many frames, ten seconds of them.
const PACKETS_BEFORE: u16 = 300;
/// Before the media time's wrap.
const TIME_BEFORE: Duration = Duration::from_secs(9);
/// Frames that are measured after both.
const FRAMES_AFTER: u64 = 90;

/// A publisher in this process, whose numbers wrap soon.
struct Wrapping {
    stopped: Arc<AtomicBool>,
    /// Ends with how many packets went out, and the media time of the last.
    thread: thread::JoinHandle<(u64, Duration)>,
}

impl Wrapping {
    fn start(url: &str, transport: Transport) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let config = rtsp::Config {
            to: url.parse().expect("a URL"),
            transport,
            frame_rate: Some(30.0),
            is_paced: true,
            first_sequence: 0_u16.wrapping_sub(PACKETS_BEFORE),
            clock: Arc::clone(&clock),
            notify: Box::new(|_| {}),
            server: None,
        };
        let sender = rtsp::start(config).expect("the server listens");
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        Self { stopped, thread: thread::spawn(move || publish(sender, &*clock, &stop)) }
    }

    fn finish(self) -> (u64, Duration) {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("it publishes until it is told to end")
    }
}

/// Publishes until it is stopped.
fn publish(sender: Box<Sender>, clock: &dyn Clock, stop: &AtomicBool) -> (u64, Duration) {
    let marks = stamp::Config { corner: Corner::TopLeft, stream_id: 1, text: false };
    let mut stamper = Stamper::new(SIZE, marks).expect("the code fits");
    let settings = encode::Config { size: SIZE, rate: FrameRate::THIRTY, bitrate: BITRATE, gop: 30 };
    let mut encoder = OpenH264::new(settings).expect("an encoder");
    let origin = sei::Origin { host: 0, run: 1 };
    let start = MediaTime::from_ticks(0_u32.wrapping_sub(MediaTime::default().advance(TIME_BEFORE).ticks()));
    let (began, mut first) = (Instant::now(), None);
    let mut at = Duration::ZERO;
    for (number, mut picture) in (0..).zip(pattern::pictures(SIZE)) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        thread::sleep((FRAME * number).saturating_sub(began.elapsed()));
        let stamped = stamper.stamp(&mut picture, clock);
        at = stamped.at - *first.get_or_insert(stamped.at);
        encoder.encode(&picture, start.advance(at), sender.take_key_request()).expect("it encodes");
        let mut frame = encoder.next_frame().expect("it encodes").expect("it skips none");
        let encoded = stamped.wall_at(clock.now().mono);
        let times =
            PublisherTimes { captured: None, stamp: stamped.stamp, painted: stamped.painted, encoded, sent: encoded };
        let (capture_clock, reference) = (CaptureClock::None, None);
        let message = sei::message(&sei::Stamp {
            stream_id: 1,
            sequence: stamped.sequence,
            origin,
            times,
            capture_clock,
            reference,
        });
        let stamp = h264::insert_sei(&mut frame.data, &message);
        sender.send(SealedFrame { frame, stamp, stamped: stamped.now() }).expect("the server takes it");
    }
    (sender.finish().expect("there was a connection").packets, at)
}

fn frames_across_both_wraps_are_measured(transport: Transport) {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let server = serving::framelag(&[]);
    let publisher = Wrapping::start(&server.publish_url(), transport);
    server.wait_for_stream();
    let mut receiver = endless_receiver_over(transport, &server.play_url(), folder.path()).spawn();
    wait_for_frames(&mut receiver, 30);
    wait_for_frames(&mut receiver, u64::from(PACKETS_BEFORE) + FRAMES_AFTER);
    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(0);
    let (packets, at) = publisher.finish();

    let report = Report::read(folder.path());
    let frames = report.accounted();
    // The receiver measured since before the wraps, and until after them.
    let sequences: Vec<u64> =
        report.column("frames.csv", "seq").iter().map(|number| number.parse().expect("a number")).collect();
    let (first, last) = (sequences[0], sequences[sequences.len() - 1]);
    assert!(first < u64::from(PACKETS_BEFORE) && FRAME * (first as u32) < TIME_BEFORE, "from frame {first}");
    assert!(packets > u64::from(PACKETS_BEFORE) && last > u64::from(PACKETS_BEFORE), "{packets} packets, frame {last}");
    assert!(at > TIME_BEFORE && FRAME * (last as u32) > TIME_BEFORE, "{at:?}, frame {last}");
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order");
    assert_eq!((missing(&frames), frames.duplicate), (0, 0), "{frames:?}");
    assert_eq!((report.number("frames.restarts"), report.number("connection.disconnects")), (0.0, 0.0));
    // Sender reports from before the wrap, around it and after it all name PUB.
    assert!(report.number("stamps.sender_reports") >= 6.0, "{}", report.value("stamps"));
    let median = report.number("stamps.sender_report_difference_us.median");
    assert!(median.abs() <= 1_000.0, "{}", report.value("stamps"));
}

#[test]
fn over_tcp() {
    frames_across_both_wraps_are_measured(Transport::Tcp);
}

#[test]
fn over_udp() {
    frames_across_both_wraps_are_measured(Transport::Udp);
}
