//! Rates of runs, as `run.json` and `intervals.csv` have them: of streams with a steady rate over spans that cut its pictures anywhere.

use common::marks::Marks;
use std::time::Duration;

use common::time::{MonoTime, Now};
use measure::interval::Interval;
use measure::sample::Sample;

use crate::run::Run;
use crate::tally::Tally;
use crate::testing::{about, now, sample};

/// Bytes of each access unit: see [`sample`].
const BYTES: f64 = 4_000.0;

fn after(micros: u64) -> Now {
    let Now { wall, .. } = now(0);
    Now { wall: wall.offset(micros as i64), mono: MonoTime::from_origin(Duration::from_micros(micros)) }
}

/// Frame `sequence`, shown after so many µs, and stamped 10 ms before.
fn shown(sequence: u64, micros: u64) -> Sample {
    let mut sample = sample(sequence, 0, 0);
    let Now { wall, mono } = after(micros);
    sample.presented = mono;
    sample.marks = Marks::new(wall.offset(-10_000), wall);
    sample
}

/// A run without warm-up, with pictures at these µs, that ends at `end_us`; and its seconds.
fn run_of(pictures: impl IntoIterator<Item = u64>, warmup: Duration, end_us: u64) -> (Run, Vec<Interval>) {
    let mut tally = Tally::new(about(warmup));
    let mut ticked = 0;
    let mut tick = |tally: &mut Tally, to: u64| {
        while ticked + 20_000 < to {
            ticked += 20_000;
            tally.tick(after(ticked), &mut |_| {});
        }
    };
    for (sequence, at) in (0..).zip(pictures) {
        tick(&mut tally, at);
        tally.frame(&shown(sequence, at), &mut |_| {});
    }
    tick(&mut tally, end_us);
    tally.finish(after(end_us), &mut |_| {});
    (tally.run(false), tally.take_final_intervals())
}

/// The times of `count` pictures at `rate`, from the start on.
fn steady(rate: f64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |n| (1e6 / rate * n as f64).round() as u64)
}

fn close(one: f64, other: f64, within: f64) -> bool {
    (one - other).abs() <= within
}

#[test]
fn a_steady_stream_has_its_rate_whatever_the_span() {
    for rate in [30.0, 29.97, 25.0, 59.94, 5.0, 0.5] {
        for seconds in [3_u64, 6] {
            for end_us in [seconds * 1_000_000, seconds * 1_000_000 + 1, seconds * 1_000_000 + 16_000] {
                for warmup_ms in [0, 333, 990, 1_000] {
                    let warmup = Duration::from_millis(warmup_ms);
                    // How long the first picture stands is not known before the second.
                    if warmup_ms > 0 && rate * warmup.as_secs_f64() < 1.0 {
                        continue;
                    }
                    let count = (rate * end_us as f64 / 1e6).ceil() as u64;
                    let (run, _) = run_of(steady(rate, count), warmup, end_us);
                    if run.pictures.shown < 2 {
                        assert_eq!((run.fps, run.bitrate_kbps), (None, None), "{rate} {end_us} {warmup_ms}");
                        continue;
                    }
                    let (fps, kbps) = (run.fps.expect("a rate"), run.bitrate_kbps.expect("a rate"));
                    let what =
                        format!("{rate}/s until {end_us} µs after {warmup_ms} ms: {fps} pictures/s, {kbps} kbit/s");
                    assert!(close(fps, rate, 0.001 * rate.max(1.0)), "{what}");
                    assert!(close(kbps, rate * BYTES * 8.0 / 1e3, 0.001 * kbps), "{what}");
                }
            }
        }
    }
}

#[test]
fn six_seconds_at_thirty_are_thirty() {
    // 179 arrivals lie between the ends of the six seconds, and 180 pictures' time.
    let (run, _) = run_of(steady(30.0, 240).map(|at| at + 16_000), Duration::from_secs(2), 8_000_000);
    assert!(run.fps.is_some_and(|fps| fps >= 29.99), "{:?}", run.fps);
}

