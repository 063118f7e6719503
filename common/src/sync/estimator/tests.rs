use std::time::Duration;

use super::*;
use crate::sync::MAX_AGE;
use crate::time::Now;

/// The other clock at our monotonic zero.
const THERE: i64 = 1_763_722_800_000_000;

fn at(us: u64) -> MonoTime {
    MonoTime::from_origin(Duration::from_micros(us))
}

/// Asked at `us`, `out` µs on the way there, 10 µs at the other end, `back` µs on the way back; the other clock is `shift` µs
/// ahead of ours.
fn asked(us: u64, out: u64, back: u64, shift: i64) -> Sample {
    let there = |us: u64| WallTime::from_micros(THERE + us as i64 + shift);
    Sample {
        sent: at(us),
        there_in: there(us + out),
        there_out: there(us + out + 10),
        received: at(us + out + 10 + back),
        distance_us: 0,
    }
}

/// Our wall clock is that of the other end without shift.
fn now(us: u64) -> Now {
    Now { wall: WallTime::from_micros(THERE + us as i64), mono: at(us) }
}

fn estimate(estimator: &Estimator, us: u64) -> crate::sync::Estimate {
    estimator.fix().expect("it is known").estimate(now(us), at(us)).expect("it is not too old")
}

#[test]
fn the_bound_is_half_the_round_trip_and_holds_whichever_way_was_slow() {
    for (out, back) in [(500, 500), (1_000, 0), (0, 1_000)] {
        let mut estimator = Estimator::default();
        assert_eq!(estimator.handle_sample(asked(0, out, back, 70_000)), Verdict::Taken);
        let found = estimate(&estimator, 1_010);
        assert!((found.offset_us + 70_000).abs() <= found.bound_us, "{found:?}");
        assert!((500..=504).contains(&found.bound_us), "{found:?}: half of 1,000 µs, resolution and rounding");
    }
}

#[test]
fn a_fast_answer_wins_and_its_bound_grows_with_age() {
    let mut estimator = Estimator::default();
    estimator.handle_sample(asked(0, 5_000, 9_000, 0));
    estimator.handle_sample(asked(100_000, 100, 100, 0));
    let fresh = estimate(&estimator, 100_210).bound_us;
    estimator.handle_sample(asked(200_000, 9_000, 5_000, 0));
    let later = estimate(&estimator, 1_100_210).bound_us;
    assert!(fresh <= 104, "{fresh}");
    assert!((700..=704).contains(&(later - fresh)), "one second at {GROWTH_PPM} ppm: {fresh} to {later}");
}

#[test]
fn intervals_that_overlap_in_part_are_cut() {
    let mut estimator = Estimator::default();
    estimator.handle_sample(asked(0, 1_000, 0, 0));
    estimator.handle_sample(asked(10_000, 0, 1_000, 0));
    let found = estimate(&estimator, 11_010);
    assert!(found.bound_us < 20 && found.offset_us.abs() <= found.bound_us, "{found:?}");
}

#[test]
fn a_step_of_the_other_clock_restarts_and_is_told() {
    for step in [40_000, -3_600_000_000_i64] {
        let mut estimator = Estimator::default();
        for i in 0..10 {
            assert_eq!(estimator.handle_sample(asked(i * 250_000, 200, 300, 0)), Verdict::Taken);
        }
        assert_eq!(estimator.handle_sample(asked(2_500_000, 200, 300, step)), Verdict::Doubted);
        assert_eq!(estimator.fix(), None, "in doubt there is no estimate");
        let Verdict::Restarted(jump) = estimator.handle_sample(asked(2_510_000, 200, 300, step)) else {
            panic!("two answers agree");
        };
        assert!((jump - step as f64).abs() < 2_000.0, "{jump}");
        let found = estimate(&estimator, 2_510_510);
        assert!((found.offset_us + step).abs() <= found.bound_us && found.bound_us < 300, "{found:?}");
        let restarts = estimator.restarts();
        assert_eq!((restarts.count, restarts.last.map(|(when, _)| when)), (1, Some(at(2_510_510))));
    }
}

#[test]
fn wrong_answers_that_contradict_each_other_are_passed_over() {
    let mut estimator = Estimator::default();
    estimator.handle_sample(asked(0, 200, 300, 0));
    assert_eq!(estimator.handle_sample(asked(250_000, 200, 300, 9_000)), Verdict::Doubted);
    assert_eq!(estimator.handle_sample(asked(260_000, 200, 300, -9_000)), Verdict::Doubted);
    assert_eq!(estimator.handle_sample(asked(270_000, 200, 300, 0)), Verdict::Cleared(2), "both");
    assert_eq!((estimator.restarts().count, estimate(&estimator, 270_510).bound_us < 300), (0, true));
}

#[test]
fn a_step_of_our_own_wall_clock_does_not_touch_it() {
    let mut estimator = Estimator::default();
    estimator.handle_sample(asked(0, 200, 300, 0));
    let stepped = Now { wall: now(600).wall.offset(5_000_000), mono: at(600) };
    let found = estimator.fix().expect("it is known").estimate(stepped, at(600)).expect("it is new");
    assert!((found.offset_us - 5_000_000).abs() <= found.bound_us, "{found:?}");
    assert_eq!(estimator.handle_sample(asked(250_000, 200, 300, 0)), Verdict::Taken);
}

#[test]
fn an_answer_that_took_longer_than_the_round_trip_is_impossible() {
    let mut estimator = Estimator::default();
    let mut sample = asked(0, 200, 300, 0);
    sample.there_out = sample.there_out.offset(600);
    assert_eq!(estimator.handle_sample(sample), Verdict::Impossible);
    assert_eq!(estimator.fix(), None);
    estimator.handle_sample(asked(10_000, 200, 300, 0));
    assert_eq!(estimator.handle_sample(sample), Verdict::Impossible);
    assert!(estimator.fix().is_some(), "it does not even cast doubt");
}

#[test]
fn an_old_fix_is_none() {
    let mut estimator = Estimator::default();
    estimator.handle_sample(asked(0, 200, 300, 0));
    let fix = estimator.fix().expect("it is known");
    let end = MAX_AGE.as_micros() as u64 + 510;
    assert!(fix.estimate(now(end), at(end)).is_some());
    assert_eq!(fix.estimate(now(end + 1), at(end + 1)), None);
}

#[test]
fn a_servers_own_distance_is_in_the_bound() {
    let mut estimator = Estimator::default();
    estimator.handle_sample(Sample { distance_us: 25_000, ..asked(0, 200, 300, 0) });
    assert!((25_250..25_260).contains(&estimate(&estimator, 510).bound_us));
}
