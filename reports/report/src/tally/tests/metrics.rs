//! What is scraped, against what `run.json` says.

use std::collections::HashMap;
use std::time::Duration;

use common::time::Now;
use measure::catalogue::{METRICS, families};
use measure::live::{Metrics, Named};
use measure::sample::{Bucket, Clocks, Correction};
use metrics::{Kind, Value};
use proptest::prelude::*;

use crate::comparison::{Comparison, Source};
use crate::tally::Tally;
use crate::testing::{about, now, sample};

fn tally(warmup: Duration) -> Tally {
    Tally::new(about(warmup))
}

fn named(metrics: Metrics) -> Named {
    Named { stream: "cam".to_owned(), transport: "tcp", metrics }
}

/// Every counter by name and labels; a histogram is as many as it has buckets.
fn counters(metrics: Metrics) -> HashMap<String, f64> {
    let mut counters = HashMap::new();
    for family in families(&[named(metrics)]) {
        for point in &family.points {
            let name = format!("{}{:?}", family.name, point.labels);
            match (&point.value, family.kind) {
                (Value::Count(count), Kind::Counter) => drop(counters.insert(name, *count as f64)),
                (Value::Number(number), Kind::Counter) => drop(counters.insert(name, *number)),
                (Value::Durations(buckets), _) => {
                    for (bound, count) in buckets.cumulative() {
                        counters.insert(format!("{name}{bound:?}"), count as f64);
                    }
                }
                _ => {}
            }
        }
    }
    counters
}

fn names(metrics: Metrics) -> Vec<&'static str> {
    families(&[named(metrics)]).iter().map(|family| family.name).collect()
}

#[test]
fn the_warm_up_counts_nowhere_and_what_does_not_exist_is_absent() {
    let mut tally = tally(Duration::from_secs(1));
    let always = ["framelag_run", "framelag_measuring", "framelag_disconnects"];
    assert_eq!(names(tally.metrics(now(0))), always);
    (0..20).for_each(|i| tally.frame(&sample(i, i * 40, i * 40 + 10), &mut |_| {}));
    let mut warm: Vec<_> = always.into();
    warm.push("framelag_first_picture_seconds");
    assert_eq!(names(tally.metrics(now(800))), warm);
    tally.tick(now(1_020), &mut |_| {});
    let begun = names(tally.metrics(now(1_020)));
    for absent in ["framelag_frames", "framelag_latency_seconds", "framelag_video_rate_bytes_per_second"] {
        assert!(!begun.contains(&absent), "nothing was read yet: {begun:?}");
    }
    (26..100).for_each(|i| tally.frame(&sample(i, i * 40, i * 40 + 10), &mut |_| {}));
    let metrics = tally.metrics(now(3_970));
    let totals = metrics.totals.as_ref().expect("the warm-up is over");
    assert_eq!((totals.pictures, totals.latencies.total.count(), totals.since), (74, 74, now(1_010).wall));
    assert_eq!(names(metrics).len(), METRICS.len(), "everything is there");
}

#[test]
fn frames_are_counted_when_their_bucket_is_final() {
    let mut tally = tally(Duration::ZERO);
    let frames = |tally: &Tally, at| tally.metrics(now(at)).totals.and_then(|totals| totals.frames);
    for i in [0, 1, 3] {
        tally.frame(&sample(i, i * 40, i * 40 + 10), &mut |_| {});
    }
    assert_eq!(frames(&tally, 130).map(|frames| frames.expected()), Some(0), "frame 2 may yet come");
    tally.frame(&sample(2, 80, 1_000), &mut |_| {});
    tally.tick(now(4_000), &mut |_| {});
    let finalized = frames(&tally, 4_000).expect("codes were read");
    assert_eq!((finalized.of(Bucket::Late), finalized.of(Bucket::Lost), finalized.expected()), (1, 0, 4));
}

#[test]
fn latencies_that_are_taken_back_were_never_shown() {
    let mut about = about(Duration::ZERO);
    about.clocks = Clocks::Different;
    let mut tally = Tally::new(about);
    let frame = |i: u64, correction| {
        let mut frame = sample(i, i * 40, i * 40 + 10);
        frame.correction = correction;
        frame
    };
    (0..10).for_each(|i| tally.frame(&frame(i, Correction::Missing), &mut |_| {}));
    assert!(!names(tally.metrics(now(400))).contains(&"framelag_latency_seconds"));
    tally.compared().known(Comparison { offset_us: 5, bound_us: 7, drift_ppm: None, source: Source::Server });
    (10..30).for_each(|i| tally.frame(&frame(i, Correction::By(5)), &mut |_| {}));
    let metrics = tally.metrics(now(1_200));
    assert_eq!(metrics.totals.map(|totals| totals.latencies.total.count()), Some(20));
    assert_eq!(tally.run(true).latency_ms.count, 20);
    let gauges = metrics.gauges.expect("it goes on");
    assert_eq!((gauges.offset_us, gauges.bound_us), (Some(5), Some(7)));
}

