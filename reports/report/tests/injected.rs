//! What is injected comes out exactly: freezes, losses, repetitions, reordering, wraps. Each figure is worked out by hand.
//!
//! The stream has 25 frames/s and each picture is 10 ms old. Frame n is shown at 300 + 40 n ms, the warm-up ends with frame
//! 50 at 2,300 ms. Between two pictures the age goes from 10 to 50 ms: 30 ms in the mean, 1,200 ms² of area.

use common::clock::Clock;
use measure::{Bucket, Clocks};
use report::{Observation, Outcome};

use crate::world::{Report, World};

mod world;

/// When frame `n` is shown.
const fn due(n: u64) -> u64 {
    300 + 40 * n
}

/// Shows frames, each when it is due.
fn play(world: &mut World, frames: impl IntoIterator<Item = u64>) {
    frames.into_iter().for_each(|n| world.show(n, due(n), 10));
}

/// Mean and largest age are exact; quantiles are up to 0.1 % above.
fn assert_ages(report: &Report, mean: f64, [p50, p99]: [f64; 2], max: f64) {
    let age = &report.run.picture_age_ms;
    assert_eq!((age.mean, age.max), (Some(mean), Some(max)));
    for (found, exact) in [(age.p50, p50), (age.p99, p99)] {
        let found = found.expect("ages were measured");
        assert!((exact..=exact * 1.001).contains(&found), "{found} is not {exact}");
    }
}

fn freezes(report: &Report) -> (u64, f64, Option<f64>) {
    let freezes = &report.run.freezes;
    (freezes.count.expect("measured"), freezes.total_ms.expect("measured"), freezes.longest_ms)
}

#[test]
fn a_publisher_that_stops_for_a_second_is_a_freeze_and_no_loss() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, 0..100);
    (100..150).for_each(|n| world.show(n, due(n) + 1_000, 10));
    let report = world.finish(7_300);
    assert_eq!(report.buckets(), [100, 100, 0, 0, 0, 0, 0]);
    assert_eq!(freezes(&report), (1, 1_040.0, Some(1_040.0)));
    // Area: 99 × 1,200 and (10 + 1,050)/2 × 1,040 ms², over 5 s. Of 5,000 ages at a ms each, 11 to 50 come 100 times.
    assert_ages(&report, 670_000.0 / 5_000.0, [35.0, 1_000.0], 1_050.0);
    assert_eq!((report.codes(), report.run.outcome), (vec![], Outcome::Ok));
}

/// A loss that freezes the picture; a frame that comes late, and again; another that comes late.
#[test]
fn a_freeze_with_a_loss_a_late_frame_and_one_that_is_late_twice() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, (0..100).chain(125..130));
    for late in [130, 140] {
        play(&mut world, [late + 1]);
        world.show(late, due(late + 1) + 1, 51);
        if late == 130 {
            world.show(late, due(late + 1) + 3, 53);
        }
        play(&mut world, late + 2..late + 10);
    }
    let report = world.finish(6_300);
    assert_eq!(report.buckets(), [100, 73, 25, 1, 1, 0, 0]);
    assert_eq!(freezes(&report), (1, 1_040.0, Some(1_040.0)));
    // Over 4 s: 68 × 1,200 ms²; the freeze; twice from 10 to 90 in 80 ms; twice 1 ms of a new picture and 39 ms of the late
    // one, from 51 to 90.
    let area = 68.0 * 1_200.0 + 530.0 * 1_040.0 + 2.0 * 50.0 * 80.0 + 2.0 * (10.5 + 70.5 * 39.0);
    assert_ages(&report, area / 4_000.0, [39.0, 1_010.0], 1_050.0);
    let latency = &report.run.latency_ms;
    assert_eq!((latency.count, latency.min, latency.max, latency.mean), (75, Some(10.0), Some(51.0), Some(11.093)));
    assert_eq!((report.run.pictures.shown, report.run.pictures.repeated), (75, 1));
    for (n, bucket) in
        [(99, "measured"), (100, "lost"), (124, "lost"), (130, "duplicate"), (131, "measured"), (140, "late")]
    {
        assert_eq!(report.bucket(n), bucket, "{n}");
    }
    let late: Vec<_> = report.rows.iter().filter(|row| row.2 == Some(51_000)).map(|row| row.0).collect();
    assert_eq!(late, [130, 140]);
}

#[test]
fn a_freeze_at_the_end_counts_up_to_the_end() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, 0..100);
    let report = world.finish(due(99) + 700);
    assert_eq!(report.buckets(), [50, 50, 0, 0, 0, 0, 0]);
    assert_eq!(freezes(&report), (1, 700.0, Some(700.0)));
    // 49 × 1,200 and (10 + 710)/2 × 700 ms², over 2,660 ms: as many ages, of which 11 to 50 come 50 times. Rank 1,330 is the
    // 27th of the forty; rank 2,634 (0.99 × 2,660, rounded up) is the 27th from the top.
    assert_ages(&report, round((49.0 * 1_200.0 + 360.0 * 700.0) / 2_660.0), [37.0, 684.0], 710.0);
}

