//! Plots as plain SVG of our own: no script, no library, nothing to fetch.
//!
//! Every builder returns one HTML fragment, a `<figure>`, for a page that has the shared style in it. What is drawn scales with
//! the width of the page, texts do not: positions are percentages, and lines live in a nested `<svg>` that is stretched
//! without widening its strokes. So a text is as legible on a phone of 320 px as on a wide screen, and on paper.
//!
//! Colours are CSS classes ([`Tone`]), light or dark as the reader's system prefers. Each plot has an accessible name,
//! and each part that means something a `<title>`.
//!
//! The size of a line is bounded, whatever it is given: of each of [`COLUMNS`] columns it keeps the first, the least, the largest and
//! the last value, and gaps between columns.

mod axis;
mod chart;
mod decimate;
mod draw;
mod heat;
mod labels;
mod layer;
mod scale;
mod stacked;

use common::printable::is_obeyed;

pub use axis::Axis;
pub(crate) use axis::nice_step;
pub use chart::Chart;
pub use heat::{Cell, Heat};
pub use layer::Point;
pub(crate) use stacked::{Bar, Part, stacked};

/// Columns that a line is thinned to: about as many as a wide screen has pixels to show it in.
pub const COLUMNS: usize = 600;

/// The style that all pages share: texts, tables and plots, light, dark and printed.
pub(crate) const STYLE: &str = include_str!("plot/style.css");

/// Series colours; further series begin again.
const SERIES: usize = 9;

/// The role that a colour plays: a CSS class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The n-th of several things side by side.
    Series(usize),
    /// What should not be: a lost frame.
    Bad,
    /// What a reader should look at: a freeze, a change point.
    Warn,
    /// What is as it should be.
    Good,
    /// What is only there to compare with.
    Muted,
}

impl Tone {
    pub(crate) fn class(self) -> String {
        match self {
            Self::Series(n) => format!("s{}", n % SERIES),
            Self::Bad => "bad".to_owned(),
            Self::Warn => "warn".to_owned(),
            Self::Good => "good".to_owned(),
            Self::Muted => "muted".to_owned(),
        }
    }
}

/// `text` for HTML and XML, as content or in a quoted attribute. Characters that XML 1.0 forbids even as references
/// (control characters, U+FFFE, U+FFFF) become U+FFFD, and so does what turns writing around or cannot be seen.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c if is_obeyed(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// The room around a plot for its axes' texts, px: above, to the right, below.
const ABOVE: usize = 26;
const RIGHT: usize = 14;
const BELOW: usize = 42;

/// The figure around an SVG: `height` px of plot with room to its left, and below it what its colours mean.
fn figure(label: &str, class: &str, left: usize, height: usize, body: &str, legend: &[(String, Tone)]) -> String {
    let (label, height) = (escape(label), height + ABOVE + BELOW);
    let mut out = format!(
        "<figure class=\"plot {class}\">\n<svg role=\"img\" aria-label=\"{label}\" \
         style=\"height:{height}px;padding:{ABOVE}px {RIGHT}px {BELOW}px {left}px\">\n{body}</svg>\n"
    );
    if !legend.is_empty() {
        out.push_str("<figcaption>");
        for (name, tone) in legend {
            out.push_str(&format!("<span class=\"key {}\">{}</span> ", tone.class(), escape(name)));
        }
        out.push_str("</figcaption>\n");
    }
    out.push_str("</figure>\n");
    out
}

/// A fraction of the plot's width or height as a percentage.
fn percent(fraction: f64) -> String {
    short(fraction * 100.0) + "%"
}

/// A fraction as a coordinate of the stretched layer, which is 1000 × 1000.
fn stretched(fraction: f64) -> String {
    short(fraction * 1000.0)
}

/// At most two decimals, without trailing zeros.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
