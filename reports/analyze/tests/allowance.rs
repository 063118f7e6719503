//! A stream whose numbers jump ahead with each picture, as far as is believed, writes no more than time lets it.

use std::fs;
use std::time::Duration;

use analyze::merge;
use measure::allowance::{AT_ONCE, Allowance, PER_SECOND};
use measure::{Bucket, Sample};
use report::observation::Observation;
use report::saved::Saved;
use report::warning::Code;
use report::{Recorder, Setup};
use testing::{about, at, now, sample};

#[path = "../../report/src/testing.rs"]
mod testing;

/// Pictures, and ms between them.
const PICTURES: u64 = 600;
const PACE: u64 = 33;

/// The longest row of a frame that was read and of one that was not: both were looked at.
const READ_ROW: u64 = 170;
const LOST_ROW: u64 = 30;

#[test]
fn rows_are_earned_by_time() {
    let mut allowance = Allowance::default();
    assert_eq!(allowance.take(10, at(5_000)), 10);
    assert_eq!(allowance.take(u64::MAX, at(5_000)), AT_ONCE - 10);
    assert_eq!(allowance.take(1, at(5_000)), 0);
    assert_eq!(allowance.take(u64::MAX, at(6_500)), PER_SECOND + PER_SECOND / 2);
    // A whole outage of a fast camera.
    assert_eq!(allowance.take(36_000, at(6_500 + 150_000)), 36_000);
    assert!(allowance.take(u64::MAX, at(u64::MAX)) > 36_000);
}

/// Plays [`PICTURES`] of a stream into a report.
fn report(stream: &str, picture: fn(u64) -> Sample) -> (tempfile::TempDir, Saved) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let about = about(Duration::ZERO);
    let mut recorder = Recorder::new(Setup {
        started: about.started,
        warmup: about.warmup,
        url: format!("rtsp://127.0.0.1:8554/{stream}"),
        clocks: about.clocks,
        config: about.config,
        host: about.host,
        folder: Some(report::Place::Folder(folder.path().to_owned())),
    })
    .expect("a temporary folder can be written");
    for n in 0..PICTURES {
        recorder.observe(&Observation::frame(picture(n)));
        recorder.tick(now(n * PACE + 20));
    }
    recorder.finish(now(PICTURES * PACE), &[]);
    let saved = Saved::open(folder.path()).expect("it was written");
    (folder, saved)
}

/// What holds of every report, however its numbers jump.
fn check(folder: &std::path::Path, saved: &Saved) {
    let frames = &saved.run.frames;
    let unlisted = frames.unlisted.expect("frames were read");
    let rows = saved.frames().expect("it can be read");
    assert_eq!(rows.note, None);
    let of = |bucket| rows.rows.iter().filter(|row| row.outcome == bucket).count() as u64;
    assert_eq!(frames.expected, Some(rows.rows.len() as u64 + unlisted));
    assert_eq!(frames.lost, Some(of(Bucket::Lost) + unlisted));
    assert_eq!(frames.measured, Some(of(Bucket::Measured)));
    // Numbers without a row are those missing between two rows.
    let missing = |pair: &[report::saved::FrameRow]| match pair {
        [one, next] if one.segment == next.segment => next.seq - one.seq - 1,
        _ => 0,
    };
    assert_eq!(rows.rows.windows(2).map(missing).sum::<u64>(), unlisted);
    let seconds = saved.intervals().expect("it can be read").rows;
    let sum = |of: fn(&report::saved::IntervalRow) -> u64| Some(seconds.iter().map(of).sum::<u64>());
    assert_eq!(sum(|second| second.expected), frames.expected);
    assert_eq!(sum(|second| second.buckets[Bucket::Lost as usize]), frames.lost);
    let lost_rows = AT_ONCE + PER_SECOND * PICTURES * PACE / 1_000 + 1;
    let bytes = fs::metadata(folder.join("frames.csv")).expect("it is there").len();
    assert!(bytes <= PICTURES * READ_ROW + lost_rows * LOST_ROW + 1_000, "{bytes} bytes");
    assert_eq!(saved.run.warnings.iter().any(|warning| warning.code == Code::Unlisted), unlisted > 0);
}

#[test]
fn numbers_that_jump_fill_no_disk_and_are_all_counted() {
    // As far as is believed at once; with PUB running ahead of time, so that more is; and that only now and then.
    let steady = |n: u64| sample(n * 1_001, n * PACE, n * PACE + 10);
    let ahead = |n: u64| sample(n * 10_500, n * 10_000, n * PACE + 10);
    let rare = |n: u64| sample(n + n / 100 * 10_500, n * PACE + n / 100 * 10_000, n * PACE + 10);
    for (picture, jumps, by) in
        [(steady as fn(u64) -> Sample, PICTURES - 1, 1_000), (ahead, 599, 10_499), (rare, 5, 10_500)]
    {
        let (folder, saved) = report("cam", picture);
        assert_eq!((saved.run.frames.measured, saved.run.frames.lost), (Some(PICTURES), Some(jumps * by)));
        let granted = AT_ONCE + PER_SECOND * (PICTURES - 1) * PACE / 1_000;
        let unlisted = saved.run.frames.unlisted.expect("frames were read");
        assert!(unlisted >= (jumps * by).saturating_sub(granted), "{unlisted}");
        check(folder.path(), &saved);
    }
}

#[test]
fn an_outage_has_a_row_for_each_of_its_frames() {
    let (folder, saved) = report("cam", |n| sample(n + n / 300 * 3_000, n * PACE + n / 300 * 3_000, n * PACE + 10));
    assert_eq!((saved.run.frames.lost, saved.run.frames.unlisted), (Some(3_000), Some(0)));
    check(folder.path(), &saved);
}

#[test]
fn a_publisher_that_starts_over_with_each_picture_has_a_row_for_each() {
    let (folder, saved) =
        report("cam", |n| Sample { stream_id: n as u8, ..sample(n * 1_000, n * PACE, n * PACE + 10) });
    assert_eq!((saved.run.frames.expected, saved.run.frames.lost), (Some(PICTURES), Some(0)));
    check(folder.path(), &saved);
}

#[test]
fn reports_that_are_joined_add_up_what_has_no_row() {
    let (one, saved) = report("cam", |n| sample(n * 1_001, n * PACE, n * PACE + 10));
    let (other, _) = report("other", |n| sample(n * 1_001 + 7, n * PACE, n * PACE + 10));
    let joined = tempfile::tempdir().expect("a temporary folder");
    let folders = [one.path().to_owned(), other.path().to_owned()];
    merge::merge(&folders, &joined.path().join("both"), &[]).expect("they can be joined");
    let both = Saved::open(&joined.path().join("both")).expect("it was written");
    assert_eq!(both.run.frames.unlisted, saved.run.frames.unlisted.map(|unlisted| 2 * unlisted));
    let rows = both.frames().expect("it can be read");
    assert_eq!((rows.rows.len() as u64, rows.note), (2 * (saved.frames().expect("rows").rows.len() as u64), None));
}
