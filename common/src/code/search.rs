//! Looking for a code that may lie anywhere and have any size: players scale, letterbox and crop.
//!
//! The finder's first row shows in a line of samples as edges at equal distances, and its first column does so
//! downwards. The search walks over lines of the picture a few at a time, so that no call takes long, and goes on in the
//! next picture where it stopped: the code of a stream stays where it is.

use super::edges::{self, Edge};
use super::grid::{COLUMNS, ROWS};
use super::sample::Place;
use crate::frame::Luma;

/// Samples that one call looks at, about; what trying a place costs counts as well.
const SAMPLES_PER_CALL: usize = 1 << 16;
/// What looking for a column below a row costs, in samples.
const COST_OF_COLUMN: usize = 1 << 12;
/// What trying to read a code costs, in samples.
const COST_OF_ATTEMPT: usize = 1 << 14;
/// Lines of a sweep: a code's row is higher than what lies between two of them, unless the picture was shrunk inside a
/// larger one. The sweeps after the first go over the lines between.
const LINES_PER_SWEEP: usize = 270;
/// Least height of an edge in luma levels. Sweeps take turns: one that camera noise stays below, and one for codes of
/// little contrast.
const EDGES: [i32; 2] = [72, 28];
/// Cells may be this much higher than wide.
const MAX_ASPECT: f32 = 4.0;
/// Edges between the cells of the finder's row, and of its column.
const ROW_EDGES: usize = COLUMNS - 1;
const COLUMN_EDGES: usize = ROWS - 1;

/// Where the search is in its picture.
#[derive(Debug, Default)]
pub(super) struct Search {
    sweep: usize,
    /// Lines of this sweep that are done.
    lines: usize,
    edges: Vec<Edge>,
    column: Vec<u8>,
    downwards: Vec<Edge>,
}

impl Search {
    /// Goes on for the time of one call, and gives each place that has the edges of a finder to `attempt`, until that
    /// returns something.
    pub(super) fn go_on<T>(&mut self, luma: &Luma<'_>, mut attempt: impl FnMut(Place) -> Option<T>) -> Option<T> {
        let mut left = SAMPLES_PER_CALL;
        let mut sweeps = EDGES.len();
        while left > 0 && sweeps > 0 {
            let step = luma.height.div_ceil(LINES_PER_SWEEP).max(1);
            let line = self.sweep / EDGES.len() % step + self.lines * step;
            if line >= luma.height {
                (self.sweep, self.lines) = (self.sweep.wrapping_add(1), 0);
                sweeps -= 1;
                continue;
            }
            self.lines += 1;
            left = left.saturating_sub(luma.width);
            if let Some(found) = self.line(luma, line, &mut left, &mut attempt) {
                return Some(found);
            }
        }
        None
    }

    fn line<T>(
        &mut self,
        luma: &Luma<'_>,
        line: usize,
        left: &mut usize,
        attempt: &mut impl FnMut(Place) -> Option<T>,
    ) -> Option<T> {
        let height = EDGES[self.sweep % EDGES.len()];
        let samples = &luma.data[line * luma.stride..][..luma.width];
        edges::find(samples, height, &mut self.edges);
        for first in 0..(self.edges.len() + 1).saturating_sub(ROW_EDGES) {
            let Some((x, cell_width)) = edges::cells_between(&self.edges[first..first + ROW_EDGES]) else { continue };
            if *left == 0 {
                return None;
            }
            *left = left.saturating_sub(COST_OF_COLUMN);
            let below = ((cell_width * MAX_ASPECT * ROWS as f32) as usize).min(luma.height - line);
            let column = ((x + cell_width / 2.0).max(0.0) as usize).min(luma.width - 1);
            self.column.clear();
            self.column.extend(luma.data[line * luma.stride + column..].iter().step_by(luma.stride).take(below));
            edges::find(&self.column, height, &mut self.downwards);
            let Some((y, cell_height)) = self.downwards.get(..COLUMN_EDGES).and_then(edges::cells_between) else {
                continue;
            };
            *left = left.saturating_sub(COST_OF_ATTEMPT);
            let found = attempt(Place { x, y: y + line as f32, cell_width, cell_height });
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 1920;
    const HEIGHT: usize = 1080;
    /// Checks of 4 samples pass for a finder everywhere: no picture makes a call do more.
    const WORST: fn(usize, usize) -> u8 = |x, y| if (x / 4 + y / 4).is_multiple_of(2) { 235 } else { 16 };

    /// Lines that a call looks at, and places that it tries.
    fn work(search: &mut Search, luma: &Luma<'_>) -> (usize, usize) {
        let (sweep, lines) = (search.sweep, search.lines);
        let mut places = 0;
        search.go_on(luma, |_| -> Option<()> {
            places += 1;
            None
        });
        let step = luma.height.div_ceil(LINES_PER_SWEEP);
        ((search.sweep - sweep) * luma.height.div_ceil(step) + search.lines - lines, places)
    }

    fn calls(of: impl Fn(usize, usize) -> u8, count: usize) -> Vec<(usize, usize)> {
        let data: Vec<u8> = (0..WIDTH * HEIGHT).map(|i| of(i % WIDTH, i / WIDTH)).collect();
        let luma = Luma { data: &data, width: WIDTH, height: HEIGHT, stride: WIDTH };
        let mut search = Search::default();
        (0..count).map(|_| work(&mut search, &luma)).collect()
    }

    #[test]
    fn a_call_looks_at_a_thirtieth_of_a_large_picture_and_tries_few_places() {
        for (of, some) in [((|_, _| 90) as fn(usize, usize) -> u8, false), (WORST, true)] {
            for (lines, places) in calls(of, 100) {
                assert!(lines > 0, "each call goes on");
                assert!(lines * WIDTH <= SAMPLES_PER_CALL + WIDTH, "{lines} lines");
                assert!(places * COST_OF_ATTEMPT <= SAMPLES_PER_CALL + COST_OF_ATTEMPT, "{places} places");
                assert!((places > 0) == some, "{places} places");
            }
        }
    }

    #[test]
    fn a_picture_is_looked_through_within_a_second_of_calls() {
        let lines: usize = calls(|_, _| 90, 30).iter().map(|(lines, _)| lines).sum();
        assert!(lines >= 2 * LINES_PER_SWEEP, "both heights of edges: {lines} lines");
    }
}
