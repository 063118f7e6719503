//! Report folders after what can happen to them, read back by the commands, and by those who did not write them.

mod damage;
mod disk_full;
mod killed;
mod older;
mod outsiders;

use std::fs;
use std::path::Path;

use framelag_tests::process::{Builder, Finished};
use framelag_tests::{LIMIT, binary};
use report::saved::Saved;
use serde_json::Value;

/// Nothing is proved: a run that was killed, or a damaged file.
const INCONCLUSIVE: i32 = 3;
/// Wrong usage: a folder or file is not what it should be.
const USAGE: i32 = 2;

/// `framelag` with the words of `command` and then `folders`.
fn framelag(command: &str, folders: &[&Path]) -> Finished {
    Builder::new(binary::path("framelag")).words(command).args(folders).run(LIMIT)
}

/// Opens a folder that is not whole by every command that reads one, checks that they do, and returns what is in it. What it
/// is joined to is opened too.
fn every_command_opens(folder: &Path) -> Saved {
    let out = tempfile::tempdir().expect("a folder for the test");
    framelag("report", &[folder]).expect_code(0);
    for page in ["report.html", "summary.md", "junit.xml"] {
        assert!(folder.join(page).is_file(), "{page} is rendered");
    }
    let joined = out.path().join("joined");
    let merge = format!("report merge --out {}", joined.display());
    framelag(&merge, &[folder]).expect_code(INCONCLUSIVE);
    framelag("report", &[&joined]).expect_code(0);
    let saved = Saved::open(folder).expect("it was opened");
    kept_in_a_store(folder, &out.path().join("runs.sqlite"), saved.run.partial);
    let other = out.path().join("other");
    another_run(folder, &other);
    // One run a side is too few to judge by, which is said after they were read.
    let gate = format!("gate --candidate {} --baseline", folder.display());
    let judged = framelag(&gate, &[&other]).expect_code(INCONCLUSIVE);
    assert!(judged.stdout.iter().any(|line| line.contains("inconclusive")), "{judged}");
    framelag("compare", &[&other, folder]).expect_code(0);
    saved
}

/// The run of `folder` as if it had been made at another time: a run counts once, on one side.
fn another_run(folder: &Path, other: &Path) {
    let text = fs::read_to_string(folder.join("run.json")).expect("it was opened");
    let mut run: Value = serde_json::from_str(&text).expect("it was opened");
    run["started"] = "2001-02-03T04:05:06Z".into();
    fs::create_dir(other).expect("the folder is the test's");
    fs::write(other.join("run.json"), run.to_string()).expect("the folder is the test's");
}

/// Keeps a run, and opens it by the commands that read a store. A run that did not end is in no trend.
fn kept_in_a_store(folder: &Path, store: &Path, partial: bool) {
    let at = format!("--store {}", store.display());
    let kept = framelag(&format!("report {at}"), &[folder]).expect_code(0);
    let id = kept.stderr.iter().find_map(|line| line.split_once(" as ")?.1.split_whitespace().next());
    let id = id.unwrap_or_else(|| panic!("it says which run was kept\n{kept}"));
    let shown = framelag(&format!("report show {id} {at}"), &[]).expect_code(0);
    assert!(shown.stdout.iter().any(|line| line.contains(id)), "{shown}");
    let listed = framelag(&format!("report list {at}"), &[]).expect_code(0);
    assert!(listed.stdout.iter().any(|line| line.contains(&id[..4])), "{listed}");
    framelag(&format!("report trend {at}"), &[]).expect_code(if partial { INCONCLUSIVE } else { 0 });
}
