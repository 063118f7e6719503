//! Clocks that step, sleep, were never set, or are two: seen, dated, and kept from making a figure out of nothing.

use std::time::Duration;

use common::time::WallTime;
use measure::Clocks;
use measure::timeline::Kind;
use proptest::prelude::*;
use report::Outcome;

use crate::world::{Code, EPOCH_US, Report, World};

mod world;

/// When frame `n` is shown. The warm-up ends with frame 50.
const fn due(n: u64) -> u64 {
    300 + 40 * n
}

/// Shows frames of a publisher whose clock is `ahead` µs of the receiver's, 10 ms old.
fn play(world: &mut World, frames: std::ops::Range<u64>, ahead: i64) {
    for n in frames {
        world.go(due(n));
        world.picture(Code { run: Some(1), sequence: n, stamp: world.ago(10).offset(ahead) });
    }
}

/// What began each section, when, and how many latencies it has.
fn sections(report: &Report) -> Vec<(Option<Kind>, f64, u64)> {
    report.run.sections.iter().map(|s| (s.because, s.from_s, s.latency_ms.count)).collect()
}

fn total(report: &Report) -> u64 {
    report.run.sections.iter().map(|section| section.latency_ms.count).sum()
}

#[test]
fn nothing_happened_is_one_section_that_says_what_the_run_says() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, 0..150, 0);
    let report = world.finish(due(150));
    let [section] = &report.run.sections[..] else { panic!("{:?}", report.run.sections) };
    assert_eq!((section.from_s, Some(section.to_s), section.because), (0.0, report.run.duration_s, None));
    let (part, whole) = (section.latency_ms, report.run.latency_ms);
    assert_eq!(
        (part.count, part.min, part.p50, part.p99, part.max),
        (whole.count, whole.min, whole.p50, whole.p99, whole.max)
    );
    assert_eq!(report.run.clock.events, []);
}

/// On one host the publisher steps with the receiver: frames under way are left out, the others are good, and so is the age
/// of every picture, also of those that were stamped before and shown after.
#[test]
fn a_step_of_the_one_clock_splits_and_leaves_the_age_alone() {
    let steps = [3_600_000_000, -3_600_000_000, 70_000, -70_000];
    let (known, assumed) =
        ((Clocks::Same, &["clock-step"][..]), (Clocks::Assumed, &["clock-assumed", "clock-step"][..]));
    for (by, (clocks, codes)) in steps.into_iter().flat_map(|by| [(by, known), (by, assumed)]) {
        let mut world = World::new(clocks);
        play(&mut world, 0..100, 0);
        world.go(due(99) + 35);
        world.clock.step_wall(by);
        world.go(due(100));
        // Stamped 10 ms ago, before the step.
        world.picture(Code { run: Some(1), sequence: 100, stamp: world.ago(10).offset(-by) });
        play(&mut world, 101..200, 0);
        let report = world.finish(due(200));
        let clock = &report.run.clock;
        assert_eq!((clock.steps, clock.largest_step_us, clock.publisher_steps), (1, Some(by), 0), "{by}");
        let [event] = &clock.events[..] else { panic!("{:?}", clock.events) };
        // 99 frames of 40 ms from 300 ms, 40 ms on, 2,300 ms of warm-up.
        assert_eq!((event.kind, event.by_us, event.second), (Kind::Step, by, Some(2.0)), "{by}");
        let at = measure::units::rfc3339(WallTime::from_micros(EPOCH_US + 4_300_000 + by));
        assert_eq!(event.at, at);
        assert_eq!(sections(&report)[0], (None, 0.0, 50), "{by}");
        assert_eq!(sections(&report)[1].0, Some(Kind::Step));
        let latency = &report.run.latency_ms;
        assert!(latency.clock_step > 0 && total(&report) == latency.count, "{by}");
        assert_eq!((latency.count + latency.clock_step, latency.min, latency.max), (150, Some(10.0), Some(10.0)));
        assert_eq!((report.run.picture_age_ms.mean, report.run.picture_age_ms.max), (Some(30.0), Some(50.0)), "{by}");
        assert_eq!(report.buckets(), [150, 150, 0, 0, 0, 0, 0], "{by}");
        assert_eq!((&report.codes()[..], report.run.outcome), (codes, Outcome::Ok), "{by}");
    }
}

#[test]
fn a_step_in_the_warm_up_is_dated_and_splits_nothing() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, 0..10, 0);
    world.clock.step_wall(500_000);
    play(&mut world, 10..150, 0);
    let report = world.finish(due(150));
    assert_eq!((report.run.clock.events[0].second, sections(&report)), (None, vec![(None, 0.0, 100)]));
}

