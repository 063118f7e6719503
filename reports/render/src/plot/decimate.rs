//! Thins a line to what a screen can show: of each column the first, the least, the largest and the last value, in their
//! order, so that no peak is lost. Gaps are thinned with it: within a column nobody would see one.

use super::COLUMNS;

/// A point of a line, in fractions of the plot; without a y a gap.
pub(super) type Placed = (f64, Option<f64>);

/// The stretches between the gaps of a line whose points are in the order of x: thinned where there are more points and gaps than the
/// columns show. So many points at most, whatever the line is: four for each column.
pub(super) fn stretches(points: &[Placed]) -> Vec<Vec<(f64, f64)>> {
    if points.len() <= 2 * COLUMNS {
        return between_gaps(points);
    }
    let columns = points.chunk_by(|a, b| column(*a) == column(*b));
    between_gaps(&columns.flat_map(thinned).collect::<Vec<_>>())
}

fn between_gaps(points: &[Placed]) -> Vec<Vec<(f64, f64)>> {
    let runs = points.split(|(_, y)| y.is_none()).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect()).collect()
}

/// What is left of a column: four points, and the gaps before and after them.
fn thinned(column: &[Placed]) -> Vec<Placed> {
    let known: Vec<usize> = (0..column.len()).filter(|index| column[*index].1.is_some()).collect();
    let (Some(&first), Some(&last)) = (known.first(), known.last()) else { return vec![column[0]] };
    let by_height = |a: &&usize, b: &&usize| column[**a].1.unwrap_or(0.0).total_cmp(&column[**b].1.unwrap_or(0.0));
    let least = *known.iter().min_by(by_height).unwrap_or(&first);
    let most = *known.iter().max_by(by_height).unwrap_or(&first);
    let mut kept = vec![0, first, least, most, last, column.len() - 1];
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|index| column[index]).collect()
}

fn column((x, _): Placed) -> usize {
    (x.clamp(0.0, 1.0) * (COLUMNS - 1) as f64) as usize
}
