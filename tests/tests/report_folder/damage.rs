//! Every file of a folder cut, emptied, missing, and of garbage.

use std::fs;
use std::path::Path;

use framelag_tests::measuring::{publisher_with_server, receiver};
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, turn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use report::saved::Saved;

use super::{USAGE, every_command_opens, framelag};

/// Without it a folder is no report.
const RUN: &str = "run.json";
const DATA: [&str; 3] = ["frames.csv", "intervals.csv", "latency.hlog"];

/// Offsets at which each file is cut.
const CUTS: usize = 150;

/// A report by the real binaries.
fn report(folder: &Path) {
    let _turn = turn::share();
    let (_publisher, url) = publisher_with_server(&["--source", "test"]);
    receiver(&url, Transport::Tcp, folder).run(LIMIT).expect_code(0);
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("a folder for the test");
    for entry in fs::read_dir(from).expect("a folder can be read") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.path().join(path.file_name().expect("a name"))).expect("a file can be copied");
    }
    to
}

#[test]
fn damaged_files_are_read_as_far_as_they_make_sense_or_refused_by_name() {
    let whole = tempfile::tempdir().expect("a folder for the test");
    report(whole.path());
    cut_anywhere(whole.path());
    let mut random = StdRng::seed_from_u64(5);
    let garbage: Vec<u8> = (0..70_000).map(|_| random.random()).collect();
    for name in DATA {
        for (what, bytes) in [("empty", Some(&b""[..])), ("missing", None), ("garbage", Some(&garbage[..]))] {
            let folder = copy(whole.path());
            let path = folder.path().join(name);
            match bytes {
                Some(bytes) => fs::write(&path, bytes).expect("the copy can be written"),
                None => fs::remove_file(&path).expect("the copy can be written"),
            }
            eprintln!("{name}: {what}");
            every_command_opens(folder.path());
            let said = framelag("report", &[folder.path()]).expect_code(0).stderr.join("\n");
            assert!(said.contains(name), "{name} {what} is said by name: {said}");
        }
    }
    refused_without_its_run(whole.path(), &garbage);
}

/// In this process, since it is many times: the commands call the same.
fn cut_anywhere(whole: &Path) {
    let folder = copy(whole);
    let known = Saved::open(whole).expect("it is whole").run;
    for name in [RUN].into_iter().chain(DATA) {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).expect("the copy can be read");
        for end in (0..bytes.len()).step_by(bytes.len().div_ceil(CUTS)) {
            fs::write(&path, &bytes[..end]).expect("the copy can be written");
            match render::pages(folder.path()) {
                Ok(()) => assert_ne!(name, RUN, "a run.json cut at {end} is none"),
                Err(error) => {
                    assert_eq!(name, RUN, "{error}");
                    assert!(error.to_string().contains(RUN), "{error}");
                    continue;
                }
            }
            let saved = Saved::open(folder.path()).expect("run.json is whole");
            let rows = saved.frames().expect("it can be read").rows.len() as u64;
            assert!(Some(rows) <= known.frames.expected);
            let (histograms, _) = saved.histograms().expect("it can be read");
            assert!(histograms.total.count() <= known.latency_ms.count);
        }
        fs::write(&path, &bytes).expect("the copy can be written");
    }
}

fn refused_without_its_run(whole: &Path, garbage: &[u8]) {
    let run = fs::read_to_string(whole.join(RUN)).expect("run.json");
    let out = tempfile::tempdir().expect("a folder for the test");
    for (what, bytes, says) in [
        ("missing", None, "has no run.json"),
        ("empty", Some(Vec::new()), "is not JSON"),
        ("cut", Some(run.as_bytes()[..run.len() / 2].to_vec()), "is not JSON"),
        ("garbage", Some(garbage.to_vec()), "save it as UTF-8"),
        ("another's", Some(br#"{"name": "package.json"}"#.to_vec()), "its schema is not \"framelag/run/1\""),
        (
            "of a later version",
            Some(run.replace("framelag/run/1", "framelag/run/2").into_bytes()),
            "read it with a later",
        ),
        ("huge", Some(vec![b' '; 5 << 20]), "longer than 4 MiB"),
    ] {
        let folder = copy(whole);
        match bytes {
            Some(bytes) => fs::write(folder.path().join(RUN), bytes).expect("the copy can be written"),
            None => fs::remove_file(folder.path().join(RUN)).expect("the copy can be written"),
        }
        let merge = format!("report merge --out {}", out.path().join("joined").display());
        for command in ["report", &merge] {
            let ran = framelag(command, &[folder.path()]).expect_code(USAGE);
            let (name, said) = (folder.path().display().to_string(), ran.stderr.join("\n"));
            assert!(said.contains(says) && said.contains(&name) && ran.stderr.len() == 1, "{what}: {ran}");
        }
        assert!(!out.path().join("joined").exists(), "nothing is written");
    }
}
