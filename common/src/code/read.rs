//! Reading: where the code was last time, else where it would be painted in a picture of this size.

use super::sample::{Place, Sampler};
use super::{Corner, Layout, Payload, Rect, word};
use crate::frame::{Luma, Size};

/// Reads codes from the pictures of one stream, and remembers where it found the last one.
#[derive(Debug, Default)]
pub struct Reader {
    size: (usize, usize),
    lock: Option<Sampler>,
    exact: Vec<Sampler>,
}

impl Reader {
    /// A reader that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The code in `luma`; `None` where there is none that can be read whole.
    pub fn read(&mut self, luma: Luma<'_>) -> Option<Payload> {
        let needed = luma.height.checked_sub(1)?.checked_mul(luma.stride)?.checked_add(luma.width)?;
        if luma.stride < luma.width || luma.data.len() < needed {
            return None;
        }
        if self.size != (luma.width, luma.height) {
            self.resize(luma.width, luma.height);
        }
        let read = |sampler: &Sampler| sampler.word(&luma).and_then(word::decode);
        if let Some(payload) = self.lock.as_ref().and_then(read) {
            return Some(payload);
        }
        let (sampler, payload) = self.exact.iter().find_map(|s| Some((s, read(s)?)))?;
        self.lock = Some(sampler.clone());
        Some(payload)
    }

    /// What the last code that was read covers of its picture, so that nothing is drawn over it; `None` before the
    /// first, and after a change of size.
    pub fn bounds(&self) -> Option<Rect> {
        self.lock.as_ref().map(Sampler::bounds)
    }

    fn resize(&mut self, width: usize, height: usize) {
        self.size = (width, height);
        self.lock = None;
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).min(Size::MAX_SIDE);
        let size = Size::new(side(width), side(height));
        let layouts = Corner::ALL.into_iter().filter_map(|corner| Layout::new(size, corner).ok());
        self.exact = layouts.filter_map(|layout| Sampler::new(&Place::from(layout), width, height)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Painter;
    use super::*;
    use crate::frame::Picture;
    use crate::time::WallTime;

    const PAYLOAD: Payload = Payload { stream_id: 3, sequence: 77, time: WallTime::from_micros(1_763_722_800_000_001) };

    #[test]
    fn painted_codes_are_read_at_every_size_and_corner() {
        let mut reader = Reader::new();
        for (width, height) in [(128, 64), (176, 144), (256, 144), (641, 481), (1280, 720), (1920, 1080)] {
            for corner in Corner::ALL {
                let mut picture = Picture::black(Size::new(width, height));
                assert_eq!(reader.read(picture.luma()), None);
                Painter::new(picture.size(), corner).expect("large enough").paint(&mut picture, &PAYLOAD);
                assert_eq!(reader.read(picture.luma()), Some(PAYLOAD), "{width}x{height} {corner}");
                let painted = Layout::new(picture.size(), corner).expect("large enough").bounds();
                assert_eq!(reader.bounds(), Some(painted), "{width}x{height} {corner}");
            }
        }
    }

    #[test]
    fn a_luma_plane_that_is_shorter_than_it_says_is_refused() {
        for (width, height, stride) in [(640, 480, 640), (640, 0, 640), (640, 2, 600), (usize::MAX, usize::MAX, 9)] {
            let luma = Luma { data: &[0; 100], width, height, stride };
            assert_eq!(Reader::new().read(luma), None);
        }
    }
}
