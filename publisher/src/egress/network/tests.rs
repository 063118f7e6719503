//! The queue, with a protocol that a test makes up: what another egress has to implement.

use std::collections::VecDeque;

use common::clock::ManualClock;
use common::frame::{CaptureClock, PublisherTimes};
use common::media::{Codec, EncodedFrame};
use common::time::MediaTime;
use common::{h264, sei};
use crossbeam_channel::{never, unbounded};

use super::tcp::{Abort, Input};
use super::*;

/// How long anything may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);

/// What becomes of a connection's frames, one after the other; all that follow go out.
type Fates = VecDeque<Fate>;

enum Fate {
    Sent,
    NoRoom,
    Lost,
}

/// Makes a connection for each of these; then it is refused.
struct Double {
    connections: VecDeque<Fates>,
    out: crossbeam_channel::Sender<Vec<u8>>,
    clock: ManualClock,
}

struct Channel {
    fates: Fates,
    out: crossbeam_channel::Sender<Vec<u8>>,
    clock: ManualClock,
    input: Receiver<Input>,
}

impl Connector for Double {
    type Connection = Channel;

    fn connect(&mut self, first: &EncodedFrame, _abort: &Abort) -> Result<Channel, Error> {
        assert!(first.is_key, "a stream begins with a key frame");
        let refused = || Error::Publish { url: "it".to_owned(), why: "no more".to_owned() };
        let fates = self.connections.pop_front().ok_or_else(refused)?;
        Ok(Channel { fates, out: self.out.clone(), clock: self.clock.clone(), input: never() })
    }

    fn lost(&mut self, _connection: Channel) {}
}

impl Connection for Channel {
    fn send(&mut self, sealed: &SealedFrame) -> Result<Option<Sent>, Error> {
        match self.fates.pop_front().unwrap_or(Fate::Sent) {
            Fate::Sent => {}
            Fate::NoRoom => return Ok(None),
            Fate::Lost => return Err(Error::Lost { url: "it".to_owned(), why: "pulled".to_owned() }),
        }
        let mut data = sealed.frame.data.clone();
        sealed.set_sent(&mut data[sealed.stamp.clone()], self.clock.now().mono);
        let bytes = data.len() as u64;
        self.out.send(data).expect("the test listens");
        Ok(Some(Sent { packets: 1, bytes }))
    }

    fn input(&self) -> &Receiver<Input> {
        &self.input
    }

    fn handle(&mut self, _input: Input) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) {}
}

struct Stream {
    sender: Box<Sender>,
    out: Receiver<Vec<u8>>,
    events: Receiver<Event>,
    clock: ManualClock,
}

fn start(connections: impl IntoIterator<Item = Vec<Fate>>) -> Stream {
    let (out_in, out) = unbounded();
    let (tell, events) = unbounded();
    let clock = ManualClock::default();
    let connections = connections.into_iter().map(Fates::from).collect();
    let double = Double { connections, out: out_in, clock: clock.clone() };
    let notify = Box::new(move |event| tell.send(event).expect("the test listens"));
    let sender = Sender::start("it".to_owned(), 30.0, Arc::new(clock.clone()), notify, double).expect("a thread");
    Stream { sender, out, events, clock }
}

impl Stream {
    fn send(&self, sequence: u32, is_key: bool) {
        self.sender.send(self.frame(sequence, is_key)).expect("it goes on");
    }

    fn frame(&self, sequence: u32, is_key: bool) -> SealedFrame {
        let stamped = self.clock.now();
        let wall = stamped.wall;
        let times = PublisherTimes { captured: None, stamp: wall, painted: wall, encoded: wall, sent: wall };
        let (origin, capture_clock) = (sei::Origin::default(), CaptureClock::None);
        let nal = sei::message(&sei::Stamp { stream_id: 1, sequence, origin, times, capture_clock, reference: None });
        let mut data = vec![0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }, 0x88];
        let stamp = h264::insert_sei(&mut data, &nal);
        let time = MediaTime::from_ticks(sequence * 3_000);
        SealedFrame { frame: EncodedFrame { codec: Codec::H264, data, is_key, time }, stamp, stamped }
    }

    /// The stamp of the next frame that went out.
    fn next(&self) -> sei::Stamp {
        sei::find(&self.out.recv_timeout(LIMIT).expect("a frame goes out")).expect("it is stamped")
    }
}

#[test]
fn a_frame_goes_out_with_its_time_of_sending() {
    let stream = start([vec![]]);
    let frame = stream.frame(7, true);
    stream.clock.advance(Duration::from_millis(5));
    stream.sender.send(frame).expect("it goes on");
    let stamp = stream.next();
    assert_eq!((stamp.sequence, stamp.times.sent.micros_since(stamp.times.stamp)), (7, 5_000));
    let counters = stream.sender.finish().expect("it began well");
    assert_eq!((counters.frames, counters.packets, counters.dropped), (1, 1, 0));
}

#[test]
fn what_a_full_network_cannot_take_is_dropped_up_to_the_next_key_frame() {
    let stream = start([vec![Fate::Sent, Fate::NoRoom]]);
    stream.send(0, true);
    assert_eq!(stream.next().sequence, 0);
    stream.send(1, false);
    while !stream.sender.take_key_request() {
        std::thread::yield_now();
    }
    stream.send(2, false);
    stream.send(3, true);
    assert_eq!(stream.next().sequence, 3);
    assert_eq!(stream.sender.finish().expect("it began well").dropped, 2);
}

#[test]
fn a_lost_connection_is_made_again_and_begins_with_a_key_frame() {
    let stream = start([vec![Fate::Sent, Fate::Lost], vec![]]);
    stream.send(0, true);
    assert_eq!(stream.next().sequence, 0);
    stream.send(1, false);
    for expected in ["Connected", "Lost", "Connected"] {
        let event = stream.events.recv_timeout(LIMIT).expect("it is told");
        assert!(format!("{event:?}").starts_with(expected), "{event:?}");
    }
    while !stream.sender.take_key_request() {
        std::thread::yield_now();
    }
    stream.send(2, false);
    stream.send(3, true);
    assert_eq!(stream.next().sequence, 3);
    assert_eq!(stream.sender.finish().expect("it began well").reconnects, 1);
}

#[test]
fn a_stream_that_is_refused_at_first_never_begins() {
    let stream = start([]);
    stream.send(0, true);
    let error = stream.sender.finish().expect_err("it is refused").to_string();
    assert_eq!(error, "cannot publish to it: no more");
}
