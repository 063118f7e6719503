use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::observation::Observation;
use crate::run::Outcome;
use crate::testing::{about, now, sample, wall};
use crate::{Recorder, Setup};

fn setup(folder: &Path, warmup: Duration) -> Setup {
    let about = about(warmup);
    Setup {
        started: about.started,
        warmup,
        url: about.url,
        clocks: measure::Clocks::Same,
        config: about.config,
        host: about.host,
        folder: Some(crate::Place::Folder(folder.to_owned())),
    }
}

fn recorder(folder: &Path, warmup: Duration) -> Recorder {
    Recorder::new(setup(folder, warmup)).expect("a temporary folder can be written")
}

/// Frames at 25 frames/s, 10 ms old; every 20th does not come.
fn play(recorder: &mut Recorder, frames: std::ops::Range<u64>) {
    for sequence in frames {
        if sequence % 20 != 10 {
            recorder.observe(&Observation::frame(sample(sequence, sequence * 40, sequence * 40 + 10)));
        }
        recorder.tick(now(sequence * 40 + 30));
    }
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect(name)
}

/// The rows of a CSV file by column name.
fn rows(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().expect("a header").split(',').collect();
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            assert_eq!(fields.len(), header.len(), "{line}");
            header.iter().copied().zip(fields).collect()
        })
        .collect()
}

/// Checks that the files of a folder tell one story.
fn check(folder: &Path) -> Value {
    let run: Value = serde_json::from_str(&read(folder, "run.json")).expect("run.json is JSON");
    let frames_text = read(folder, "frames.csv");
    let frames = rows(&frames_text);
    for bucket in measure::Bucket::ALL {
        let count = frames.iter().filter(|row| row["outcome"] == bucket.name()).count();
        assert_eq!(run["frames"][bucket.name()], count, "{}", bucket.name());
    }
    assert_eq!(run["frames"]["expected"], frames.len());
    let latencies = frames.iter().filter(|row| !row["latency_us"].is_empty()).count();
    assert_eq!(run["latency_ms"]["count"], latencies);
    let sequences: Vec<u64> = frames.iter().map(|row| row["seq"].parse().expect("a number")).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "one row for each frame");
    for row in &frames {
        let stages = ["stamp", "encode", "send", "network", "reassembly", "decode", "read", "present"];
        let sum =
            stages.iter().filter_map(|stage| row[format!("{stage}_us").as_str()].parse::<i64>().ok()).sum::<i64>();
        assert_eq!(row["latency_us"].parse().unwrap_or(0), sum);
    }
    assert!(read(folder, "latency.hgrm").contains(&format!("Total count    = {latencies:12}]")));
    run
}

#[test]
fn a_finished_folder_tells_one_story() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(folder.path(), Duration::from_secs(2));
    play(&mut recorder, 0..250);
    recorder.observe(&Observation::frame(sample(249, 249 * 40, 250 * 40)));
    recorder.observe(&Observation::undecodable(now(10_001), 500, false));
    play(&mut recorder, 252..300);
    let summary = recorder.finish(now(12_000), &["p99<20ms".parse().expect("an assertion")]).summary;
    assert_eq!((summary.outcome(), summary.exit_code), (Outcome::Ok, 0));
    assert_eq!(summary.report.as_deref(), Some(folder.path()));
    let run = check(folder.path());
    assert_eq!(run["partial"], false);
    assert_eq!(run["outcome"], "ok");
    assert_eq!(run["assertions"][0]["ok"], true);
    assert_eq!(run["frames"]["duplicate"], 1);
    assert_eq!(run["frames"]["undecodable"], 1);
    let intervals_text = read(folder.path(), "intervals.csv");
    let intervals = rows(&intervals_text);
    assert_eq!(intervals.len(), 10);
    let sum = |column: &str| intervals.iter().map(|row| row[column].parse::<u64>().expect(column)).sum::<u64>();
    assert_eq!(run["frames"]["expected"], sum("expected"));
    assert_eq!(run["frames"]["lost"], sum("lost"));
    assert_eq!(run["latency_ms"]["count"], sum("count"));
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    let data = ["frames.csv", "intervals.csv", "latency.hgrm", "latency.hlog", "run.json"];
    assert_eq!(names, data);
}

