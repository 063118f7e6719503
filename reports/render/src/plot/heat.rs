//! A heat map: a table whose cells are coloured by their value. A table rather than a drawing, so that screen readers can read
//! it cell by cell, figures can be copied, and it scrolls on a narrow phone.

use super::escape;

/// Steps of colour.
const STEPS: usize = 9;

/// A heat map of `rows` × `columns`.
#[derive(Clone, Debug)]
pub struct Heat<'a> {
    /// What the values are, with their unit.
    pub label: &'a str,
    /// What the rows are.
    pub row_axis: &'a str,
    /// What the columns are.
    pub column_axis: &'a str,
    /// Names of the rows.
    pub rows: &'a [String],
    /// Names of the columns.
    pub columns: &'a [String],
    /// By row, then by column; `None` where nothing is known.
    pub cells: &'a [Vec<Option<Cell>>],
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What its colour is by.
    pub value: f64,
    /// What is written in it.
    pub text: String,
    /// Shown where it is pointed at.
    pub title: String,
}

impl Heat<'_> {
    /// The figure; the larger a value, the stronger its colour.
    pub fn html(&self) -> String {
        let values = || self.cells.iter().flatten().flatten().map(|cell| cell.value).filter(|value| value.is_finite());
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let step = |value: f64| match (value - low) / (high - low) {
            fraction if fraction.is_finite() => (fraction * (STEPS - 1) as f64).round() as usize,
            _ => 0,
        };
        let mut out = format!(
            "<figure class=\"plot heat\">\n<div class=\"scroll\"><table>\n<caption>{}</caption>\n\
             <thead><tr><td></td><th colspan=\"{}\" class=\"across\">{}</th></tr>\n<tr><th class=\"down\">{}</th>",
            escape(self.label),
            self.columns.len().max(1),
            escape(self.column_axis),
            escape(self.row_axis)
        );
        self.columns.iter().for_each(|name| out.push_str(&format!("<th scope=\"col\">{}</th>", escape(name))));
        out.push_str("</tr></thead>\n<tbody>\n");
        for (name, cells) in self.rows.iter().zip(self.cells) {
            out.push_str(&format!("<tr><th scope=\"row\">{}</th>", escape(name)));
            for cell in cells {
                match cell {
                    Some(Cell { value, text, title }) => out.push_str(&format!(
                        "<td class=\"h{}\" title=\"{}\">{}</td>",
                        step(*value),
                        escape(title),
                        escape(text)
                    )),
                    None => out.push_str("<td class=\"none\">–</td>"),
                }
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table></div>\n</figure>\n");
        out
    }
}
