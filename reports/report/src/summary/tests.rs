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
    assert_eq!(summary.run.warnings.last().map(|warning| warning.message.as_str()), Some("the disk is full"));
}