#[test]
fn each_second_has_the_rate_and_the_last_one_too() {
    let (run, seconds) = run_of(steady(30.0, 192), Duration::from_millis(340), 6_390_000);
    assert_eq!(seconds.len(), 7);
    assert_eq!(seconds[6].length, Duration::from_millis(50));
    for interval in &seconds {
        let (fps, kbps) = (interval.fps().expect("it has a length"), interval.kbps().expect("and video"));
        assert!(close(fps, 30.0, 0.02) && close(kbps, 960.0, 0.7), "second {}: {fps}, {kbps}", interval.second);
    }
    // They add up.
    let sum: f64 = seconds.iter().filter_map(|second| second.amounts.pictures).sum();
    assert!(close(sum, run.fps.unwrap_or(0.0) * 6.05, 0.01), "{sum}");
}

#[test]
fn a_freeze_lowers_the_rate_wherever_it_lies() {
    let whole = |at: &u64| *at < 6_000_000;
    for frozen in [0..1_000_000, 2_500_000..4_000_000, 4_500_000..6_000_000_u64] {
        // The picture that freezes stands its own time, and nothing counts after it.
        let kept = |at: &u64| *at == 0 || !frozen.contains(at) || *at < frozen.start + 1;
        let (run, _) = run_of(steady(30.0, 180).filter(whole).filter(kept), Duration::ZERO, 6_000_000);
        let expected = 30.0 - 30.0 * ((frozen.end - frozen.start) as f64 / 1e6) / 6.0;
        let fps = run.fps.expect("a rate");
        assert!(close(fps, expected, 0.2), "{frozen:?}: {fps}, not {expected}");
    }
}

#[test]
fn a_frozen_second_has_no_pictures() {
    let (_, seconds) = run_of(steady(30.0, 90), Duration::ZERO, 5_500_000);
    let fps: Vec<_> = seconds.iter().map(|second| second.fps().expect("it has a length").round()).collect();
    assert_eq!(fps, [30.0, 30.0, 30.0, 0.0, 0.0, 0.0]);
}

#[test]
fn two_pictures_have_a_rate_and_one_has_none() {
    let (run, _) = run_of([0, 40_000], Duration::ZERO, 80_000);
    assert_eq!((run.fps, run.bitrate_kbps), (Some(25.0), Some(800.0)));
    // Two, and then nothing.
    let (run, _) = run_of([0, 40_000], Duration::ZERO, 4_000_000);
    assert_eq!(run.fps, Some(0.5));
    let (run, seconds) = run_of([0], Duration::ZERO, 4_000_000);
    assert_eq!((run.fps, run.bitrate_kbps), (None, None));
    assert!(seconds.iter().all(|second| second.fps().is_none() && second.kbps().is_none()), "{seconds:?}");
    let (_, seconds) = run_of([0, 1_500_000], Duration::ZERO, 3_000_000);
    let fps: Vec<_> = seconds.iter().map(Interval::fps).collect();
    assert_eq!((fps[0], fps[1].is_some_and(|fps| fps > 0.0)), (None, true), "it has one from the second picture on");
}

#[test]
fn a_rate_that_varies_is_the_number_of_pictures_by_time() {
    // In turn 20 and 60 ms, then one picture in 250 ms.
    let pairs = (0..50_u64).flat_map(|n| [n * 80_000, n * 80_000 + 20_000]);
    let (run, _) = run_of(pairs.chain((16..24).map(|n| n * 250_000)), Duration::ZERO, 6_000_000);
    let fps = run.fps.expect("a rate");
    assert!(close(fps, 108.0 / 6.0, 0.1), "{fps}");
}

#[test]
fn the_rate_of_the_moment_does_not_flicker_and_falls_in_a_freeze() {
    let mut tally = Tally::new(about(Duration::ZERO));
    assert_eq!(tally.recent_fps(), None);
    for (sequence, at) in (0..).zip(steady(29.97, 90)) {
        tally.frame(&shown(sequence, at), &mut |_| {});
        for later in [0, 7_000, 20_000, 33_000] {
            tally.tick(after(at + later), &mut |_| {});
            match tally.recent_fps() {
                None => assert_eq!(sequence, 0),
                Some(fps) => assert!(sequence > 0 && close(fps, 29.97, 0.03), "{at} + {later}: {fps}"),
            }
        }
    }
    let last = 2_969_637;
    for (later, expected) in [(533_000, 15.0), (1_100_000, 0.0), (60_000_000, 0.0)] {
        tally.tick(after(last + later), &mut |_| {});
        let fps = tally.recent_fps().expect("pictures were shown");
        assert!(close(fps, expected, 0.05), "{later}: {fps}");
    }
}
