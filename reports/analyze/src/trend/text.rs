//! A trend as a page for the terminal.

use std::fmt::{self, Write};

use render::words::counted;

use super::{MIN_RUNS, Trend};

/// The most rows of the table: the latest runs. `--json` and the page have all.
const MAX_ROWS: usize = 40;

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table(f)?;
        self.changes(f)?;
        for left_out in &self.left_out {
            writeln!(f, "left out   {} {}", left_out.runs, left_out.why)?;
        }
        for different in &self.different {
            writeln!(f, "joined     {} {}", different.runs, different.why)?;
        }
        Ok(())
    }
}

impl Trend {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return Ok(());
        }
        let mut head = format!("{:<18}{:<10}", "started (UTC)", "run");
        for series in &self.series {
            let unit = if series.unit.is_empty() { String::new() } else { format!(" {}", series.unit) };
            write!(head, "{:>16}", format!("{}{unit}", series.name()))?;
        }
        writeln!(f, "{head}")?;
        let earlier = self.runs.len().saturating_sub(MAX_ROWS);
        if earlier > 0 {
            writeln!(f, "… {earlier} earlier runs")?;
        }
        for (at, run) in self.runs.iter().enumerate().skip(earlier) {
            let mut line = format!("{:<18}{:<10}", run.minute(), run.name());
            for series in &self.series {
                // The mark of a change precedes the figure.
                let mark = if series.changes.iter().any(|change| change.at == at) { "▶ " } else { "" };
                let value = series.values[at].map_or("—".to_owned(), |value| format!("{value:.3}"));
                write!(line, "{:>16}", format!("{mark}{value}"))?;
            }
            writeln!(f, "{line}")?;
        }
        writeln!(f)
    }

    fn changes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for series in &self.series {
            let known = series.values.iter().flatten().count();
            if series.changes.is_empty() {
                let few = if known < 2 * MIN_RUNS { ", too few to tell" } else { "" };
                writeln!(f, "{}: no change in {}{few}", series.name(), counted(known as u64, "run"))?;
            }
            for change in &series.changes {
                let run = &self.runs[change.at];
                let (before, after) = (series.shown(change.before), series.shown(change.after));
                let (name, size, since, p) = (series.name(), &change.text, run.minute(), change.p);
                writeln!(f, "▶ {name} {before} → {after}: {size} since {since} ({}), p = {p:.3}", run.name())?;
            }
        }
        Ok(())
    }
}
