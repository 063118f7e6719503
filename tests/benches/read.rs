//! Reading: at the place where the code was before, and looking for one that is somewhere else, or nowhere.

use std::hint::black_box;

use common::code::{Corner, Painter, Payload, Reader};
use common::frame::{Picture, Size};
use common::time::WallTime;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SIZES: [Size; 3] = [Size::new(256, 144), Size::new(640, 480), Size::new(1920, 1080)];
const PAYLOAD: Payload = Payload { stream_id: 1, sequence: 9, time: WallTime::from_micros(1_763_722_800_000_000) };

/// Smooth shapes and camera noise.
fn scene(size: Size) -> Picture {
    let mut picture = Picture::black(size);
    let mut random = StdRng::seed_from_u64(1);
    let width = size.width as usize;
    for (i, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        *sample = (60 + (x / 40 + y / 30) % 5 * 25 + random.random_range(0..12)) as u8;
    }
    picture
}

fn read(c: &mut Criterion) {
    for size in SIZES {
        let without = scene(size);
        let mut reader = Reader::new();
        c.bench_function(&format!("read/no code, one call {size}"), |b| {
            b.iter(|| assert_eq!(reader.read(black_box(&without).luma()), None));
        });
        let mut with = without;
        Painter::new(size, Corner::TopLeft).expect("large enough").paint(&mut with, &PAYLOAD);
        let mut reader = Reader::new();
        c.bench_function(&format!("read/locked {size}"), |b| {
            b.iter(|| assert_eq!(reader.read(black_box(&with).luma()), Some(PAYLOAD)));
        });
    }
}

/// Pillarboxed by a third of the width, so that it is at none of the places where it would be painted.
fn search(c: &mut Criterion) {
    for size in SIZES {
        let inner = Size::new(size.width * 2 / 3 / 2 * 2, size.height);
        let mut narrow = scene(inner);
        Painter::new(inner, Corner::BottomLeft).expect("large enough").paint(&mut narrow, &PAYLOAD);
        let mut picture = Picture::black(size);
        let (from, to) = (inner.width as usize, size.width as usize);
        for (line, row) in picture.planes_mut()[0].chunks_exact_mut(to).zip(narrow.planes()[0].chunks_exact(from)) {
            line[to / 6..][..from].copy_from_slice(row);
        }
        c.bench_function(&format!("read/search, all calls {size}"), |b| {
            b.iter(|| {
                let mut reader = Reader::new();
                let luma = black_box(&picture).luma();
                std::iter::repeat_with(|| reader.read(luma)).flatten().next()
            });
        });
    }
}

criterion_group!(benches, read, search);
criterion_main!(benches);
