//! A run on a page of 80 columns, for the terminal.

use std::fmt::{self, Write};
use std::path::Path;

use measure::timeline::Kind;
use measure::units::ms;
use report::run::{Run, Verdict};

use crate::words;

/// Columns of the page.
const WIDTH: usize = 80;

/// The run's figures, and where its report lies, if there is one.
pub fn terminal(run: &Run, report: Option<&Path>) -> String {
    let mut out = String::new();
    page(&mut out, run, report).expect("writing to a string does not fail");
    out
}

fn page(out: &mut String, run: &Run, report: Option<&Path>) -> fmt::Result {
    headline(out, run)?;
    frames(out, run)?;
    latency(out, run)?;
    if let Some(browser) = &run.browser {
        wrapped(out, "browser    ", &words::browser(browser))?;
        wrapped(out, "joins      ", &words::played(browser))?;
    }
    stages(out, run)?;
    sections(out, run)?;
    for warning in &run.warnings {
        wrapped(out, &format!("warning ({}): ", warning.code.name()), &warning.message)?;
    }
    for verdict in &run.assertions {
        assertion(out, verdict)?;
    }
    writeln!(out, "outcome    {}", run.outcome.name())?;
    report.map_or(Ok(()), |path| writeln!(out, "report     {}", path.display()))
}

fn headline(out: &mut String, run: &Run) -> fmt::Result {
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
    writeln!(out, "{line}")
}

fn frames(out: &mut String, run: &Run) -> fmt::Result {
    let Some((sent, parts)) = words::buckets(run) else { return Ok(()) };
    wrapped(out, "frames     ", &format!("{sent} sent = {parts}"))
}

fn latency(out: &mut String, run: &Run) -> fmt::Result {
    let latency = &run.latency_ms;
    if latency.count == 0 {
        return Ok(());
    }
    let clocks = match (run.clock.same_host, run.clock.uncertainty_us) {
        (true, _) if run.clock.assumed => "one clock (assumed)".to_owned(),
        (true, _) => "one clock (same host)".to_owned(),
        (false, Some(_)) => words::both_clocks(run).to_owned(),
        (false, None) => "two clocks, not compared".to_owned(),
    };
    writeln!(out, "\n{:<12}{:>10}{:>10}{:>10}{:>10}   {clocks}", "ms", "p50", "p95", "p99", "max")?;
    let cells = [latency.p50, latency.p95, latency.p99, latency.max];
    row(out, "latency", &cells, if words::has_joins(run) { "all joins together" } else { "" })?;
    offset(out, run)?;
    if let Some(calibration) = &run.calibration {
        writeln!(out, "            {}\n            ({})", calibration.sentence(), calibration.age())?;
    }
    let age = &run.picture_age_ms;
    if age.max.is_some() {
        row(out, "picture age", &[age.p50, None, age.p99, age.max], "")?;
    }
    let freezes = words::freezes(run).filter(|_| run.freezes.count > Some(0));
    freezes.map_or(Ok(()), |freezes| writeln!(out, "freezes     {freezes}"))
}

/// How far two clocks are apart, and so how well every latency is known.
fn offset(out: &mut String, run: &Run) -> fmt::Result {
    let clock = &run.clock;
    let (false, Some(bound), Some(most)) = (clock.same_host, clock.uncertainty_us, clock.max_uncertainty_us) else {
        return Ok(());
    };
    let (bound, most) = (ms(bound), ms(most));
    let Some(offset) = clock.offset_us.map(ms) else {
        return writeln!(out, "  ± {most:.3} ms: each run's clocks were compared");
    };
    writeln!(out, "  ± {most:.3} ms: {}, offset {offset:+.3} ± {bound:.3} ms", words::both_clocks(run))
}

fn stages(out: &mut String, run: &Run) -> fmt::Result {
    let known: Vec<_> = run.stages_ms.iter().filter(|(_, ms)| ms.count > 0).collect();
    for (stage, ms) in &known {
        row(out, &format!("  {}", stage.name()), &[ms.p50, None, ms.p99, ms.max], "")?;
    }
    if known.is_empty() { Ok(()) } else { writeln!(out) }
}

/// Where a clock split the run.
fn sections(out: &mut String, run: &Run) -> fmt::Result {
    if run.sections.len() < 2 {
        return Ok(());
    }
    for section in &run.sections {
        let (latency, because) = (&section.latency_ms, section.because.map_or("", Kind::name));
        let cells = [latency.p50, None, latency.p99, latency.max];
        let span = format!("from {:.1} s", section.from_s);
        row(out, &span, &cells, because)?;
    }
    writeln!(out)
}

fn row(out: &mut String, name: &str, cells: &[Option<f64>], note: &str) -> fmt::Result {
    let mut line = format!("{name:<12}");
    for cell in cells {
        match cell {
            Some(ms) => write!(line, "{ms:>10.3}")?,
            None => write!(line, "{:>10}", "")?,
        }
    }
    writeln!(out, "{}", format!("{line}   {note}").trim_end())
}

