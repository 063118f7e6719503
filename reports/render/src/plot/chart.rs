//! A chart with two axes: lines, points with errors, bars, and what is marked in them.

use super::axis::Axis;
use super::draw::{Placer, axes};
use super::labels::{self, Place};
use super::layer::{Layer, Point};
use super::{Tone, escape, figure, percent, short};

/// Height of the plot between its axes, px.
const HEIGHT: usize = 220;

/// Ticks that an axis has room for.
const TICKS_X: usize = 7;
const TICKS_Y: usize = 5;

/// Widths of the plot for which texts beside points are placed: on a phone, and wider.
const NARROW: f64 = 240.0;
const WIDE: f64 = 620.0;

/// A chart that is being put together; what is added first lies below.
#[derive(Clone, Debug)]
pub struct Chart {
    label: String,
    x: Axis,
    y: Axis,
    height: usize,
    layers: Vec<Layer>,
    legend: Vec<(String, Tone)>,
}

impl Chart {
    /// An empty chart; `label` is read to those who do not see it.
    pub fn new(label: &str, x: Axis, y: Axis) -> Self {
        Self { label: label.to_owned(), x, y, height: HEIGHT, layers: Vec::new(), legend: Vec::new() }
    }

    /// Another height of the plot between its axes, px.
    pub fn height(mut self, px: usize) -> Self {
        self.height = px;
        self
    }

    /// A line through points in the order of x. A point without a finite y is a gap.
    pub fn line(mut self, name: &str, tone: Tone, points: &[(f64, f64)]) -> Self {
        self.name(name, tone);
        self.layers.push(Layer::Line { tone, points: points.to_vec() });
        self
    }

    /// Points with labels and errors.
    pub fn points(mut self, name: &str, tone: Tone, points: Vec<Point>) -> Self {
        self.name(name, tone);
        self.layers.push(Layer::Points { tone, points });
        self
    }

    /// A bar from the x axis up to `value`, as in a histogram.
    pub fn bar(mut self, tone: Tone, (from, to): (f64, f64), value: f64, title: &str) -> Self {
        self.layers.push(Layer::Bar { tone, from, to, value, title: title.to_owned() });
        self
    }

    /// A stretch of x over the whole height.
    pub(crate) fn band(mut self, tone: Tone, (from, to): (f64, f64), title: &str) -> Self {
        self.layers.push(Layer::Band { tone, from, to, title: title.to_owned() });
        self
    }

    /// Ticks on the x axis, one for each of `at`; those too near each other to tell become one. `what` is one of them:
    /// "lost frame".
    pub fn marks(mut self, tone: Tone, at: &[f64], what: &str) -> Self {
        self.layers.push(Layer::Marks { tone, at: at.to_vec(), what: what.to_owned() });
        self
    }

    /// A horizontal line at `y` with a text: a limit, a quantile.
    pub fn level(mut self, tone: Tone, y: f64, label: &str) -> Self {
        self.layers.push(Layer::Level { tone, y, label: label.to_owned() });
        self
    }

    /// A vertical line at `x` with a text: a change point, a quantile.
    pub fn rule(mut self, tone: Tone, x: f64, label: &str) -> Self {
        self.layers.push(Layer::Rule { tone, x, label: label.to_owned() });
        self
    }

    /// Says in the legend what a colour is that has no series of its own: bands, marks.
    pub fn key(mut self, name: &str, tone: Tone) -> Self {
        self.name(name, tone);
        self
    }

    /// The figure.
    pub fn svg(&self) -> String {
        let (xs, ys): (Vec<_>, Vec<_>) = self.layers.iter().flat_map(Layer::spans).unzip();
        let (x_ends, y_ends): (Vec<_>, Vec<_>) = self.layers.iter().flat_map(Layer::ends).unzip();
        let x = self.x.place(self.x.with_ends(xs, &x_ends).into_iter(), TICKS_X);
        let y = self.y.place(self.y.with_ends(ys, &y_ends).into_iter(), TICKS_Y);
        let mut body = String::new();
        axes(&mut body, &x, &y);
        let place = Placer { x: &x, y: &y };
        body.push_str(
            "<svg class=\"data\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" \
                       width=\"100%\" height=\"100%\">\n",
        );
        self.layers.iter().for_each(|layer| place.stretched(&mut body, layer));
        body.push_str("</svg>\n");
        let mut rules = 0;
        self.layers.iter().for_each(|layer| place.fixed(&mut body, layer, &mut rules));
        self.labels(&mut body, &place);
        let widest = y.ticks.iter().map(|tick| tick.text.chars().count()).max().unwrap_or(0);
        figure(&self.label, "chart", 14 + 8 * widest, self.height, &body, &self.legend)
    }

    fn name(&mut self, name: &str, tone: Tone) {
        if !name.is_empty() {
            self.legend.push((name.to_owned(), tone));
        }
    }

    /// Texts beside points: those that a phone has room for, and those that only a wider page has.
    fn labels(&self, out: &mut String, place: &Placer<'_>) {
        let points = self.layers.iter().filter_map(|layer| match layer {
            Layer::Points { points, .. } => Some(points),
            _ => None,
        });
        let at: Vec<_> = points.flatten().map(|p| (place.x.at(p.x), place.y.at(p.y), p.label.as_str())).collect();
        let height = self.height as f64;
        let [narrow, wide] = [NARROW, WIDE].map(|width| labels::place(&at, width, height));
        for ((x, y, text), (narrow, wide)) in at.iter().zip(narrow.into_iter().zip(wide)) {
            let mut put = |place: Place, class: &str| {
                let anchor = if place.end { " text-anchor=\"end\"" } else { "" };
                let (x, y, text) = (percent(*x), percent(1.0 - y), escape(text));
                let (dx, dy) = (short(place.dx), short(place.dy));
                out.push_str(&format!(
                    "<text class=\"note{class}\" x=\"{x}\" y=\"{y}\" dx=\"{dx}\" dy=\"{dy}\"{anchor}>{text}</text>\n"
                ));
            };
            match (narrow, wide) {
                (Some(narrow), Some(wide)) if narrow == wide => put(narrow, ""),
                (narrow, wide) => {
                    narrow.into_iter().for_each(|place| put(place, " narrow"));
                    wide.into_iter().for_each(|place| put(place, " wide"));
                }
            }
        }
    }
}

impl Layer {
    /// The values that the axes must span.
    fn spans(&self) -> Vec<(f64, f64)> {
        match self {
            Self::Line { points, .. } => points.iter().copied().filter(|(_, y)| y.is_finite()).collect(),
            Self::Points { points, .. } => points.iter().map(|point| (point.x, point.y)).collect(),
            Self::Bar { from, to, value, .. } => vec![(*from, 0.0), (*to, *value)],
            Self::Band { from, to, .. } => vec![(*from, f64::NAN), (*to, f64::NAN)],
            Self::Marks { at, .. } => at.iter().map(|x| (*x, f64::NAN)).collect(),
            Self::Level { y, .. } => vec![(f64::NAN, *y)],
            Self::Rule { x, .. } => vec![(*x, f64::NAN)],
        }
    }

    /// The ends of intervals.
    fn ends(&self) -> Vec<(f64, f64)> {
        let Self::Points { points, .. } = self else { return Vec::new() };
        points.iter().flat_map(Point::ends).collect()
    }
}

impl Point {
    fn ends(&self) -> [(f64, f64); 2] {
        let (x0, x1) = self.x_error.unwrap_or((self.x, self.x));
        let (y0, y1) = self.y_error.unwrap_or((self.y, self.y));
        [(x0, y0), (x1, y1)]
    }
}
