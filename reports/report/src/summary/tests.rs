use std::time::Duration;

use super::*;
use crate::setup::Setup;
use crate::tally::Tally;
use crate::testing::{about, now, sample};
use crate::warning::Code;

fn tally(about: Setup) -> Tally {
    let mut tally = Tally::new(about);
    for sequence in (0..200).filter(|sequence| sequence % 20 != 10) {
        tally.frame(&sample(sequence, sequence * 40, sequence * 40 + 10), &mut |_| {});
    }
    tally.finish(now(8_010), &mut |_| {});
    tally
}

fn judged(about: Setup, assertions: &[&str]) -> Summary {
    let assertions: Vec<_> = assertions.iter().map(|text| text.parse().expect(text)).collect();
    Summary::judge(tally(about).run(false), &assertions)
}

#[test]
fn outcomes_and_exit_codes_in_their_order() {
    let plain = || about(Duration::ZERO);
    let apart = || Setup { clocks: measure::Clocks::Unknown, ..plain() };
    for (about, assertions, outcome, code) in [
        (plain(), &[][..], Outcome::Ok, 0),
        (plain(), &["p50<20ms"], Outcome::Ok, 0),
        (plain(), &["p50<20ms", "p50<1ms"], Outcome::Failed, 99),
        (plain(), &["stages.capture.p50<1ms"], Outcome::Inconclusive, 3),
        (plain(), &["stages.capture.p50<1ms", "p50<1ms"], Outcome::Failed, 99),
        (apart(), &["p50<20ms"], Outcome::Inconclusive, 3),
        (apart(), &["p50<1ms"], Outcome::Inconclusive, 3),
    ] {
        let summary = judged(about, assertions);
        assert_eq!((summary.outcome(), summary.exit_code), (outcome, code), "{assertions:?}");
    }
}

#[test]
fn a_failure_is_above_all() {
    let mut summary = judged(about(Duration::ZERO), &["p50<1ms"]);
    summary.fail(Warning::new(Code::ReportNotWritten, "the disk is full"));
    assert_eq!((summary.outcome(), summary.exit_code), (Outcome::Failed, 1));
    assert!(summary.to_string().contains("the disk is full"));
}

#[test]
fn the_page_says_what_matters_in_80_columns() {
    let mut summary =
        judged(Setup { clocks: measure::Clocks::Unknown, ..about(Duration::ZERO) }, &["p50<1ms", "p99_9<20ms"]);
    summary.report = Some("reports/run-1".into());
    let page = summary.to_string();
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
    let mut tally = tally(about(Duration::ZERO));
    let (made, file) = ("2026-01-02T03:04:05Z".to_owned(), "calibration.json".to_owned());
    let (accuracy_ms, p99_accuracy_ms, age_s) = (0.4, Some(1.9), 200_000.0);
    tally.calibration(crate::calibration::Quote { accuracy_ms, p99_accuracy_ms, made, age_s, file });
    let page = Summary::judge(tally.run(false), &[]).to_string();
    let lines = "
            PUB to arrival: half of the frames ± 0.4 ms, 99% ± 1.9 ms, on this machine
            (calibrated 2 days ago)
";
    assert!(page.contains(lines), "{page}");
}

#[test]
fn an_empty_run_is_told_without_figures() {
    let mut tally = Tally::new(about(Duration::from_secs(2)));
    tally.finish(now(5_000), &mut |_| {});
    let page = Summary::judge(tally.run(false), &[]).to_string();
    let expected = "\
nothing measured
warning (no-picture): no picture arrived from rtsp://127.0.0.1:8554/cam
outcome    inconclusive
";
    assert_eq!(page, expected);
}
