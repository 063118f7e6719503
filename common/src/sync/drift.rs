//! How fast another clock runs away from ours, fitted over the run.
//!
//! Of each stretch of time the sample with the least uncertainty is kept. A line that passes through the intervals of all of
//! them is a drift that explains everything seen; the steepest and the flattest such slopes between any two of them bound it.

use std::time::Duration;

use super::fix::micros;
use crate::time::MonoTime;

/// The first stretches are so long; they double when there are too many.
const STRETCH: Duration = Duration::from_secs(5);

/// Stretches that are kept.
const MAX_POINTS: usize = 64;

/// A drift that is known less well than this is not known.
const MAX_BOUND_PPM: f64 = 50.0;

/// Other clock's drift against ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// µs per second that the other clock gains on ours.
    pub ppm: f64,
    /// The bound of that, ±, if it was constant.
    pub bound_ppm: f64,
}

/// Where the other clock was at a time, µs relative to a base that does not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) at: MonoTime,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The points of a run.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    stretch: Duration,
    points: Vec<Point>,
    current: Option<(MonoTime, Point)>,
    found: Option<Drift>,
}

impl Fit {
    pub(super) fn new() -> Self {
        Self { stretch: STRETCH, points: Vec::new(), current: None, found: None }
    }

    /// Takes a sample's interval.
    pub(super) fn add(&mut self, point: Point) {
        match &mut self.current {
            Some((since, best)) if point.at - *since < self.stretch => {
                if point.width() < best.width() {
                    *best = point;
                }
            }
            current => {
                let ended = current.replace((point.at, point));
                self.points.extend(ended.map(|(_, best)| best));
                self.refit();
            }
        }
    }

    /// The drift, where the points tell it well enough.
    pub(super) fn drift(&self) -> Option<Drift> {
        self.found
    }

    fn refit(&mut self) {
        if self.points.len() > MAX_POINTS {
            self.stretch *= 2;
            self.points = self.points.chunks(2).map(narrowest).collect();
        }
        // A rate that changed explains no line through all points: those before the change have had their say.
        let slopes = loop {
            match slopes(&self.points) {
                Some((least, most)) if least > most => drop(self.points.remove(0)),
                slopes => break slopes,
            }
        };
        self.found = slopes
            .map(|(least, most)| Drift { ppm: (least + most) / 2.0, bound_ppm: (most - least) / 2.0 })
            .filter(|drift| drift.bound_ppm <= MAX_BOUND_PPM);
    }
}

impl Point {
    fn width(&self) -> f64 {
        self.high - self.low
    }
}

fn narrowest(points: &[Point]) -> Point {
    let [first, rest @ ..] = points else { unreachable!("chunks are not empty") };
    rest.iter().fold(*first, |best, point| if point.width() < best.width() { *point } else { best })
}

/// The least and the most ppm that explain all pairs of points; `None` with fewer than two.
fn slopes(points: &[Point]) -> Option<(f64, f64)> {
    let pairs = points.iter().enumerate().flat_map(|(i, a)| points[i + 1..].iter().map(move |b| (a, b)));
    let bounds = pairs.map(|(a, b)| {
        let seconds = (micros(b.at) - micros(a.at)) / 1e6;
        ((b.low - a.high) / seconds, (b.high - a.low) / seconds)
    });
    bounds.reduce(|(least, most), (low, high)| (least.max(low), most.min(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point each `every` ms for `seconds`, 100 µs wide, on a line of `ppm` that begins at `from` µs.
    fn feed(fit: &mut Fit, (start, seconds): (u64, u64), from: f64, ppm: f64) -> f64 {
        let mut last = from;
        for ms in (0..seconds * 1_000).step_by(250) {
            let middle = from + ms as f64 / 1e3 * ppm;
            let at = MonoTime::from_origin(Duration::from_millis(start * 1_000 + ms));
            fit.add(Point { at, low: middle - 50.0, high: middle + 50.0 });
            last = middle;
        }
        last
    }

    #[test]
    fn a_constant_drift_is_found_between_its_bounds() {
        let mut fit = Fit::new();
        feed(&mut fit, (0, 5), 7.0, 40.0);
        assert_eq!(fit.drift(), None, "one point is no line");
        feed(&mut fit, (5, 55), 7.0 + 5.0 * 40.0, 40.0);
        let drift = fit.drift().expect("a minute is enough for 100 µs");
        assert!((drift.ppm - 40.0).abs() <= drift.bound_ppm && drift.bound_ppm < 3.0, "{drift:?}");
    }

    #[test]
    fn a_drift_that_changes_is_followed() {
        let mut fit = Fit::new();
        let end = feed(&mut fit, (0, 300), 0.0, 80.0);
        feed(&mut fit, (300, 300), end, -20.0);
        let drift = fit.drift().expect("it is known");
        assert!((drift.ppm + 20.0).abs() <= drift.bound_ppm.max(0.5), "{drift:?}");
    }

    #[test]
    fn a_day_of_points_is_bounded() {
        let mut fit = Fit::new();
        feed(&mut fit, (0, 86_400), 0.0, 12.0);
        assert!(fit.points.len() <= MAX_POINTS + 1, "{}", fit.points.len());
        let drift = fit.drift().expect("it is known");
        assert!((drift.ppm - 12.0).abs() <= drift.bound_ppm && drift.bound_ppm < 0.01, "{drift:?}");
    }
}
