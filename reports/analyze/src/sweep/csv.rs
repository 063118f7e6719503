//! `tune.csv`: one row for each run, in the order in which they ran, quoted as RFC 4180 has it.

use super::{Figures, Row, Sweep};

/// Columns before those of the axes.
const BEFORE: [&str; 5] = ["cell", "repeat", "order", "started", "outcome"];

/// Columns after those of the figures.
const AFTER: [&str; 2] = ["why", "report"];

/// The whole file. An axis whose name is that of another column has a `setting.` before it.
pub fn sweep(sweep: &Sweep) -> String {
    let figures = Figures::default().named().map(|(name, _)| name);
    let taken = |name: &str| BEFORE.contains(&name) || AFTER.contains(&name) || figures.contains(&name);
    let axis = |name: &str| if taken(name) { format!("setting.{name}") } else { name.to_owned() };
    let mut out = String::new();
    let header = (BEFORE.iter().map(|name| (*name).to_owned()))
        .chain(sweep.axes.iter().map(|of| axis(&of.name)))
        .chain(figures.iter().chain(&AFTER).map(|name| (*name).to_owned()));
    line(&mut out, header);
    let mut rows: Vec<&Row> = sweep.rows.iter().collect();
    rows.sort_by_key(|row| row.order);
    for row in rows {
        let before = [row.cell.to_string(), row.repeat.to_string(), row.order.to_string()];
        let values = sweep.axes.iter().zip(&row.values).map(|(axis, value)| axis.values[*value].clone());
        let figure = |(_, value): (&str, Option<f64>)| {
            value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
        };
        let after = [row.why.clone(), row.report.clone()].map(Option::unwrap_or_default);
        let fields = (before.into_iter().chain([row.started.clone(), row.outcome.name().to_owned()]))
            .chain(values)
            .chain(row.figures.named().into_iter().map(figure))
            .chain(after);
        line(&mut out, fields);
    }
    out
}

fn line(out: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.map(|field| quoted(&field)).collect();
    out.push_str(&fields.join(","));
    out.push_str("\r\n");
}

/// In quotes where it needs them.
fn quoted(field: &str) -> String {
    let plain = !field.contains([',', '"', '\r', '\n']) && field.trim() == field;
    if plain { field.to_owned() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_what_rfc_4180_asks_for() {
        for (field, expected) in [
            ("a b", "a b"),
            ("1,5", "\"1,5\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("a\nb", "\"a\nb\""),
            (" a", "\" a\""),
            ("", ""),
        ] {
            assert_eq!(super::quoted(field), expected);
        }
    }
}
