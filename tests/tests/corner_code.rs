//! The corner code against its document: test vectors, and a second implementation.

use std::fs;

use common::code::{Corner, Painter, Payload, Reader, SEQUENCE_MODULUS};
use common::frame::{Luma, Picture, Size};
use common::time::WallTime;
use framelag_tests::corner_code::vectors::{VECTORS, drawn, fields, folder, frames, vectors};
use framelag_tests::corner_code::{cells, codeword, message, painted};
use image::GrayImage;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// What makes the files anew, after a change of the format that is meant.
const REMEDY: &str = "cargo run -p framelag-tests --example corner_code_vectors";

/// Times that a picture is handed in for the reader to find a code that is not where it would be painted.
const PATIENCE: usize = 20;

#[test]
fn the_vectors_are_what_the_second_implementation_makes() {
    let file = fs::read_to_string(folder().join(VECTORS)).expect("the vectors are in the repository");
    let stored: Value = serde_json::from_str(&file).expect("the vectors are JSON");
    assert_eq!(stored, vectors(), "made anew by {REMEDY}");
}

#[test]
fn the_painter_paints_what_the_second_implementation_says() {
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..200 {
        let payload = Payload {
            stream_id: random.random(),
            sequence: random.random_range(0..SEQUENCE_MODULUS),
            time: WallTime::from_micros(random.random_range(0..1 << 52)),
        };
        let expected = cells(painted(codeword(&message(&payload))));
        assert_eq!(drawn(&as_painted(&payload)), drawn(&expected), "{payload:?}");
    }
}

#[test]
fn the_frames_read_as_the_vectors_say() {
    let made = frames();
    assert!(made.len() > 5);
    for frame in made {
        let stored = image::open(folder().join(frame.file)).expect(frame.file).into_luma8();
        assert!(stored == frame.luma, "{} differs: made anew by {REMEDY}", frame.file);
        let mut reader = Reader::new();
        let reading = (0..PATIENCE).find_map(|_| reader.read(plane(&stored)));
        assert_eq!(reading.as_ref().map(fields), frame.reading.as_ref().map(fields), "{}", frame.file);
    }
}

/// The cells of a painted code, as the middle of each shows them.
fn as_painted(payload: &Payload) -> [[bool; 24]; 8] {
    let mut picture = Picture::black(Size::new(256, 144));
    let mut painter = Painter::new(picture.size(), Corner::TopLeft).expect("large enough");
    painter.paint(&mut picture, payload);
    let (bounds, cell) = (painter.layout().bounds(), painter.layout().cell());
    let luma = picture.luma();
    let white = |column: usize, row: usize| {
        let x = bounds.x as usize + column * cell as usize + cell as usize / 2;
        let y = bounds.y as usize + row * cell as usize + cell as usize / 2;
        luma.data[y * luma.stride + x] > 128
    };
    std::array::from_fn(|row| std::array::from_fn(|column| white(column, row)))
}

fn plane(image: &GrayImage) -> Luma<'_> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Luma { data: image.as_raw(), width, height, stride: width }
}
