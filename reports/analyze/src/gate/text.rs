//! A comparison for people: on the terminal, and as Markdown for the page of a CI job.

use std::fmt::{self, Write};

use measure::units::rounded;
use render::markdown;

use super::statistics::{POWER, can_decide, is_counted};
use super::{Amount, Comparison, Effect, Side, Verdict};

/// Values shown of one side; the rest is in the JSON.
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

    /// The same without a verdict, for who only wants to know.
    pub fn without_verdict(&self) -> String {
        let mut page = format!("{:<11}{}", "compare", self.headline());
        for (name, text) in self.lines().into_iter().filter(|(name, _)| *name != "limit") {
            // Writing to a String cannot fail.
            let _ = write!(page, "\n{name:<11}{text}");
        }
        page
    }

    /// The change in one line.
    pub fn headline(&self) -> String {
        let Some(effect) = &self.effect else {
            return format!("{}: nothing to compare", self.metric);
        };
        let Effect { baseline, candidate, change, .. } = effect;
        let unit = self.unit_after();
        let change = self.amount(change, effect);
        let interval = match effect.low.zip(effect.high) {
            Some((low, high)) => format!(
                " ({} % interval {} … {})",
                effect.confidence_percent,
                self.amount(&low, effect),
                self.amount(&high, effect)
            ),
            None => String::new(),
        };
        format!("{} {baseline} → {candidate}{unit}: {change}{interval}", self.metric)
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("baseline", self.side(&self.baseline)), ("candidate", self.side(&self.candidate))];
        for (name, side) in [("", &self.baseline), ("", &self.candidate)] {
            lines.extend(side.left_out.iter().map(|run| (name, format!("{} is left out: {}", run.name, run.why))));
        }
        if let Some(effect) = &self.effect {
            lines.push(("limit", format!("{} is allowed", self.both(&effect.limit))));
            if let Some(spread) = &effect.spread {
                let spread = self.amount(spread, effect).replace(['+', '−'], "");
                lines.push(("noise", format!("runs of one side differ by {spread} (standard deviation)")));
                lines.push(("", format!("by chance as much worse: {}", self.chance(effect.p_worse))));
            }
            let seen = match &effect.detectable {
                Some(least) => {
                    format!("{} or worse would be found {:.0} times in 100", self.both(least), POWER * 100.0)
                }
                None if can_decide([self.baseline.runs.len(), self.candidate.runs.len()]) => {
                    "nothing: every change is allowed".to_owned()
                }
                None => "nothing: too few runs".to_owned(),
            };
            lines.push(("could see", seen));
        }
        for difference in self.differences.iter().chain(&self.notes) {
            lines.push(("differs", difference.to_string()));
        }
        lines
    }

    /// `p = 0.0040 (exact)`. None is 0, however few ways there are.
    fn chance(&self, p: f64) -> String {
        const LEAST: f64 = 0.0001;
        let p = if p < LEAST { format!("p < {LEAST}") } else { format!("p = {p:.4}") };
        let is_exact = is_counted([self.baseline.runs.len(), self.candidate.runs.len()]);
        if is_exact { format!("{p} (exact)") } else { p }
    }

    fn side(&self, side: &Side) -> String {
        let values = side.runs.iter().take(MAX_VALUES).map(|run| rounded(run.value).to_string());
        let more = side.runs.len().saturating_sub(MAX_VALUES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let values = values.collect::<Vec<_>>().join(" ");
        format!("{} runs: {values}{more}{}", side.runs.len(), self.unit_after())
    }

    /// A change as its scale has it.
    fn amount(&self, amount: &Amount, effect: &Effect) -> String {
        match amount.percent.filter(|_| effect.scale == super::effect::Scale::Ratio) {
            Some(percent) => format!("{} %", signed(percent, 1)),
            None => self.absolute(amount),
        }
    }

    /// A change in both ways.
    fn both(&self, amount: &Amount) -> String {
        if !amount.absolute.is_finite() {
            return "any change".to_owned();
        }
        match amount.percent {
            Some(percent) => format!("{} % ({})", signed(percent, 1), self.absolute(amount)),
            None => self.absolute(amount),
        }
    }

    fn absolute(&self, amount: &Amount) -> String {
        format!("{}{}", signed(amount.absolute, 3), self.unit_after())
    }

    fn unit_after(&self) -> String {
        if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) }
    }
}

fn signed(value: f64, decimals: usize) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{:.decimals$}", value.abs())
}
