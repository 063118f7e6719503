//! Report folders after what can happen to them, read back by the commands, and by those who did not write them.

mod damage;
mod disk_full;
mod killed;
mod older;
mod outsiders;

use std::path::Path;

use framelag_tests::process::{Builder, Finished};
use framelag_tests::{LIMIT, binary};
use reports::saved::Saved;

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
    Saved::open(folder).expect("it was opened")
}
