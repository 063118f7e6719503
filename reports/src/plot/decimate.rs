//! Thins a line to what a screen can show: of each column the first, the least, the largest and the last value, in their
//! order, so that no peak is lost.

use super::COLUMNS;

/// The points of a line, in fractions of the plot, in the order of x: thinned where there are more than the columns show.
pub(super) fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= 2 * COLUMNS {
        return points.to_vec();
    }
    let mut out = Vec::new();
    for column in points.chunk_by(|a, b| column(*a) == column(*b)) {
        let by_height = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
        let least = (0..column.len()).min_by(by_height).unwrap_or(0);
        let most = (0..column.len()).max_by(by_height).unwrap_or(0);
        let mut kept = vec![0, least, most, column.len() - 1];
        kept.sort_unstable();
        kept.dedup();
        out.extend(kept.into_iter().map(|index| column[index]));
    }
    out
}

fn column((x, _): (f64, f64)) -> usize {
    (x.clamp(0.0, 1.0) * (COLUMNS - 1) as f64) as usize
}
