//! A chart with two axes: lines, points with errors, bars, and what is marked in them.

use std::fmt::Write;

use super::axis::{Axis, Placed};
use super::decimate::thinned;
use super::labels::{self, Place};
use super::{COLUMNS, Tone, escape, figure, percent, short, stretched};

/// Height of the plot between its axes, px.
const HEIGHT: usize = 220;

/// Ticks that an axis has room for.
const TICKS_X: usize = 9;
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

#[derive(Clone, Debug)]
enum Layer {
    Line { tone: Tone, points: Vec<(f64, f64)> },
    Points { tone: Tone, points: Vec<Point> },
    Bar { tone: Tone, from: f64, to: f64, value: f64, title: String },
    Band { tone: Tone, from: f64, to: f64, title: String },
    Marks { tone: Tone, at: Vec<f64>, what: String },
    Level { tone: Tone, y: f64, label: String },
    Rule { tone: Tone, x: f64, label: String },
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
    pub fn band(mut self, tone: Tone, (from, to): (f64, f64), title: &str) -> Self {
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
        let x = self.x.place(xs.into_iter(), TICKS_X);
        let y = self.y.place(ys.into_iter(), TICKS_Y);
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
                line(
                    out,
                    format_args!(
                        "<text class=\"note{class}\" x=\"{x}\" y=\"{y}\" dx=\"{dx}\" dy=\"{dy}\"{anchor}>{text}</text>"
                    ),
                );
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
            Self::Points { points, .. } => points.iter().flat_map(Point::spans).collect(),
            Self::Bar { from, to, value, .. } => vec![(*from, 0.0), (*to, *value)],
            Self::Band { from, to, .. } => vec![(*from, f64::NAN), (*to, f64::NAN)],
            Self::Marks { at, .. } => at.iter().map(|x| (*x, f64::NAN)).collect(),
            Self::Level { y, .. } => vec![(f64::NAN, *y)],
            Self::Rule { x, .. } => vec![(*x, f64::NAN)],
        }
    }
}

impl Point {
    fn spans(&self) -> Vec<(f64, f64)> {
        let (x0, x1) = self.x_error.unwrap_or((self.x, self.x));
        let (y0, y1) = self.y_error.unwrap_or((self.y, self.y));
        vec![(self.x, self.y), (x0, y0), (x1, y1)]
    }
}

/// Draws layers on two axes.
struct Placer<'a> {
    x: &'a Placed,
    y: &'a Placed,
}

