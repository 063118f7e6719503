//! Cutting an access unit into RTP packets, and framing them for one write.

use std::hint::black_box;

use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::time::MediaTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Bytes of a slice: about 1 Mbit/s at 30 fps, and an IDR of 1920x1080.
const SLICES: [(&str, usize); 2] = [("4 kB", 4_000), ("100 kB", 100_000)];

fn packetize(c: &mut Criterion) {
    let mut group = c.benchmark_group("packetize");
    let stamp = [0x06; 64];
    for (name, bytes) in SLICES {
        let slice = vec![0x65; bytes];
        let mut packetizer = Packetizer::new(1, 0);
        let mut packets = Packets::default();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                packetizer.packetize(&[&stamp, black_box(&slice)], MediaTime::default(), &mut packets);
                black_box(packets.interleaved(0).len())
            });
        });
    }
}

criterion_group!(benches, packetize);
criterion_main!(benches);