/// The picture is as old as the clock on the wall says, and the machine's sleep is a freeze.
#[test]
fn a_suspend_is_no_step_and_ages_the_picture() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, 0..100, 0);
    world.go(due(99) + 30);
    world.clock.suspend(Duration::from_secs(600));
    play(&mut world, 100..200, 0);
    let report = world.finish(due(200));
    let clock = &report.run.clock;
    assert_eq!((clock.steps, clock.suspends, clock.largest_step_us), (0, 1, None));
    assert_eq!((clock.events[0].kind, clock.events[0].by_us), (Kind::Suspend, 600_000_000));
    assert_eq!(sections(&report)[1].0, Some(Kind::Suspend));
    assert_eq!(report.run.picture_age_ms.max, Some(600_050.0));
    let freezes = &report.run.freezes;
    assert_eq!((freezes.count, freezes.total_ms, freezes.longest_ms), (Some(1), Some(600_040.0), Some(600_040.0)));
    assert_eq!(report.run.duration_s, Some(6.0), "seconds are those awake");
    assert_eq!((report.run.latency_ms.max, total(&report)), (Some(10.0), report.run.latency_ms.count));
    assert_eq!((report.codes(), report.run.outcome), (vec!["suspend"], Outcome::Ok));
    assert!(report.said().contains("suspended 1 times, for 600.0 s"), "{}", report.said());
}

/// The publisher's clock alone is set: the level of the latencies moves, and stays.
#[test]
fn a_step_of_the_publishers_clock_splits_and_proves_nothing() {
    for by in [5_000_000, -5_000_000, -120_000] {
        let mut world = World::new(Clocks::Assumed);
        play(&mut world, 0..100, 0);
        play(&mut world, 100..200, by);
        let report = world.finish(due(200));
        let clock = &report.run.clock;
        assert_eq!((clock.steps, clock.publisher_steps), (0, 1), "{by}");
        let event = &clock.events[0];
        assert_eq!((event.kind, event.by_us, event.second), (Kind::PublisherStep, by, Some(2.0)));
        assert_eq!(sections(&report), [(None, 0.0, 50), (Some(Kind::PublisherStep), 2.0, 100)], "{by}");
        let ends = |n: usize| (report.run.sections[n].latency_ms.min, report.run.sections[n].latency_ms.max);
        let moved = Some(10.0 - by as f64 / 1_000.0);
        assert_eq!((ends(0), ends(1)), ((Some(10.0), Some(10.0)), (moved, moved)), "{by}");
        assert_eq!(report.summary.exit_code, 3);
        assert!(report.codes().contains(&"publisher-step"), "{by}: {:?}", report.codes());
        assert_eq!(report.buckets(), [150, 150, 0, 0, 0, 0, 0]);
    }
}

/// Where a late frame from before the step comes after it, it is a late frame and no new start.
#[test]
fn a_frame_from_before_the_publishers_step_is_late() {
    let mut world = World::new(Clocks::Unknown);
    play(&mut world, 0..100, 0);
    play(&mut world, 101..102, -2_000_000);
    world.picture(Code { run: Some(1), sequence: 100, stamp: world.ago(50) });
    play(&mut world, 102..150, -2_000_000);
    let report = world.finish(due(150));
    assert_eq!((report.buckets(), report.run.frames.restarts), ([100, 99, 0, 0, 1, 0, 0], Some(0)));
    assert_eq!(report.run.clock.publisher_steps, 1);
}

#[test]
fn a_publisher_whose_clock_was_never_set_is_named() {
    // It booted 192 s ago, in 1970.
    let booted = WallTime::from_micros(192_000_000);
    let mut world = World::new(Clocks::Unknown);
    for n in 0..150 {
        world.go(due(n));
        let stamp = booted.offset(due(n) as i64 * 1_000);
        world.picture(Code { run: Some(1), sequence: n, stamp });
    }
    let report = world.finish(due(150));
    assert_eq!(report.codes(), ["publisher-clock", "clock-unknown"]);
    assert_eq!((report.summary.exit_code, report.buckets()[1]), (3, 100));
    // Frame 50 is the first that counts, at 2,300 ms.
    let says = "the publisher's clock says 1970-01-01T00:03:14.300000Z: set it (NTP)";
    assert!(report.said().contains(says), "{}", report.said());
    assert_eq!(report.run.latency_ms.overflow, 100, "they are counted as what they are");
}

