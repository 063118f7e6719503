//! What can be drawn in a chart.

use super::Tone;

/// A point; the errors are the lower and the upper end of its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// Where.
    pub y: f64,
    /// The interval of x.
    pub x_error: Option<(f64, f64)>,
    /// The interval of y.
    pub y_error: Option<(f64, f64)>,
    /// Written beside it where there is room; may be empty.
    pub label: String,
    /// Shown where it is pointed at.
    pub title: String,
}

/// What is in a chart.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    Line { tone: Tone, points: Vec<(f64, f64)> },
    Points { tone: Tone, points: Vec<Point> },
    Bar { tone: Tone, from: f64, to: f64, value: f64, title: String },
    Band { tone: Tone, from: f64, to: f64, title: String },
    Marks { tone: Tone, at: Vec<f64>, what: String },
    Level { tone: Tone, y: f64, label: String },
    Rule { tone: Tone, x: f64, label: String },
}
