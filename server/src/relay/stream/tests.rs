use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use bytes::Bytes;
use common::h264::nals;
use common::rtp::Packets;
use common::rtp::h264::Packetizer;

use super::*;
use common::time::WallTime;

use crate::relay::{Paths, Publication, ReaderCounts};

mod audio;

const SDP: &str =
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
pub(crate) const IDR: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a, 0, 0, 0, 1, 0x68,
    0xce, 0x3c, 0x80, 0, 0, 1, 0x65, 0x88, 0x84,
];
pub(crate) const SLICE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x02];

/// Keeps what it gets, behind a gate as every reader has.
#[derive(Default)]
struct FakeReader {
    id: u64,
    gate: Mutex<super::super::Gate>,
    got: Mutex<Vec<Bytes>>,
    ended: AtomicBool,
}

impl FakeReader {
    fn new(id: u64) -> Arc<Self> {
        Arc::new(Self { id, ..Self::default() })
    }

    fn got(&self) -> Vec<Bytes> {
        lock(&self.got).clone()
    }
}

impl Sink for FakeReader {
    fn id(&self) -> u64 {
        self.id
    }

    fn peer(&self) -> IpAddr {
        client().peer.ip()
    }

    fn deliver(&self, _now: MonoTime, batch: &[Placed]) {
        let mut gate = lock(&self.gate);
        let admitted = batch.iter().filter(|placed| gate.admits(placed.position));
        lock(&self.got).extend(admitted.map(|placed| placed.packet.bytes.clone()));
    }

    fn waits_for_idr(&self) -> bool {
        !lock(&self.gate).is_open()
    }

    fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    fn info(&self) -> ReaderInfo {
        let dropped = Drops { frames: 3, packets: 5 };
        ReaderInfo { client: client(), counts: ReaderCounts { queued_packets: 0, dropped } }
    }
}

fn client() -> Client {
    let peer = ([127, 0, 0, 1], 1).into();
    Client { transport: "tcp", peer, user_agent: String::new(), since: WallTime::default() }
}

#[derive(Default)]
struct FakeControl {
    requests: AtomicUsize,
}

impl PublisherControl for FakeControl {
    fn request_idr(&self, media_ssrc: u32) {
        assert_eq!(media_ssrc, 7);
        self.requests.fetch_add(1, Relaxed);
    }
}

pub(crate) struct Path {
    pub(in crate::relay) paths: Arc<Paths>,
    control: Arc<FakeControl>,
    packetizer: Packetizer,
    time: MediaTime,
}

impl Path {
    pub(crate) fn new() -> Self {
        let packetizer = Packetizer::new(7, 100);
        Self { paths: Arc::default(), control: Arc::default(), packetizer, time: MediaTime::default() }
    }

    pub(crate) fn publish(&self) -> Publication {
        let description = Description::parse(SDP.as_bytes()).expect("good");
        self.paths.reserve(&Path::name()).expect("free").publish(description, client(), self.control.clone())
    }

    /// The packets of a frame.
    pub(crate) fn frame(&mut self, annex_b: &[u8]) -> Vec<Packet> {
        let mut packets = Packets::default();
        self.time = self.time.advance(Duration::from_millis(33));
        self.packetizer.packetize(&nals(annex_b).collect::<Vec<_>>(), self.time, &mut packets);
        packets.iter().map(|bytes| packet(PacketKind::Rtp, bytes)).collect()
    }

    pub(crate) fn name() -> StreamPath {
        StreamPath::parse("cam").expect("a name")
    }

    pub(in crate::relay) fn requests(&self) -> usize {
        self.control.requests.load(Relaxed)
    }
}

fn packet(kind: PacketKind, bytes: &[u8]) -> Packet {
    Packet { track: Description::VIDEO, kind, bytes: Bytes::copy_from_slice(bytes) }
}

pub(in crate::relay) fn at(millis: u64) -> MonoTime {
    MonoTime::from_origin(Duration::from_millis(millis))
}

