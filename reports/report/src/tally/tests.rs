use common::frame::CaptureClock;
use common::marks::{Mark, Stage};
use measure::sample::Bucket;
use measure::stamps::Sei;
use serde_json::Value;

use super::*;
use crate::run::{Outcome, Run};
use crate::testing::{about, at, now, sample};
use crate::warning::Code;

mod metrics;
mod rates;

const WARMUP: Duration = Duration::from_secs(2);

/// Ms from the start to the first picture.
const FIRST: u64 = 300;

fn ignore(_: Entry<'_>) {}

fn frame(tally: &mut Tally, sequence: u64, stamped: u64, shown: u64) {
    tally.frame(&sample(sequence, stamped, shown), &mut ignore);
}

/// Frames `from..to` at 25 frames/s, the first picture at [`FIRST`], each 10 ms old, with ticks between.
fn play(tally: &mut Tally, from: u64, to: u64) {
    for sequence in from..to {
        let shown = FIRST + sequence * 40;
        frame(tally, sequence, shown - 10, shown);
        tally.tick(now(shown + 20), &mut ignore);
    }
}

fn finished(mut tally: Tally, ms: u64) -> (Run, Tally) {
    tally.finish(now(ms), &mut ignore);
    (tally.run(false), tally)
}

fn codes(run: &Run) -> Vec<&'static str> {
    run.warnings.iter().map(|warning| warning.code.name()).collect()
}

#[test]
fn a_clean_run() {
    let mut tally = Tally::new(about(WARMUP));
    tally.started(StartupStep::Connected, at(100));
    play(&mut tally, 0, 300);
    let (run, tally) = finished(tally, FIRST + 300 * 40);
    assert_eq!(run.outcome, Outcome::Ok);
    assert_eq!(run.warnings, []);
    assert_eq!(run.duration_s, Some(10.0));
    assert_eq!((run.frames.expected, run.frames.measured, run.frames.lost), (Some(250), Some(250), Some(0)));
    assert_eq!((run.latency_ms.count, run.latency_ms.p50, run.latency_ms.max), (250, Some(10.0), Some(10.0)));
    assert_eq!((run.fps, run.bitrate_kbps), (Some(25.0), Some(800.0)));
    assert_eq!((run.picture_age_ms.mean, run.picture_age_ms.max), (Some(30.0), Some(50.0)));
    assert_eq!((run.freezes.count, run.freezes.longest_ms), (Some(0), None));
    assert_eq!((run.startup.connected_ms, run.startup.first_frame_ms), (Some(100.0), Some(300.0)));
    assert_eq!(run.startup.first_packet_ms, None);
    assert_eq!(run.stages_ms[Stage::Decode].p50, Some(0.84));
    assert_eq!(run.stages_ms[Stage::Capture].p50, None);
    assert_eq!(tally.histograms().total.count(), 250);
}

#[test]
fn the_warm_up_is_in_no_figure() {
    let mut tally = Tally::new(about(WARMUP));
    // A second late, twice over, and half of it missing: all before the warm-up ends at 2.3 s.
    for sequence in (0..20).step_by(2) {
        frame(&mut tally, sequence, FIRST + sequence * 40, FIRST + sequence * 40 + 1_000);
        frame(&mut tally, sequence, FIRST + sequence * 40, FIRST + sequence * 40 + 1_001);
    }
    play(&mut tally, 50, 200);
    let (run, _) = finished(tally, FIRST + 200 * 40);
    assert_eq!(run.latency_ms.max, Some(10.0));
    assert_eq!((run.frames.lost, run.frames.duplicate), (Some(0), Some(0)));
    assert_eq!(run.pictures.repeated, 0);
    assert_eq!(run.picture_age_ms.max, Some(50.0));
}

