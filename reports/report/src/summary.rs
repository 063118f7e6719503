//! What came of a run: the outcome, the exit code, and the page for the terminal.
//!
//! # Outcome
//!
//! The first of these that holds:
//!
//! 1. the run failed ([`Recorder::fail`](crate::Recorder::fail), or a report that cannot be written): `failed`, exit
//!    code 1;
//! 2. the figures prove nothing ([`Code::is_inconclusive`](crate::warning::Code::is_inconclusive)): `inconclusive`, 3;
//! 3. an assertion is broken: `failed`, 99;
//! 4. an assertion has no figure, or too few frames for it: `inconclusive`, 3;
//! 5. otherwise `ok`, 0.

use std::fmt::{self, Write};
use std::path::PathBuf;

use common::marks::Stage;
use measure::figures::StageMs;
use measure::live::Metrics;
use measure::sample::Bucket;
use measure::timeline::Kind;
use measure::units::ms;

use crate::run::{Outcome, Run, Verdict};
use crate::threshold::Assertion;
use crate::warning::Warning;

/// Exit codes as in the interface: see the module.
const OK: u8 = 0;
const FAILED: u8 = 1;
const INCONCLUSIVE: u8 = 3;
const BROKEN: u8 = 99;

/// Columns of the page.
const WIDTH: usize = 80;

/// A finished run. Its `Display` is a page of at most 80 columns.
#[derive(Clone, Debug)]
pub struct Summary {
    /// All figures, as in `run.json`.
    pub run: Run,
    /// What the process should end with.
    pub exit_code: u8,
    /// The report folder, where one was written.
    pub report: Option<PathBuf>,
    /// The last figures for programs that watch the run; `None` where it was not recorded here.
    pub metrics: Option<Metrics>,
}

impl Summary {
    /// Judges a run by its warnings and by `assertions`.
    pub fn judge(run: Run, assertions: &[Assertion]) -> Self {
        let verdicts = assertions.iter().map(|assertion| assertion.check(&run)).collect();
        Self::judged(run, verdicts)
    }

    /// Judges a run by its warnings and by assertions that were checked.
    pub fn judged(mut run: Run, verdicts: Vec<Verdict>) -> Self {
        run.assertions = verdicts;
        let any = |ok| run.assertions.iter().any(|verdict| verdict.ok == ok);
        let (outcome, exit_code) = if run.warnings.iter().any(|warning| warning.code.is_inconclusive()) {
            (Outcome::Inconclusive, INCONCLUSIVE)
        } else if any(Some(false)) {
            (Outcome::Failed, BROKEN)
        } else if any(None) {
            (Outcome::Inconclusive, INCONCLUSIVE)
        } else {
            (Outcome::Ok, OK)
        };
        run.outcome = outcome;
        Self { run, exit_code, report: None, metrics: None }
    }

    /// Says that the run failed, whatever its figures: exit code 1.
    pub fn fail(&mut self, warning: Warning) {
        self.run.warnings.push(warning);
        self.run.outcome = Outcome::Failed;
        self.exit_code = FAILED;
    }

    /// What came of the run.
    pub fn outcome(&self) -> Outcome {
        self.run.outcome
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = &self.run;
        headline(f, run)?;
        frames(f, run)?;
        latency(f, run)?;
        stages(f, run)?;
        sections(f, run)?;
        for warning in &run.warnings {
            wrapped(f, &format!("warning ({}): ", warning.code.name()), &warning.message)?;
        }
        for verdict in &run.assertions {
            assertion(f, verdict)?;
        }
        writeln!(f, "outcome    {}", run.outcome.name())?;
        match &self.report {
            Some(path) => writeln!(f, "report     {}", path.display()),
            None => Ok(()),
        }
    }
}

fn headline(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let mut line = String::new();
    match run.duration_s {
        Some(seconds) => write!(line, "{seconds:.1} s measured")?,
        None => line.push_str("nothing measured"),
    }
    if let Some(fps) = run.fps {
        write!(line, " · {fps:.1} pictures/s")?;
    }
    if let Some(kbps) = run.bitrate_kbps {
        write!(line, " · {kbps:.0} kbit/s")?;
    }
    if let Some(first) = run.startup.first_frame_ms {
        write!(line, " · first picture after {first:.0} ms")?;
    }
    writeln!(f, "{line}")
}