/// Only what lies after the warm-up counts, though the whole gap is what makes it a freeze.
#[test]
fn a_freeze_across_the_end_of_the_warm_up_counts_from_there() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, (0..31).chain(60..110));
    let report = world.finish(due(110));
    // Frame 30 is shown at 1,500 ms and frame 60 at 2,700: of those between, 31 to 49 were due in the warm-up and 50 to 59 after it.
    assert_eq!(report.buckets(), [60, 50, 10, 0, 0, 0, 0]);
    assert_eq!((report.rows[0].0, report.bucket(50), report.bucket(59)), (50, "lost", "lost"));
    assert_eq!(freezes(&report), (1, 400.0, Some(400.0)));
    assert_eq!(report.run.picture_age_ms.max, Some(1_210.0));
    // From 810 to 1,210 ms in 400 ms, then 50 × 1,200.
    assert_eq!(report.run.picture_age_ms.mean, Some(round((1_010.0 * 400.0 + 60_000.0) / 2_400.0)));
}

/// To the µs, as reports have it.
fn round(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}

#[test]
fn what_could_not_be_read_or_decoded_is_no_loss_and_no_freeze() {
    let mut world = World::new(Clocks::Same);
    play(&mut world, 0..100);
    for n in 100..110 {
        world.go(due(n));
        let now = world.clock.now();
        let (unreadable, undecodable) =
            (Observation::unreadable(now, 900, false), Observation::undecodable(now, 900, false));
        world.recorder.observe(if n < 108 { &unreadable } else { &undecodable });
    }
    // One of ten did not even arrive.
    play(&mut world, 111..150);
    let report = world.finish(6_300);
    assert_eq!(report.buckets(), [100, 89, 1, 0, 0, 8, 2]);
    assert_eq!(freezes(&report).0, 0, "160 ms between two pictures at 40 ms are none");
    // The last readable picture goes on growing old: from 10 to 490 ms in 480, then 88 × 1,200 ms² with those before.
    assert_eq!(report.run.picture_age_ms.mean, Some((250.0 * 480.0 + 88.0 * 1_200.0) / 4_000.0));
    assert_eq!(report.run.picture_age_ms.max, Some(490.0));
    let buckets: Vec<_> = (100..111).map(|n| report.bucket(n)).collect();
    assert_eq!(buckets[..2], [Bucket::Undecodable.name(); 2]);
    assert_eq!((buckets[9], buckets[10]), (Bucket::Unreadable.name(), Bucket::Lost.name()));
}

/// The number is 24 bits wide. Numbers count on in the report, with a loss and a late frame right at the wrap.
#[test]
fn a_loss_and_a_late_frame_across_the_wrap_of_the_number() {
    let (wrap, first) = (1_u64 << 24, (1_u64 << 24) - 60);
    let mut world = World::new(Clocks::Same);
    // Frame 60 is number 0 again: 59 to 61 come as 61, 60; 58 and 62 are lost.
    for n in (0..58).chain([59, 61]).chain(63..100) {
        world.show(first + n, due(n), 10);
        if n == 61 {
            world.show(first + 60, due(n) + 5, 55);
        }
    }
    let report = world.finish(due(100));
    assert_eq!(report.buckets(), [50, 47, 2, 0, 1, 0, 0]);
    let rows: Vec<_> = report.rows.iter().map(|row| row.0).collect();
    assert_eq!(rows, (first + 50..first + 100).collect::<Vec<_>>(), "each once, in order, counted on");
    assert_eq!(
        [wrap - 2, wrap - 1, wrap, wrap + 1, wrap + 2].map(|n| report.bucket(n)),
        ["lost", "measured", "late", "measured", "lost"]
    );
    assert_eq!(report.run.frames.restarts, Some(0));
}

#[test]
fn negative_latencies_are_in_every_figure() {
    let mut world = World::new(Clocks::Same);
    (0..150).for_each(|n| world.show(n, due(n), if n % 10 == 0 { -7 } else { 10 }));
    let report = world.finish(due(150));
    let latency = &report.run.latency_ms;
    assert_eq!((latency.count, latency.negative, latency.min, latency.p50), (100, 10, Some(-7.0), Some(10.0)));
    assert_eq!(latency.mean, Some((90.0 * 10.0 - 70.0) / 100.0));
    assert_eq!(report.rows.iter().filter(|row| row.2 == Some(-7_000)).count(), 10);
    // Every tenth picture goes from -7 to 33 ms.
    assert_eq!(report.run.picture_age_ms.mean, Some(0.9 * 30.0 + 0.1 * 13.0));
    assert_eq!(report.run.sections[0].latency_ms.min, Some(-7.0));
    assert_eq!((report.codes(), report.summary.exit_code), (vec!["negative-latency"], 3));
    assert!(report.said().contains("10 of 100 frames"), "{}", report.said());
}
