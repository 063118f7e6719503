//! What lies in `tests/golden/corner-code`: made here, checked by the ordinary tests, and free to be copied by other
//! implementations.

use std::path::PathBuf;

use common::code::{Corner, Layout, Painter, Payload};
use common::frame::{Picture, Size};
use common::time::WallTime;
use image::GrayImage;
use image::imageops::{FilterType, replace, resize};
use serde_json::{Value, json};

use super::{cells, codeword, message, painted, place};
use crate::binary::repository;

/// The file that [`vectors`] goes to, beside the frames.
pub const VECTORS: &str = "vectors.json";

/// A small picture and what a reader gets from it.
#[derive(Debug)]
pub struct Frame {
    /// The PNG file.
    pub file: &'static str,
    /// What happened to the picture.
    pub about: &'static str,
    /// Its luma plane.
    pub luma: GrayImage,
    /// What it says.
    pub reading: Option<Payload>,
}

/// Where vectors and frames lie.
pub fn folder() -> PathBuf {
    repository().join("tests/golden/corner-code")
}

/// Payload → words and cells, size → layout, frame → reading.
pub fn vectors() -> Value {
    let payloads = [
        payload(0, 0, 0),
        payload(1, 2, 3),
        payload(7, 123_456, 1_763_722_800_123_456),
        payload(200, 0xab_cdef, 1_763_722_833_333_333),
        payload(255, (1 << 24) - 1, (1 << 52) - 1),
    ];
    let sizes =
        [(128, 64), (176, 144), (256, 144), (512, 228), (640, 480), (641, 481), (1024, 576), (1280, 720), (1920, 1080)];
    let layouts = sizes.into_iter().flat_map(|(w, h)| Corner::ALL.map(|corner| layout(Size::new(w, h), corner)));
    let frames = frames().into_iter().map(
        |frame| json!({ "file": frame.file, "about": frame.about, "reading": frame.reading.as_ref().map(fields) }),
    );
    json!({
        "words": payloads.iter().map(word).collect::<Vec<_>>(),
        "layouts": layouts.collect::<Vec<_>>(),
        "frames": frames.collect::<Vec<_>>(),
    })
}

/// All frames.
pub fn frames() -> Vec<Frame> {
    let (first, second) = (payload(7, 123_456, 1_763_722_800_123_456), payload(7, 123_457, 1_763_722_800_163_571));
    let size = Size::new(256, 144);
    let stamped = stamped(size, Corner::TopLeft, &first);
    let large = self::stamped(Size::new(640, 480), Corner::TopLeft, &first);
    let resize = |from, width, height| resize(from, width, height, FilterType::Triangle);
    let frame = |file, about, luma, reading| Frame { file, about, luma, reading };
    vec![
        frame("top-left.png", "as painted", stamped.clone(), Some(first)),
        frame("bottom-right.png", "as painted", self::stamped(size, Corner::BottomRight, &first), Some(first)),
        frame("odd-size.png", "as painted", self::stamped(Size::new(207, 129), Corner::TopRight, &first), Some(first)),
        frame("full-range.png", "limited range stretched to full", levels(&stamped, 255.0 / 219.0, -18.6), Some(first)),
        frame("dim.png", "contrast down to a quarter", levels(&stamped, 0.25, 90.0), Some(first)),
        frame("three-symbols.png", "symbols 2, 9 and 17 inverted", inverted(&stamped, &[2, 9, 17]), Some(first)),
        frame("four-symbols.png", "symbols 2, 9, 13 and 17 inverted", inverted(&stamped, &[2, 9, 13, 17]), None),
        frame("tear.png", "two frames, one below the other", torn(&stamped, &second), None),
        frame("blend.png", "the mean of two frames", blended(&stamped, &second), None),
        frame("enlarged.png", "to 384x216", resize(&stamped, 384, 216), Some(first)),
        frame("reduced.png", "from 640x480 to 288x216", resize(&large, 288, 216), Some(first)),
        frame("letterbox.png", "reduced to 192x108 between black bars", letterboxed(&stamped), Some(first)),
        frame("no-code.png", "nothing painted", luma(&scene(size)), None),
    ]
}

/// As JSON, in the names of the document.
pub fn fields(payload: &Payload) -> Value {
    json!({ "stream_id": payload.stream_id, "sequence": payload.sequence, "time_us": payload.time.as_micros() })
}

