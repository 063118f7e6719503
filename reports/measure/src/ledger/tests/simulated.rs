//! A simulated publisher that knows what it sent and what arrived, against the ledger's account of it.

use proptest::prelude::*;

use super::*;

/// What becomes of one frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Read,
    Lost,
    ReadTwice,
    /// Shown this many frames later.
    Delayed(u64),
    Unreadable,
    /// Not read, and its place known roughly.
    Near,
    Undecodable,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Read),
        1 => Just(Fate::Lost),
        1 => Just(Fate::ReadTwice),
        1 => (1_u64..20).prop_map(Fate::Delayed),
        1 => Just(Fate::Unreadable),
        1 => Just(Fate::Near),
        1 => Just(Fate::Undecodable),
    ]
}

/// What arrives, in the order of arrival: time in ms, sequence, fate.
fn arrivals(fates: &[Fate], first: u64) -> Vec<(u64, u64, Fate)> {
    let mut arrivals = Vec::new();
    for (sequence, fate) in (first..).zip(fates) {
        let sent = (sequence - first) * 33;
        match fate {
            Fate::Lost => {}
            Fate::Delayed(frames) => arrivals.push((sent + frames * 33 + 1, sequence, Fate::Read)),
            Fate::ReadTwice => arrivals.extend([(sent, sequence, Fate::Read), (sent + 40, sequence, Fate::Read)]),
            other => arrivals.push((sent, sequence, *other)),
        }
    }
    arrivals.sort_by_key(|(ms, sequence, _)| (*ms, *sequence));
    arrivals
}

proptest! {
    /// A simulated publisher knows what it sent and what arrived; the ledger must come to the same figures.
    #[test]
    fn every_frame_has_one_bucket_and_the_buckets_add_up(
        fates in prop::collection::vec(fate(), 1..400),
        first in prop_oneof![Just(0_u64), 0..u64::from(SEQUENCE_MODULUS)],
    ) {
        let mut books = Books::open();
        let mut latencies = 0;
        let mut read = std::collections::BTreeSet::new();
        for (ms, sequence, fate) in arrivals(&fates, first) {
            books.pass(ms);
            match fate {
                Fate::Unreadable => books.ledger.unreadable(),
                Fate::Near => books.ledger.unreadable_nearby(),
                Fate::Undecodable => books.ledger.undecodable(),
                _ => {
                    let stamped = (sequence - first) * 33;
                    let finalized = &mut books.finalized;
                    let reading = books.ledger.read(&sample(sequence, stamped, ms), 0, &mut |e| {
                        finalized.push((e.segment, e.sequence, e.bucket));
                    });
                    latencies += u64::from(reading == Reading::First);
                    if read.first().is_none_or(|first_read| sequence >= *first_read) {
                        read.insert(sequence);
                    }
                }
            }
        }
        let before = books.counts();
        books.close();
        let ([measured, lost, duplicate, late, unreadable, undecodable], expected) = books.counts();
        prop_assert_eq!(before.1, expected, "closing finds no new frames");
        let range = read.first().zip(read.last()).map_or(0, |(first, last)| last - first + 1);
        prop_assert_eq!(expected, range);
        prop_assert_eq!(measured + lost + duplicate + late + unreadable + undecodable, range);
        prop_assert_eq!(measured + duplicate + late, read.len() as u64);
        prop_assert_eq!(latencies, read.len() as u64);
        let arrived = |what| fates.iter().filter(|fate| **fate == what).count() as u64;
        let pictures = arrived(Fate::Unreadable) + arrived(Fate::Near);
        prop_assert!(unreadable <= pictures && undecodable <= arrived(Fate::Undecodable));
        prop_assert_eq!(
            unreadable + undecodable + books.ledger.unplaced(),
            pictures + arrived(Fate::Undecodable)
        );
        let rows: Vec<u64> = books.finalized.iter().map(|(_, sequence, _)| *sequence).collect();
        let expected_rows: Vec<u64> = read.first().map_or(Vec::new(), |first| (*first..=*read.last().unwrap_or(first)).collect());
        prop_assert_eq!(rows, expected_rows, "each frame becomes final once, in order");
    }

    /// The same publisher with a warm-up that ends anywhere: what counts is a range without holes up to the last frame read, and
    /// all of it was due after the warm-up, or read after it.
    #[test]
    fn buckets_add_up_wherever_the_warm_up_ends(
        fates in prop::collection::vec(fate(), 1..100),
        open_ms in 0_u64..3_300,
        first in prop_oneof![Just(0_u64), 0..u64::from(SEQUENCE_MODULUS)],
    ) {
        let late = fates.iter().any(|fate| matches!(fate, Fate::Delayed(_)));
        let (mut books, mut opened) = (Books::default(), false);
        let (mut latencies, mut before, mut after) = (0, None, Vec::new());
        for (ms, sequence, fate) in arrivals(&fates, first) {
            if !opened && ms >= open_ms {
                opened = true;
                books.ledger.open(at(open_ms));
            }
            match fate {
                Fate::Unreadable => books.ledger.unreadable(),
                Fate::Near => books.ledger.unreadable_nearby(),
                Fate::Undecodable => books.ledger.undecodable(),
                _ => {
                    let reading = books.ledger.read(&sample(sequence, (sequence - first) * 33, ms), 0, &mut |_| {});
                    latencies += u64::from(reading == Reading::First);
                    prop_assert!(opened || reading == Reading::WarmUp);
                    prop_assert!(reading != Reading::Stale);
                    if opened { after.push(sequence) } else { before = before.max(Some(sequence)) }
                }
            }
        }
        books.close();
        let (counts, expected) = books.counts();
        let rows: Vec<u64> = books.finalized.iter().map(|(_, sequence, _)| *sequence).collect();
        let last = after.iter().copied().max().filter(|last| before.is_none_or(|before| before < *last));
        prop_assert_eq!(rows.last().copied(), last);
        prop_assert!(rows.windows(2).all(|pair| pair[1] == pair[0] + 1), "{:?}", rows);
        prop_assert_eq!((counts.iter().sum::<u64>(), rows.len() as u64), (expected, expected));
        prop_assert_eq!(counts[0] + counts[2] + counts[3], latencies);
        let Some(last) = last else { return Ok(()) };
        prop_assert!(before.is_none_or(|before| before < rows[0]));
        if let (false, Some(_)) = (late, before) {
            let due = first + open_ms.div_ceil(33);
            prop_assert_eq!(&rows, &(due..=last).collect::<Vec<_>>());
        }
    }

    /// Arbitrary readings, as from a hostile publisher: no panic, and the sums still hold.
    #[test]
    fn arbitrary_readings_keep_the_sums(
        readings in prop::collection::vec((0_u64..u64::from(SEQUENCE_MODULUS), 0_u64..100_000, 0_u64..100, 0_u8..3), 1..60),
    ) {
        let mut books = Books::open();
        let mut ms = 0;
        let (mut latencies, mut finalized) = (0, 0);
        for (sequence, stamped, passed, stream_id) in readings {
            ms += passed;
            let sample = Sample { stream_id, ..sample(sequence, stamped, ms) };
            let reading = books.ledger.read(&sample, 0, &mut |e| finalized += e.frames);
            latencies += u64::from(reading == Reading::First);
        }
        books.ledger.close(&mut |e| finalized += e.frames);
        let counts = books.ledger.counts();
        prop_assert_eq!(counts.expected(), finalized);
        prop_assert_eq!(counts.read(), latencies);
    }
}
