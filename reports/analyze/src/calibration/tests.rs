use std::path::Path;

use common::time::WallTime;
use report::calibration::quote;

use super::*;

const HERE: Option<&str> = Some("0123456789abcdef0123456789abcdef");

/// 2026-01-02T03:04:05Z.
const MADE: WallTime = WallTime::from_micros(1_767_323_045_000_000);

const SECONDS: i64 = 60;

/// What a good instrument says on a quiet machine: seven delays, four times each, in turn; a frame every 18 ms, with the lateness
/// of threads that are woken. `change` puts a fault in, at each frame's second.
fn session(change: impl Fn(&mut Frame, f64)) -> Session {
    let blocks: Vec<InjectedDelay> = (0..28)
        .map(|block| InjectedDelay {
            delay_ms: [0.0, 5.0, 20.0, 100.0, 500.0, 20.0, 100.0][block % 7],
            jitter_ms: if block % 7 < 5 { 0.0 } else { 10.0 },
        })
        .collect();
    let all = SECONDS * 55;
    let frames = (0..all).map(|n| {
        let block = (n * 28 / all) as usize;
        let handed_us = MADE.as_micros() + n * 18_182;
        // Any numbers that repeat at once neither together nor with the blocks.
        let late = |prime: i64| (n * 7_919) % prime;
        let jitter = if blocks[block].jitter_ms > 0.0 { late(9_973) } else { 0 };
        let in_us = handed_us + 2_600 + late(61);
        let out_us = in_us + (blocks[block].delay_ms * 1e3) as i64 + jitter + 20;
        let received_us = out_us + 80 + late(71);
        let mut frame = Frame {
            block,
            handed_us,
            stamp_us: handed_us + 130 + late(67),
            sent_us: handed_us + 2_400,
            in_us,
            first_out_us: out_us,
            last_out_us: out_us,
            received_us,
            presented_us: received_us + 1_500 + late(401),
        };
        change(&mut frame, (n * 18_182) as f64 / 1e6);
        frame
    });
    let frames = frames.collect();
    let wake_us = Some(Spread { count: 5_000, p50: 30.0, p99: 100.0, max: 900.0 });
    let load = Load { wake_us, others: Some(0.01), stolen: Some(0.0), pressure: Some(0.03) };
    Session { blocks, frames, load, ..Session::default() }
}

fn busy() -> Load {
    let wake_us = Some(Spread { count: 5_000, p50: 90.0, p99: 4_000.0, max: 20_000.0 });
    Load { wake_us, others: Some(0.8), stolen: Some(0.0), pressure: Some(0.9) }
}

fn judged(session: &Session) -> Calibration {
    let settings = Settings { size: "640x480".to_owned(), fps: 55, measured_s: 6.0, warmup_s: 1.0, seed: 1 };
    Calibration::new("2026-01-02T03:04:05Z".to_owned(), settings, session)
}