#[test]
fn packets_pass_unchanged_and_shared_from_the_first_idr_on() {
    let mut path = Path::new();
    let publication = path.publish();
    let stream = publication.stream();
    let readers = [FakeReader::new(1), FakeReader::new(2)];
    readers.iter().for_each(|reader| assert!(stream.join(at(0), reader.clone())));
    let (slice, idr, next) = (path.frame(SLICE), path.frame(IDR), path.frame(SLICE));
    let report = packet(PacketKind::Rtcp, b"sender report");
    let expected: Vec<Bytes> = std::iter::once(&report).chain(&idr).chain(&next).map(|p| p.bytes.clone()).collect();
    let mut batch = [slice, vec![report], idr, next].concat();
    stream.forward(at(0), &mut batch);
    assert!(batch.is_empty());
    for reader in readers {
        assert_eq!(reader.got(), expected);
        let same_memory = reader.got().iter().zip(&expected).all(|(got, sent)| got.as_ptr() == sent.as_ptr());
        assert!(same_memory, "no copy per reader");
    }
    let counts = stream.counts();
    assert_eq!((counts.frames, counts.idrs, counts.lost_packets), (3, 1, 0));
}

/// Intra refresh and open GOPs have one IDR picture in their life, and recovery points after it.
#[test]
fn a_reader_that_joins_after_the_only_idr_starts_at_a_recovery_point() {
    const RECOVERY: &[u8] = &[0, 0, 0, 1, 0x06, 0x06, 0x01, 0x1b, 0x80, 0, 0, 1, 0x41, 0x9a, 0x02];
    let mut path = Path::new();
    let publication = path.publish();
    let stream = publication.stream();
    stream.forward(at(0), &mut path.frame(IDR));
    let reader = FakeReader::new(1);
    stream.join(at(0), reader.clone());
    let (before, point, after) = (path.frame(SLICE), path.frame(RECOVERY), path.frame(SLICE));
    let expected: Vec<Bytes> = point.iter().chain(&after).map(|packet| packet.bytes.clone()).collect();
    stream.forward(at(0), &mut [before, point, after].concat());
    assert_eq!(reader.got(), expected);
}

#[test]
fn what_is_no_rtp_or_another_track_is_not_passed_on() {
    let mut path = Path::new();
    let publication = path.publish();
    let reader = FakeReader::new(1);
    publication.stream().join(at(0), reader.clone());
    let mut batch = path.frame(IDR);
    let whole = batch.len();
    batch.push(packet(PacketKind::Rtp, b"noise"));
    batch.push(Packet { track: 1, ..path.frame(IDR).remove(0) });
    publication.stream().forward(at(0), &mut batch);
    assert_eq!(reader.got().len(), whole);
}

#[test]
fn a_reader_that_joins_gets_an_idr_asked_for_and_many_joins_share_one() {
    let mut path = Path::new();
    let publication = path.publish();
    let stream = publication.stream();
    stream.join(at(0), FakeReader::new(1));
    assert_eq!(path.requests(), 0, "nothing has come yet: the first frame will be an IDR");
    stream.forward(at(0), &mut path.frame(IDR));
    assert_eq!(path.requests(), 0);

    stream.join(at(1_000), FakeReader::new(2));
    assert_eq!(path.requests(), 1, "at once");
    stream.join(at(1_100), FakeReader::new(3));
    stream.forward(at(1_200), &mut path.frame(SLICE));
    assert_eq!(path.requests(), 1, "not so soon again");
    stream.forward(at(1_500), &mut path.frame(SLICE));
    assert_eq!(path.requests(), 2, "for the one that came after");
    stream.forward(at(3_499), &mut path.frame(SLICE));
    assert_eq!(path.requests(), 2);
    stream.forward(at(3_500), &mut path.frame(SLICE));
    assert_eq!(path.requests(), 3, "the publisher did not listen");
    stream.forward(at(3_600), &mut path.frame(IDR));
    stream.forward(at(9_000), &mut path.frame(SLICE));
    assert_eq!(path.requests(), 3, "everybody is served");
    stream.want_idr(at(9_100), [127, 0, 0, 1].into());
    assert_eq!(path.requests(), 4, "a reader lost a picture");
}

