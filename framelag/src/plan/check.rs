//! Mistakes between the parts of a plan, each of which is right by itself.

use std::collections::HashMap;

use super::{Axis, MAX_AXES, MAX_POINTS, MAX_RUNS, Mistake, Plan};

/// Adds to the `mistakes` that were found in the parts.
pub(super) fn between_parts(plan: &Plan, mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    if plan.name.is_empty() && !mistakes.iter().any(|mistake| mistake.what.starts_with("name ")) {
        mistakes.push(Mistake { line: None, what: "a plan needs a name, as in name = \"gop\"".to_owned() });
    }
    if plan.axes.is_empty() && mistakes.is_empty() {
        let what = "nothing is varied: add [axes] with a list, as in publisher.gop = [15, 60]".to_owned();
        mistakes.push(Mistake { line: None, what });
    }
    let mut wrong = |line: usize, what: String| mistakes.push(Mistake { line: Some(line), what });
    if let Some(axis) = plan.axes.get(MAX_AXES) {
        wrong(axis.line, format!("{} is one axis too many: at most {MAX_AXES}", axis.name));
    }
    for axis in &plan.axes {
        if axis.points.len() > MAX_POINTS {
            wrong(axis.line, format!("{} has too many values: at most {MAX_POINTS}", axis.name));
        }
        duplicate_values(axis, &mut wrong);
    }
    duplicate_settings(plan, &mut wrong);
    if plan.joins.is_some() && !plan.has_browser() && mistakes.is_empty() {
        let what = "joins is how often a browser plays in a run: add via, as in via = \"hls\"".to_owned();
        mistakes.push(Mistake { line: None, what });
    }
    let runs = plan.cell_count().and_then(|cells| cells.checked_mul(plan.repeat as usize));
    if runs.is_none_or(|runs| runs > MAX_RUNS) && mistakes.is_empty() {
        let lengths: Vec<String> = plan.axes.iter().map(|axis| axis.points.len().to_string()).collect();
        let what = format!(
            "{} cells × {} runs are too many: a plan has at most {MAX_RUNS} runs; remove values, or lower repeat",
            lengths.join(" × "),
            plan.repeat
        );
        mistakes.push(Mistake { line: None, what });
    }
    mistakes
}

fn duplicate_values(axis: &Axis, wrong: &mut impl FnMut(usize, String)) {
    for (number, point) in axis.points.iter().enumerate() {
        if axis.points[..number].iter().any(|other| other.label == point.label) {
            let line = point.choices.first().map_or(axis.line, |choice| choice.line);
            wrong(line, format!("{} has the value {} twice: use repeat to run it more often", axis.name, point.label));
        }
    }
}

/// A setting may be set by several points of one axis, and by nothing else.
fn duplicate_settings(plan: &Plan, wrong: &mut impl FnMut(usize, String)) {
    // [fixed] counts as one point.
    let fixed = plan.fixed.iter().map(|choice| ("[fixed]", 0, choice));
    let varied = plan.axes.iter().flat_map(|axis| {
        let points = axis.points.iter().enumerate();
        points.flat_map(move |(number, point)| {
            point.choices.iter().map(move |choice| (axis.name.as_str(), number, choice))
        })
    });
    let mut places = HashMap::new();
    for (place, point, choice) in fixed.chain(varied) {
        let name = choice.setting.name;
        let (other, other_point) = *places.entry(name).or_insert((place, None));
        if other != place || other_point == Some(point) {
            wrong(choice.line, format!("{name} is already set by {other}: set it once"));
        } else {
            places.insert(name, (place, Some(point)));
        }
    }
}
