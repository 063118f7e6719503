//! The corner code is found and read in pictures that players and transcoders have changed.

use common::code::{Corner, Layout, Painter, Payload, Reader};
use common::frame::{Luma, Picture, Size};
use common::time::WallTime;
use framelag_tests::survival::Change;
use image::GrayImage;
use image::imageops::{self, FilterType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const PAYLOAD: Payload =
    Payload { stream_id: 7, sequence: 123_456, time: WallTime::from_micros(1_763_722_800_123_456) };
/// Pictures of the stream within which a code that has moved is found.
const PATIENCE: usize = 48;
const SIZES: [Size; 4] = [Size::new(256, 144), Size::new(640, 480), Size::new(1280, 720), Size::new(1920, 1080)];

#[test]
fn scaled() {
    check_all(Corner::BottomLeft, |size, change| match change {
        Change::Scaled(_, _, filter) => size.width <= 640 || (size.width == 1280 && filter == FilterType::Triangle),
        _ => false,
    });
}

#[test]
fn letterboxed_pillarboxed_and_cropped() {
    check_all(Corner::TopRight, |_, change| matches!(change, Change::Boxed(..) | Change::Cropped(_)));
}

#[test]
fn blurred_noisy_and_of_other_levels() {
    check_all(Corner::TopLeft, |_, change| {
        matches!(change, Change::Blurred(_) | Change::Noisy(_) | Change::Levels(..))
    });
}

/// Does each change that is `wanted` to pictures of each size, as they are and, but for scaling, scaled before.
fn check_all(corner: Corner, wanted: impl Fn(Size, Change) -> bool) {
    let mut failed = Vec::new();
    for size in SIZES {
        let original = stamped(size, corner);
        let cell = Layout::new(size, corner).expect("large enough").cell() as f32;
        let larger = imageops::resize(&original, size.width * 4 / 3, size.height * 4 / 3, FilterType::Triangle);
        let changes = Change::all();
        let mut tried = 0;
        for change in changes.into_iter().filter(|change| wanted(size, *change)) {
            tried += 1;
            check(&mut failed, &change.apply(&original, cell, 1), format!("{size} {}", change.name()));
            if !matches!(change, Change::Scaled(..)) {
                let changed = change.apply(&larger, cell * 4.0 / 3.0, 1);
                check(&mut failed, &changed, format!("{size} enlarged by a third, {}", change.name()));
            }
        }
        assert!(tried > 0 || size.width > 1280, "{size}");
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

fn plane(image: &GrayImage) -> Luma<'_> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Luma { data: image.as_raw(), width, height, stride: width }
}