fn codes(found: &Calibration) -> Vec<&str> {
    found.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn a_good_instrument_on_a_quiet_machine_is_within_the_goal() {
    let found = judged(&session(|_, _| ()));
    assert_eq!((found.outcome, codes(&found), found.goal.met), (Outcome::Ok, vec![], Some(true)));
    assert_eq!((found.accuracy_ms, found.p99_accuracy_ms), (Some(0.1), Some(0.2)));
    assert_eq!((found.rows.len(), found.hops.len()), (7, 4));
    let jittered = &found.rows[5];
    assert_eq!((jittered.delay, jittered.blocks), (InjectedDelay { delay_ms: 20.0, jitter_ms: 10.0 }, 4));
    let (injected, path) = (jittered.injected_ms.expect("frames"), jittered.whole_path_ms.expect("frames"));
    assert!(injected.p99 - injected.p50 > 4.0 && path.p99 > injected.p99, "{injected:?} {path:?}");
    assert!(found.hops.iter().all(|link| link.holds == Some(true)), "{:?}", found.hops);
}

/// Faults put in on purpose: each is found, and named.
#[test]
fn a_fault_is_found_and_its_link_named() {
    type Fault = fn(&mut Frame, f64);
    let faults: [(Fault, &[&str]); 12] = [
        (|frame, _| frame.received_us += 1_000, &["received-late"]),
        (|frame, _| frame.received_us -= 1_000, &["received-early"]),
        (|frame, _| frame.stamp_us += 1_000, &["stamp-late"]),
        (|frame, _| frame.stamp_us -= 1_000, &["stamp-early"]),
        (|frame, _| frame.sent_us -= 1_000, &["relay-late"]),
        (|frame, _| frame.sent_us += 1_000, &["relay-early"]),
        (|frame, _| frame.sent_us -= 2_500, &["sent-early", "relay-late"]),
        // A receiver's clock that runs 200 ppm fast, or slow.
        (|frame, second| frame.received_us += (second * 200.0) as i64, &["received-drift"]),
        (|frame, second| frame.received_us -= (second * 200.0) as i64, &["received-drift"]),
        // A publisher's clock.
        (
            |frame, second| {
                frame.stamp_us += (second * 200.0) as i64;
                frame.sent_us += (second * 200.0) as i64;
            },
            &["stamp-drift", "relay-drift"],
        ),
        // Two that hide each other in every latency.
        (
            |frame, _| {
                frame.stamp_us += 1_000;
                frame.received_us += 1_000;
            },
            &["stamp-late", "received-late"],
        ),
        // One frame in 50.
        (|frame, second| frame.received_us += if second % 1.0 < 0.02 { 3_000 } else { 0 }, &["goal"]),
    ];
    for (number, (fault, named)) in faults.into_iter().enumerate() {
        let found = judged(&session(fault));
        assert_eq!((codes(&found), found.outcome), (named.to_vec(), Outcome::GoalMissed), "fault {number}");
        assert!(found.accuracy_ms.is_some(), "it is what it is");
    }
    let drift = judged(&session(|frame, second| frame.received_us += (second * 200.0) as i64));
    let ppm = drift.hops[3].drift_ppm.expect("28 blocks");
    assert!((ppm - 200.0).abs() < 2.0, "{ppm}");
    assert!(drift.findings[0].message.contains("+200 ppm"), "{:?}", drift.findings);
}

#[test]
fn a_busy_machine_is_not_the_instruments_fault() {
    // Every third frame waits for a CPU, and one block for a long time.
    let waits = |frame: &mut Frame, _: f64| {
        let waited = if frame.block == 3 { 70_000 } else { (frame.handed_us / 18_182 % 3) / 2 * 4_000 };
        frame.received_us += waited;
        frame.presented_us += waited;
    };
    let found = judged(&Session { load: busy(), ..session(waits) });
    assert_eq!((codes(&found), found.outcome), (vec!["busy"], Outcome::Inconclusive));
    assert!(found.findings[0].message.contains("80.0%") && found.findings[0].message.contains("4.0 ms"), "{found:?}");
    assert!(found.p99_accuracy_ms > Some(3.0), "it is what it is");
    let quiet = judged(&session(waits));
    assert_eq!((codes(&quiet), quiet.outcome), (vec!["goal"], Outcome::GoalMissed), "on a quiet one it is");
    let lucky = judged(&Session { load: busy(), ..session(|_, _| ()) });
    assert_eq!(lucky.outcome, Outcome::Ok, "what is within the goal is, on any");
    let impossible = judged(&Session { load: busy(), ..session(|frame, _| frame.stamp_us -= 1_000) });
    assert_eq!((codes(&impossible), impossible.outcome), (vec!["stamp-early"], Outcome::GoalMissed));
}

#[test]
fn too_few_frames_and_a_clock_that_moved_say_nothing() {
    let nothing = |found: &Calibration| {
        assert_eq!((found.accuracy_ms, found.p99_accuracy_ms, found.goal.met), (None, None, None), "{found:?}");
        assert_eq!(found.outcome, Outcome::Inconclusive);
    };
    let mut few = session(|_, _| ());
    let mut kept = 0;
    few.frames.retain(|frame| {
        let counted = few.blocks[frame.block].delay_ms == 500.0;
        kept += u32::from(counted);
        !counted || kept < 100
    });
    let found = judged(&few);
    nothing(&found);
    assert_eq!(codes(&found), ["few-frames"]);
    assert!(found.rows[4].error_ms.is_none() && found.rows[3].error_ms.is_some(), "the others have enough");
    nothing(&judged(&Session::default()));
    few.frames.iter_mut().for_each(|frame| frame.received_us += 1_000);
    let found = judged(&few);
    assert_eq!((codes(&found), found.outcome), (vec!["received-late"], Outcome::GoalMissed), "all hops have enough");

    let moved = judged(&Session { clock_moved_us: -2_000, ..session(|_, _| ()) });
    nothing(&moved);
    assert_eq!(codes(&moved), ["clock-moved"]);
}

#[test]
fn what_is_written_is_quoted() {
    let mut found = judged(&session(|_, _| ()));
    found.machine = HERE.map(str::to_owned);
    let quoted = quote(&found.to_json(), Path::new("c.json"), HERE, MADE)
        .map(|quote| (quote.accuracy_ms, quote.p99_accuracy_ms));
    assert_eq!(quoted, Ok((0.1, Some(0.2))));
}
