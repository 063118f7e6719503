//! Pixels: from the decoder's planes to what a window takes, and from the decoding thread to the window's.
//!
//! The one file that knows the `yuv` crate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use common::code::Rect;
use common::frame::Size;
use common::time::WallTime;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::decode::Planes;

/// What the texts on a picture are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Label {
    /// The number of the picture, as counted by its input.
    pub(crate) serial: u64,
    /// PUB, where its code was read.
    pub(crate) stamp: Option<WallTime>,
    /// Where the code lies, in the picture's own samples.
    pub(crate) code: Option<Rect>,
}

/// A picture as a window takes it.
#[derive(Clone, Debug)]
pub(crate) struct Pixels {
    /// What they show.
    pub(crate) label: Label,
    /// Width × height.
    pub(crate) size: Size,
    /// `0xAARRGGBB`, row by row without padding.
    pub(crate) data: Vec<u32>,
}

impl Pixels {
    /// No pixels yet.
    pub(crate) fn empty() -> Self {
        Self { label: Label::default(), size: Size::new(0, 0), data: Vec::new() }
    }

    /// Takes the picture over, as BT.601 in limited range. Planes that are too small for their size leave it black.
    pub(crate) fn convert(&mut self, planes: Planes<'_>) {
        self.size = planes.size;
        self.data.resize(planes.size.area(), 0);
        let stride = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let image = YuvPlanarImage {
            y_plane: planes.y,
            y_stride: stride(planes.luma_stride),
            u_plane: planes.u,
            u_stride: stride(planes.chroma_stride),
            v_plane: planes.v,
            v_stride: stride(planes.chroma_stride),
            width: planes.size.width,
            height: planes.size.height,
        };
        // Bytes B, G, R, A are 0xAARRGGBB on a little-endian host, which is what openh264 and minifb are used on.
        let bytes = bytemuck::cast_slice_mut(&mut self.data);
        let bgra = 4 * planes.size.width;
        if yuv::yuv420_to_bgra(&image, bytes, bgra, YuvRange::Limited, YuvStandardMatrix::Bt601).is_err() {
            self.data.fill(0);
        }
    }
}

/// Carries the newest picture from the decoding thread to the window's. An older one that was not fetched is replaced;
/// three buffers at most are in use.
#[derive(Debug)]
pub struct Slot {
    wanted: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Pixels>,
    spare: Option<Pixels>,
}

impl Slot {
    /// An empty slot. Where nobody will look, not `wanted`, nothing is ever put into it.
    pub fn new(wanted: bool) -> Self {
        Self { wanted: AtomicBool::new(wanted), state: Mutex::default() }
    }

    /// Nobody will look any more.
    pub(crate) fn close(&self) {
        self.wanted.store(false, Ordering::Relaxed);
    }

    /// Converts a picture and makes it the newest. Returns whether anybody looks.
    pub(crate) fn put(&self, label: Label, planes: Planes<'_>) -> bool {
        if !self.wanted.load(Ordering::Relaxed) {
            return false;
        }
        let mut pixels = self.lock().spare.take().unwrap_or_else(Pixels::empty);
        pixels.label = label;
        pixels.convert(planes);
        let mut state = self.lock();
        if let Some(replaced) = state.newest.replace(pixels) {
            state.spare = Some(replaced);
        }
        true
    }

    /// The newest picture, if it was not fetched before; `old` is the one it replaces, whose buffer is used again.
    pub(crate) fn fetch(&self, old: &mut Option<Pixels>) -> bool {
        let mut state = self.lock();
        let Some(newest) = state.newest.take() else {
            return false;
        };
        state.spare = old.replace(newest).or(state.spare.take());
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds a slot")
    }
}

#[cfg(test)]
mod tests {
    use common::frame::Picture;

    use super::*;

    fn picture(size: Size, [y, u, v]: [u8; 3]) -> Picture {
        let mut picture = Picture::black(size);
        picture.planes_mut().into_iter().zip([y, u, v]).for_each(|(plane, value)| plane.fill(value));
        picture
    }

    #[test]
    fn colours_come_out_as_0rgb() {
        for (yuv, rgb) in [([235, 128, 128], 0xff_ffff), ([16, 128, 128], 0), ([81, 90, 240], 0xff_0000)] {
            let mut pixels = Pixels::empty();
            pixels.convert((&picture(Size::new(17, 5), yuv)).into());
            assert_eq!(pixels.data.len(), 17 * 5);
            for pixel in &pixels.data {
                for shift in [0, 8, 16] {
                    let difference = (pixel >> shift & 0xff).abs_diff(rgb >> shift & 0xff);
                    assert!(difference <= 2, "{pixel:08x} is not {rgb:06x}");
                }
            }
        }
    }

    #[test]
    fn planes_shorter_than_they_say_are_black() {
        let mut pixels = Pixels::empty();
        let size = Size::new(16, 16);
        pixels.convert(Planes { size, y: &[99; 20], u: &[], v: &[], luma_stride: 16, chroma_stride: 8 });
        assert_eq!(pixels.data, [0; 256]);
    }

    #[test]
    fn the_newest_picture_wins_and_is_fetched_once() {
        let slot = Slot::new(true);
        let grey = picture(Size::new(8, 8), [100, 128, 128]);
        let mut shown = None;
        assert!(!slot.fetch(&mut shown));
        let label = |serial| Label { serial, ..Label::default() };
        (1..=3).for_each(|serial| assert!(slot.put(label(serial), (&grey).into())));
        assert!(slot.fetch(&mut shown));
        assert_eq!(shown.as_ref().map(|pixels| pixels.label.serial), Some(3));
        assert!(!slot.fetch(&mut shown));
        slot.close();
        assert!(!slot.put(label(4), (&grey).into()));
    }
}
