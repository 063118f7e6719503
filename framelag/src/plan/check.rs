//! What is wrong between the parts of a plan, each of which is right by itself.

use super::{Choice, MAX_AXES, MAX_POINTS, MAX_RUNS, Mistake, Plan};

/// Adds to the `mistakes` that were found in the parts.
pub fn between_parts(plan: &Plan, mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let mut check = Check { mistakes };
    check.plan(plan);
    check.mistakes
}

struct Check {
    mistakes: Vec<Mistake>,
}

impl Check {
    fn wrong(&mut self, line: usize, what: String) {
        self.mistakes.push(Mistake { line: Some(line), what });
    }

    fn plan(&mut self, plan: &Plan) {
        if plan.name.is_empty() && !self.mistakes.iter().any(|mistake| mistake.what.starts_with("name ")) {
            self.mistakes.push(Mistake { line: None, what: "a plan needs a name, as in name = \"gop\"".to_owned() });
        }
        if plan.axes.is_empty() && self.mistakes.is_empty() {
            let what = "nothing is varied: add [axes] with a list, as in publisher.gop = [15, 60]".to_owned();
            self.mistakes.push(Mistake { line: None, what });
        }
        if let Some(axis) = plan.axes.get(MAX_AXES) {
            self.wrong(axis.line, format!("{} is one axis too many: at most {MAX_AXES}", axis.name));
        }
        for axis in &plan.axes {
            if axis.points.len() > MAX_POINTS {
                self.wrong(axis.line, format!("{} has too many values: at most {MAX_POINTS}", axis.name));
            }
        }
        self.twice(plan);
        let runs = plan.cell_count().and_then(|cells| cells.checked_mul(plan.repeat as usize));
        if runs.is_none_or(|runs| runs > MAX_RUNS) && self.mistakes.is_empty() {
            let lengths: Vec<String> = plan.axes.iter().map(|axis| axis.points.len().to_string()).collect();
            let what = format!(
                "{} cells × {} runs are too many: a plan has at most {MAX_RUNS} runs; remove values, or lower repeat",
                lengths.join(" × "),
                plan.repeat
            );
            self.mistakes.push(Mistake { line: None, what });
        }
    }

    /// A setting that is set at two places, a value that is twice in its axis, an axis that is twice in the plan.
    fn twice(&mut self, plan: &Plan) {
        for (number, axis) in plan.axes.iter().enumerate() {
            if plan.axes[..number].iter().any(|other| other.name == axis.name) {
                self.wrong(axis.line, format!("duplicate axis {}", axis.name));
            }
            for (number, point) in axis.points.iter().enumerate() {
                if axis.points[..number].iter().any(|other| other.label == point.label) {
                    let line = point.choices.first().map_or(axis.line, |choice| choice.line);
                    self.wrong(
                        line,
                        format!("{} has the value {} twice: use repeat to run it more often", axis.name, point.label),
                    );
                }
            }
        }
        let mut places: Vec<(&'static str, &str)> = Vec::new();
        let fixed = plan.fixed.iter().map(|choice| ("[fixed]", choice));
        for (place, choice) in fixed.collect::<Vec<_>>() {
            self.placed(&mut places, choice, place);
        }
        for axis in &plan.axes {
            let before = places.clone();
            for point in &axis.points {
                let mut within = before.clone();
                for choice in &point.choices {
                    self.placed(&mut within, choice, &axis.name);
                }
                let new = within.into_iter().filter(|place| !places.contains(place)).collect::<Vec<_>>();
                places.extend(new);
            }
        }
    }

    fn placed<'p>(&mut self, places: &mut Vec<(&'static str, &'p str)>, choice: &Choice, place: &'p str) {
        let name = choice.setting.name;
        match places.iter().find(|(known, _)| *known == name) {
            Some((_, other)) => self.wrong(choice.line, format!("{name} is already set by {other}: set it once")),
            None => places.push((name, place)),
        }
    }
}
