use std::fs;
use std::time::Duration;

use common::marks::Stage;
use common::time::Now;
use measure::latency::Distribution;
use measure::sample::{Bucket, Clocks, Correction};
use measure::units::ms;
use report::run::{Outcome, Run};
use report::saved::Saved;
use report::warning::{Code, Warning};
use report::{Recorder, Setup};
use serde_json::json;

use super::*;
use crate::testing::{about, at, now, sample, wall};
use report::observation::Observation;

mod in_browser;
mod twice;

/// A receiver's run, whose latencies are `latency_ms(sequence)`.
struct Given {
    /// When it began to connect, ms after the others.
    began: u64,
    clocks: Clocks,
    /// Frames that do not come.
    lost: fn(u64) -> bool,
    latency_ms: fn(u64) -> u64,
    config: serde_json::Value,
    asserts: &'static [&'static str],
}

const FRAMES: u64 = 300;

impl Default for Given {
    fn default() -> Self {
        Self {
            began: 0,
            clocks: Clocks::Same,
            lost: |sequence| sequence % 20 == 10,
            latency_ms: |sequence| 10 + sequence % 7,
            config: json!({ "transport": "tcp", "size": { "width": 640 } }),
            asserts: &[],
        }
    }
}

impl Given {
    fn recorder(&self, folder: &Path) -> Recorder {
        let about = about(Duration::from_secs(2));
        Recorder::new(Setup {
            started: Now { wall: wall(self.began), mono: at(self.began) },
            warmup: about.warmup,
            url: about.url,
            clocks: self.clocks,
            config: self.config.clone().into(),
            host: about.host,
            folder: Some(report::Place::Folder(folder.to_owned())),
        })
        .expect("a temporary folder can be written")
    }

    fn play(&self, recorder: &mut Recorder) {
        for sequence in 0..FRAMES {
            let stamped = self.began + sequence * 40;
            if !(self.lost)(sequence) {
                let shown = stamped + (self.latency_ms)(sequence);
                recorder.observe(&Observation::frame(measure::Sample {
                    correction: Correction::None,
                    ..sample(sequence, stamped, shown)
                }));
            }
            recorder.tick(now(stamped + 35));
        }
    }

    /// Writes the run's report into `folder`.
    fn report(&self, folder: &Path) -> Run {
        let mut recorder = self.recorder(folder);
        self.play(&mut recorder);
        let asserts: Vec<_> = self.asserts.iter().map(|text| text.parse().expect(text)).collect();
        recorder.finish(now(self.began + FRAMES * 40), &asserts).summary.run
    }
}

/// Reports in a folder of their own, and room for what they are joined to.
struct Rig {
    home: tempfile::TempDir,
    folders: Vec<PathBuf>,
}

impl Rig {
    fn new(given: &[Given]) -> (Self, Vec<Run>) {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folders: Vec<_> = (0..given.len()).map(|n| home.path().join(format!("r{n}"))).collect();
        let runs = given.iter().zip(&folders).map(|(given, folder)| given.report(folder)).collect();
        (Self { home, folders }, runs)
    }

    fn out(&self) -> PathBuf {
        self.home.path().join("all")
    }

    fn merge(&self, asserts: &[&str]) -> Summary {
        let asserts: Vec<_> = asserts.iter().map(|text| text.parse().expect("an assertion")).collect();
        merge(&self.folders, &self.out(), &asserts).expect("they can be joined")
    }
}

/// What the latencies of these receivers are, all together, one by one.
fn all_latencies(given: &[Given]) -> Distribution {
    let mut all = Distribution::default();
    for given in given {
        // The warm-up ends 2 s after the first picture.
        let end = (given.latency_ms)(0) + 2_000;
        let shown = |n: u64| n * 40 + (given.latency_ms)(n);
        let measured = (0..FRAMES).filter(|n| !(given.lost)(*n) && shown(*n) >= end);
        measured.for_each(|n| all.record((given.latency_ms)(n) as i64 * 1_000));
    }
    all
}

fn two() -> [Given; 2] {
    [Given::default(), Given { began: 3_000, latency_ms: |n| 200 + n % 50, lost: |n| n % 9 == 5, ..Given::default() }]
}

