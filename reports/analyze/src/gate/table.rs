//! Several metrics of the same runs side by side, for `framelag compare`: no limit, no verdict.

use std::fmt::Write;

use super::{Comparison, Difference, LeftOut};
use crate::statistics::{self, LEVEL, confidence};
use measure::units::rounded;
use render::words::counted;

/// The most runs named for one reason.
const MAX_NAMES: usize = 3;

/// The table, a row per metric, and below it which runs were compared.
pub fn table(comparisons: &[Comparison]) -> String {
    let interval = format!("{} % interval", rounded(100.0 * confidence(LEVEL)));
    let mut rows = vec![["metric", "before", "after", "change", &interval].map(str::to_owned)];
    rows.extend(comparisons.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut page = String::new();
    for row in &rows {
        let [metric, numbers @ ..] = row;
        let mut line = format!("{metric:<width$}", width = widths[0]);
        for (text, width) in numbers.iter().zip(&widths[1..]) {
            // Writing to a String cannot fail.
            let _ = write!(line, "  {text:>width$}");
        }
        page.push_str(line.trim_end());
        page.push('\n');
    }
    let below = below(comparisons);
    if !below.is_empty() {
        page.push('\n');
    }
    page + &below
}

fn row(comparison: &Comparison) -> [String; 5] {
    let metric = comparison.metric.clone();
    let none = || "–".to_owned();
    let centre = |value: f64| format!("{} {}", rounded(value), comparison.unit).trim_end().to_owned();
    let Some(effect) = &comparison.effect else {
        // One side alone may have values.
        let sides = [&comparison.baseline, &comparison.candidate];
        let [before, after] = sides.map(|side| statistics::centre(&side.values()).map_or_else(none, centre));
        return [metric, before, after, none(), none()];
    };
    let change = effect.change.on(effect.scale, comparison.unit);
    let interval = comparison.interval(effect).unwrap_or_else(none);
    [metric, centre(effect.baseline), centre(effect.candidate), change, interval]
}

/// How many runs there are, which were left out and what differs: once, not per metric.
fn below(comparisons: &[Comparison]) -> String {
    let mut page = String::new();
    let counts =
        comparisons.iter().map(|of| [&of.baseline, &of.candidate].map(|side| side.runs.len() + side.left_out.len()));
    if let Some([before, after]) = counts.max() {
        let runs = |count: usize| counted(count as u64, "run");
        let _ = writeln!(page, "{:<10}{} before, {} after", "runs", runs(before), runs(after));
    }
    for (of, names, why) in left_out(comparisons) {
        let more = names.len().saturating_sub(MAX_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names[..names.len().min(MAX_NAMES)].join(", ");
        let _ = writeln!(page, "{:<10}{names}{more}{of}: {why}", "left out");
    }
    let mut differences: Vec<&Difference> = Vec::new();
    for difference in comparisons.iter().flat_map(|of| of.differences.iter().chain(&of.notes)) {
        if !differences.contains(&difference) {
            differences.push(difference);
        }
    }
    for difference in differences {
        let _ = writeln!(page, "{:<10}{difference}", "differs");
    }
    page
}

/// The metrics, runs and reason of what was left out: runs with the same reason together.
fn left_out(comparisons: &[Comparison]) -> Vec<(String, Vec<&str>, &str)> {
    let mut runs: Vec<(&LeftOut, Vec<&str>)> = Vec::new();
    for of in comparisons {
        for run in of.baseline.left_out.iter().chain(&of.candidate.left_out) {
            match runs.iter_mut().find(|(known, _)| *known == run) {
                Some((_, metrics)) => metrics.push(&of.metric),
                None => runs.push((run, vec![&of.metric])),
            }
        }
    }
    let mut found: Vec<(String, Vec<&str>, &str)> = Vec::new();
    for (LeftOut { name, why }, metrics) in runs {
        let all = metrics.len() == comparisons.len();
        let of = if all { String::new() } else { format!(" ({})", metrics.join(", ")) };
        match found.last_mut().filter(|(last_of, _, last_why)| *last_of == of && *last_why == why) {
            Some((_, names, _)) => names.push(name),
            None => found.push((of, vec![name], why)),
        }
    }
    found
}
