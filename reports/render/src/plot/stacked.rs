//! Stacked horizontal bars: what a whole is made of.

use super::axis::Axis;
use super::draw::{titled, x_axis};
use super::{Tone, escape, figure, percent};

/// Height of a bar's name, of the bar, and of both with the space below, px.
const NAME: usize = 16;
const THICK: usize = 24;
const ROW: usize = 54;

const TICKS: usize = 8;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    /// Written above it.
    pub name: String,
    /// From left to right.
    pub parts: Vec<Part>,
}

/// A part of a bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// In the legend.
    pub name: String,
    /// How long it is; below zero is drawn as 0.
    pub value: f64,
    /// Its colour, the same in each bar.
    pub tone: Tone,
    /// Shown where it is pointed at.
    pub title: String,
}

/// The bars below each other on an axis from 0; `axis` is its label with the unit.
pub(crate) fn stacked(label: &str, axis: &str, bars: &[Bar]) -> String {
    let size = |part: &Part| if part.value.is_finite() { part.value.max(0.0) } else { 0.0 };
    let totals = bars.iter().map(|bar| bar.parts.iter().map(size).sum());
    let x = Axis::linear(axis).from(0.0).place(totals, TICKS);
    let mut body = String::new();
    for tick in &x.ticks {
        let at = tick.left();
        body.push_str(&format!("<line class=\"grid\" x1=\"{at}\" x2=\"{at}\" y1=\"0\" y2=\"100%\"/>\n"));
    }
    for (row, bar) in bars.iter().enumerate() {
        let (top, name) = (row * ROW, escape(&bar.name));
        body.push_str(&format!("<text class=\"name\" x=\"0\" y=\"{}\">{name}</text>\n", top + NAME - 4));
        let mut left = 0.0;
        for part in &bar.parts {
            let right = left + size(part);
            let (from, to) = (x.at(left), x.at(right));
            let (tone, title) = (part.tone.class(), titled(&part.title));
            let (at, width, top) = (percent(from), percent(to - from), top + NAME);
            body.push_str(&format!("<rect class=\"part {tone}\" x=\"{at}\" y=\"{top}\" width=\"{width}\" height=\"{THICK}\">{title}</rect>\n"));
            left = right;
        }
    }
    x_axis(&mut body, &x);
    let mut legend: Vec<(String, Tone)> = Vec::new();
    for part in bars.iter().flat_map(|bar| &bar.parts) {
        if !legend.iter().any(|(name, _)| *name == part.name) {
            legend.push((part.name.clone(), part.tone));
        }
    }
    figure(label, "bars", 0, bars.len() * ROW, &body, &legend)
}
