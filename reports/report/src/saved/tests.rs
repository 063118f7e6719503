use common::marks::Stage;
use std::fs;
use std::time::Duration;

use measure::sample::Bucket;

use super::*;
use crate::observation::Observation;
use crate::testing::{about, now, sample};
use crate::{Recorder, Setup};

/// A report of 12 s at 25 frames/s: every 20th frame does not come.
fn report(finished: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let about = about(Duration::from_secs(2));
    let mut recorder = Recorder::new(Setup {
        started: about.started,
        warmup: about.warmup,
        url: about.url,
        clocks: measure::Clocks::Same,
        config: about.config,
        host: about.host,
        folder: Some(crate::Place::Folder(folder.path().to_owned())),
    })
    .expect("a temporary folder can be written");
    for sequence in 0..300 {
        if sequence % 20 != 10 {
            recorder.observe(&Observation::frame(sample(sequence, sequence * 40, sequence * 40 + 10 + sequence % 7)));
        }
        recorder.tick(now(sequence * 40 + 30));
    }
    if finished {
        recorder.finish(now(12_000), &["p99<20ms".parse().expect("an assertion")]);
    }
    folder
}

fn open(folder: &tempfile::TempDir) -> Saved {
    Saved::open(folder.path()).expect("a report")
}

#[test]
fn a_report_is_read_back_as_it_was() {
    let folder = report(true);
    let saved = open(&folder);
    assert_eq!(saved.notes, [""; 0]);
    let text = fs::read_to_string(folder.path().join("run.json")).expect("run.json");
    assert_eq!(crate::codec::json::run(&saved.run), text, "nothing is lost on the way");

    let frames = saved.frames().expect("frames.csv");
    assert_eq!(frames.note, None);
    for bucket in Bucket::ALL {
        let count = frames.rows.iter().filter(|row| row.outcome == bucket).count() as u64;
        let counts = &saved.run.frames;
        let expected = match bucket {
            Bucket::Measured => counts.measured,
            Bucket::Lost => counts.lost,
            Bucket::Duplicate => counts.duplicate,
            Bucket::Late => counts.late,
            Bucket::Unreadable => counts.unreadable,
            Bucket::Undecodable => counts.undecodable,
        };
        assert_eq!(Some(count), expected, "{bucket:?}");
    }
    let (first, last) = (frames.rows[0], frames.rows[frames.rows.len() - 1]);
    assert_eq!((last.seq - first.seq + 1) as usize, frames.rows.len());
    let measured = frames.rows.iter().find(|row| row.seq == 60).expect("frame 60");
    assert_eq!((measured.latency_us, measured.idr, measured.bytes), (Some(14_000), Some(true), Some(4_000)));
    assert_eq!(measured.stages_us.iter().filter_map(|(_, us)| *us).sum::<i64>(), 14_000);

    let intervals = saved.intervals().expect("intervals.csv");
    assert_eq!((intervals.note, intervals.rows.len()), (None, 10));
    let expected: u64 = intervals.rows.iter().map(|row| row.expected).sum();
    assert_eq!(Some(expected), saved.run.frames.expected);
    assert!(intervals.rows.iter().all(|row| row.buckets.iter().sum::<u64>() == row.expected));

    let (histograms, note) = saved.histograms().expect("latency.hlog");
    let latency = &saved.run.latency_ms;
    assert_eq!((note, histograms.total.count()), (None, latency.count));
    assert_eq!(histograms.total.quantile_us(0.5).map(measure::units::ms), latency.p50);
    let (read, known) = (histograms.total.quantile_us(0.99).map(measure::units::ms), latency.p99);
    assert!(read >= known && read <= known.map(|ms| ms * 1.001), "{read:?} {known:?}");
    assert_eq!(histograms.stages[Stage::Decode].count(), latency.count);
}

#[test]
fn a_run_that_goes_on_is_read_too() {
    let saved = open(&report(false));
    assert!(saved.run.partial);
    assert_eq!(saved.run.outcome, crate::Outcome::Inconclusive);
}

