//! Draws the layers of a chart: those that are stretched with the page, and those that keep their size.

use std::fmt::Write;

use super::axis::Placed;
use super::decimate::stretches;
use super::layer::{Layer, Point};
use super::{COLUMNS, Tone, escape, percent, stretched};

/// Draws layers on two axes.
pub(super) struct Placer<'a> {
    pub x: &'a Placed,
    pub y: &'a Placed,
}

impl Placer<'_> {
    /// What is stretched with the page.
    pub fn stretched(&self, out: &mut String, layer: &Layer) {
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
        let mut before = 0.0;
        let place = |(x, y): &(f64, f64)| {
            // A gap without a place lies behind the point before it.
            before = if x.is_finite() { self.x.at(*x) } else { before };
            (before, (x.is_finite() && y.is_finite()).then(|| self.y.at(*y)))
        };
        let mut placed: Vec<_> = points.iter().map(place).collect();
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut path = String::new();
        for stretch in stretches(&placed) {
            for (index, (x, y)) in stretch.iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                write!(path, "{command}{} {}", stretched(*x), stretched(1.0 - y))
                    .expect("writing to a string does not fail");
            }
            if stretch.len() == 1 {
                path.push_str("h0");
            }
        }
        if !path.is_empty() {
            out.push_str(&format!("<path class=\"line {}\" d=\"{path}\"/>\n", tone.class()));
        }
    }

    /// What keeps its size.
    pub fn fixed(&self, out: &mut String, layer: &Layer, rules: &mut usize) {
        match layer {
            Layer::Points { tone, points } => points.iter().for_each(|point| self.point(out, *tone, point)),
            Layer::Marks { tone, at, what } => self.marks(out, *tone, at, what),
            Layer::Level { tone, y, label } => {
                let (y, tone, label) = (percent(1.0 - self.y.at(*y)), tone.class(), escape(label));
                out.push_str(&format!("<line class=\"rule {tone}\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\n"));
                out.push_str(&format!(
                    "<text class=\"note\" x=\"100%\" y=\"{y}\" dy=\"-4\" text-anchor=\"end\">{label}</text>\n"
                ));
            }
            Layer::Rule { tone, x, label } => {
                let at = self.x.at(*x);
                let (x, tone, label) = (percent(at), tone.class(), escape(label));
                let (dx, anchor) = if at > 0.6 { (-4, "end") } else { (4, "start") };
                let dy = 10 + 14 * *rules;
                *rules += 1;
                out.push_str(&format!("<line class=\"rule {tone}\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"100%\"/>\n"));
                out.push_str(&format!("<text class=\"note\" x=\"{x}\" y=\"0\" dx=\"{dx}\" dy=\"{dy}\" text-anchor=\"{anchor}\">{label}</text>\n"));
            }
            Layer::Line { .. } | Layer::Bar { .. } | Layer::Band { .. } => {}
        }
    }

    fn point(&self, out: &mut String, tone: Tone, point: &Point) {
        let (x, y, tone) = (percent(self.x.at(point.x)), percent(1.0 - self.y.at(point.y)), tone.class());
        if let Some((low, high)) = point.y_error {
            let [low, high] = [low, high].map(|value| percent(1.0 - self.y.at(value)));
            out.push_str(&format!("<line class=\"error {tone}\" x1=\"{x}\" x2=\"{x}\" y1=\"{low}\" y2=\"{high}\"/>\n"));
        }
        if let Some((low, high)) = point.x_error {
            let [low, high] = [low, high].map(|value| percent(self.x.at(value)));
            out.push_str(&format!("<line class=\"error {tone}\" x1=\"{low}\" x2=\"{high}\" y1=\"{y}\" y2=\"{y}\"/>\n"));
        }
        let title = titled(&point.title);
        out.push_str(&format!("<circle class=\"point {tone}\" cx=\"{x}\" cy=\"{y}\" r=\"4\">{title}</circle>\n"));
    }

    fn marks(&self, out: &mut String, tone: Tone, at: &[f64], what: &str) {
        const MARKS: usize = COLUMNS / 2;
        let mut columns = [0_u64; MARKS + 1];
        let finite = at.iter().filter(|x| x.is_finite());
        finite.for_each(|x| columns[(self.x.at(*x) * MARKS as f64) as usize] += 1);
        for (column, count) in columns.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let (x, tone) = (percent(column as f64 / MARKS as f64), tone.class());
            let title = titled(&if count == 1 { what.to_owned() } else { format!("{count} × {what}") });
            out.push_str(&format!("<rect class=\"mark {tone}\" x=\"{x}\" y=\"100%\" width=\"2\" height=\"9\" transform=\"translate(-1 -9)\">{title}</rect>\n"));
        }
    }
}

/// Grid, ticks and labels.
pub(super) fn axes(out: &mut String, x: &Placed, y: &Placed) {
    for tick in &y.ticks {
        let (at, text) = (percent(1.0 - tick.at), escape(&tick.text));
        out.push_str(&format!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{at}\" y2=\"{at}\"/>\n"));
        out.push_str(&format!("<text x=\"-8\" y=\"{at}\" dy=\"4\" text-anchor=\"end\">{text}</text>\n"));
    }
    out.push_str(&format!("<text class=\"axis\" x=\"-8\" y=\"0\" dy=\"-12\">{}</text>\n", escape(&y.label)));
    x_axis(out, x);
}

/// The axis below a plot.
pub(super) fn x_axis(out: &mut String, x: &Placed) {
    out.push_str("<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\"/>\n");
    for tick in &x.ticks {
        let (at, class, text) = (tick.left(), tick.class(), escape(&tick.text));
        let anchor = if tick.at > 0.97 { "end" } else { "middle" };
        out.push_str(&format!(
            "<line class=\"base\" x1=\"{at}\" x2=\"{at}\" y1=\"100%\" y2=\"100%\" transform=\"translate(0 2)\"/>\n"
        ));
        out.push_str(&format!("<text{class} x=\"{at}\" y=\"100%\" dy=\"17\" text-anchor=\"{anchor}\">{text}</text>\n"));
    }
    out.push_str(&format!(
        "<text class=\"axis\" x=\"100%\" y=\"100%\" dy=\"34\" text-anchor=\"end\">{}</text>\n",
        escape(&x.label)
    ));
}

/// A rectangle from `top` down to the axis.
fn rect(out: &mut String, class: &str, tone: Tone, (left, right): (f64, f64), top: f64, title: &str) {
    let (tone, title) = (tone.class(), titled(title));
    let [x, width, y, height] = [left, (right - left).max(0.0), top, 1.0 - top].map(stretched);
    out.push_str(&format!(
        "<rect class=\"{class} {tone}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">{title}</rect>\n"
    ));
}

/// A tooltip, where there is something to say.
pub(super) fn titled(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<title>{}</title>", escape(text)) }
}
