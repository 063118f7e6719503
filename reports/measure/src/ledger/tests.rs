use std::collections::HashMap;

use super::*;
use crate::allowance::AT_ONCE;
use crate::sample::SEQUENCE_MODULUS;
use crate::testing::{at, sample};

mod simulated;

/// A ledger after the warm-up that keeps what became final: segment, sequence, bucket.
#[derive(Default)]
struct Books {
    ledger: Ledger,
    finalized: Vec<(u32, u64, Bucket)>,
}

impl Books {
    fn open() -> Self {
        let mut books = Self::default();
        books.ledger.open(at(0));
        books
    }

    /// Reads frame `sequence`, stamped and shown at `ms`.
    fn read(&mut self, sequence: u64, ms: u64) -> Reading {
        let finalized = &mut self.finalized;
        self.ledger.read(&sample(sequence, ms, ms), 0, &mut |e| finalized.push((e.segment, e.sequence, e.bucket)))
    }

    /// Reads frames of a 30 frames/s stream, each when it was stamped.
    fn run(&mut self, sequences: impl IntoIterator<Item = u64>) {
        sequences.into_iter().for_each(|sequence| {
            self.read(sequence, sequence * 33);
        });
    }

    fn pass(&mut self, ms: u64) {
        let finalized = &mut self.finalized;
        self.ledger.finalize(at(ms), &mut |e| finalized.push((e.segment, e.sequence, e.bucket)));
    }

    fn close(&mut self) {
        let finalized = &mut self.finalized;
        self.ledger.close(&mut |e| finalized.push((e.segment, e.sequence, e.bucket)));
    }

    /// Measured, lost, duplicate, late, unreadable, undecodable; and the range that they must add up to.
    fn counts(&self) -> ([u64; 6], u64) {
        let counts = self.ledger.counts();
        (Bucket::ALL.map(|bucket| counts.of(bucket)), counts.expected())
    }
}

#[test]
fn a_whole_stream_is_measured() {
    let mut books = Books::open();
    books.run(10..40);
    assert_eq!(books.counts(), ([30, 0, 0, 0, 0, 0], 30));
}

#[test]
fn a_gap_is_lost() {
    let mut books = Books::open();
    books.run((0..10).chain(13..20));
    assert_eq!(books.counts(), ([17, 3, 0, 0, 0, 0], 20));
}

#[test]
fn a_frame_read_again_is_a_duplicate_once() {
    let mut books = Books::open();
    books.run(0..10);
    for _ in 0..3 {
        assert_eq!(books.read(9, 297), Reading::Again);
    }
    assert_eq!(books.read(4, 132), Reading::Again);
    assert_eq!(books.counts(), ([8, 0, 2, 0, 0, 0], 10));
}

#[test]
fn a_frame_after_a_later_one_is_late() {
    let mut books = Books::open();
    books.run([0, 1, 3]);
    assert_eq!(books.read(2, 66), Reading::First);
    books.run([4]);
    assert_eq!(books.counts(), ([4, 0, 0, 1, 0, 0], 5));
}

#[test]
fn a_late_frame_read_again_is_a_duplicate() {
    let mut books = Books::open();
    books.run([0, 2, 1, 1, 3]);
    assert_eq!(books.counts(), ([3, 0, 1, 0, 0, 0], 4));
}

#[test]
fn strays_fill_the_gap_they_arrived_in() {
    let mut books = Books::open();
    books.run([0]);
    books.ledger.unreadable();
    books.ledger.undecodable();
    books.run([5, 6, 8]);
    books.ledger.unreadable();
    books.close();
    let (counts, expected) = books.counts();
    assert_eq!((counts, expected), ([4, 3, 0, 0, 1, 1], 9));
    let fates: HashMap<u64, Bucket> =
        books.finalized.iter().map(|(_, sequence, bucket)| (*sequence, *bucket)).collect();
    assert_eq!(fates[&7], Bucket::Lost, "the picture after frame 8 is not frame 7");
    assert_eq!(books.ledger.unplaced(), 1, "and has no place in the range");
}