#[test]
fn cut_anywhere_the_beginning_counts() {
    let folder = report(true);
    let whole = open(&folder).frames().expect("frames.csv").rows;
    let path = folder.path().join("frames.csv");
    let text = fs::read(&path).expect("frames.csv");
    for end in (0..text.len()).step_by(37) {
        fs::write(&path, &text[..end]).expect("the folder can be written");
        let cut = open(&folder).frames().expect("readable");
        assert!(whole.starts_with(&cut.rows), "cut at {end}");
        let at_a_line = end > 0 && text[end - 1] == b'\n';
        assert_eq!(cut.note.is_none(), at_a_line, "cut at {end}: {:?}", cut.note);
    }
}

#[test]
fn the_rest_of_lines_that_were_being_written_over_is_left_out() {
    let folder = report(true);
    let whole = open(&folder).frames().expect("frames.csv").rows;
    let path = folder.path().join("frames.csv");
    let mut text = fs::read_to_string(&path).expect("frames.csv");
    // The end of an older line, which is a line by itself: frame 7 after frame 299.
    text.push_str("7,lost,,,,,,,,,,,0,,,,\n");
    fs::write(&path, text).expect("the folder can be written");
    let read = open(&folder).frames().expect("readable");
    assert_eq!(read.rows, whole);
    let note = read.note.expect("it is said");
    assert!(note.contains("frames.csv makes no sense from line 252 on") && note.contains("frame 7"), "{note}");
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let folder = report(true);
    fs::write(folder.path().join("latency.hlog"), vec![b'#'; 3 << 20]).expect("the folder can be written");
    let (histograms, note) = open(&folder).histograms().expect("readable");
    assert_eq!(histograms.total.count(), 0);
    assert!(note.expect("it is said").contains("too long"));
}

#[test]
fn files_that_are_missing_empty_or_of_others_are_said_by_name() {
    let folder = report(true);
    let path = folder.path().join("intervals.csv");
    fs::remove_file(&path).expect("it is there");
    let note = |folder| open(folder).intervals().expect("no failure").note.expect("it is said");
    assert_eq!(note(&folder), "intervals.csv is missing");
    fs::write(&path, "").expect("the folder can be written");
    assert_eq!(note(&folder), "intervals.csv is empty");
    fs::write(&path, "a,b\n1,2\n").expect("the folder can be written");
    assert!(note(&folder).contains("begins with second,length_s,…: it has no column second"));
}

#[test]
fn a_pipe_in_a_files_place_is_refused_and_not_waited_for() {
    let folder = report(true);
    let saved = open(&folder);
    let pipe = |name: &str| {
        let path = folder.path().join(name);
        fs::remove_file(&path).expect("it is there");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a pipe");
    };
    ["frames.csv", "intervals.csv", "latency.hlog", "run.json"].into_iter().for_each(pipe);
    for (name, error) in [
        ("frames.csv", saved.frames().expect_err("a pipe")),
        ("intervals.csv", saved.intervals().expect_err("a pipe")),
        ("latency.hlog", saved.histograms().expect_err("a pipe")),
        ("run.json", Saved::open(folder.path()).expect_err("a pipe")),
    ] {
        let told = error.to_string();
        assert!(error.is_usage() && told.contains(name) && told.contains("named pipe"), "{told}");
    }
}

#[test]
fn texts_of_a_report_cannot_talk_to_a_terminal() {
    let text = r#"{"schema": "framelag/run/1", "started": "2026-01-02T03:04:05Z", "url": "rtsp://h/\u001b[31m",
        "outcome": "ok", "config": {"a\u009bb": ["\u0007"]}, "latency_ms": {"count": 5}, "frames": {},
        "warnings": [{"code": "restart", "message": "on\u001b[2Jce"}, {"code": "of-2030", "message": "\u001b]0;x\u0007"}]}"#;
    let (run, notes) = parse(text.as_bytes(), Path::new("run.json")).expect("it has all that it must");
    let told = [&run.url, &run.warnings[0].message, &run.config.to_json().to_string(), &notes[0]];
    assert!(told.iter().all(|told| !told.contains(char::is_control) && told.contains('\\')), "{told:?}");
    let error = refused(&text.replace("\"ok\"", "\"\\u001b[31mok\"")).to_string();
    assert!(error.contains("u{1b}") && !error.contains(char::is_control), "{error}");
}

