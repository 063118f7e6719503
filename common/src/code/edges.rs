//! Edges along a line of samples, and the equal cells that they may lie between.

use super::sample::MIN_CELL;

/// How far an edge may lie from where equal distances put it: part of a cell, and part of a sample.
const TOLERANCE: (f32, f32) = (0.3, 0.25);

/// Where luma crosses the middle between two extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    /// In samples, sample *n* reaching from *n* to *n* + 1.
    pub(super) at: f32,
    /// From white to black.
    pub(super) falling: bool,
}

/// A sample that is lower, or higher, than those around it.
#[derive(Clone, Copy, Debug)]
struct Extreme {
    at: usize,
    level: i32,
}

impl Extreme {
    fn at(samples: &[u8], at: usize) -> Self {
        Self { at, level: i32::from(samples[at]) }
    }
}

/// Origin and size of the cells that these edges lie between, the first one white; `None` if they are not equal.
pub(super) fn cells_between(edges: &[Edge]) -> Option<(f32, f32)> {
    let (first, last) = (edges.first()?, edges.last()?);
    let between = (edges.len() - 1) as f32;
    let cell = (last.at - first.at) / between;
    if !first.falling || cell < MIN_CELL {
        return None;
    }
    let slack = TOLERANCE.0 * cell + TOLERANCE.1;
    let off = |(n, edge): (usize, &Edge)| edge.at - first.at - n as f32 * cell;
    if edges.iter().enumerate().any(|edge| off(edge).abs() > slack) {
        return None;
    }
    // The straight line through all edges: its slope is the cell, and it passes through the mean of the edges.
    let middle = between / 2.0;
    let mean = edges.iter().map(|edge| edge.at - first.at).sum::<f32>() / edges.len() as f32;
    let (mut product, mut square) = (0.0, 0.0);
    for (n, edge) in edges.iter().enumerate() {
        let from_middle = n as f32 - middle;
        product += from_middle * (edge.at - first.at - mean);
        square += from_middle * from_middle;
    }
    let cell = product / square;
    Some((first.at + mean - (middle + 1.0) * cell, cell))
}

/// Puts the edges among `samples` into `edges`: each between a low and a high extreme that differ by more than
/// `height`, where luma passes the middle between the two.
pub(super) fn find(samples: &[u8], height: i32, edges: &mut Vec<Edge>) {
    edges.clear();
    let Some((mut from, mut to, after)) = first_edge(samples, height) else { return };
    for n in after..samples.len() {
        let now = Extreme::at(samples, n);
        let onwards = if to.level > from.level { now.level - to.level } else { to.level - now.level };
        if onwards > 0 {
            to = now;
        } else if -onwards > height {
            edges.push(edge_between(samples, from, to));
            (from, to) = (to, now);
        }
    }
    edges.push(edge_between(samples, from, to));
}

/// The first two extremes that differ by more than `height`, and the sample after them: up to there either direction may
/// be the one that luma goes in.
fn first_edge(samples: &[u8], height: i32) -> Option<(Extreme, Extreme, usize)> {
    let first = Extreme { at: 0, level: i32::from(*samples.first()?) };
    let (mut low, mut high) = (first, first);
    for n in 1..samples.len() {
        let now = Extreme::at(samples, n);
        low = if now.level < low.level { now } else { low };
        high = if now.level > high.level { now } else { high };
        if high.level - low.level > height {
            return Some(if low.at < high.at { (low, high, n + 1) } else { (high, low, n + 1) });
        }
    }
    None
}

fn edge_between(samples: &[u8], from: Extreme, to: Extreme) -> Edge {
    let level = |n: usize| f32::from(samples[n]);
    let falling = to.level < from.level;
    let middle = (from.level + to.level) as f32 / 2.0;
    let passed = |n: &usize| (level(*n) >= middle) != falling;
    let after = (from.at + 1..to.at).find(passed).unwrap_or(to.at);
    let (a, b) = (level(after - 1), level(after));
    let part = if a == b { 0.5 } else { ((middle - a) / (b - a)).clamp(0.0, 1.0) };
    // Levels belong to the middles of samples.
    Edge { at: after as f32 - 0.5 + part, falling }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(samples: &[u8], height: i32) -> Vec<Edge> {
        let mut edges = Vec::new();
        find(samples, height, &mut edges);
        edges
    }

    #[test]
    fn edges_lie_where_luma_passes_the_middle() {
        let falling = |at| Edge { at, falling: true };
        let rising = |at| Edge { at, falling: false };
        assert_eq!(edges(&[200, 200, 0, 0, 200, 200], 50), [falling(2.0), rising(4.0)]);
        assert_eq!(edges(&[0, 100, 200, 150, 100, 0], 50), [rising(1.5), falling(4.5)]);
        assert_eq!(edges(&[200, 190, 210, 20, 10, 30], 50), [falling(2.5 + 100.0 / 190.0)]);
        assert_eq!(edges(&[100, 120, 90, 110], 50), []);
        assert_eq!(edges(&[], 50), []);
        assert_eq!(edges(&[7], 50), []);
    }

    #[test]
    fn equal_distances_are_taken_and_others_refused() {
        let at = |positions: &[f32]| {
            let edge = |(n, &at): (usize, &f32)| Edge { at, falling: n % 2 == 0 };
            positions.iter().enumerate().map(edge).collect::<Vec<_>>()
        };
        let (origin, cell) = cells_between(&at(&[14.0, 18.0, 22.0, 26.0])).expect("equal");
        assert!((origin - 10.0).abs() < 1e-4 && (cell - 4.0).abs() < 1e-4);
        assert!(cells_between(&at(&[14.1, 17.9, 22.1, 25.9])).is_some());
        assert_eq!(cells_between(&at(&[14.0, 18.0, 24.0, 26.0])), None);
        assert_eq!(cells_between(&at(&[14.0, 15.0, 16.0, 17.0])), None);
        assert_eq!(cells_between(&at(&[14.0, 18.0, 22.0, 26.0])[1..]), None, "the first cell is white");
    }
}