#[test]
fn a_stray_without_a_gap_is_unplaced() {
    let mut books = Books::open();
    books.ledger.unreadable();
    books.run([0]);
    books.ledger.unreadable();
    books.run([1]);
    assert_eq!((books.counts(), books.ledger.unplaced()), (([2, 0, 0, 0, 0, 0], 2), 2));
}

#[test]
fn a_stray_keeps_its_gap_when_a_late_frame_takes_its_place() {
    let mut books = Books::open();
    books.run([0]);
    books.ledger.unreadable();
    books.run([3, 1]);
    assert_eq!(books.counts(), ([2, 0, 0, 1, 1, 0], 4));
    books.run([2]);
    assert_eq!(books.counts(), ([2, 0, 0, 2, 0, 0], 4));
    books.close();
    assert_eq!(books.ledger.unplaced(), 1);
}

#[test]
fn a_stray_that_is_near_fills_a_gap_before_or_after_it() {
    for (before, at, after, filled) in [(vec![0, 2], 2, vec![3, 4], 1), (vec![0, 1], 1, vec![2, 4], 1)] {
        let mut books = Books::open();
        books.run(before);
        books.ledger.unreadable_nearby();
        books.run(after);
        assert_eq!(books.counts().0[4], filled, "at {at}");
        books.close();
        assert_eq!((books.counts(), books.ledger.unplaced()), (([4, 0, 0, 0, 1, 0], 5), 0), "at {at}");
    }
}

#[test]
fn strays_that_are_near_fill_no_gap_further_away() {
    let mut books = Books::open();
    // One after every fifth frame and no gap to fill, as where a browser counts too many.
    for start in (0..100).step_by(5) {
        books.run(start..start + 5);
        books.ledger.unreadable_nearby();
    }
    // Then 40 frames are lost.
    books.run(140..160);
    books.close();
    let (counts, expected) = books.counts();
    assert_eq!((counts, expected), ([120, 39, 0, 0, 1, 0], 160), "the newest alone is near");
    assert_eq!(books.ledger.unplaced(), 19);
}

#[test]
fn numbers_count_on_over_the_wrap() {
    let wrap = u64::from(SEQUENCE_MODULUS);
    let mut books = Books::open();
    for sequence in wrap - 5..wrap + 5 {
        if sequence != wrap {
            books.read(sequence, sequence - (wrap - 5));
        }
    }
    books.read(wrap, 5);
    assert_eq!(books.counts(), ([9, 0, 0, 1, 0, 0], 10));
    books.close();
    assert_eq!(books.finalized.last().map(|(_, sequence, _)| *sequence), Some(wrap + 4));
}

/// A day and more at 144 frames/s: the numbers have wrapped, and the window is as wide as ever. Half the modulus ahead of
/// the newest number is behind it.
#[test]
fn numbers_count_on_long_after_the_wrap() {
    let (mut books, mut newest) = (Books::open(), 0);
    books.read(0, 0);
    for hour in 1..=70_u64 {
        newest = hour * 518_400;
        books.read(newest, hour * 3_600_000);
    }
    assert!(newest > 2 * u64::from(SEQUENCE_MODULUS));
    let ms = 70 * 3_600_000;
    assert_eq!(books.read(newest - MAX_WINDOW as u64 + 1, ms - 28_000), Reading::First, "the oldest in the window");
    assert_eq!(books.read(newest - MAX_WINDOW as u64, ms - 28_007), Reading::Stale);
    assert_eq!(books.read(newest, ms), Reading::Again);
    assert_eq!(books.read(newest + 2, ms + 14), Reading::First);
    let ([measured, lost, duplicate, late, ..], expected) = books.counts();
    assert_eq!((expected, measured, duplicate, late), (newest + 3, 71, 1, 1));
    assert_eq!((lost, books.ledger.segments()), (expected - 73, 1));
}

