//! The corner code is found and read in pictures that players and transcoders have changed.

use common::code::{Corner, Painter, Payload, Reader};
use common::frame::{Luma, Picture, Size};
use common::time::WallTime;
use image::GrayImage;
use image::imageops::{self, FilterType};
use imageproc::filter::gaussian_blur_f32;
use imageproc::noise::gaussian_noise;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const PAYLOAD: Payload =
    Payload { stream_id: 7, sequence: 123_456, time: WallTime::from_micros(1_763_722_800_123_456) };
/// Pictures of the stream within which a code that has moved is found.
const PATIENCE: usize = 48;
const FILTERS: [FilterType; 5] =
    [FilterType::Nearest, FilterType::Triangle, FilterType::CatmullRom, FilterType::Gaussian, FilterType::Lanczos3];
const SIZES: [Size; 4] = [Size::new(256, 144), Size::new(640, 480), Size::new(1280, 720), Size::new(1920, 1080)];

#[test]
fn scaled() {
    let mut failed = Vec::new();
    for size in &SIZES[..3] {
        let original = stamped(*size, Corner::BottomLeft);
        for (x, y) in [
            (0.4, 0.4),
            (0.5, 0.5),
            (0.63, 0.63),
            (0.75, 0.75),
            (1.5, 1.5),
            (2.0, 2.0),
            (3.0, 3.0),
            (1.0, 1.4),
            (0.75, 0.6),
        ] {
            let filters = if size.width > 640 { &FILTERS[1..2] } else { &FILTERS[..] };
            for &filter in filters {
                let side = |side: u32, by: f64| (f64::from(side) * by).round() as u32;
                let scaled = imageops::resize(&original, side(size.width, x), side(size.height, y), filter);
                check(&mut failed, &scaled, format!("{size} by {x} × {y}, {filter:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn letterboxed_pillarboxed_and_cropped() {
    let mut failed = Vec::new();
    for size in SIZES {
        let original = stamped(size, Corner::TopRight);
        let (width, height) = (size.width, size.height);
        for (x, y) in [(0, height / 6), (width / 6, 0), (width / 3, height / 3), (7, 5)] {
            let mut boxed = GrayImage::from_pixel(width + 2 * x, height + 2 * y, image::Luma([16]));
            imageops::replace(&mut boxed, &original, x.into(), y.into());
            check(&mut failed, &boxed, format!("{size} boxed by {x}, {y}"));
            let back = imageops::resize(&boxed, width, height, FilterType::Triangle);
            check(&mut failed, &back, format!("{size} boxed by {x}, {y}, and scaled back"));
        }
        let (x, y) = (width / 50, height / 50);
        let cropped = imageops::crop_imm(&original, x, y, width - 2 * x, height - 2 * y).to_image();
        check(&mut failed, &cropped, format!("{size} cropped"));
        let back = imageops::resize(&cropped, width, height, FilterType::CatmullRom);
        check(&mut failed, &back, format!("{size} cropped and scaled back"));
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn blurred_noisy_and_of_other_levels() {
    let mut failed = Vec::new();
    for size in SIZES {
        let original = stamped(size, Corner::TopLeft);
        let cell = Painter::new(size, Corner::TopLeft).expect("large enough").layout().cell();
        let scaled = imageops::resize(&original, size.width * 4 / 3, size.height * 4 / 3, FilterType::Triangle);
        for (name, picture, cell) in [("as is", original, cell as f32), ("scaled", scaled, cell as f32 * 4.0 / 3.0)] {
            let changed = [
                ("blurred by a third of a cell", gaussian_blur_f32(&picture, cell / 3.0)),
                ("noise of 12 levels", gaussian_noise(&picture, 0.0, 12.0, 1)),
                ("to full range", levels(&picture, |v| (v - 16.0) * 255.0 / 219.0)),
                ("to limited range again", levels(&picture, |v| v * 219.0 / 255.0 + 16.0)),
                ("gamma 0.7", levels(&picture, |v| (v / 255.0).powf(0.7) * 255.0)),
                ("gamma 1.4", levels(&picture, |v| (v / 255.0).powf(1.4) * 255.0)),
                ("dim", levels(&picture, |v| v * 0.25 + 90.0)),
            ];
            for (change, picture) in changed {
                check(&mut failed, &picture, format!("{size} {name}, {change}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_code_that_moves_is_followed() {
    let size = Size::new(640, 480);
    let mut reader = Reader::new();
    for (picture, bounds_x) in [
        (stamped(size, Corner::TopLeft), 16),
        (stamped(size, Corner::BottomRight), 640 - 16 - 192),
        (boxed_into(size, Size::new(480, 360)), 60 + 12),
        (stamped(size, Corner::TopLeft), 16),
    ] {
        let read = (0..PATIENCE).find_map(|_| reader.read(plane(&picture)));
        assert_eq!(read, Some(PAYLOAD));
        let bounds = reader.bounds().expect("locked");
        assert!(bounds.x.abs_diff(bounds_x) <= 1, "{bounds:?}");
    }
}

/// A picture of `size` shrunk to `inner` and put into the middle of black.
fn boxed_into(size: Size, inner: Size) -> GrayImage {
    let small = imageops::resize(&stamped(size, Corner::TopLeft), inner.width, inner.height, FilterType::Triangle);
    let mut boxed = GrayImage::from_pixel(size.width, size.height, image::Luma([16]));
    let (x, y) = ((size.width - inner.width - 40) / 2, (size.height - inner.height) / 2);
    imageops::replace(&mut boxed, &small, x.into(), y.into());
    boxed
}

fn check(failed: &mut Vec<String>, picture: &GrayImage, what: String) {
    let mut reader = Reader::new();
    let read = (1..=PATIENCE).find_map(|call| Some((call, reader.read(plane(picture))?)));
    match read {
        None => failed.push(format!("{what}: not found")),
        Some((_, PAYLOAD)) => {}
        Some((_, wrong)) => panic!("{what}: {wrong:?}"),
    }
}

/// Smooth shapes, edges and a camera's noise, with the code.
fn stamped(size: Size, corner: Corner) -> GrayImage {
    let mut picture = Picture::black(size);
    let mut random = StdRng::seed_from_u64(1);
    let width = size.width as usize;
    for (i, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        *sample = (50 + (x / 40 + y / 30) % 6 * 28 + random.random_range(0..12)) as u8;
    }
    Painter::new(size, corner).expect("large enough").paint(&mut picture, &PAYLOAD);
    GrayImage::from_raw(size.width, size.height, picture.luma().data.to_vec()).expect("a whole plane")
}

fn levels(from: &GrayImage, change: impl Fn(f32) -> f32) -> GrayImage {
    let mut to = from.clone();
    to.iter_mut().for_each(|sample| *sample = change(f32::from(*sample)).round().clamp(0.0, 255.0) as u8);
    to
}

fn plane(image: &GrayImage) -> Luma<'_> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Luma { data: image.as_raw(), width, height, stride: width }
}
