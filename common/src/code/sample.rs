//! Measuring the grid's cells in a luma plane, at a place that need not fall on whole samples.

use super::grid::{CELLS, COLUMNS, ROLES, ROWS, Role, white_finder};
use super::word::SYMBOLS;
use super::{Layout, Rect};
use crate::frame::Luma;

/// Least difference between the finder's white and black cells, in luma levels.
const MIN_CONTRAST: i32 = 24;
/// Finder cells that may be on the wrong side of the threshold.
const MAX_FINDER_ERRORS: usize = 3;
/// Of each cell the middle part of this width and height is averaged: blur and scaling mix the rest with neighbours.
const CENTRE: f32 = 0.5;
/// Samples of each direction that go into a cell's average at most; larger cells do not get better by more.
const MAX_TAPS: f32 = 6.0;

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
    columns: [Span; COLUMNS],
    rows: [Span; ROWS],
}

/// The samples of one direction in the middle of a cell.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: usize,
    len: usize,
}

impl Sampler {
    /// `None` where the place reaches out of a picture of `width` × `height`, or its cells are under 2 samples.
    pub(super) fn new(place: &Place, width: usize, height: usize) -> Option<Self> {
        let columns = spans(place.x, place.cell_width, width)?;
        let rows = spans(place.y, place.cell_height, height)?;
        Some(Self { columns, rows })
    }

    /// The word at this place, hard decisions against the middle between the finder's white and black. `None` where
    /// the finder is not there.
    ///
    /// `luma` has the size that was given to [`Sampler::new`].
    pub(super) fn word(&self, luma: &Luma<'_>) -> Option<[u8; SYMBOLS]> {
        let levels = self.levels(luma);
        let threshold = threshold(&levels)?;
        let mut word = [0; SYMBOLS];
        for (level, role) in levels.iter().zip(&ROLES) {
            if let Role::Data { index } = role {
                word[usize::from(index / 8)] |= u8::from(*level > threshold) << (7 - index % 8);
            }
        }
        Some(word)
    }

    /// The samples that the code covers, to the nearest one or two.
    pub(super) fn bounds(&self) -> Rect {
        let (x, width) = extent(&self.columns);
        let (y, height) = extent(&self.rows);
        Rect { x, y, width, height }
    }

    /// The mean of each cell's middle, in luma levels.
    fn levels(&self, luma: &Luma<'_>) -> [i32; CELLS] {
        let mut levels = [0; CELLS];
        for (row, levels) in self.rows.iter().zip(levels.chunks_exact_mut(COLUMNS)) {
            for y in row.start..row.start + row.len {
                let line = &luma.data[y * luma.stride..][..luma.width];
                for (column, level) in self.columns.iter().zip(levels.iter_mut()) {
                    *level += line[column.start..][..column.len].iter().map(|&s| i32::from(s)).sum::<i32>();
                }
            }
            for (column, level) in self.columns.iter().zip(levels) {
                *level /= (row.len * column.len) as i32;
            }
        }
        levels
    }
}

/// Start and length of what the cells with these middles cover.
fn extent<const N: usize>(spans: &[Span; N]) -> (u32, u32) {
    let middle = |span: &Span| span.start as f32 + span.len as f32 / 2.0;
    let (first, last) = (middle(&spans[0]), middle(&spans[N - 1]));
    let half = (last - first) / (N - 1) as f32 / 2.0;
    let start = (first - half).max(0.0).floor();
    (start as u32, ((last + half).ceil() - start) as u32)
}

/// Spans of `N` cells of `cell` samples from `origin` on; `None` where they leave `0..side`.
fn spans<const N: usize>(origin: f32, cell: f32, side: usize) -> Option<[Span; N]> {
    let far = origin + cell * N as f32;
    // Written so that a NaN is refused as well.
    if !(cell >= 2.0 && origin >= 0.0 && far <= side as f32) {
        return None;
    }
    let taps = (cell * CENTRE).clamp(1.0, MAX_TAPS);
    Some(std::array::from_fn(|n| {
        let middle = origin + cell * (n as f32 + 0.5);
        let start = (middle - taps / 2.0).round() as usize;
        let end = (middle + taps / 2.0).round() as usize;
        Span { start: start.min(side - 1), len: end.min(side).saturating_sub(start).max(1) }
    }))
}

/// The level between the finder's white and black cells; `None` where they are not told apart.
fn threshold(levels: &[i32; CELLS]) -> Option<i32> {
    let finder = || {
        let cells = levels.iter().zip(&ROLES).enumerate();
        cells.filter(|(_, (_, role))| **role == Role::Finder).map(|(i, (level, _))| {
            let white = white_finder(i % COLUMNS, i / COLUMNS);
            (*level, white)
        })
    };
    let mean = |colour: bool| {
        let (sum, count) =
            finder().filter(|(_, white)| *white == colour).fold((0, 0), |(s, n), (level, _)| (s + level, n + 1));
        sum / count
    };
    let (white, black) = (mean(true), mean(false));
    let threshold = (white + black) / 2;
    let wrong = finder().filter(|(level, white)| (*level > threshold) != *white).count();
    (white - black >= MIN_CONTRAST && wrong <= MAX_FINDER_ERRORS).then_some(threshold)
}
