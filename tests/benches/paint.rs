//! Painting: the corner code, and text by the atlas of `common::glyphs` against `imageproc`'s, which rasterizes anew.

use std::hint::black_box;

use ab_glyph::{FontRef, PxScale};
use common::code::{Corner, Painter, Payload};
use common::frame::{Picture, Size};
use common::glyphs::Glyphs;
use common::time::WallTime;
use criterion::{Criterion, criterion_group, criterion_main};
use epaint_default_fonts::HACK_REGULAR;
use image::GrayImage;
use imageproc::drawing::draw_text_mut;

const SIZES: [Size; 3] = [Size::new(256, 144), Size::new(640, 480), Size::new(1920, 1080)];
const TEXT: &str = "PUB: 12:34:56.789";
const INK: u8 = 145;

fn code(c: &mut Criterion) {
    for size in SIZES {
        let mut picture = Picture::black(size);
        let mut painter = Painter::new(size, Corner::TopLeft).expect("large enough");
        let mut payload = Payload { stream_id: 1, sequence: 0, time: WallTime::from_micros(1_763_722_800_000_000) };
        c.bench_function(&format!("paint/code {size}"), |b| {
            b.iter(|| {
                payload.sequence += 1;
                painter.paint(black_box(&mut picture), &payload);
            });
        });
    }
}

fn text(c: &mut Criterion) {
    for size in SIZES {
        let glyphs = Glyphs::for_picture(size);
        let mut picture = Picture::black(size);
        c.bench_function(&format!("paint/text by atlas {size}"), |b| {
            b.iter(|| by_atlas(black_box(&mut picture), &glyphs));
        });
        let font = FontRef::try_from_slice(HACK_REGULAR).expect("a font");
        let scale = PxScale::from(glyphs.line_height() as f32);
        let mut image = GrayImage::new(size.width, size.height);
        c.bench_function(&format!("paint/text by imageproc {size}"), |b| {
            b.iter(|| draw_text_mut(black_box(&mut image), image::Luma([INK]), 4, 4, scale, &font, TEXT));
        });
    }
}

fn by_atlas(picture: &mut Picture, glyphs: &Glyphs) {
    let stride = picture.size().width as usize;
    let [luma, ..] = picture.planes_mut();
    glyphs.for_each_span(TEXT, |x, y, coverages| {
        let row = &mut luma[(y as usize + 4) * stride + x as usize + 4..][..coverages.len()];
        for (sample, &coverage) in row.iter_mut().zip(coverages) {
            let (below, ink, coverage) = (u16::from(*sample), u16::from(INK), u16::from(coverage));
            *sample = ((below * (255 - coverage) + ink * coverage) / 255) as u8;
        }
    });
}

criterion_group!(benches, code, text);
criterion_main!(benches);