fn assertion(out: &mut String, verdict: &Verdict) -> fmt::Result {
    let found = verdict.value.map_or("no value".to_owned(), |value| format!("{value}{}", verdict.unit));
    let word = match verdict.ok {
        Some(true) => "held",
        Some(false) => "BROKEN",
        None => "undecided",
    };
    let why = verdict.why.as_ref().map_or(String::new(), |why| format!("; {why}"));
    wrapped(out, &format!("{word:<11}"), &format!("{} (found {found}{why})", verdict.text))
}

/// `text` after `head`, broken between words at [`WIDTH`] and indented.
fn wrapped(out: &mut String, head: &str, text: &str) -> fmt::Result {
    const INDENT: &str = "           ";
    let mut line = head.to_owned();
    let mut fresh = true;
    for word in text.split_whitespace() {
        if !fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line = INDENT.to_owned();
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use measure::figures::ClockFigures;
    use measure::timeline::Section;
    use report::calibration::Quote;
    use report::{Observation, Recorder, Setup, Summary};

    use super::*;
    use crate::testing::{about, now, sample};

    fn finished(setup: Setup) -> Run {
        let mut recorder = Recorder::new(setup).expect("nothing to write");
        for sequence in (0..200).filter(|sequence| sequence % 20 != 10) {
            recorder.observe(&Observation::frame(sample(sequence, sequence * 40, sequence * 40 + 10)));
        }
        recorder.finish(now(8_010), &[]).summary.run
    }

    #[test]
    fn the_page_says_what_matters_in_80_columns() {
        let asserted = ["p50<1ms", "p99_9<20ms"].map(|text| text.parse().expect(text));
        let run = finished(Setup { clocks: measure::Clocks::Unknown, ..about(Duration::ZERO) });
        let summary = Summary::judge(run, &asserted);
        let page = terminal(&summary.run, Some(Path::new("reports/run-1")));
        for line in page.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let expected = "\
8.0 s measured · 23.8 pictures/s · 760 kbit/s · first picture after 10 ms
frames     200 sent = 190 measured + 10 lost

ms                 p50       p95       p99       max   two clocks, not compared
latency         10.000    10.000    10.000    10.000
  stamp          0.050               0.050     0.050
  encode         0.950               0.950     0.950
  send           0.020               0.020     0.020
  network        8.000               8.000     8.000
  reassembly     0.080               0.080     0.080
  decode         0.840               0.840     0.840
  read           0.020               0.020     0.020
  present        0.040               0.040     0.040

warning (clock-unknown): the publisher may be on another host, and nobody
           compared the clocks: every latency contains their unknown difference
BROKEN     p50<1ms (found 10ms)
undecided  p99_9<20ms (found 10ms; 190 frames are too few for latency_ms.p99_9:
           it takes 1000)
outcome    inconclusive
report     reports/run-1
";
        assert_eq!(page, expected);
    }

    #[test]
    fn the_page_quotes_a_calibration() {
        let mut run = finished(about(Duration::ZERO));
        let (made, file) = ("2026-01-02T03:04:05Z".to_owned(), "calibration.json".to_owned());
        let (accuracy_ms, p99_accuracy_ms, age_s) = (0.4, Some(1.9), 200_000.0);
        run.calibration = Some(Quote { accuracy_ms, p99_accuracy_ms, made, age_s, file });
        let page = terminal(&run, None);
        let lines = "
            PUB to arrival: half of the frames ± 0.4 ms, 99% ± 1.9 ms, on this machine
            (calibrated 2 days ago)
";
        assert!(page.contains(lines), "{page}");
    }

    #[test]
    fn an_empty_run_is_told_without_figures() {
        let recorder = Recorder::new(about(Duration::from_secs(2))).expect("nothing to write");
        let page = terminal(&recorder.finish(now(5_000), &[]).summary.run, None);
        let expected = "\
nothing measured
warning (no-picture): no picture arrived from rtsp://127.0.0.1:8554/cam
outcome    inconclusive
";
        assert_eq!(page, expected);
    }

    #[test]
    fn merged_runs_of_compared_clocks_have_a_bound_and_no_offset() {
        let mut run = finished(about(Duration::ZERO));
        let (uncertainty_us, max_uncertainty_us) = (Some(300), Some(400));
        run.clock = ClockFigures { same_host: false, offset_us: None, uncertainty_us, max_uncertainty_us, ..run.clock };
        let page = terminal(&run, None);
        assert!(page.contains("  ± 0.400 ms: each run's clocks were compared\n"), "{page}");
        assert!(!page.contains("nobody") && !page.contains("offset"), "{page}");
        assert_eq!(words::clocks(&run), "± 0.400 ms: each run's clocks were compared");
    }

    #[test]
    fn a_step_splits_the_page_into_sections() {
        let mut run = finished(about(Duration::ZERO));
        run.sections.push(Section { because: Some(Kind::PublisherStep), from_s: 2.0, ..run.sections[0].clone() });
        let page = terminal(&run, None);
        let line = page.lines().find(|line| line.starts_with("from 2.0 s")).expect("the second section");
        assert!(line.ends_with("publisher's step"), "{line}");
    }
}
