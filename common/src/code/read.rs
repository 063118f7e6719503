//! Reading: where the code was last time, else where it would be painted in a picture of this size, else anywhere.

use super::grid::{self, COLUMNS, ROWS};
use super::sample::{Place, Sampler};
use super::search::Search;
use super::{Corner, Layout, Payload, Rect, word};
use crate::frame::{Luma, Size};

/// Reads codes from the pictures of one stream, and remembers where it found the last one.
///
/// A code that is not where it was, or that has been scaled, is searched for over several pictures, so that no call takes
/// long: a still picture may have to be handed in more than once.
#[derive(Debug, Default)]
pub struct Reader {
    size: (usize, usize),
    lock: Option<Sampler>,
    exact: Vec<Sampler>,
    search: Search,
}

impl Reader {
    /// A reader that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The code in `luma`; `None` if there is none that can be read whole, or if it has not been found yet.
    pub fn read(&mut self, luma: Luma<'_>) -> Option<Payload> {
        let needed = luma.height.checked_sub(1)?.checked_mul(luma.stride)?.checked_add(luma.width)?;
        if luma.width == 0 || luma.stride < luma.width || luma.data.len() < needed {
            return None;
        }
        if self.size != (luma.width, luma.height) {
            self.resize(luma.width, luma.height);
        }
        if let Some(payload) = self.lock.as_ref().and_then(|sampler| read_at(sampler, &luma)) {
            return Some(payload);
        }
        let exact = self.exact.iter().find_map(|sampler| {
            let payload = read_at(sampler, &luma)?;
            Some((sampler.clone(), payload))
        });
        let (sampler, payload) = exact.or_else(|| self.search.go_on(&luma, |place| attempt(place, &luma)))?;
        self.lock = Some(sampler);
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
        self.search = Search::default();
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).min(Size::MAX_SIDE);
        let size = Size::new(side(width), side(height));
        let layouts = Corner::ALL.into_iter().filter_map(|corner| Layout::new(size, corner).ok());
        self.exact = layouts.filter_map(|layout| Sampler::new(layout.into(), width, height)).collect();
    }
}

fn read_at(sampler: &Sampler, luma: &Luma<'_>) -> Option<Payload> {
    sampler.word(luma).and_then(word::decode)
}

/// Reads a code about `place`, and fits the place to it for the pictures to come.
fn attempt(place: Place, luma: &Luma<'_>) -> Option<(Sampler, Payload)> {
    let rough = Sampler::new(place, luma.width, luma.height)?;
    let (sampler, payload) = match read_at(&rough, luma) {
        Some(payload) => (rough, payload),
        None => {
            let fitted = fit(rough, luma, grid::finder());
            let payload = read_at(&fitted, luma)?;
            (fitted, payload)
        }
    };
    let whole = grid::cells(&word::encode(&payload)).into_iter().enumerate();
    Some((fit(sampler, luma, whole), payload))
}

/// Moves the four sides of the place, in ever smaller steps, to where `cells` (index, and whether white) stand out most.
fn fit(start: Sampler, luma: &Luma<'_>, cells: impl Iterator<Item = (usize, bool)> + Clone) -> Sampler {
    /// In cells.
    const STEPS: [f32; 3] = [0.2, 0.1, 0.05];
    let mut contrast = start.contrast(luma, cells.clone());
    let mut best = start;
    for step in STEPS {
        for side in Side::ALL {
            for by in [step, -step] {
                let moved = Sampler::new(side.moved(best.place(), by), luma.width, luma.height);
                let Some(moved) = moved else { continue };
                let now = moved.contrast(luma, cells.clone());
                if now > contrast {
                    (best, contrast) = (moved, now);
                }
            }
        }
    }
    best
}

/// A side of a place.
#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

impl Side {
    const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Top, Self::Bottom];

    /// `place` with this side moved right or down by `cells`, and the opposite one where it was.
    fn moved(self, mut place: Place, cells: f32) -> Place {
        let (dx, dy) = (cells * place.cell_width, cells * place.cell_height);
        match self {
            Self::Left => {
                place.x += dx;
                place.cell_width -= dx / COLUMNS as f32;
            }
            Self::Right => place.cell_width += dx / COLUMNS as f32,
            Self::Top => {
                place.y += dy;
                place.cell_height -= dy / ROWS as f32;
            }
            Self::Bottom => place.cell_height += dy / ROWS as f32,
        }
        place
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

    #[test]
    fn stripes_and_checks_are_survived_at_any_size() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (24, 8), (40, 13), (641, 481)] {
            for (across, down) in [(1, 1), (2, 2), (2, 4000), (4000, 3), (3, 7), (16, 16)] {
                let white = |i: usize| (i % width / across + i / width / down).is_multiple_of(2);
                let data: Vec<u8> = (0..width * height).map(|i| if white(i) { 235 } else { 16 }).collect();
                let mut reader = Reader::new();
                for _ in 0..4 {
                    assert_eq!(reader.read(Luma { data: &data, width, height, stride: width }), None);
                }
            }
        }
    }
}