#[test]
fn a_receiver_whose_clock_was_never_set_is_named() {
    let mut world = World::new(Clocks::Unknown);
    world.clock.step_wall(-EPOCH_US);
    play(&mut world, 0..150, EPOCH_US);
    let report = world.finish(due(150));
    assert_eq!(report.codes()[0], "publisher-clock");
    assert!(report.said().contains("this host's clock says 1970-01-01T00:00:02"), "{}", report.said());
}

/// Two publishers, each 12.5 frames/s, in one stream: `runs` as their SEI tells, or no SEI.
fn two(runs: [Option<u32>; 2], firsts: [u64; 2], turns: u64) -> Report {
    let mut world = World::new(Clocks::Same);
    for n in 0..200 {
        let which = (n / turns % 2) as usize;
        let sequence = firsts[which] + n / (2 * turns) * turns + n % turns;
        world.go(due(n));
        world.picture(Code { run: runs[which], sequence, stamp: world.ago(10) });
    }
    world.finish(due(200))
}

#[test]
fn two_publishers_in_one_stream_are_seen() {
    for (runs, firsts, turns) in [
        ([Some(1), Some(2)], [0, 0], 1),
        ([Some(1), Some(2)], [5_000, 700], 7),
        ([None, None], [500, 9_000], 1),
        ([None, None], [9_000, 100], 3),
        ([None, None], [900, 100], 3),
        ([None, Some(7)], [100_000, 5], 2),
    ] {
        let report = two(runs, firsts, turns);
        let codes = report.codes();
        assert_eq!(
            (codes[0], report.summary.exit_code),
            ("two-publishers", 3),
            "{runs:?} {firsts:?} {turns}: {codes:?}"
        );
        assert!(!codes.contains(&"restart"), "that is not what it is");
    }
}

/// Both began at the same moment and count alike, as without an SEI: each number comes twice, with two times.
#[test]
fn two_publishers_that_count_alike_are_seen_by_their_times() {
    for (apart, two) in [(0, false), (3, true)] {
        let mut world = World::new(Clocks::Assumed);
        for n in 0..150 {
            world.go(due(n));
            world.picture(Code { run: None, sequence: n, stamp: world.ago(10) });
            world.go(due(n) + 5);
            world.picture(Code { run: None, sequence: n, stamp: world.ago(15 - apart) });
        }
        let report = world.finish(due(150));
        let said = report.codes().contains(&"two-publishers");
        assert_eq!((said, report.run.outcome == Outcome::Inconclusive), (two, two), "{apart} ms apart");
    }
}

#[test]
fn a_publisher_that_starts_over_again_and_again_is_one() {
    for run in [|n: u64| Some((n / 20) as u32), |_| None] {
        let mut world = World::new(Clocks::Same);
        for n in 0..400 {
            world.go(due(n));
            world.picture(Code { run: run(n), sequence: n % 20, stamp: world.ago(10) });
        }
        let report = world.finish(due(400));
        assert_eq!(report.codes(), ["restart"]);
        assert_eq!((report.run.frames.restarts, report.run.outcome), (Some(17), Outcome::Ok));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// PUB of any value, also from the ends of what it and its type can hold; clocks that step and sleep: no panic, no
    /// latency lost, and every latency in one section.
    #[test]
    fn whatever_clocks_do_each_latency_is_in_one_section(
        turns in prop::collection::vec((0_u8..8, any::<i64>(), 1_u64..30), 1..40),
        clocks in prop_oneof![Just(Clocks::Same), Just(Clocks::Unknown), Just(Clocks::Different)],
    ) {
        let mut world = World::new(clocks);
        let (mut n, mut ahead) = (0, 0);
        for (what, value, frames) in turns {
            match what {
                0 => world.clock.step_wall(value % 10_000_000_000),
                1 => world.clock.suspend(Duration::from_millis(value.unsigned_abs() % 100_000)),
                2 => ahead = value % 10_000_000,
                3 => ahead = value,
                4 => ahead = [0, (1 << 52) - 1, i64::MAX, i64::MIN][value.unsigned_abs() as usize % 4],
                _ => {}
            }
            play(&mut world, n..n + frames, ahead);
            n += frames;
        }
        let report = world.finish(due(n) + 3_000);
        let latency = &report.run.latency_ms;
        prop_assert_eq!(total(&report), latency.count);
        let ends: Vec<_> = report.run.sections.iter().map(|s| (s.from_s, s.to_s)).collect();
        prop_assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0), "{:?}", ends);
        prop_assert_eq!(ends.last().map(|end| end.1), report.run.duration_s);
        if let Some(read) = report.run.frames.measured {
            let read = read + report.run.frames.late.unwrap_or(0) + report.run.frames.duplicate.unwrap_or(0);
            prop_assert_eq!(latency.count + latency.clock_step, read);
        }
    }
}