#[test]
fn readers_of_this_host_do_not_use_up_the_idrs_of_subscribers_in_the_process() {
    let mut path = Path::new();
    let publication = path.publish();
    let stream = publication.stream();
    stream.forward(at(0), &mut path.frame(IDR));
    (1..=10).for_each(|n| stream.want_idr(at(n * 600), [127, 0, 0, 1].into()));
    assert_eq!(path.requests(), 5, "four at once, then one every four seconds");
    assert!(stream.subscribe(at(6_000), &Memory::default(), Wants::Video).is_some());
    assert_eq!(path.requests(), 6);
}

#[test]
fn parameter_sets_of_the_stream_get_into_the_description() {
    let mut path = Path::new();
    let publication = path.publish();
    assert_eq!(publication.stream().description().codecs_parameter(), None);
    publication.stream().forward(at(0), &mut path.frame(IDR));
    let description = publication.stream().description();
    assert_eq!(
        (description.codecs_parameter().as_deref(), description.video().parameter_sets.len()),
        (Some("avc1.42C01E"), 2)
    );
    publication.stream().forward(at(1), &mut path.frame(IDR));
    assert!(Arc::ptr_eq(&description, &publication.stream().description()), "nothing new");
}

#[test]
fn new_parameter_sets_do_not_copy_the_description_unless_somebody_holds_it() {
    let path = Path::new();
    let publication = path.publish();
    let stream = publication.stream();
    let pps = |second: u8| {
        let sets = std::iter::repeat_n([0, 2, 0x68, second], 16_000).flatten();
        let stap: Vec<u8> = [&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x18][..], &sets.collect::<Vec<u8>>()].concat();
        packet(PacketKind::Rtp, &stap)
    };
    stream.forward(at(0), &mut vec![pps(0x80)]);
    let first = Arc::as_ptr(&stream.description());
    stream.forward(at(1), &mut vec![pps(0x81)]);
    let held = stream.description();
    assert!(std::ptr::eq(first, Arc::as_ptr(&held)), "changed where it is");
    assert_eq!(held.video().parameter_sets, [[0x68, 0x81]]);
    stream.forward(at(2), &mut vec![pps(0x82)]);
    assert_eq!(held.video().parameter_sets, [[0x68, 0x81]], "what a reader was told stays");
    assert_eq!(stream.description().video().parameter_sets, [[0x68, 0x82]]);

    let mut looked_at = 0;
    let full = pps(0x83).bytes;
    let full = rtp::Packet::parse(&full).expect("a good header");
    full.for_each_parameter_set(Codec::H264, |_| looked_at += 1);
    assert_eq!(looked_at, 32, "whoever fills a packet with them");
}

#[test]
fn one_publisher_per_path_and_its_end_is_the_readers() {
    let path = Path::new();
    let publication = path.publish();
    assert!(path.paths.reserve(&Path::name()).is_err());
    let (left, stays) = (FakeReader::new(1), FakeReader::new(2));
    let stream = publication.stream().clone();
    stream.join(at(0), left.clone());
    stream.join(at(0), stays.clone());
    stream.leave(1);
    assert_eq!(stream.counts().dropped, Drops { frames: 6, packets: 10 }, "who left still counts");
    drop(publication);
    assert!(stays.ended.load(Relaxed) && !left.ended.load(Relaxed));
    assert!(!stream.join(at(0), left), "it is over");
    assert!(path.paths.find(&Path::name()).is_none() && path.paths.list().is_empty());

    let reserved = path.paths.reserve(&Path::name()).expect("free again");
    assert!(path.paths.find(&Path::name()).is_none(), "announced is not live");
    assert!(path.paths.reserve(&Path::name()).is_err());
    drop(reserved);
    assert!(path.paths.reserve(&Path::name()).is_ok());
}
