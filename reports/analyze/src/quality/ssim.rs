//! The structural similarity index of Wang et al. (2004), of luma planes with areas left out.

use super::mask::{Mask, PEAK};

/// Samples on each side of a window's middle.
const RADIUS: usize = 5;
const TAPS: usize = 2 * RADIUS + 1;
/// Standard deviation of the window, in samples.
const SIGMA: f64 = 1.5;
/// (K₁·L)² and (K₂·L)², which keep quotients of dark and flat parts steady.
const C1: f64 = (0.01 * PEAK) * (0.01 * PEAK);
const C2: f64 = (0.03 * PEAK) * (0.03 * PEAK);
/// Means under the window: of a, b, a², b² and ab.
const MOMENTS: usize = 5;

/// The windows that lie whole in what is compared, and memory to go over them.
pub struct Windows {
    width: usize,
    weights: [f64; TAPS],
    /// For each row of windows, the columns of their middles, from one to before the other.
    runs: Vec<Vec<(usize, usize)>>,
    count: usize,
    /// Moments of the last rows, summed over the columns under the window: a ring by row.
    rows: Vec<[Vec<f64>; MOMENTS]>,
}

impl Windows {
    /// `None` where there is no window.
    pub fn new(mask: &Mask) -> Option<Self> {
        let (width, height) = (mask.size.width as usize, mask.size.height as usize);
        let middles = RADIUS..height.saturating_sub(RADIUS);
        let runs: Vec<_> = middles.map(|y| middles_in(mask, y)).collect();
        let count = runs.iter().flatten().map(|(from, to)| to - from).sum();
        let rows = vec![std::array::from_fn(|_| vec![0.0; width]); TAPS];
        (count > 0).then_some(Self { width, weights: gaussian(), runs, count, rows })
    }

    /// The mean index of two planes.
    pub fn mean(&mut self, a: &[u8], b: &[u8]) -> f64 {
        let rows: Vec<_> = a.chunks_exact(self.width).zip(b.chunks_exact(self.width)).collect();
        for (y, &(a, b)) in rows.iter().enumerate().take(TAPS - 1) {
            self.sum_row(y, a, b);
        }
        let mut sum = 0.0;
        for first in 0..self.runs.len() {
            let last = first + TAPS - 1;
            let (a, b) = rows[last];
            self.sum_row(last, a, b);
            let runs = self.runs[first].iter().flat_map(|&(from, to)| from..to);
            sum += runs.map(|x| index(self.moments(first, x))).sum::<f64>();
        }
        sum / self.count as f64
    }

    /// Sums row `y` over the columns under the windows.
    fn sum_row(&mut self, y: usize, a: &[u8], b: &[u8]) {
        let Self { width, weights, rows, .. } = self;
        let sums = &mut rows[y % TAPS];
        for x in RADIUS..width.saturating_sub(RADIUS) {
            let under = x - RADIUS..=x + RADIUS;
            let mut moments = [0.0; MOMENTS];
            for ((weight, &a), &b) in weights.iter().zip(&a[under.clone()]).zip(&b[under]) {
                let (a, b) = (f64::from(a), f64::from(b));
                for (moment, value) in moments.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                    *moment += weight * value;
                }
            }
            sums.iter_mut().zip(moments).for_each(|(sums, moment)| sums[x] = moment);
        }
    }

    /// The means under the window of column `x` whose first row is `first`.
    fn moments(&self, first: usize, x: usize) -> [f64; MOMENTS] {
        let mut moments = [0.0; MOMENTS];
        for (weight, y) in self.weights.iter().zip(first..) {
            let sums = &self.rows[y % TAPS];
            moments.iter_mut().zip(sums).for_each(|(moment, sums)| *moment += weight * sums[x]);
        }
        moments
    }
}

/// The index of one window.
fn index([a, b, aa, bb, ab]: [f64; MOMENTS]) -> f64 {
    let (var_a, var_b, covariance) = (aa - a * a, bb - b * b, ab - a * b);
    let numerator = (2.0 * a * b + C1) * (2.0 * covariance + C2);
    numerator / ((a * a + b * b + C1) * (var_a + var_b + C2))
}

/// The columns at which a window around row `y` touches nothing that is left out.
fn middles_in(mask: &Mask, y: usize) -> Vec<(usize, usize)> {
    let mut free = vec![true; mask.size.width as usize];
    for area in &mask.areas {
        let (top, left) = (area.y as usize, area.x as usize);
        let meets = top < y + RADIUS + 1 && y < top + area.height as usize + RADIUS;
        if meets && area.width > 0 && area.height > 0 {
            let to = (left + area.width as usize + RADIUS).min(free.len());
            free[left.saturating_sub(RADIUS)..to].fill(false);
        }
    }
    let middles = RADIUS..free.len().saturating_sub(RADIUS);
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for x in middles.filter(|&x| free[x]) {
        match runs.last_mut() {
            Some((_, to)) if *to == x => *to += 1,
            _ => runs.push((x, x + 1)),
        }
    }
    runs
}

/// Weights that add up to 1.
fn gaussian() -> [f64; TAPS] {
    let bell = |tap: usize| (-(tap as f64 - RADIUS as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let weights: [f64; TAPS] = std::array::from_fn(bell);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}