/// `bits` as one line for each row, `#` for white and `.` for black.
pub fn drawn<const C: usize, const R: usize>(bits: &[[bool; C]; R]) -> Vec<String> {
    bits.iter().map(|row| row.iter().map(|&white| if white { '#' } else { '.' }).collect()).collect()
}

/// A picture's luma plane.
pub fn luma(picture: &Picture) -> GrayImage {
    let [y, ..] = picture.planes();
    GrayImage::from_raw(picture.size().width, picture.size().height, y.to_vec()).expect("a plane holds its samples")
}

fn payload(stream_id: u8, sequence: u32, time_us: i64) -> Payload {
    Payload { stream_id, sequence, time: WallTime::from_micros(time_us) }
}

fn word(payload: &Payload) -> Value {
    let message = message(payload);
    let codeword = codeword(&message);
    let painted = painted(codeword);
    json!({
        "payload": fields(payload),
        "message": hex(&message),
        "codeword": hex(&codeword),
        "painted": hex(&painted),
        "cells": drawn(&cells(painted)),
    })
}

fn layout(size: Size, corner: Corner) -> Value {
    let layout = Layout::new(size, corner).expect("the size is large enough");
    let (bounds, cell) = (layout.bounds(), layout.cell());
    json!({ "width": size.width, "height": size.height, "corner": corner.name(), "x": bounds.x, "y": bounds.y, "cell": cell })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Slopes and edges, and few colours, so that the files stay small.
fn scene(size: Size) -> Picture {
    let mut picture = Picture::black(size);
    let width = size.width as usize;
    for (i, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        let stripes = if (x / 13 + y / 21) % 3 == 0 { 60 } else { 0 };
        *sample = (40 + x / 4 + y / 2 + stripes).min(235) as u8;
    }
    picture
}

fn stamped(size: Size, corner: Corner, payload: &Payload) -> GrayImage {
    let mut picture = scene(size);
    Painter::new(size, corner).expect("the size is large enough").paint(&mut picture, payload);
    luma(&picture)
}

fn levels(from: &GrayImage, gain: f32, offset: f32) -> GrayImage {
    let mut to = from.clone();
    to.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain + offset).round() as u8);
    to
}

fn inverted(from: &GrayImage, symbols: &[usize]) -> GrayImage {
    let mut to = from.clone();
    let (bounds, cell) = top_left(from);
    for (column, row) in symbols.iter().flat_map(|symbol| symbol * 8..symbol * 8 + 8).map(place) {
        for (dx, dy) in (0..cell * cell).map(|i| (i % cell, i / cell)) {
            let sample = to.get_pixel_mut(bounds.0 + column as u32 * cell + dx, bounds.1 + row as u32 * cell + dy);
            sample.0[0] = 251 - sample.0[0];
        }
    }
    to
}

/// From the middle of the code on, the second frame.
fn torn(from: &GrayImage, second: &Payload) -> GrayImage {
    let (bounds, cell) = top_left(from);
    let below = stamped(Size::new(from.width(), from.height()), Corner::TopLeft, second);
    let seam = bounds.1 + 4 * cell;
    GrayImage::from_fn(from.width(), from.height(), |x, y| *if y < seam { from } else { &below }.get_pixel(x, y))
}

fn blended(from: &GrayImage, second: &Payload) -> GrayImage {
    let other = stamped(Size::new(from.width(), from.height()), Corner::TopLeft, second);
    GrayImage::from_fn(from.width(), from.height(), |x, y| {
        let sum = u16::from(from.get_pixel(x, y).0[0]) + u16::from(other.get_pixel(x, y).0[0]);
        image::Luma([(sum / 2) as u8])
    })
}

fn letterboxed(from: &GrayImage) -> GrayImage {
    let mut to = GrayImage::from_pixel(192, 144, image::Luma([16]));
    replace(&mut to, &resize(from, 192, 108, FilterType::Triangle), 0, 18);
    to
}

/// Origin and cell size of the code in its default corner.
fn top_left(picture: &GrayImage) -> ((u32, u32), u32) {
    let size = Size::new(picture.width(), picture.height());
    let layout = Layout::new(size, Corner::TopLeft).expect("the size is large enough");
    ((layout.bounds().x, layout.bounds().y), layout.cell())
}
