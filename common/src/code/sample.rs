//! Measuring the grid's cells in a luma plane, at a place that need not fall on whole samples.

use super::grid::{self, COLUMNS, FINDER_CELLS, ROLES, ROWS, Role};
use super::word::SYMBOLS;
use super::{Layout, Rect};
use crate::frame::Luma;

/// Least difference between the finder's white and black cells, in luma levels.
const MIN_CONTRAST: f32 = 24.0;
/// Finder cells that may be on the wrong side of the threshold.
const MAX_FINDER_ERRORS: usize = 3;
/// Of each cell the middle part of this width and height is averaged: blur and scaling mix the rest with neighbours.
const CENTRE: f32 = 0.5;
/// Samples of each direction that go into a cell's average at most; larger cells do not get better by more.
const MAX_TAPS: f32 = 6.0;
/// Samples that [`MAX_TAPS`] can touch when they do not fall on whole ones.
const MAX_TOUCHED: usize = 8;
/// Cells of fewer samples cannot be told from their neighbours.
pub(super) const MIN_CELL: f32 = 1.5;
/// A code may reach out of the picture by this part of a cell: the middle of its cells does not.
const OVERHANG: f32 = 0.2;

/// Where a code lies: top left corner and cell size in luma samples, with fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) cell_width: f32,
    pub(super) cell_height: f32,
}

impl From<Layout> for Place {
    fn from(layout: Layout) -> Self {
        let (bounds, cell) = (layout.bounds(), layout.cell() as f32);
        Self { x: bounds.x as f32, y: bounds.y as f32, cell_width: cell, cell_height: cell }
    }
}

/// A place turned into the samples to look at: for each column and row of cells a span of samples.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    place: Place,
    columns: [Span; COLUMNS],
    rows: [Span; ROWS],
}

/// The samples of one direction in the middle of a cell.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: usize,
    len: usize,
    /// What each sample counts; they add up to about [`Span::WHOLE`].
    weights: [u16; MAX_TOUCHED],
}

impl Sampler {
    /// `None` if the place reaches out of a picture of `width` × `height`, or its cells are under [`MIN_CELL`].
    pub(super) fn new(place: Place, width: usize, height: usize) -> Option<Self> {
        let columns = spans(place.x, place.cell_width, width)?;
        let rows = spans(place.y, place.cell_height, height)?;
        Some(Self { place, columns, rows })
    }

    /// The word at this place, hard decisions against the middle between the finder's white and black. `None` if
    /// the finder is not there.
    ///
    /// `luma` has the size that was given to [`Sampler::new`].
    pub(super) fn word(&self, luma: &Luma<'_>) -> Option<[u8; SYMBOLS]> {
        let threshold = self.threshold(luma)?;
        let mut word = [0; SYMBOLS];
        for (cell, role) in ROLES.iter().enumerate() {
            if let Role::Data { index } = role {
                word[usize::from(index / 8)] |= u8::from(self.level(luma, cell) > threshold) << (7 - index % 8);
            }
        }
        Some(word)
    }

    /// How much brighter the white ones of `cells` (index, and whether it is white) are than the others, in luma levels.
    pub(super) fn contrast(&self, luma: &Luma<'_>, cells: impl Iterator<Item = (usize, bool)>) -> f32 {
        let (mut white, mut black) = (Mean::default(), Mean::default());
        for (cell, is_white) in cells {
            (if is_white { &mut white } else { &mut black }).add(self.level(luma, cell));
        }
        white.value() - black.value()
    }

    /// Where it looks.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// The samples that the code covers, whole and in part.
    pub(super) fn bounds(&self) -> Rect {
        let Place { x, y, cell_width, cell_height } = self.place;
        let side = |start: f32, len: f32| (start.max(0.0).floor() as u32, (start + len).max(0.0).ceil() as u32);
        let (left, right) = side(x, cell_width * COLUMNS as f32);
        let (top, bottom) = side(y, cell_height * ROWS as f32);
        Rect { x: left, y: top, width: right - left, height: bottom - top }
    }

    /// The level between the finder's white and black cells; `None` if they are not told apart.
    fn threshold(&self, luma: &Luma<'_>) -> Option<i32> {
        let mut levels = [(0, false); FINDER_CELLS];
        let (mut whites, mut blacks) = (Mean::default(), Mean::default());
        for (slot, (cell, white)) in levels.iter_mut().zip(grid::finder()) {
            *slot = (self.level(luma, cell), white);
            (if white { &mut whites } else { &mut blacks }).add(slot.0);
        }
        let threshold = ((whites.value() + blacks.value()) / 2.0) as i32;
        let wrong = levels.iter().filter(|(level, white)| (*level > threshold) != *white).count();
        (whites.value() - blacks.value() >= MIN_CONTRAST && wrong <= MAX_FINDER_ERRORS).then_some(threshold)
    }

    /// The mean of a cell's middle, in luma levels.
    fn level(&self, luma: &Luma<'_>, cell: usize) -> i32 {
        let (row, column) = (&self.rows[cell / COLUMNS], &self.columns[cell % COLUMNS]);
        let mut sum = 0;
        for (y, weight) in row.weights[..row.len].iter().enumerate() {
            let line = &luma.data[(row.start + y) * luma.stride + column.start..][..column.len];
            let samples = line.iter().zip(&column.weights);
            sum += u32::from(*weight) * samples.map(|(&s, &w)| u32::from(s) * u32::from(w)).sum::<u32>();
        }
        (sum / (Span::WHOLE * Span::WHOLE)) as i32
    }
}

/// Of levels.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: i32,
    count: i32,
}

impl Mean {
    const fn add(&mut self, level: i32) {
        self.sum += level;
        self.count += 1;
    }

    fn value(self) -> f32 {
        self.sum as f32 / self.count.max(1) as f32
    }
}

impl Span {
    const WHOLE: u32 = 1 << 8;

    /// `from..to` in samples, sample *n* reaching from *n* to *n* + 1.
    fn new(from: f32, to: f32) -> Self {
        let (start, end) = (from.floor(), to.ceil());
        let mut weights = [0; MAX_TOUCHED];
        let len = ((end - start) as usize).clamp(1, MAX_TOUCHED);
        for (n, weight) in weights[..len].iter_mut().enumerate() {
            let sample = start + n as f32;
            let part = (to.min(sample + 1.0) - from.max(sample)).max(0.0) / (to - from);
            *weight = (part * Self::WHOLE as f32).round() as u16;
        }
        Self { start: start as usize, len, weights }
    }
}

/// Spans of `N` cells of `cell` samples from `origin` on; `None` if they leave `0..side`.
fn spans<const N: usize>(origin: f32, cell: f32, side: usize) -> Option<[Span; N]> {
    let (side, far) = (side as f32, origin + cell * N as f32);
    // Written so that a NaN is refused as well.
    if !(cell >= MIN_CELL && origin >= -OVERHANG * cell && far <= side + OVERHANG * cell) {
        return None;
    }
    let taps = (cell * CENTRE).clamp(1.0, MAX_TAPS);
    Some(std::array::from_fn(|n| {
        let middle = origin + cell * (n as f32 + 0.5);
        Span::new((middle - taps / 2.0).max(0.0), (middle + taps / 2.0).min(side))
    }))
}