impl Placer<'_> {
    /// What is stretched with the page.
    fn stretched(&self, out: &mut String, layer: &Layer) {
        match layer {
            Layer::Line { tone, points } => self.line(out, *tone, points),
            Layer::Bar { tone, from, to, value, title } => {
                let (left, right, top) = (self.x.at(*from), self.x.at(*to), 1.0 - self.y.at(*value));
                rect(out, "bar", *tone, (left, right), top, title);
            }
            Layer::Band { tone, from, to, title } => {
                let (left, right) = (self.x.at(*from), self.x.at(*to));
                // Short ones stay visible.
                rect(out, "band", *tone, (left, right.max(left + 0.002)), 0.0, title);
            }
            Layer::Points { .. } | Layer::Marks { .. } | Layer::Level { .. } | Layer::Rule { .. } => {}
        }
    }

    fn line(&self, out: &mut String, tone: Tone, points: &[(f64, f64)]) {
        let mut path = String::new();
        for run in points.split(|(x, y)| !x.is_finite() || !y.is_finite()).filter(|run| !run.is_empty()) {
            let mut placed: Vec<_> = run.iter().map(|(x, y)| (self.x.at(*x), self.y.at(*y))).collect();
            placed.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (index, (x, y)) in thinned(&placed).into_iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                write!(path, "{command}{} {}", stretched(x), stretched(1.0 - y))
                    .expect("writing to a string does not fail");
            }
            if run.len() == 1 {
                path.push_str("h0");
            }
        }
        if !path.is_empty() {
            line(out, format_args!("<path class=\"line {}\" d=\"{path}\"/>", tone.class()));
        }
    }

    /// What keeps its size.
    fn fixed(&self, out: &mut String, layer: &Layer, rules: &mut usize) {
        match layer {
            Layer::Points { tone, points } => points.iter().for_each(|point| self.point(out, *tone, point)),
            Layer::Marks { tone, at, what } => self.marks(out, *tone, at, what),
            Layer::Level { tone, y, label } => {
                let (y, tone, label) = (percent(1.0 - self.y.at(*y)), tone.class(), escape(label));
                line(out, format_args!("<line class=\"rule {tone}\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"));
                line(
                    out,
                    format_args!(
                        "<text class=\"note\" x=\"100%\" y=\"{y}\" dy=\"-4\" text-anchor=\"end\">{label}</text>"
                    ),
                );
            }
            Layer::Rule { tone, x, label } => {
                let at = self.x.at(*x);
                let (x, tone, label) = (percent(at), tone.class(), escape(label));
                let (dx, anchor) = if at > 0.6 { (-4, "end") } else { (4, "start") };
                let dy = 10 + 14 * *rules;
                *rules += 1;
                line(out, format_args!("<line class=\"rule {tone}\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"100%\"/>"));
                line(
                    out,
                    format_args!(
                        "<text class=\"note\" x=\"{x}\" y=\"0\" dx=\"{dx}\" dy=\"{dy}\" text-anchor=\"{anchor}\">{label}</text>"
                    ),
                );
            }
            Layer::Line { .. } | Layer::Bar { .. } | Layer::Band { .. } => {}
        }
    }

    fn point(&self, out: &mut String, tone: Tone, point: &Point) {
        let (x, y, tone) = (percent(self.x.at(point.x)), percent(1.0 - self.y.at(point.y)), tone.class());
        if let Some((low, high)) = point.y_error {
            let [low, high] = [low, high].map(|value| percent(1.0 - self.y.at(value)));
            line(out, format_args!("<line class=\"error {tone}\" x1=\"{x}\" x2=\"{x}\" y1=\"{low}\" y2=\"{high}\"/>"));
        }
        if let Some((low, high)) = point.x_error {
            let [low, high] = [low, high].map(|value| percent(self.x.at(value)));
            line(out, format_args!("<line class=\"error {tone}\" x1=\"{low}\" x2=\"{high}\" y1=\"{y}\" y2=\"{y}\"/>"));
        }
        let title = titled(&point.title);
        line(out, format_args!("<circle class=\"point {tone}\" cx=\"{x}\" cy=\"{y}\" r=\"4\">{title}</circle>"));
    }

    fn marks(&self, out: &mut String, tone: Tone, at: &[f64], what: &str) {
        const MARKS: usize = COLUMNS / 2;
        let mut columns = [0_u64; MARKS + 1];
        let finite = at.iter().filter(|x| x.is_finite());
        finite.for_each(|x| columns[(self.x.at(*x) * MARKS as f64) as usize] += 1);
        for (column, count) in columns.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let (x, tone) = (percent(column as f64 / MARKS as f64), tone.class());
            let title = titled(&if count == 1 { what.to_owned() } else { format!("{count} × {what}") });
            line(
                out,
                format_args!(
                    "<rect class=\"mark {tone}\" x=\"{x}\" y=\"100%\" width=\"2\" height=\"9\" transform=\"translate(-1 -9)\">{title}</rect>"
                ),
            );
        }
    }
}

/// Grid, ticks and labels.
fn axes(out: &mut String, x: &Placed, y: &Placed) {
    for tick in &y.ticks {
        let (at, text) = (percent(1.0 - tick.at), escape(&tick.text));
        line(out, format_args!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{at}\" y2=\"{at}\"/>"));
        line(out, format_args!("<text x=\"-8\" y=\"{at}\" dy=\"4\" text-anchor=\"end\">{text}</text>"));
    }
    line(out, format_args!("<text class=\"axis\" x=\"-8\" y=\"0\" dy=\"-12\">{}</text>", escape(&y.label)));
    x_axis(out, x);
}

/// The axis below a plot.
pub(super) fn x_axis(out: &mut String, x: &Placed) {
    line(out, format_args!("<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\"/>"));
    for tick in &x.ticks {
        let (at, class, text) = (tick.left(), tick.class(), escape(&tick.text));
        let anchor = if tick.at > 0.97 { "end" } else { "middle" };
        line(
            out,
            format_args!(
                "<line class=\"base\" x1=\"{at}\" x2=\"{at}\" y1=\"100%\" y2=\"100%\" transform=\"translate(0 2)\"/>"
            ),
        );
        line(out, format_args!("<text{class} x=\"{at}\" y=\"100%\" dy=\"17\" text-anchor=\"{anchor}\">{text}</text>"));
    }
    line(
        out,
        format_args!(
            "<text class=\"axis\" x=\"100%\" y=\"100%\" dy=\"34\" text-anchor=\"end\">{}</text>",
            escape(&x.label)
        ),
    );
}

/// A rectangle from `top` down to the axis.
fn rect(out: &mut String, class: &str, tone: Tone, (left, right): (f64, f64), top: f64, title: &str) {
    let (tone, title) = (tone.class(), titled(title));
    let [x, width, y, height] = [left, (right - left).max(0.0), top, 1.0 - top].map(stretched);
    line(
        out,
        format_args!(
            "<rect class=\"{class} {tone}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">{title}</rect>"
        ),
    );
}

/// A tooltip, where there is something to say.
pub(super) fn titled(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<title>{}</title>", escape(text)) }
}

/// One line of markup.
pub(super) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}