#[test]
fn the_interval_log_holds_every_latency() {
    use base64::Engine;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(folder.path(), Duration::from_secs(2));
    play(&mut recorder, 0..300);
    let summary = recorder.finish(now(12_000), &[]).summary;
    let text = read(folder.path(), "latency.hlog");
    let (mut total, mut decode) =
        (Histogram::<u64>::new(3).expect("a histogram"), Histogram::<u64>::new(3).expect("one"));
    let mut starts = Vec::new();
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        match entry.expect("a line of the log") {
            LogEntry::StartTime(time) | LogEntry::BaseTime(time) => {
                assert_eq!(time.as_micros(), wall(0).as_micros() as u128)
            }
            LogEntry::Interval(interval) => {
                let bytes =
                    base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).expect("Base64");
                let histogram: Histogram<u64> =
                    Deserializer::new().deserialize(&mut bytes.as_slice()).expect("V2 deflate");
                match interval.tag().map(|tag| tag.as_str().to_owned()).as_deref() {
                    None => {
                        starts.push(interval.start_timestamp().as_millis());
                        assert!((interval.max() - 10.0).abs() < 0.011, "{}", interval.max());
                        total.add(histogram).expect("the same range");
                    }
                    Some("decode") => decode.add(histogram).expect("the same range"),
                    Some(_) => {}
                }
            }
        }
    }
    assert_eq!(total.len(), summary.run.latency_ms.count);
    assert_eq!((decode.len(), decode.value_at_quantile(0.5)), (total.len(), 840));
    assert_eq!(starts, (0..10).map(|second| 2_010 + second * 1_000).collect::<Vec<_>>());
}

/// Waits until `run.json` tells of this many frames.
fn wait_for_frames(folder: &Path, expected: u64) {
    let limit = std::time::Instant::now() + Duration::from_secs(60);
    while std::time::Instant::now() < limit {
        let run: Value = serde_json::from_str(&read(folder, "run.json")).expect("run.json is whole at any time");
        if run["frames"]["expected"].as_u64() >= Some(expected) {
            return;
        }
        thread::yield_now();
    }
    panic!("run.json never told of {expected} frames");
}

#[test]
fn a_run_that_is_cut_off_leaves_all_but_the_last_second() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(folder.path(), Duration::ZERO);
    // Second by second, so that the writer keeps up with a run that takes no time; 25 frames are a second.
    for second in 0..10 {
        play(&mut recorder, second * 25..(second + 1) * 25);
        wait_for_frames(folder.path(), second * 25);
    }
    recorder.tick(now(10_500));
    wait_for_frames(folder.path(), 250);
    std::mem::forget(recorder);
    let run = check(folder.path());
    assert_eq!((&run["partial"], &run["outcome"]), (&Value::Bool(true), &Value::from("inconclusive")));
    assert_eq!(run["warnings"][0]["code"], "partial");
    assert!(read(folder.path(), "intervals.csv").lines().count() > 9);
    assert!(read(folder.path(), "latency.hlog").lines().filter(|line| line.starts_with("Tag=decode")).count() >= 9);
}

#[test]
fn a_dropped_run_is_written_before_its_folder_is_free() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut recorder = recorder(folder.path(), Duration::ZERO);
        play(&mut recorder, 0..250);
        drop(recorder);
        let run = check(folder.path());
        assert_eq!(run["partial"], true);
        assert!(run["frames"]["expected"].as_u64() > Some(0), "{run}");
    }
}

#[test]
fn a_folder_that_cannot_be_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("taken");
    fs::write(&file, "").expect("a file");
    let error = Recorder::new(setup(&file, Duration::ZERO)).expect_err("a file is no folder").to_string();
    assert!(error.contains("taken"), "{error}");
}

#[test]
fn a_pipe_in_a_files_place_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["frames.csv", "intervals.csv", "latency.hlog"] {
        let path = folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a pipe");
        let told = Recorder::new(setup(folder.path(), Duration::ZERO)).expect_err(name).to_string();
        assert!(told.contains(name) && told.contains("pipe"), "{told}");
        fs::remove_file(&path).expect("it is ours");
    }
}

#[test]
fn a_folder_belongs_to_one_run_until_its_last_page_is_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("night");
    let mut first = recorder(&path, Duration::ZERO);
    play(&mut first, 0..100);
    let before = fs::read(path.join("frames.csv")).expect("it is there");
    let error = Recorder::new(setup(&path, Duration::ZERO)).expect_err("it is taken");
    let told = error.to_string();
    assert!(told.contains("night") && told.contains("--report"), "{told}");
    // The first one's writer may be under way.
    let after = fs::read(path.join("frames.csv")).expect("it is there");
    assert!(after.starts_with(&before), "the second run touched nothing");
    let finished = first.finish(now(5_000), &[]);
    assert_eq!(finished.summary.exit_code, 0);
    Recorder::new(setup(&path, Duration::ZERO)).expect_err("its pages are not written");
    drop(finished);
    let names = |path: &Path| fs::read_dir(path).expect("a folder").count();
    assert_eq!(names(&path), 5, "the data of a report, and nothing of a lock");
    // What a run left behind, ended or not, is free.
    drop(recorder(&path, Duration::ZERO));
    drop(recorder(&path, Duration::ZERO));
}

