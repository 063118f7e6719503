use common::marks::{ClockName, Mark};
use std::time::Duration;

use super::*;
use crate::tally::Tally;
use crate::testing::{about, now, sample};
use measure::sample::Sample;

const OFFSET: i64 = 3_600_000_000;

fn comparison(bound_us: i64) -> Comparison {
    Comparison { offset_us: OFFSET, bound_us, drift_ppm: Some(-12.3456), source: Source::Server }
}

fn tally() -> Tally {
    let mut about = about(Duration::ZERO);
    about.clocks = Clocks::Different;
    Tally::new(about)
}

/// Frame `i`, 10 ms old; where it is not corrected an hour older.
fn frame(i: u64, correction: Correction) -> Sample {
    let mut frame = sample(i, i * 40, i * 40 + 10);
    frame.correction = correction;
    if !matches!(correction, Correction::By(_)) {
        frame.marks = frame.marks.shifted(ClockName::Receiver, OFFSET);
    }
    frame
}

#[test]
fn corrected_latencies_are_never_mixed_with_raw_ones() {
    let mut tally = tally();
    (0..50).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
    assert_eq!((tally.run(true).latency_ms.count, tally.run(true).latency_ms.min), (50, Some(3_600_010.0)));
    tally.compared().known(comparison(400));
    (50..150).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
    (150..160).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
    tally.finish(now(6_410), &mut |_| {});
    let run = tally.run(false);
    assert_eq!((run.latency_ms.count, run.latency_ms.uncompared, run.latency_ms.max), (100, 60, Some(10.0)));
    assert!(run.picture_age_ms.max < Some(1_000.0), "{:?}", run.picture_age_ms);
    assert!(run.warnings.iter().any(|w| w.code == Code::Uncompared && w.message.contains("60 frames")));
    assert!(!run.warnings.iter().any(|w| w.code == Code::ClockUnknown), "{:?}", run.warnings);
}

#[test]
fn the_clock_block_says_offset_bound_and_source() {
    let mut tally = tally();
    tally.compared().probes(Probes { sent: 9, answered: 7, refused: 1, contradicted: 0, restarts: 2 });
    for (i, bound) in [(0, 900), (1, 2_000), (2, 300)] {
        tally.compared().known(comparison(bound));
        tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {});
    }
    let run = tally.run(false);
    let clock = run.clock;
    assert_eq!((clock.same_host, clock.offset_us, clock.uncertainty_us), (false, Some(OFFSET), Some(300)));
    assert_eq!((clock.max_uncertainty_us, clock.drift_ppm), (Some(2_000), Some(-12.346)));
    assert_eq!((clock.source.as_deref(), clock.restarts), (Some("server"), 2));
    assert_eq!(
        serde_json::to_value(clock.probes).expect("string keys only"),
        serde_json::json!({ "sent": 9, "answered": 7, "refused": 1 })
    );
    let uncertain = run.warnings.iter().find(|warning| warning.code == Code::ClockUncertain).expect("2 of 10 ms");
    assert!(uncertain.message.contains("± 2.000 ms") && uncertain.message.contains("10.000 ms"));
}

#[test]
fn where_nothing_is_known_the_warning_says_what_would_help() {
    let mut tally = tally();
    tally.compared().advise("ask somebody".to_owned());
    (0..50).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
    let run = tally.run(false);
    let unknown = run.warnings.iter().find(|warning| warning.code == Code::ClockUnknown).expect("it is said");
    assert!(unknown.message.ends_with("; ask somebody"), "{}", unknown.message);
    assert_eq!((run.clock.offset_us, run.clock.source), (None, None));
}

#[test]
fn a_comparison_that_is_lost_leaves_the_age_unknown_and_the_frames_out() {
    let mut tally = tally();
    tally.compared().known(comparison(300));
    (0..100).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
    (100..150).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
    assert_eq!((tally.live().age_ms, tally.newest_is_comparable(), tally.bound_us()), (None, false, None));
    let run = tally.run(false);
    assert_eq!((run.latency_ms.count, run.latency_ms.uncompared), (100, 50));
    assert!(run.picture_age_ms.max <= Some(60.0), "{:?}", run.picture_age_ms);
    assert!(run.warnings.iter().all(|warning| !warning.code.is_inconclusive()), "{:?}", run.warnings);

    (150..250).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
    let run = tally.run(false);
    let unknown = run.warnings.iter().find(|warning| warning.code == Code::ClockUnknown).expect("most are not known");
    assert!(unknown.message.contains("of 250 frames only 100"), "{}", unknown.message);
}

