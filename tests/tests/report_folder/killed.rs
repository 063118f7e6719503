//! kill -9 of the receiver: the folder holds all but the last second.

use framelag_tests::measuring::{endless_receiver, measured, publisher_with_server};
use framelag_tests::process::wait_until;
use framelag_tests::{LIMIT, turn};
use report::saved::Saved;

use super::every_command_opens;

#[test]
fn killed_at_any_moment_it_leaves_all_but_the_last_second() {
    let _turn = turn::share();
    let (_publisher, url) = publisher_with_server(&["--source", "test"]);
    // Just begun; then after the first figures of a second, and after some more of them.
    for seconds in [0, 1, 3, 4] {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut receiver = endless_receiver(&url, folder.path()).spawn();
        wait_until("a report to begin", LIMIT, || folder.path().join("run.json").is_file().then_some(()));
        let mut told = Vec::new();
        for _ in 0..seconds {
            let printed = receiver.line_count();
            told.push(receiver.wait_for_line_after(printed, "the next second's figures", LIMIT, measured));
        }
        receiver.kill();
        let ended = receiver.finish(LIMIT);
        assert_eq!(ended.signal, Some(9), "{ended}");
        // What it had said a second before its last line at the latest; on a busy machine that line may come late.
        let held = told.len().checked_sub(2).map_or(0, |at| told[at]);
        let saved = every_command_opens(folder.path());
        assert!(saved.run.partial);
        let in_run = saved.run.frames.measured.unwrap_or(0);
        let rows = saved.frames().expect("frames.csv can be read").rows.len() as u64;
        assert!(
            in_run >= held && rows >= held,
            "{held} frames were told: {in_run} are in run.json, {rows} in frames.csv"
        );
        whole_but_for_its_end(&saved);
    }
}

/// Every number from the first to the last has a row, and the seconds and the log have what the rows have, less what is still
/// open.
fn whole_but_for_its_end(saved: &Saved) {
    let rows = saved.frames().expect("frames.csv can be read").rows;
    let of_first_segment: Vec<u64> = rows.iter().filter(|row| row.segment == 0).map(|row| row.seq).collect();
    let (Some(first), Some(last)) = (of_first_segment.first(), of_first_segment.last()) else { return };
    assert_eq!(of_first_segment.len() as u64, last - first + 1, "no frame is left out between the first and the last");
    let seconds = saved.intervals().expect("intervals.csv can be read");
    assert_eq!(seconds.note, None, "lines are written in one piece");
    let closed: u64 = seconds.rows.iter().map(|row| row.count).sum();
    let (log, note) = saved.histograms().expect("latency.hlog can be read");
    assert_eq!(note, None);
    assert_eq!(log.total.count(), closed, "the log has each second that ended");
}
