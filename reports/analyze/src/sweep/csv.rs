//! `tune.csv`: one row per run or, in a browser, per join, in the order of measurement, quoted by RFC 4180.

use csv::{Terminator, WriterBuilder};

use super::{Figures, Row, Sweep};

/// Columns before those of the axes.
const BEFORE: [&str; 6] = ["cell", "repeat", "order", "join", "started", "outcome"];

/// Columns after those of the figures.
const AFTER: [&str; 2] = ["why", "report"];

/// The whole file. An axis whose name is that of another column has a `setting.` before it.
pub fn sweep(sweep: &Sweep) -> String {
    let figures = Figures::default().named().map(|(name, _)| name);
    let is_column = |name: &str| BEFORE.contains(&name) || AFTER.contains(&name) || figures.contains(&name);
    let axis = |name: &str| if is_column(name) { format!("setting.{name}") } else { name.to_owned() };
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let mut line = |fields: Vec<String>| writer.write_record(fields).expect("rows of a sweep fit its axes");
    let names = BEFORE.map(str::to_owned).into_iter().chain(sweep.axes.iter().map(|of| axis(&of.name)));
    line(names.chain(figures.into_iter().chain(AFTER).map(str::to_owned)).collect());
    for row in sweep.in_order() {
        let joins = !row.joins.is_empty();
        row.each().iter().zip(1..).for_each(|(figures, join)| line(fields(sweep, row, joins.then_some(join), figures)));
    }
    let text = writer.into_inner().expect("memory takes everything");
    String::from_utf8(text).expect("fields are UTF-8")
}

fn fields(sweep: &Sweep, row: &Row, join: Option<u32>, figures: &Figures) -> Vec<String> {
    let join = join.map_or(String::new(), |join| join.to_string());
    let before = [row.cell.to_string(), row.repeat.to_string(), row.order.to_string(), join, row.started.clone()];
    let values = sweep.axes.iter().zip(&row.values).map(|(axis, value)| axis.values[*value].clone());
    let figure = |(_, value): (&str, Option<f64>)| {
        value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
    };
    let after = [row.why.clone(), row.report.clone()].map(Option::unwrap_or_default);
    (before.into_iter().chain([row.outcome.name().to_owned()]))
        .chain(values)
        .chain(figures.named().into_iter().map(figure))
        .chain(after)
        .collect()
}