fn frames(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let Some(expected) = run.frames.expected else { return Ok(()) };
    let parts: Vec<_> = Bucket::ALL
        .into_iter()
        .filter_map(|bucket| Some((bucket, run.frames.of(bucket)?)))
        .filter(|(bucket, frames)| *frames > 0 || matches!(bucket, Bucket::Measured | Bucket::Lost))
        .map(|(bucket, frames)| format!("{frames} {}", bucket.name()))
        .collect();
    wrapped(f, "frames     ", &format!("{expected} sent = {}", parts.join(" + ")))
}

fn latency(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let latency = &run.latency_ms;
    if latency.count == 0 {
        return Ok(());
    }
    let clocks = match (run.clock.same_host, run.clock.uncertainty_us) {
        (true, _) if run.clock.assumed => "one clock (assumed)".to_owned(),
        (true, _) => "one clock (same host)".to_owned(),
        (false, Some(_)) => "two clocks".to_owned(),
        (false, None) => "two clocks, not compared".to_owned(),
    };
    writeln!(f, "\n{:<12}{:>10}{:>10}{:>10}{:>10}   {clocks}", "ms", "p50", "p95", "p99", "max")?;
    let cells = [latency.p50, latency.p95, latency.p99, latency.max];
    row(f, "latency", &cells, "")?;
    offset(f, run)?;
    if let Some(calibration) = &run.calibration {
        writeln!(f, "            {}\n            ({})", calibration.sentence(), calibration.age())?;
    }
    let age = &run.picture_age_ms;
    if age.max.is_some() {
        row(f, "picture age", &[age.p50, None, age.p99, age.max], "")?;
    }
    if let (Some(count @ 1..), Some(total), Some(longest)) =
        (run.freezes.count, run.freezes.total_ms, run.freezes.longest_ms)
    {
        writeln!(f, "freezes     {count}, {total:.0} ms all together, the longest {longest:.0} ms")?;
    }
    Ok(())
}

/// How far two clocks are apart, and so how well every latency is known.
fn offset(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let clock = &run.clock;
    let (false, Some(offset), Some(bound), Some(most)) =
        (clock.same_host, clock.offset_us, clock.uncertainty_us, clock.max_uncertainty_us)
    else {
        return Ok(());
    };
    let (offset, bound, most) = (ms(offset), ms(bound), ms(most));
    writeln!(f, "  ± {most:.3} ms: two clocks, offset {offset:+.3} ± {bound:.3} ms")
}

fn stages(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let known: Vec<(Stage, &StageMs)> = run.stages_ms.iter().filter(|(_, ms)| ms.count > 0).collect();
    for (stage, ms) in &known {
        row(f, &format!("  {}", stage.name()), &[ms.p50, None, ms.p99, ms.max], "")?;
    }
    if known.is_empty() { Ok(()) } else { writeln!(f) }
}

/// Where a clock split the run.
fn sections(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    if run.sections.len() < 2 {
        return Ok(());
    }
    for section in &run.sections {
        let (latency, because) = (&section.latency_ms, section.because.map_or("", Kind::name));
        let cells = [latency.p50, None, latency.p99, latency.max];
        let span = format!("from {:.1} s", section.from_s);
        row(f, &span, &cells, because)?;
    }
    writeln!(f)
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, cells: &[Option<f64>], note: &str) -> fmt::Result {
    let mut line = format!("{name:<12}");
    for cell in cells {
        match cell {
            Some(ms) => write!(line, "{ms:>10.3}")?,
            None => write!(line, "{:>10}", "")?,
        }
    }
    writeln!(f, "{}", format!("{line}   {note}").trim_end())
}

fn assertion(f: &mut fmt::Formatter<'_>, verdict: &Verdict) -> fmt::Result {
    let found = verdict.value.map_or("no value".to_owned(), |value| format!("{value}{}", verdict.unit));
    let word = match verdict.ok {
        Some(true) => "held",
        Some(false) => "BROKEN",
        None => "undecided",
    };
    let why = verdict.why.as_ref().map_or(String::new(), |why| format!("; {why}"));
    wrapped(f, &format!("{word:<11}"), &format!("{} (found {found}{why})", verdict.text))
}

/// `text` after `head`, broken between words at [`WIDTH`] and indented.
fn wrapped(f: &mut fmt::Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    const INDENT: &str = "           ";
    let mut line = head.to_owned();
    let mut fresh = true;
    for word in text.split_whitespace() {
        if !fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{line}")?;
            line = INDENT.to_owned();
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    writeln!(f, "{line}")
}

#[cfg(test)]
mod tests;