#[test]
fn a_freeze_is_counted_when_it_is_over_and_the_age_shows_it_before() {
    let mut tally = tally(Duration::ZERO);
    (0..50).for_each(|i| tally.frame(&sample(i, i * 40, i * 40 + 10), &mut |_| {}));
    tally.tick(now(3_970), &mut |_| {});
    let frozen = tally.metrics(now(3_970));
    assert_eq!(frozen.gauges.and_then(|gauges| gauges.age_us), Some(2_010_000));
    assert_eq!(frozen.totals.map(|totals| totals.freezes), Some(0));
    tally.finish(now(3_970), &mut |_| {});
    let over = tally.metrics(now(3_970));
    let totals = over.totals.expect("it was measured");
    assert_eq!((totals.freezes, totals.frozen, over.gauges), (1, Duration::from_secs(2), None));
}

/// What may happen to a stream, some ms after what happened before.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Frame { skipped: u64, latency: u64 },
    Again { back: u64 },
    Unreadable,
    Undecodable,
    Nothing,
    Restart,
}

fn happens() -> impl Strategy<Value = (u64, Happens)> {
    let what = prop_oneof![
        8 => (0..3_u64, 1..300_u64).prop_map(|(skipped, latency)| Happens::Frame { skipped, latency }),
        2 => (0..6_u64).prop_map(|back| Happens::Again { back }),
        1 => Just(Happens::Unreadable),
        1 => Just(Happens::Undecodable),
        1 => Just(Happens::Nothing),
        1 => Just(Happens::Restart),
    ];
    (prop_oneof![9 => 1..60_u64, 1 => 300..3_000_u64], what)
}

fn happen(tally: &mut Tally, at: Now, ms: u64, sequence: &mut u64, what: Happens) {
    let mut show = |sequence, latency: u64| {
        let stamped = ms.saturating_sub(latency);
        tally.frame(&sample(sequence, stamped, ms), &mut |_| {});
    };
    match what {
        Happens::Frame { skipped, latency } => {
            *sequence += 1 + skipped;
            show(*sequence, latency);
        }
        Happens::Again { back } => show(sequence.saturating_sub(back), 100),
        Happens::Unreadable => tally.unreadable(at, 100, false, false, &mut |_| {}),
        Happens::Undecodable => tally.undecodable(at, 100, &mut |_| {}),
        Happens::Nothing => {}
        Happens::Restart => *sequence = 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_counter_decreases_and_the_last_say_what_the_run_says(events in prop::collection::vec(happens(), 1..120)) {
        let mut tally = tally(Duration::from_millis(200));
        let (mut ms, mut sequence, mut before) = (0, 0, HashMap::new());
        let mut check = |tally: &Tally, ms| {
            let now = counters(tally.metrics(now(ms)));
            for (name, value) in &before {
                prop_assert!(now.get(name).is_some_and(|now| now >= value), "{name} was {value}: {now:?}");
            }
            before = now;
            Ok(())
        };
        for (after, what) in events {
            ms += after;
            tally.tick(now(ms), &mut |_| {});
            happen(&mut tally, now(ms), ms, &mut sequence, what);
            check(&tally, ms)?;
        }
        tally.finish(now(ms + 10), &mut |_| {});
        check(&tally, ms + 10)?;
        let (run, last) = (tally.run(false), tally.metrics(now(ms + 10)));
        prop_assert!(last.gauges.is_none());
        let Some(totals) = last.totals else {
            prop_assert_eq!(run.frames.expected, None);
            return Ok(());
        };
        prop_assert_eq!(totals.frames.map(|frames| frames.expected()), run.frames.expected);
        prop_assert_eq!(totals.frames.map(|frames| frames.of(Bucket::Lost)), run.frames.lost);
        prop_assert_eq!(totals.frames.map(|frames| frames.of(Bucket::Duplicate)), run.frames.duplicate);
        prop_assert_eq!(totals.restarts, run.frames.restarts);
        prop_assert_eq!(totals.latencies.total.count(), run.latency_ms.count);
        prop_assert_eq!(totals.pictures, run.pictures.shown);
        prop_assert_eq!(Some(totals.freezes), run.freezes.count);
        let sum = totals.latencies.total.sum_us().map_or(0.0, |sum| sum as f64);
        let mean = run.latency_ms.mean.map_or(0.0, |mean| mean * 1e3 * run.latency_ms.count as f64);
        prop_assert!((sum - mean).abs() <= run.latency_ms.count as f64, "{sum} {mean}");
    }
}
