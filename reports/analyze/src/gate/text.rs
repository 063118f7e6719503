//! A comparison for people: on the terminal, and as Markdown for the page of a CI job.

use std::fmt::{self, Write};

use super::{Comparison, Effect, Side, Verdict};
use crate::statistics::{Amount, POWER, can_decide, is_counted};
use measure::units::rounded;
use render::markdown;
use render::words::counted;

/// The most values shown of one side; all are in the JSON.
const MAX_VALUES: usize = 10;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<11}{}", "gate", self.headline())?;
        for (name, text) in self.lines() {
            writeln!(f, "{name:<11}{text}")?;
        }
        write!(f, "{:<11}{}: {}", "verdict", self.judgement.verdict.name(), self.judgement.why)
    }
}

impl Comparison {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let sign = match (self.judgement.verdict, self.judgement.improved) {
            (Verdict::Regression, _) => "❌",
            (Verdict::Inconclusive, _) => "⚠️",
            (Verdict::Pass, true) => "🎉",
            (Verdict::Pass, false) => "✅",
        };
        let mut page = format!(
            "### {sign} framelag gate: {}\n\n{}\n\n**{}**\n\n| | |\n|---|---|\n",
            self.judgement.verdict.name(),
            markdown::text(&self.headline()),
            markdown::text(&self.judgement.why)
        );
        for (name, text) in self.lines() {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "| {name} | {} |", markdown::text(&text));
        }
        page
    }

    /// The change in one line.
    pub fn headline(&self) -> String {
        let Some(effect) = &self.effect else {
            return format!("{}: nothing to compare", self.metric);
        };
        let Effect { baseline, candidate, .. } = effect;
        let interval =
            self.interval(effect).map(|interval| format!(" ({} % interval {interval})", effect.confidence_percent));
        let change = effect.change.on(effect.scale, self.unit);
        format!(
            "{} {baseline} → {candidate}{}: {change}{}",
            self.metric,
            self.unit_after(),
            interval.unwrap_or_default()
        )
    }

    /// `+7.0 % … +13.1 %`.
    pub(super) fn interval(&self, effect: &Effect) -> Option<String> {
        let on_scale = |end: &Amount| end.on(effect.scale, self.unit);
        Some(format!("{} … {}", on_scale(effect.low.as_ref()?), on_scale(effect.high.as_ref()?)))
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("baseline", self.side(&self.baseline)), ("candidate", self.side(&self.candidate))];
        for side in [&self.baseline, &self.candidate] {
            lines.extend(side.left_out.iter().map(|run| ("left out", format!("{}: {}", run.name, run.why))));
        }
        if let Some(effect) = &self.effect {
            lines.push(("limit", self.both(&effect.limit)));
            if let Some(spread) = &effect.spread {
                let spread = spread.on(effect.scale, self.unit).replace(['+', '−'], "");
                lines.push(("noise", format!("{spread} standard deviation between runs of one side")));
                lines.push((
                    "p-value",
                    format!("{}: how often noise alone looks this bad", self.chance(effect.p_worse)),
                ));
            }
            let seen = match &effect.detectable {
                Some(least) => format!("{} or more, in {:.0} of 100 cases", self.both(least), POWER * 100.0),
                None if can_decide([self.baseline.runs.len(), self.candidate.runs.len()]) => {
                    "nothing: every change is allowed".to_owned()
                }
                None => "nothing: too few runs".to_owned(),
            };
            lines.push(("detectable", seen));
        }
        for difference in self.differences.iter().chain(&self.notes) {
            lines.push(("differs", difference.to_string()));
        }
        lines
    }

    /// `p = 0.0040 (exact)`. None is 0, however few ways there are.
    fn chance(&self, p: f64) -> String {
        const LEAST: f64 = 0.0001;
        let p = if p < LEAST { format!("< {LEAST}") } else { format!("{p:.4}") };
        let is_exact = is_counted([self.baseline.runs.len(), self.candidate.runs.len()]);
        if is_exact { format!("{p} (exact)") } else { p }
    }

    fn side(&self, side: &Side) -> String {
        let values = side.runs.iter().take(MAX_VALUES).map(|run| rounded(run.value).to_string());
        let more = side.runs.len().saturating_sub(MAX_VALUES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let values = values.collect::<Vec<_>>().join(" ");
        format!("{}: {values}{more}{}", counted(side.runs.len() as u64, "run"), self.unit_after())
    }

    /// A change in both ways.
    fn both(&self, amount: &Amount) -> String {
        if amount.absolute.is_finite() { amount.both(self.unit) } else { "any change".to_owned() }
    }

    fn unit_after(&self) -> String {
        if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) }
    }
}
