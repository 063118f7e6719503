//! The buckets against a model of a few lines: what was sent and what arrived is known, and each frame's bucket follows
//! from its definition in `docs/reports.md`, looked up frame by frame instead of counted as the run goes.

use std::collections::BTreeMap;

use measure::{Bucket, Clocks};
use proptest::prelude::*;
use report::Observation;

use crate::world::{Code, World};

mod world;

/// Longest delay of a frame, in frames: well inside the 2 s after which a bucket is final.
const MAX_DELAY: u64 = 20;

/// What becomes of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Read,
    Lost,
    Unreadable,
    Undecodable,
    /// Read this many frames' time after it was due.
    Late(u64),
    /// Read when due, and again this many frames' time later.
    Twice(u64),
    /// Never sent: the publisher starts over, with its numbers at the given one.
    Restart(u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        30 => Just(Fate::Read),
        5 => Just(Fate::Lost),
        3 => Just(Fate::Unreadable),
        3 => Just(Fate::Undecodable),
        5 => (1..MAX_DELAY).prop_map(Fate::Late),
        5 => (0..MAX_DELAY).prop_map(Fate::Twice),
        1 => prop_oneof![Just(0), 0_u64..1 << 24, Just((1 << 24) - 3)].prop_map(Fate::Restart),
    ]
}

/// Something that arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arrival {
    Code(Code),
    Unreadable,
    Undecodable,
}

/// What arrives, each with when it does, in order. A publisher that starts over pauses until all its frames are there.
fn arrivals(fates: &[Fate], first: u64) -> Vec<(u64, Arrival)> {
    let (mut run, mut sequence, mut ms) = (1, first, 5_000);
    let mut all = Vec::new();
    for fate in fates {
        let code = Arrival::Code(Code { run: Some(run), sequence, stamp: World::wall(ms - 10) });
        match *fate {
            Fate::Lost => {}
            Fate::Read => all.push((ms, code)),
            Fate::Unreadable => all.push((ms, Arrival::Unreadable)),
            Fate::Undecodable => all.push((ms, Arrival::Undecodable)),
            Fate::Late(frames) => all.push((ms + frames * 40 + 3, code)),
            Fate::Twice(frames) => all.extend([(ms, code), (ms + frames * 40 + 5, code)]),
            Fate::Restart(number) => {
                (run, sequence, ms) = (run + 1, number, ms + MAX_DELAY * 40 + 100);
                continue;
            }
        }
        sequence += 1;
        ms += 40;
    }
    all.sort_by_key(|(ms, _)| *ms);
    all
}

/// The buckets of one run, by their definitions. `log` is all that arrived while it was the one that sent.
fn buckets(log: &[Arrival]) -> BTreeMap<u64, Bucket> {
    let codes = || {
        log.iter().enumerate().filter_map(|(at, arrival)| match arrival {
            Arrival::Code(code) => Some((at, code.sequence)),
            _ => None,
        })
    };
    let Some((_, first)) = codes().next() else { return BTreeMap::new() };
    // Numbers before the first one read were sent before anything was counted.
    let readings = |n: u64| codes().filter(move |(_, sequence)| *sequence == n).map(|(at, _)| at).collect::<Vec<_>>();
    let last = codes().map(|(_, sequence)| sequence).max().unwrap_or(first);
    let mut buckets = BTreeMap::new();
    for n in first..=last {
        let bucket = match readings(n)[..] {
            [] => Bucket::Lost,
            [at] if codes().any(|(before, sequence)| before < at && sequence > n) => Bucket::Late,
            [_] => Bucket::Measured,
            _ => Bucket::Duplicate,
        };
        buckets.insert(n, bucket);
    }
    // The gaps: between two readings each later than all before, what arrived in between takes the place of missing ones.
    let mut heads: Vec<(usize, u64)> = Vec::new();
    for (at, sequence) in codes() {
        if heads.last().is_none_or(|(_, head)| sequence > *head) {
            heads.push((at, sequence));
        }
    }
    for pair in heads.windows(2) {
        let [(from, before), (to, after)] = *pair else { continue };
        let arrived = |what| log[from..to].iter().filter(|arrival| **arrival == what).count();
        let fill = std::iter::repeat_n(Bucket::Undecodable, arrived(Arrival::Undecodable))
            .chain(std::iter::repeat_n(Bucket::Unreadable, arrived(Arrival::Unreadable)));
        let missing = buckets.range_mut(before + 1..after).filter(|(_, bucket)| **bucket == Bucket::Lost);
        missing.zip(fill).for_each(|((_, bucket), fill)| *bucket = fill);
    }
    // A number is 24 bits wide: wraps before the first one read are not known.
    let unknown = first - first % (1 << 24);
    buckets.into_iter().map(|(n, bucket)| (n - unknown, bucket)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn buckets_are_what_their_definitions_say(
        fates in prop::collection::vec(fate(), 1..300),
        first in prop_oneof![Just(0_u64), 0_u64..1 << 24, (1_u64 << 24) - 200..1 << 24],
    ) {
        let all = arrivals(&fates, first);
        let mut world = World::new(Clocks::Same);
        // The warm-up: a picture without a code, whose 2 s are over before the first frame.
        let now = world.clock();
        world.recorder.observe(&Observation::unreadable(now, 900, false));
        let mut logs: Vec<Vec<Arrival>> = vec![Vec::new()];
        let mut current = None;
        for (ms, arrival) in &all {
            world.go(*ms);
            if let Arrival::Code(code) = arrival {
                if current.is_some_and(|run| Some(run) != code.run) {
                    logs.push(Vec::new());
                }
                current = code.run;
            }
            logs.last_mut().expect("there is one").push(*arrival);
            let now = world.clock();
            match arrival {
                Arrival::Code(code) => world.picture(*code),
                Arrival::Unreadable => world.recorder.observe(&Observation::unreadable(now, 900, false)),
                Arrival::Undecodable => world.recorder.observe(&Observation::undecodable(now, 900, false)),
            }
        }
        let report = world.finish(all.last().map_or(5_000, |(ms, _)| ms + 40));
        let expected: Vec<(u64, String)> = logs
            .iter()
            .flat_map(|log| buckets(log).into_iter().map(|(n, bucket)| (n, bucket.name().to_owned())))
            .collect();
        let found: Vec<(u64, String)> = report.rows.iter().map(|row| (row.0, row.1.clone())).collect();
        prop_assert_eq!(&found, &expected);
        if !expected.is_empty() {
            let count = |bucket: Bucket| expected.iter().filter(|(_, name)| name == bucket.name()).count() as u64;
            let [sent, rest @ ..] = report.buckets();
            prop_assert_eq!(rest, Bucket::ALL.map(count));
            prop_assert_eq!(sent, expected.len() as u64);
            prop_assert_eq!(report.run.frames.restarts, Some(logs.iter().filter(|log| !buckets(log).is_empty()).count() as u64 - 1));
        }
    }
}