#[test]
fn intervals_add_up_to_the_run() {
    let mut tally = Tally::new(about(WARMUP));
    play(&mut tally, 0, 100);
    play(&mut tally, 110, 200);
    frame(&mut tally, 195, FIRST + 195 * 40 - 10, FIRST + 200 * 40);
    let mut seconds = tally.take_final_intervals();
    let left = tally.pending_intervals();
    assert!(!left.is_empty() && !seconds.is_empty());
    let (run, mut tally) = finished(tally, FIRST + 200 * 40 + 500);
    seconds.extend(tally.take_final_intervals());
    let sum = |of: fn(&Interval) -> u64| seconds.iter().map(of).sum::<u64>();
    assert_eq!(Some(sum(|s| s.counts.expected())), run.frames.expected);
    assert_eq!(sum(|s| s.counts.of(Bucket::Lost)), 10);
    assert_eq!(sum(|s| s.counts.of(Bucket::Duplicate)), 1);
    assert_eq!(sum(|s| s.latencies), run.latency_ms.count);
    assert_eq!(seconds.iter().map(|s| s.second).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
    assert_eq!(seconds[6].length, Duration::from_millis(500));
    assert_eq!(tally.take_closed().len(), 7);
}

#[test]
fn a_reconnection_is_a_gap_a_freeze_and_a_warning() {
    let mut tally = Tally::new(about(WARMUP));
    play(&mut tally, 0, 100);
    let lost = FIRST + 100 * 40;
    tally.disconnected(at(lost));
    tally.disconnected(at(lost + 50));
    for ms in (lost..lost + 2_000).step_by(50) {
        tally.tick(now(ms), &mut ignore);
    }
    tally.reconnected(at(lost + 2_000));
    play(&mut tally, 150, 250);
    let (run, _) = finished(tally, FIRST + 250 * 40);
    assert_eq!((run.frames.expected, run.frames.lost), (Some(200), Some(50)));
    assert_eq!((run.connection.disconnects, run.connection.disconnected_ms), (1, 2_000.0));
    assert_eq!((run.freezes.count, run.freezes.longest_ms), (Some(1), Some(2_040.0)));
    assert_eq!(run.picture_age_ms.max, Some(2_050.0));
    assert_eq!(codes(&run), ["disconnected"]);
    assert_eq!(run.outcome, Outcome::Ok);
}

#[test]
fn a_freeze_that_lasts_to_the_end_is_seen() {
    let mut tally = Tally::new(about(WARMUP));
    play(&mut tally, 0, 100);
    let (run, _) = finished(tally, FIRST + 99 * 40 + 3_000);
    assert_eq!((run.freezes.count, run.freezes.total_ms), (Some(1), Some(3_000.0)));
    assert_eq!(run.latency_ms.max, Some(10.0));
    assert_eq!(run.picture_age_ms.max, Some(3_010.0));
}

#[test]
fn a_stream_is_overdue_when_it_is_lost_or_pauses_for_longer_than_its_pace_explains() {
    let mut tally = Tally::new(about(WARMUP));
    assert_eq!(tally.overdue(at(60_000)), None, "nothing has begun");
    play(&mut tally, 0, 100);
    let last = FIRST + 99 * 40;
    assert_eq!(tally.overdue(at(last + 2_000)), None);
    assert_eq!(tally.overdue(at(last + 2_001)), Some(Duration::from_millis(2_001)));
    tally.disconnected(at(last));
    assert_eq!(tally.overdue(at(last + 100)), Some(Duration::from_millis(100)));

    let mut slow = Tally::new(about(WARMUP));
    (0..5).for_each(|n| frame(&mut slow, n, n * 10_000, n * 10_000 + 10));
    assert_eq!(slow.overdue(at(40_010 + 29_000)), None, "a picture every 10 s");
    assert!(slow.overdue(at(40_010 + 31_000)).is_some());
}

#[test]
fn no_picture_no_code_and_no_samples_are_told_apart() {
    let (run, _) = finished(Tally::new(about(WARMUP)), 5_000);
    assert_eq!((codes(&run), run.outcome), (vec!["no-picture"], Outcome::Inconclusive));
    assert_eq!((run.frames.expected, run.frames.lost, run.duration_s, run.fps), (None, None, None, None));

    let mut tally = Tally::new(about(WARMUP));
    for ms in (0..5_000).step_by(40) {
        tally.unreadable(now(ms), 4_000, false, false, &mut ignore);
    }
    let (run, _) = finished(tally, 5_000);
    assert_eq!((codes(&run), run.outcome), (vec!["no-code"], Outcome::Inconclusive));
    assert_eq!((run.frames.expected, run.pictures.unreadable), (None, 75));
    assert_eq!(run.latency_ms.p50, None);

    let mut tally = Tally::new(about(WARMUP));
    play(&mut tally, 0, 40);
    let (run, _) = finished(tally, FIRST + 40 * 40);
    assert_eq!((codes(&run), run.outcome), (vec!["no-samples"], Outcome::Inconclusive));

    let mut tally = Tally::new(about(WARMUP));
    play(&mut tally, 0, 60);
    let (run, _) = finished(tally, FIRST + 60 * 40);
    assert_eq!((codes(&run), run.outcome), (vec!["few-samples"], Outcome::Inconclusive));
    assert_eq!(run.latency_ms.count, 10);
}

#[test]
fn a_code_that_is_mostly_unreadable_is_no_result() {
    let mut tally = Tally::new(about(Duration::ZERO));
    for sequence in 0..200 {
        let shown = FIRST + sequence * 40;
        if sequence % 3 == 0 {
            frame(&mut tally, sequence, shown - 10, shown);
        } else {
            tally.unreadable(now(shown), 4_000, false, false, &mut ignore);
        }
    }
    let (run, _) = finished(tally, FIRST + 8_000);
    assert_eq!((run.frames.unreadable, run.frames.lost), (Some(132), Some(0)));
    assert_eq!((codes(&run), run.outcome), (vec!["unreadable-code"], Outcome::Inconclusive));
}

#[test]
fn a_clock_step_is_counted_and_kept_out_of_the_latencies() {
    let mut tally = Tally::new(about(Duration::ZERO));
    play(&mut tally, 0, 100);
    for sequence in 100..200 {
        let shown = FIRST + sequence * 40;
        let mut stepped = sample(sequence, shown - 10, shown);
        // The publisher reads the same clock: frames 100 to 102 were stamped before the step, later ones after it.
        if sequence > 102 {
            stepped.marks = stepped.marks.with(Mark::Stamped, stepped.marks.stamped().offset(500_000));
        }
        stepped.marks = stepped.marks.with(Mark::Presented, stepped.marks.presented().offset(500_000));
        tally.frame(&stepped, &mut ignore);
    }
    let mut end = now(FIRST + 8_000);
    end.wall = end.wall.offset(500_000);
    tally.finish(end, &mut ignore);
    let run = tally.run(false);
    assert_eq!((run.clock.steps, run.clock.largest_step_us), (1, Some(500_000)));
    assert_eq!(run.latency_ms.max, Some(10.0));
    assert_eq!(run.frames.measured, Some(200));
    assert_eq!(run.latency_ms.count + run.latency_ms.clock_step, 200);
    assert!((1..40).contains(&run.latency_ms.clock_step), "{}", run.latency_ms.clock_step);
    assert_eq!(codes(&run), ["clock-step"]);
}

#[test]
fn negative_latencies_are_kept_and_told() {
    let mut tally = Tally::new(about(Duration::ZERO));
    for sequence in 0..100 {
        let shown = FIRST + sequence * 40;
        frame(&mut tally, sequence, shown + 5, shown);
    }
    let (run, _) = finished(tally, FIRST + 4_000);
    assert_eq!((run.latency_ms.negative, run.latency_ms.min, run.latency_ms.p50), (100, Some(-5.0), Some(-5.0)));
    assert_eq!((codes(&run), run.outcome), (vec!["negative-latency"], Outcome::Inconclusive));
}

#[test]
fn clocks_that_nobody_compared_prove_nothing() {
    let mut tally = Tally::new(crate::Setup { clocks: measure::Clocks::Unknown, ..about(Duration::ZERO) });
    play(&mut tally, 0, 100);
    let (run, _) = finished(tally, FIRST + 4_000);
    assert_eq!((codes(&run), run.outcome), (vec!["clock-unknown"], Outcome::Inconclusive));
    assert_eq!((run.clock.offset_us, run.clock.uncertainty_us), (None, None));
}

#[test]
fn what_the_publisher_says_of_its_host_outweighs_the_address() {
    use measure::Clocks::{Assumed, Different, Same, Unknown};
    for (address, said, expected) in [
        (Assumed, None, (true, vec!["clock-assumed"], Outcome::Ok)),
        (Assumed, Some(Same), (true, vec![], Outcome::Ok)),
        (Assumed, Some(Different), (false, vec!["clock-unknown"], Outcome::Inconclusive)),
        (Unknown, Some(Same), (true, vec![], Outcome::Ok)),
    ] {
        let mut tally = Tally::new(crate::Setup { clocks: address, ..about(Duration::ZERO) });
        play(&mut tally, 0, 100);
        said.into_iter().for_each(|said| tally.clocks(said));
        let (run, _) = finished(tally, FIRST + 4_000);
        assert_eq!((run.clock.same_host, codes(&run), run.outcome), expected, "{address:?}, {said:?}");
    }
}

#[test]
fn headless_nothing_is_presented_and_the_other_stages_add_up() {
    let mut tally = Tally::new(about(Duration::ZERO));
    for sequence in 0..100 {
        let shown = FIRST + sequence * 40;
        let mut headless = Sample { shown: false, ..sample(sequence, shown - 10, shown) };
        headless.marks = headless.marks.with(Mark::Read, headless.marks.presented());
        let stages = Stage::ALL.iter().filter_map(|stage| headless.stage_us(*stage));
        assert_eq!(stages.sum::<i64>(), headless.marks.latency_us());
        tally.frame(&headless, &mut ignore);
    }
    let (run, _) = finished(tally, FIRST + 4_000);
    assert_eq!((run.stages_ms[Stage::Present].p50, run.latency_ms.p50), (None, Some(10.0)));
}

#[test]
fn times_of_a_frame_that_disagree_are_told_with_what_it_suggests() {
    let message = |tally: &Tally, code: Code| {
        let warnings = tally.run(false).warnings;
        warnings.into_iter().find(|warning| warning.code == code).map(|warning| warning.message)
    };
    let mut tally = Tally::new(about(WARMUP));
    tally.stamps.code(Sei::SameFrame { difference_us: 1_000 }, CaptureClock::Monotonic);
    [40, 90_000, -12].into_iter().for_each(|us| tally.stamps.sender_report(us));
    for code in [Code::StampMismatch, Code::SeiMissing, Code::SenderTime, Code::CaptureTime] {
        assert_eq!(message(&tally, code), None, "one report of three is off");
    }

    [40_000, 90_000].into_iter().for_each(|us| tally.stamps.sender_report(us));
    let said = message(&tally, Code::SenderTime).expect("three reports of five are off");
    for words in ["3 of 5", "40.031 ms in the median", "90.000 ms, though code and SEI agree", "rewrites time"] {
        assert!(said.contains(words), "{said}");
    }

    tally.stamps.code(Sei::OtherFrame, CaptureClock::Implausible);
    tally.stamps.code(Sei::Missing, CaptureClock::None);
    let said = message(&tally, Code::StampMismatch).expect("one of three");
    assert!(said.contains("1 of 3 pictures") && !said.contains("ms off") && said.contains("transcoder"), "{said}");
    assert!(message(&tally, Code::SeiMissing).expect("one of three").contains("1 of 3 pictures"));
    assert!(message(&tally, Code::CaptureTime).expect("one").contains("gave 1 pictures"));
    assert!(!message(&tally, Code::SenderTime).expect("still").contains("agree"));

    tally.stamps.code(Sei::SameFrame { difference_us: -2_500 }, CaptureClock::None);
    assert!(message(&tally, Code::StampMismatch).expect("two of four").contains("up to 2.500 ms off"));
}

#[test]
fn a_run_that_goes_on_is_marked() {
    let mut tally = Tally::new(about(WARMUP));
    play(&mut tally, 0, 200);
    let run = tally.run(true);
    assert!(run.partial);
    assert_eq!((codes(&run), run.outcome), (vec!["partial"], Outcome::Inconclusive));
}

#[test]
fn warnings_handed_in_are_bounded_and_not_repeated() {
    let mut tally = Tally::new(about(WARMUP));
    for i in 0..300 {
        tally.warn(Warning::new(Code::Input, format!("number {}", i % 150)));
    }
    assert_eq!(tally.warnings.len(), MAX_WARNINGS);
}

/// Every number of `run.json` that stands for a time or a rate must be `null` where nothing was measured.
#[test]
fn nothing_measured_is_null_and_not_zero() {
    let (run, _) = finished(Tally::new(about(WARMUP)), 5_000);
    let json = serde_json::to_value(&run).expect("a run is JSON");
    for path in [
        "/frames/expected",
        "/frames/lost",
        "/latency_ms/min",
        "/latency_ms/p99_9",
        "/latency_ms/stdev",
        "/picture_age_ms/max",
        "/freezes/count",
        "/freezes/longest_ms",
        "/stages_ms/decode/p50",
        "/startup/first_frame_ms",
        "/fps",
        "/bitrate_kbps",
        "/duration_s",
        "/clock/largest_step_us",
    ] {
        assert_eq!(json.pointer(path), Some(&Value::Null), "{path}");
    }
}
