//! Which samples of two pictures are compared.

use common::code::Rect;
use common::frame::Size;

/// The largest value of a sample.
pub const PEAK: f64 = 255.0;

/// Which samples are compared.
pub struct Mask {
    pub size: Size,
    /// Left out.
    pub areas: Vec<Rect>,
}

impl Mask {
    /// Whether the sample at `x`, `y` is left out.
    pub fn hides(&self, x: u32, y: u32) -> bool {
        self.areas
            .iter()
            .any(|area| (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y))
    }

    /// The columns of row `y` that are compared, as runs from one to before the other.
    pub fn runs(&self, y: u32) -> Vec<(usize, usize)> {
        let mut edges: Vec<u32> = vec![0, self.size.width];
        edges.extend(self.areas.iter().flat_map(|area| [area.x, area.x + area.width]));
        edges.sort_unstable();
        let runs = edges.windows(2).filter(|run| run[0] < run[1] && !self.hides(run[0], y));
        runs.map(|run| (run[0] as usize, run[1] as usize)).collect()
    }

    /// The mean squared difference of what is compared.
    pub fn mse(&self, a: &[u8], b: &[u8]) -> f64 {
        let width = self.size.width as usize;
        let (mut sum, mut count) = (0_u64, 0_u64);
        for ((y, a), b) in (0..).zip(a.chunks_exact(width)).zip(b.chunks_exact(width)) {
            for (from, to) in self.runs(y) {
                let squares = a[from..to].iter().zip(&b[from..to]).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2));
                sum += squares.sum::<u64>();
                count += (to - from) as u64;
            }
        }
        // There is a window of samples at least: `ssim::Windows` exists.
        sum as f64 / count as f64
    }
}
