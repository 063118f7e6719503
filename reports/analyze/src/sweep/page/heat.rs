//! A heat map for each pair of axes, of p50 and of p99.

use render::plot::{Cell, Heat, escape};

use super::super::analysis::Analysis;
use super::super::cells::MAX_MISSING_PERCENT;
use super::super::metric::Metric;
use super::parts::PAIR;

pub fn section(analysis: &Analysis<'_>) -> String {
    let axes = analysis.sweep.axes.len();
    let pairs: Vec<[usize; 2]> = (0..axes).flat_map(|a| (a + 1..axes).map(move |b| [a, b])).collect();
    let latency: Vec<Metric> =
        [Metric::P50, Metric::P99].into_iter().filter(|metric| analysis.samples(*metric).is_some()).collect();
    if pairs.is_empty() || latency.is_empty() {
        return String::new();
    }
    let mut out = "<h2>Latency by pairs of settings</h2>\n".to_owned();
    let field = if axes > 2 { "the mean over the other settings" } else { "one setting" };
    out.push_str(&format!("<p class=\"soft\">Each field is {field}.</p>\n"));
    if analysis.cells.iter().any(|cell| cell.unseen_percent().is_some()) {
        out.push_str(&format!(
            "<p class=\"warn\">A ! marks fields where more than {MAX_MISSING_PERCENT} % of the frames were not seen: the figure is that of the rest.</p>\n"
        ));
    }
    for pair in pairs {
        let [a, b] = pair.map(|axis| analysis.names.axis(axis));
        out.push_str(&format!("<h3>{} and {}</h3>\n", escape(a), escape(b)));
        out.push_str(PAIR);
        latency.iter().for_each(|metric| out.push_str(&map(analysis, pair, *metric)));
        out.push_str("</div>\n");
    }
    out
}

fn map(analysis: &Analysis<'_>, pair: [usize; 2], metric: Metric) -> String {
    let others: Vec<&str> = (0..analysis.sweep.axes.len())
        .filter(|axis| !pair.contains(axis))
        .map(|axis| analysis.names.axis(axis))
        .collect();
    let over = if others.is_empty() { String::new() } else { format!(", mean over {}", others.join(", ")) };
    // The longer axis goes down: a phone scrolls that way by itself.
    let values = |axis: usize| analysis.sweep.axes[axis].values.as_slice();
    let [down, across] = if values(pair[0]).len() < values(pair[1]).len() { [pair[1], pair[0]] } else { pair };
    let cells: Vec<Vec<Option<Cell>>> = (0..values(down).len())
        .map(|row| {
            (0..values(across).len()).map(|column| field(analysis, metric, [(down, row), (across, column)])).collect()
        })
        .collect();
    Heat {
        label: &format!("{}{}{over}", metric.label(), metric.unit().replace(' ', ", ")),
        row_axis: analysis.names.axis(down),
        column_axis: analysis.names.axis(across),
        rows: values(down),
        columns: values(across),
        cells: &cells,
    }
    .html()
}

/// The mean of the cells with these two values.
fn field(analysis: &Analysis<'_>, metric: Metric, of: [(usize, usize); 2]) -> Option<Cell> {
    let samples = analysis.samples(metric)?;
    let here: Vec<usize> = (0..analysis.cells.len())
        .filter(|cell| of.iter().all(|(axis, value)| analysis.cells[*cell].values[*axis] == *value))
        .collect();
    let known: Vec<f64> = here.iter().filter_map(|cell| samples.centre(*cell)).collect();
    if known.is_empty() {
        return None;
    }
    let on_scale = known.iter().sum::<f64>() / known.len() as f64;
    let value = samples.scale.back(on_scale);
    let mark = if here.iter().any(|cell| analysis.cells[*cell].unseen_percent().is_some()) { "!" } else { "" };
    let names =
        of.map(|(axis, value)| format!("{} {}", analysis.names.axis(axis), analysis.sweep.axes[axis].values[value]));
    Some(Cell {
        value: on_scale,
        text: format!("{}{mark}", metric.number(value)),
        title: format!("{}: {} ({} of {} settings)", names.join(", "), metric.text(value), known.len(), here.len()),
    })
}