#[test]
fn a_folder_that_goes_away_fails_the_run_and_keeps_its_figures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("report");
    let mut recorder = recorder(&path, Duration::ZERO);
    play(&mut recorder, 0..100);
    fs::rename(&path, folder.path().join("moved")).expect("the folder is ours");
    let summary = recorder.finish(now(5_000), &[]).summary;
    assert_eq!((summary.outcome(), summary.exit_code), (Outcome::Failed, 1));
    assert_eq!(summary.run.latency_ms.count, 95);
    let told = &summary.run.warnings.last().expect("it is said").message;
    assert!(told.contains("moved, deleted or replaced") && told.contains("in ") && told.contains("/moved"), "{told}");
    assert_eq!(check(&folder.path().join("moved"))["outcome"], "failed", "what was measured went where the folder is");
}

#[test]
fn a_failure_is_in_the_report_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = recorder(folder.path(), Duration::ZERO);
    play(&mut recorder, 0..100);
    recorder.fail("the server went away for good");
    recorder.fail("and something else happened");
    let summary = recorder.finish(now(5_000), &["p50<1us".parse().expect("an assertion")]).summary;
    assert_eq!((summary.outcome(), summary.exit_code), (Outcome::Failed, 1));
    let run = check(folder.path());
    assert_eq!(run["outcome"], "failed");
    assert_eq!(run["warnings"].as_array().map(Vec::len), Some(1), "{run}");
    assert_eq!(run["warnings"][0]["message"], "the server went away for good");
}

#[test]
fn lines_that_may_change_are_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("tail");
    let dir = Dir::open(folder.path()).expect("it is there");
    let mut tail = Tail::create(&dir, "tail", "head\n").expect("a file");
    let mut write = |finalized: &str, pending: &str| {
        tail.write(&Lines { finalized: finalized.to_owned(), pending: pending.to_owned() }).expect("a line");
        fs::read_to_string(&path).expect("the file")
    };
    assert_eq!(write("1\n", "2?\n3?\n"), "head\n1\n2?\n3?\n");
    assert_eq!(write("2\n", ""), "head\n1\n2\n");
    assert_eq!(write("", "3?\n"), "head\n1\n2\n3?\n");
}

/// A link to a folder in the place of ours, which is swapped in while the run goes on.
#[test]
fn a_folder_that_is_swapped_for_a_link_does_not_split_the_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, moved, other) = (folder.path().join("report"), folder.path().join("moved"), folder.path().join("other"));
    fs::create_dir(&other).expect("a folder");
    let mut recorder = recorder(&path, Duration::ZERO);
    play(&mut recorder, 0..100);
    fs::rename(&path, &moved).expect("the folder is ours");
    std::os::unix::fs::symlink(&other, &path).expect("a link");
    play(&mut recorder, 100..200);
    let summary = recorder.finish(now(9_000), &[]).summary;
    assert_eq!((summary.outcome(), summary.exit_code, summary.report.clone()), (Outcome::Failed, 1, None));
    assert_eq!(check(&moved)["frames"]["expected"], 200, "all of it is in one folder");
    assert_eq!(fs::read_dir(&other).expect("a folder").count(), 0, "and nothing elsewhere");
}

/// Where somebody has put links to a file in the place of each that a run writes.
#[test]
fn links_in_a_report_folder_lead_no_write_elsewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, victim) = (folder.path().join("report"), folder.path().join("victim"));
    fs::create_dir(&path).expect("a folder");
    for name in DATA {
        fs::write(&victim, "precious").expect("a file");
        let _ = fs::remove_file(path.join(name));
        std::os::unix::fs::symlink(&victim, path.join(name)).expect("a link");
        let told = Recorder::new(setup(&path, Duration::ZERO)).expect_err(name).to_string();
        assert!(told.contains(name) && told.contains("link") && told.contains("delete it"), "{told}");
        fs::remove_file(path.join(name)).expect("it is ours");
        fs::hard_link(&victim, path.join(name)).expect("a second name");
        let mut recorder = recorder(&path, Duration::ZERO);
        play(&mut recorder, 0..100);
        assert_eq!(recorder.finish(now(5_000), &[]).summary.exit_code, 0, "{name}");
        check(&path);
        assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious", "{name}");
    }
}
