//! Reading: at the place where the code was before, and looking for one that is somewhere else, or nowhere; and the same
//! payload in a QR code.

use std::hint::black_box;

use common::code::{Corner, Painter, Payload, Reader};
use common::frame::{Picture, Size};
use common::time::WallTime;
use criterion::{Criterion, criterion_group, criterion_main};
use qrcode::{Color, EcLevel, QrCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rqrr::PreparedImage;

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

/// Checks that pass for a finder everywhere: what one call takes at most.
fn worst(c: &mut Criterion) {
    for size in SIZES {
        let mut picture = Picture::black(size);
        let width = size.width as usize;
        for (i, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
            *sample = if (i % width / 4 + i / width / 4).is_multiple_of(2) { 235 } else { 16 };
        }
        let mut reader = Reader::new();
        c.bench_function(&format!("read/checks, one call {size}"), |b| {
            b.iter(|| assert_eq!(reader.read(black_box(&picture).luma()), None));
        });
    }
}

/// The same payload in a QR code, by rqrr, which has no memory of where it was: to be compared with both of ours.
fn qr(c: &mut Criterion) {
    let bytes =
        [&[PAYLOAD.stream_id], &PAYLOAD.sequence.to_be_bytes()[1..], &PAYLOAD.time.as_micros().to_be_bytes()[1..]];
    let payload = bytes.concat();
    let code = QrCode::with_error_correction_level(&payload, EcLevel::M).expect("small enough");
    for size in SIZES {
        let mut picture = scene(size);
        paint_qr(&mut picture, &code);
        c.bench_function(&format!("read/QR code by rqrr {size}"), |b| {
            b.iter(|| {
                let luma = black_box(&picture).luma();
                let sample = |x: usize, y: usize| luma.data[y * luma.stride + x];
                let mut prepared = PreparedImage::prepare_from_greyscale(luma.width, luma.height, sample);
                let mut read = Vec::new();
                prepared.detect_grids()[0].decode_to(&mut read).expect("it is whole");
                assert_eq!(read, payload);
            });
        });
    }
}

/// As large as the corner code is high, and its quiet zone of four modules.
fn paint_qr(picture: &mut Picture, code: &QrCode) {
    let size = picture.size();
    let bounds = Painter::new(size, Corner::TopLeft).expect("large enough").layout().bounds();
    let modules = code.width() + 8;
    let module = (bounds.height as usize / modules).max(3);
    let colors = code.to_colors();
    let luma = &mut picture.planes_mut()[0];
    for (x, y) in (0..modules * module).flat_map(|y| (0..modules * module).map(move |x| (x, y))) {
        let (column, row) = ((x / module).wrapping_sub(4), (y / module).wrapping_sub(4));
        let dark = column < code.width() && row < code.width() && colors[row * code.width() + column] == Color::Dark;
        luma[(bounds.y as usize + y) * size.width as usize + bounds.x as usize + x] = if dark { 16 } else { 235 };
    }
}

criterion_group!(benches, read, search, worst, qr);
criterion_main!(benches);