fn codes(summary: &Summary) -> Vec<Code> {
    summary.run.warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn latencies_are_pooled_as_if_one_had_seen_them_all() {
    let (rig, runs) = Rig::new(&two());
    let summary = rig.merge(&[]);
    assert_eq!((summary.exit_code, codes(&summary)), (0, vec![]));
    let (found, all) = (&summary.run.latency_ms, all_latencies(&two()));
    assert_eq!(found.count, all.count());
    assert_eq!((found.min, found.max), (all.min_us().map(ms), all.max_us().map(ms)));
    let near = |found: Option<f64>, us: Option<f64>, within: f64| {
        let (found, expected) = (found.expect("a figure"), us.expect("a figure") / 1e3);
        assert!((found - expected).abs() <= within, "{found} {expected}");
    };
    near(found.mean, all.mean_us(), 0.002);
    near(found.stdev, all.stdev_us(), 0.005);
    for (quantile, found) in [(0.5, found.p50), (0.9, found.p90), (0.99, found.p99)] {
        let exact = all.quantile_us(quantile).map(|us| us as f64);
        near(found, exact, exact.expect("a figure") / 1e3 * 0.001);
    }
    for (sum, parts) in [
        (summary.run.frames.expected, runs.iter().map(|run| run.frames.expected).collect::<Vec<_>>()),
        (summary.run.frames.lost, runs.iter().map(|run| run.frames.lost).collect()),
        (summary.run.frames.measured, runs.iter().map(|run| run.frames.measured).collect()),
    ] {
        assert_eq!(sum, Some(parts.into_iter().flatten().sum()));
    }
    let decode = summary.run.stages_ms[Stage::Decode];
    assert_eq!(decode.count, runs.iter().map(|run| run.stages_ms[Stage::Decode].count).sum::<u64>());
    assert_eq!(decode.p50, runs[0].stages_ms[Stage::Decode].p50, "all frames are decoded alike");
    assert_eq!(summary.run.picture_age_ms.p99, None, "quantiles of two receivers' ages are not known");
}

#[test]
fn the_result_is_a_report_that_is_read_and_joined_again() {
    let (mut rig, _) = Rig::new(&two());
    let first = rig.merge(&[]);
    let saved = Saved::open(&rig.out()).expect("a report");
    assert_eq!(report::codec::json::run(&saved.run), report::codec::json::run(&first.run));
    let frames = saved.frames().expect("frames.csv");
    assert_eq!((frames.note, frames.rows.len() as u64), (None, first.run.frames.expected.expect("known")));
    let lost = frames.rows.iter().filter(|row| row.outcome == Bucket::Lost).count() as u64;
    assert_eq!(Some(lost), first.run.frames.lost);
    let intervals = saved.intervals().expect("intervals.csv");
    assert_eq!(intervals.note, None);
    let expected: u64 = intervals.rows.iter().map(|row| row.expected).sum();
    assert_eq!(Some(expected), first.run.frames.expected, "the seconds add up");
    // The second receiver began 3 s later, and measured for somewhat more than 10 s.
    assert_eq!((intervals.rows[0].second, intervals.rows.len()), (0, 14));
    let alone = &intervals.rows[1];
    assert!(alone.p99_ms.expect("measured") < 20.0 && intervals.rows[12].p50_ms.expect("measured") > 199.0);
    let both = &intervals.rows[6];
    assert!(both.count > alone.count && both.p99_ms.expect("measured") > 199.0, "{both:?}");
    let (histograms, note) = saved.histograms().expect("latency.hlog");
    assert_eq!((note, histograms.total.count()), (None, first.run.latency_ms.count));

    let third = rig.home.path().join("third");
    let given = Given { began: 1_000, latency_ms: |_| 90, ..Given::default() };
    given.report(&third);
    let all = rig.out();
    rig.folders = vec![third, all];
    let again = merge(&rig.folders, &rig.home.path().join("again"), &[]).expect("they can be joined");
    assert_eq!((again.exit_code, codes(&again)), (0, vec![]));
    let receivers = again.run.merged.as_ref().expect("it is joined");
    let segments: Vec<u32> = receivers.receivers.iter().map(|receiver| receiver.first_segment).collect();
    assert_eq!(segments, [0, 1, 2]);
    let [one, two] = two();
    let expected = all_latencies(&[given, one, two]);
    assert_eq!(again.run.latency_ms.count, expected.count());
    let p50 = again.run.latency_ms.p50.expect("measured");
    assert!((p50 / ms(expected.quantile_us(0.5).expect("values")) - 1.0).abs() < 0.001, "{p50}");
}

#[test]
fn no_quantile_of_one_receiver_is_given_for_that_of_all() {
    let (rig, _) = Rig::new(&two());
    rig.merge(&[]);
    let third = rig.home.path().join("third");
    let alone = Given { began: 1_000, ..Given::default() }.report(&third).picture_age_ms;
    assert!(alone.p50.is_some() && alone.p99.is_some());
    let asserts = ["picture_age.p99<1ms".parse().expect("an assertion")];
    let all = merge(&[rig.out(), third], &rig.home.path().join("again"), &asserts).expect("they can be joined");
    assert_eq!((all.run.picture_age_ms.p50, all.run.picture_age_ms.p99), (None, None));
    assert!(all.run.picture_age_ms.mean.is_some() && all.run.picture_age_ms.max.is_some());
    assert_eq!((all.exit_code, all.run.assertions[0].ok), (3, None), "{:?}", all.run.assertions);
}

#[test]
fn each_row_says_which_receiver_it_is_of() {
    let (rig, runs) = Rig::new(&two());
    rig.merge(&[]);
    let text = fs::read_to_string(rig.out().join("frames.csv")).expect("frames.csv");
    let mut rows = [0_u64; 2];
    assert!(text.lines().next().expect("a header").ends_with(",receiver"));
    for line in text.lines().skip(1) {
        let receiver: usize = line.rsplit(',').next().expect("a column").parse().expect("a number");
        rows[receiver] += 1;
    }
    assert_eq!(rows.map(Some), [runs[0].frames.expected, runs[1].frames.expected]);
}

#[test]
fn a_clock_that_nobody_knows_leaves_its_latencies_out_and_proves_nothing() {
    let apart = Given { clocks: Clocks::Unknown, latency_ms: |_| 5, lost: |n| n == 100, ..Given::default() };
    let (rig, runs) = Rig::new(&[Given::default(), apart]);
    let summary = rig.merge(&["p50<1s"]);
    assert_eq!((summary.exit_code, summary.outcome()), (3, Outcome::Inconclusive));
    let figures = &summary.run.latency_ms;
    assert_eq!((figures.count, figures.min), (runs[0].latency_ms.count, runs[0].latency_ms.min));
    assert_eq!(figures.uncompared, runs[1].latency_ms.count);
    let said = summary.run.warnings.iter().find(|warning| warning.code == Code::MergePart).expect("it is said");
    assert!(said.message.contains("r1: its latencies cannot be compared"), "{said:?}");
    assert!(codes(&summary).contains(&Code::ClockUnknown));
    assert!(!summary.run.merged.as_ref().expect("joined").receivers[1].pooled);
    // The buckets do not depend on any clock.
    assert_eq!(summary.run.frames.lost, Some(runs[0].frames.lost.expect("known") + 1));
    let (histograms, _) = Saved::open(&rig.out()).expect("a report").histograms().expect("latency.hlog");
    assert_eq!(histograms.total.count(), figures.count);
}

#[test]
fn one_without_samples_is_said() {
    let (rig, runs) = Rig::new(&[Given::default(), Given { lost: |_| true, ..Given::default() }]);
    let summary = rig.merge(&[]);
    assert_eq!(summary.exit_code, 3);
    assert_eq!(summary.run.latency_ms.count, runs[0].latency_ms.count);
    let said = &summary.run.warnings[0];
    assert!(said.code == Code::NoPicture && said.message.contains("r1: "), "{said:?}");
}

#[test]
fn different_settings_are_said_and_listed() {
    let other = Given { config: json!({ "transport": "udp", "size": { "width": 320 } }), ..Given::default() };
    let (rig, _) = Rig::new(&[Given::default(), other]);
    let summary = rig.merge(&[]);
    assert_eq!(codes(&summary), [Code::MergeDifferent]);
    assert!(summary.run.warnings[0].message.ends_with("set differently: size.width, transport"));
    assert_eq!(summary.run.config.to_json(), json!({ "transport": ["tcp", "udp"], "size": { "width": [640, 320] } }));
    assert_eq!(summary.run.host.to_json(), json!({ "os": "linux" }));
}

#[test]
fn assertions_come_along_or_are_judged_anew() {
    let mut parts = two();
    parts[1].asserts = &["p50<150ms"];
    let (rig, _) = Rig::new(&parts);
    let summary = rig.merge(&[]);
    assert_eq!((summary.exit_code, summary.outcome()), (99, Outcome::Failed));
    assert!(summary.run.assertions[0].text.ends_with("r1: p50<150ms"));
    // The median of all is one of the faster receiver.
    assert_eq!(rig.merge(&["p50<150ms"]).exit_code, 0);
    assert_eq!(rig.merge(&["p99<150ms"]).exit_code, 99);
}

#[test]
fn a_run_that_failed_or_goes_on_makes_the_whole_so() {
    let (mut rig, _) = Rig::new(&[Given::default()]);
    let (failed, partial) = (rig.home.path().join("failed"), rig.home.path().join("partial"));
    let given = Given { began: 2, ..Given::default() };
    let mut recorder = given.recorder(&failed);
    given.play(&mut recorder);
    recorder.fail("the camera is gone");
    recorder.finish(now(12_000), &[]);
    let given = Given { began: 1, ..given };
    let mut recorder = given.recorder(&partial);
    given.play(&mut recorder);
    drop(recorder);
    rig.folders.push(partial);
    let summary = rig.merge(&[]);
    assert_eq!((summary.exit_code, summary.run.partial), (3, true));
    assert!(codes(&summary).contains(&Code::Partial));
    rig.folders.push(failed);
    let summary = rig.merge(&["p50<1s"]);
    assert_eq!((summary.exit_code, summary.outcome()), (1, Outcome::Failed));
    let said = summary.run.warnings.last().expect("it is said");
    assert_eq!((said.code, said.message.contains("failed: the camera is gone")), (Code::Failed, true), "{said:?}");
}

#[test]
fn a_killed_run_whose_rows_are_newer_than_its_figures_has_as_many_values_as_they_count() {
    let (mut rig, _) = Rig::new(&[Given::default()]);
    let [older, newer] = ["older", "newer"].map(|name| rig.home.path().join(name));
    let lost = |sequence: u64| sequence % 20 == 10 || sequence >= FRAMES / 2;
    Given { began: 1, lost, ..Given::default() }.report(&older);
    Given { began: 1, ..Given::default() }.report(&newer);
    // What a kill leaves between the two writes. A dropped recorder leaves it too, but how far it came is chance.
    let run = fs::read_to_string(older.join("run.json")).expect("it was written");
    let mut run: serde_json::Value = serde_json::from_str(&run).expect("run.json is JSON");
    run["partial"] = json!(true);
    fs::write(newer.join("run.json"), run.to_string()).expect("it can be written");
    rig.folders.push(newer);
    let summary = rig.merge(&[]);
    assert!(summary.run.partial);
    assert!(!summary.run.warnings.iter().any(|warning| warning.message.contains("have not all values")));
    let hgrm = fs::read_to_string(rig.out().join("latency.hgrm")).expect("it was written");
    let total = hgrm.lines().find_map(|line| line.split("Total count    =").nth(1)).expect("the total");
    assert_eq!(total.trim().trim_end_matches(']'), summary.run.latency_ms.count.to_string());
}

#[test]
fn where_the_log_is_short_the_rows_stand_in_and_where_both_are_it_is_said() {
    let (rig, _) = Rig::new(&two());
    let whole = rig.merge(&[]).run.latency_ms;
    let cut = |name: &str| {
        let path = rig.folders[1].join(name);
        let text = fs::read(&path).expect("it is there");
        fs::write(&path, &text[..text.len() / 2]).expect("the folder can be written");
    };
    cut("latency.hlog");
    let summary = rig.merge(&[]);
    let close =
        |one: Option<f64>, other: Option<f64>| (one.expect("known") / other.expect("known") - 1.0).abs() < 0.001;
    assert_eq!(summary.run.latency_ms.count, whole.count);
    assert!(close(summary.run.latency_ms.p50, whole.p50) && close(summary.run.latency_ms.p99, whole.p99));
    assert_eq!(summary.exit_code, 3, "a file that is cut is no proof");
    let said =
        |summary: &Summary, text: &str| summary.run.warnings.iter().any(|warning| warning.message.contains(text));
    assert!(said(&summary, "r1: latency.hlog is cut off in line"), "{:?}", summary.run.warnings);
    assert!(!said(&summary, "have not all values"));
    cut("frames.csv");
    let summary = rig.merge(&[]);
    assert!(said(&summary, "r1: its files have not all values of latency, stamp"), "{:?}", summary.run.warnings);
    assert_eq!(summary.run.latency_ms.max, whole.max, "the exact figures are those of run.json");
}

#[test]
fn what_cannot_be_meant_is_refused_and_nothing_is_written() {
    let (mut rig, _) = Rig::new(&[Given::default()]);
    let first = rig.folders[0].clone();
    let refused = |folders: &[PathBuf], out: &Path| {
        let error = merge(folders, out, &[]).expect_err("it is refused");
        assert!(error.is_usage(), "{error}");
        error.to_string()
    };
    assert!(refused(&rig.folders, &first).contains("is one of the runs to join"));
    assert!(refused(&[first.clone(), first.clone()], &rig.out()).contains("are one run, which would count twice"));
    rig.folders.push(rig.home.path().join("nothing"));
    assert!(refused(&rig.folders, &rig.out()).contains("it has no run.json"));
    assert!(!rig.out().exists());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let (rig, _) = Rig::new(&[Given::default()]);
    fs::write(rig.out(), "a file").expect("the folder can be written");
    let error = merge(&rig.folders, &rig.out(), &[]).expect_err("it is refused");
    assert!(!error.is_usage() && error.to_string().contains("all"), "{error}");
}

#[test]
fn a_warning_keeps_its_code() {
    let (rig, _) = Rig::new(&[Given::default()]);
    let mut run = Saved::open(&rig.folders[0]).expect("a report").run;
    run.warnings.push(Warning::new(Code::Restart, "once"));
    fs::write(rig.folders[0].join("run.json"), report::codec::json::run(&run)).expect("the folder can be written");
    let summary = rig.merge(&[]);
    assert_eq!((codes(&summary), summary.exit_code), (vec![Code::Restart], 0));
}