#[test]
fn going_back_with_a_newer_stamp_is_a_restart_and_the_ranges_add_up() {
    let mut books = Books::open();
    books.run(100..130);
    books.ledger.unreadable();
    for sequence in 0..20 {
        let at = 10_000 + sequence * 33;
        let bare = Sample { run: None, ..sample(sequence, at, at) };
        let finalized = &mut books.finalized;
        books.ledger.read(&bare, 0, &mut |e| finalized.push((e.segment, e.sequence, e.bucket)));
    }
    assert_eq!(books.counts(), ([50, 0, 0, 0, 0, 0], 50));
    assert_eq!((books.ledger.segments(), books.ledger.unplaced()), (2, 1));
    books.close();
    let segments: Vec<u32> = books.finalized.iter().map(|(segment, ..)| *segment).collect();
    assert_eq!((segments[29], segments[30]), (0, 1));
}

#[test]
fn a_jump_that_no_time_allows_is_a_restart_and_an_outage_is_a_gap() {
    let mut books = Books::open();
    books.run(0..10);
    books.read(5_000_000, 500);
    assert_eq!((books.counts().1, books.ledger.segments()), (11, 2));
    // Ten minutes later at 60 frames/s.
    books.read(5_036_000, 600_500);
    assert_eq!((books.counts().1, books.ledger.segments()), (36_011, 2));
}

#[test]
fn another_run_is_a_restart_however_the_numbers_lie() {
    let mut books = Books::open();
    books.run(0..20);
    for sequence in 60..80 {
        let restarted = Sample { run: Some(2), ..sample(sequence, sequence * 33, sequence * 33) };
        books.ledger.read(&restarted, 0, &mut |_| {});
    }
    assert_eq!((books.counts().1, books.ledger.segments()), (40, 2), "nothing is lost between two runs");
    // A picture without an SEI belongs to the run it comes in.
    books.ledger.read(&Sample { run: None, ..sample(80, 2_640, 2_640) }, 0, &mut |_| {});
    assert_eq!((books.counts().1, books.ledger.segments()), (41, 2));
}

#[test]
fn another_stream_id_is_a_restart() {
    let mut books = Books::open();
    books.run(0..3);
    let other = Sample { stream_id: 2, ..sample(3, 99, 99) };
    books.ledger.read(&other, 0, &mut |_| {});
    assert_eq!((books.counts().1, books.ledger.segments()), (4, 2));
}

#[test]
fn a_publisher_whose_clock_was_set_back_is_found_again() {
    let mut books = Books::open();
    for sequence in 0..100 {
        books.read(sequence, 1_000_000 + sequence * 33);
    }
    books.pass(2_000_000);
    for sequence in 0..20 {
        let early = sample(sequence, sequence * 33, 2_000_000 + sequence * 33);
        books.ledger.read(&early, 0, &mut |_| {});
    }
    assert_eq!((books.ledger.segments(), books.ledger.stale()), (2, 7));
    assert_eq!(books.counts().1, 100 + 13);
}

#[test]
fn a_frame_is_final_after_its_time_and_then_stays() {
    let mut books = Books::open();
    books.run([0, 2]);
    books.pass(66 + 1_999);
    assert_eq!(books.finalized, [(0, 0, Bucket::Measured)]);
    books.pass(66 + 2_000);
    assert_eq!(books.finalized[1..], [(0, 1, Bucket::Lost), (0, 2, Bucket::Measured)]);
    assert_eq!(books.read(1, 33), Reading::Stale);
    assert_eq!((books.counts(), books.ledger.stale()), (([2, 1, 0, 0, 0, 0], 3), 1));
}

#[test]
fn a_picture_held_for_long_is_no_restart() {
    let mut books = Books::open();
    books.run(0..3);
    for seconds in 1..60 {
        books.pass(seconds * 1_000);
        books.read(2, 66);
    }
    assert_eq!((books.ledger.segments(), books.counts().1), (1, 3));
}