#[test]
fn without_a_word_on_the_hosts_nothing_counts_as_corrected() {
    let mut about = about(Duration::ZERO);
    about.clocks = Clocks::Unknown;
    let mut tally = Tally::new(about);
    (0..50).for_each(|i| tally.frame(&frame(i, Correction::None), &mut |_| {}));
    assert_eq!((tally.run(false).latency_ms.count, tally.run(false).clock.offset_us), (50, None));
    tally.compared().known(comparison(300));
    // Known, but no latency was corrected by it yet.
    assert_eq!(tally.run(false).clock.offset_us, None);
    (50..110).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
    let run = tally.run(false);
    assert_eq!((run.latency_ms.count, run.latency_ms.uncompared, run.clock.offset_us), (60, 50, Some(OFFSET)));
    assert_eq!(run.sections[0].latency_ms.count, 60, "raw latencies are in no section either");
}

#[test]
fn a_clock_that_stepped_while_it_was_compared_with_proves_nothing() {
    let mut tally = tally();
    let probes = |restarts| Probes { sent: 9, answered: 9, refused: 0, contradicted: 0, restarts };
    for (i, restarts) in (0..100).map(|i| (i, if i < 50 { 1 } else { 3 })) {
        tally.compared().probes(probes(restarts));
        tally.compared().known(comparison(300));
        tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {});
        let stepped = tally.run(false).warnings.into_iter().find(|warning| warning.code == Code::ComparedStep);
        assert_eq!(stepped.is_some(), i >= 50, "a step before the first of them is none");
        assert!(stepped.is_none_or(|warning| warning.code.is_inconclusive() && warning.message.contains("2 times")));
    }
}

#[test]
fn latencies_below_zero_within_the_bound_are_no_contradiction() {
    for (bound, contradicts) in [(20_000, false), (4_000, true)] {
        let mut tally = tally();
        tally.compared().known(comparison(bound));
        for i in 0..50 {
            let mut frame = frame(i, Correction::By(OFFSET));
            frame.marks = frame.marks.with(Mark::Stamped, frame.marks.stamped().offset(15_000));
            tally.frame(&frame, &mut |_| {});
        }
        let run = tally.run(false);
        assert_eq!((run.latency_ms.negative, run.latency_ms.min), (50, Some(-5.0)));
        assert_eq!(run.warnings.iter().any(|warning| warning.code == Code::NegativeLatency), contradicts);
        assert!(run.warnings.iter().any(|warning| warning.code == Code::ClockUncertain));
    }
}

#[test]
fn a_clock_that_contradicts_itself_proves_nothing() {
    for (contradicted, sure) in [(3, true), (4, true), (12, false)] {
        let mut tally = tally();
        tally.compared().probes(Probes { sent: 60, answered: 40, refused: 20, contradicted, restarts: 0 });
        tally.compared().known(comparison(300));
        (0..50).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
        let warnings = tally.run(false).warnings;
        let unsure = warnings.iter().find(|warning| warning.code == Code::ClockUnknown);
        assert_eq!(unsure.is_none(), sure, "{contradicted}: {warnings:?}");
        assert!(unsure.is_none_or(|warning| warning.message.contains("12 of 60 answers")));
    }
}

#[test]
fn clocks_that_are_days_apart_are_told_and_corrected() {
    let mut tally = tally();
    tally.compared().known(Comparison { offset_us: -3 * 86_400_000_000, ..comparison(300) });
    (0..50).for_each(|i| tally.frame(&frame(i, Correction::By(OFFSET)), &mut |_| {}));
    let run = tally.run(false);
    let far = run.warnings.iter().find(|warning| warning.code == Code::ClockFar).expect("three days");
    assert!(far.message.contains("3.0 days ahead of"), "{}", far.message);
    assert_eq!(run.latency_ms.p50, Some(10.0));
}

#[test]
fn a_step_is_looked_for_in_the_clock_as_it_was_read() {
    let corrected = frame(1, Correction::By(500));
    assert_eq!(corrected.now().wall, corrected.marks.presented().offset(500));
}