fn refused(text: &str) -> Error {
    parse(text.as_bytes(), Path::new("out/run.json")).expect_err(text)
}

#[test]
fn what_is_no_run_is_refused_by_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = Saved::open(folder.path()).expect_err("nothing there");
    assert!(error.is_usage() && error.to_string().contains("it has no run.json"), "{error}");
    assert!(refused("{\"schema\": ").to_string().starts_with("out/run.json is no run of framelag: it is not JSON"));
    assert!(refused("[]").to_string().contains("its schema is not"));
    assert!(refused(r#"{"schema": "framelag/calibration/1"}"#).to_string().contains("its schema is not"));
    assert!(refused(r#"{"schema": "framelag/run/1"}"#).to_string().contains("missing field `started`"));
    let newer = refused(r#"{"schema": "framelag/run/2"}"#);
    assert!(matches!(&newer, Error::Newer { found, .. } if found == "framelag/run/2"), "{newer}");
    assert!(matches!(refused(&"[".repeat(200_000)), Error::NotARun { .. }), "too deep");
}

#[test]
fn a_run_of_an_earlier_version_lacks_what_was_not_known_then() {
    let text = r#"{"schema": "framelag/run/1", "started": "2026-01-02T03:04:05.000000Z", "frames": {"expected": 5},
        "latency_ms": {"count": 5, "p50": 2.5}, "outcome": "ok", "stages_ms": {"decode": {"count": 5, "p50": 1.5}},
        "warnings": [{"code": "restart", "message": "once"}, {"code": "of-2030", "message": "new"}]}"#;
    let (run, notes) = parse(text.as_bytes(), Path::new("run.json")).expect("it has all that it must");
    assert_eq!((run.latency_ms.p50, run.latency_ms.p99, run.frames.lost), (Some(2.5), None, None));
    assert_eq!(run.stages_ms[Stage::Decode].p50, Some(1.5));
    assert_eq!((run.warnings.len(), run.duration_s, run.calibration), (1, None, None));
    assert!(notes[0].contains("\"of-2030\": new"), "{notes:?}");
}

/// As an editor leaves it that somebody looked at a file with.
#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let folder = report(true);
    let before = open(&folder);
    let rows = (before.frames().expect("rows"), before.intervals().expect("rows"), before.histograms().expect("a log"));
    for name in ["run.json", "frames.csv", "intervals.csv", "latency.hlog"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect(name);
        fs::write(&path, format!("\u{feff}{text}")).expect("it is ours");
    }
    let after = open(&folder);
    assert_eq!(crate::codec::json::run(&after.run), crate::codec::json::run(&before.run));
    assert_eq!((after.frames().expect("rows"), after.intervals().expect("rows")), (rows.0, rows.1));
    assert_eq!(after.histograms().expect("a log").1, rows.2.1);
}

#[test]
fn a_file_that_was_saved_as_utf_16_is_named_as_such() {
    let folder = report(true);
    let path = folder.path().join("run.json");
    fs::write(&path, b"\xff\xfe{\0}\0").expect("it is ours");
    let said = Saved::open(folder.path()).expect_err("UTF-16").to_string();
    assert!(said.contains("run.json") && said.contains("it is UTF-16: save it as UTF-8"), "{said}");
    let note = read_frames(&b"\xff\xfef\0\n\0"[..], |_| panic!("there are no rows")).expect("memory can be read");
    assert!(note.expect("there are no rows").contains("it is UTF-16"));
}