#[test]
fn the_window_is_bounded() {
    let mut books = Books::open();
    books.read(0, 0);
    books.read(900_000, 1_800_000);
    // Of the frames that became final, those without a row are one entry; the window's oldest made room for the newest.
    assert_eq!(books.finalized.len() as u64, 1 + AT_ONCE + 1 + 1);
    assert_eq!(books.counts().1, 900_001);
    assert_eq!(books.ledger.counts().unlisted(), 899_999 - AT_ONCE);
}

/// Frames 0 and 1 are stamped and shown 33 ms apart, and then frame 5: 2 is due at 66 ms, 3 at 99 and 4 at 132.
fn across(open_ms: u64) -> Books {
    let mut books = Books::default();
    books.run([0, 1]);
    books.ledger.open(at(open_ms));
    books.run([5]);
    books
}

#[test]
fn a_lost_frame_belongs_to_the_warm_up_where_it_was_due_in_it() {
    for (open_ms, lost) in [(34, 3), (66, 3), (67, 2), (99, 2), (100, 1), (132, 1), (133, 0), (165, 0)] {
        let mut books = across(open_ms);
        assert_eq!(books.counts(), ([1, lost, 0, 0, 0, 0], lost + 1), "{open_ms}");
        books.close();
        let rows: Vec<_> = books.finalized.iter().map(|(_, sequence, _)| *sequence).collect();
        assert_eq!(rows, (5 - lost..=5).collect::<Vec<_>>(), "{open_ms}");
    }
}

#[test]
fn frames_that_come_late_or_again_across_the_end_of_the_warm_up_count_by_when_they_were_due() {
    let mut books = across(99);
    for (sequence, reading) in [
        (1, Reading::WarmUp),
        (2, Reading::WarmUp),
        (3, Reading::First),
        (3, Reading::Again),
        (4, Reading::First),
        (5, Reading::Again),
    ] {
        assert_eq!(books.read(sequence, sequence * 33), reading, "{sequence}");
    }
    assert_eq!((books.counts(), books.ledger.stale()), (([0, 0, 2, 1, 0, 0], 3), 0));
    let mut before = Books::default();
    before.run([0, 1, 5]);
    before.ledger.open(at(170));
    assert_eq!(before.read(5, 165), Reading::WarmUp, "the newest again, before anything counts");
    assert_eq!(before.read(4, 132), Reading::WarmUp);
    before.run([6]);
    assert_eq!(before.read(5, 165), Reading::WarmUp, "and after");
    assert_eq!((before.counts(), before.ledger.stale()), (([1, 0, 0, 0, 0, 0], 1), 0));
}

#[test]
fn what_arrives_in_the_place_of_frames_across_the_end_of_the_warm_up_fills_what_counts() {
    let mut books = Books::default();
    books.run([0, 1]);
    books.ledger.unreadable();
    books.ledger.open(at(90));
    books.ledger.undecodable();
    books.run([5]);
    assert_eq!((books.counts(), books.ledger.unplaced()), (([1, 1, 0, 0, 0, 1], 3), 0));
}

/// Frames 2 to 8 are lost. The one after them was held up on its way; or the publisher's clock was set back, and says nothing.
#[test]
fn frames_are_due_by_their_stamps_and_by_arrivals_where_the_stamps_go_back() {
    for (stamped, shown, lost) in [(45, 1_000, 0), (100, 1_000, 4), (0, 110, 4), (5_000, 110, 4)] {
        let mut books = Books::default();
        books.read(0, 0);
        books.read(1, 10);
        books.ledger.open(at(50));
        books.ledger.read(&sample(9, stamped, shown), 0, &mut |_| {});
        assert_eq!(books.counts().0[1], lost, "{stamped} {shown}");
    }
}

#[test]
fn a_gap_before_the_first_reading_of_all_is_not_known() {
    let mut books = Books::default();
    books.ledger.open(at(50));
    books.run([9, 10]);
    assert_eq!(books.counts(), ([2, 0, 0, 0, 0, 0], 2));
}
