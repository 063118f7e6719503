//! Reading what comes from the network: RTSP messages, interleaved frames, RTP headers, RTCP, a session description.

use std::hint::black_box;

use common::media::Codec;
use common::rtp::{Packet, rtcp};
use common::rtsp::interleaved;
use common::rtsp::message::Framer;
use common::rtsp::sdp::Announcement;
use common::time::{MediaTime, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const REQUEST: &[u8] = b"SETUP rtsp://127.0.0.1:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nUser-Agent: bench\r\n\
    Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\nSession: 0123456789abcdef\r\n\r\n";

const DESCRIPTION: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42c01e;\
    sprop-parameter-sets=Z0LAHtkBQBbsBEAAAAMAQAAADwPFi5I=,aMuDyyA=\r\na=control:trackID=0\r\n";

/// A middle fragment of an IDR slice: version 2, payload type 96, FU-A.
const RTP_HEAD: [u8; 14] = [0x80, 96, 0, 1, 0, 1, 0x5f, 0x90, 0, 0, 0x12, 0x34, 0x7c, 0x05];
/// Bytes of an RTP packet that fills an Ethernet frame.
const RTP_LEN: u16 = 1_460;

fn messages(c: &mut Criterion) {
    let mut framer = Framer::default();
    c.bench_function("parse/request", |b| {
        b.iter(|| {
            framer.push(black_box(REQUEST));
            framer.next_item().expect("a good request")
        });
    });
    c.bench_function("parse/description", |b| {
        b.iter(|| Announcement::parse(black_box(DESCRIPTION)).expect("a good description"));
    });
}

fn packets(c: &mut Criterion) {
    let mut packet = RTP_HEAD.to_vec();
    packet.resize(usize::from(RTP_LEN), 0x55);
    let mut frame = interleaved::header(0, RTP_LEN).to_vec();
    frame.extend_from_slice(&packet);
    let mut framer = Framer::default();
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(u64::from(RTP_LEN)));
    group.bench_function("interleaved frame", |b| {
        b.iter(|| {
            framer.push(black_box(&frame));
            framer.next_item().expect("a good frame")
        });
    });
    group.bench_function("RTP packet", |b| {
        b.iter(|| {
            let packet = Packet::parse(black_box(&packet)).expect("a good packet");
            packet.starts_decoding(Codec::H264)
        });
    });
    group.finish();
    let sent = rtcp::Sent { packets: 1_000, octets: 1_000_000 };
    let report = rtcp::sender_report(1, WallTime::from_micros(0), MediaTime::default(), sent);
    c.bench_function("parse/sender report", |b| {
        b.iter(|| rtcp::parse(black_box(&report)).expect("a good report"));
    });
}

criterion_group!(benches, messages, packets);
criterion_main!(benches);
