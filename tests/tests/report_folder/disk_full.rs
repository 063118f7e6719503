//! A disk that fills while a run goes on: a small tmpfs in a mount namespace of its own.

use std::fs;
use std::path::{Path, PathBuf};

use framelag_tests::measuring::{measured, publisher_with_server};
use framelag_tests::process::{Builder, Process, wait_until};
use framelag_tests::report::Report;
use framelag_tests::{LIMIT, binary, need, turn};
use report::saved::Saved;
use serde_json::Value;

use super::every_command_opens;

/// Mounts a small disk, runs what is given to the end, and takes its files along: the disk goes with the namespace.
const SCRIPT: &str = r#"
disk=$1 saved=$2
shift 2
mount -t tmpfs -o size=1M framelag-test "$disk" || exit 70
"$@"
code=$?
rm -f "$disk/ballast"
cp "$disk"/* "$saved/" || exit 71
exit $code
"#;

fn on_a_small_disk(disk: &Path, saved: &Path, url: &str) -> Process {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test needs root, to mount a small disk: run `sudo -E env PATH=\"$PATH\" cargo test -p framelag-tests --test \
         report_folder`"
    );
    Builder::new(need::tool("unshare"))
        .args(["--mount", "sh", "-c", SCRIPT, "disk-full"])
        .args([disk, saved])
        .arg(binary::path("receiver"))
        .args([url, "--headless", "--json", "--report"])
        .arg(disk)
        .words("--warmup 0s --wait 30s --duration 8s")
        .spawn()
}

/// What a line says of a report that cannot be written.
fn trouble(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["event"] == "report").then(|| line["text"].as_str().map(str::to_owned))?
}

/// Fills the disk to its last byte; returns how much went in.
fn fill(ballast: &Path) -> u64 {
    use std::io::Write;
    let mut file = fs::File::create(ballast).expect("the disk can be reached through the process's root");
    let mut written = 0;
    while let Ok(bytes @ 1..) = file.write(&[0; 512]) {
        written += bytes as u64;
    }
    written
}

#[test]
fn a_disk_that_fills_is_said_while_measuring_goes_on() {
    let _turn = turn::share();
    let [disk, saved] = [(); 2].map(|()| tempfile::tempdir().expect("a folder for the test"));
    let (_publisher, url) = publisher_with_server(&["--source", "test"]);
    let mut receiver = on_a_small_disk(disk.path(), saved.path(), &url);
    let inside: PathBuf = {
        let root = PathBuf::from(format!("/proc/{}/root", receiver.id()));
        root.join(disk.path().strip_prefix("/").expect("an absolute path"))
    };
    let before = receiver.wait_for_line("two seconds' frames", LIMIT, |line| measured(line).filter(|n| *n >= 50));
    wait_until("rows on the disk", LIMIT, || {
        let text = fs::read_to_string(inside.join("frames.csv")).ok()?;
        (text.lines().count() as u64 > before).then_some(())
    });
    assert!(fill(&inside.join("ballast")) > 0);
    let told = receiver.wait_for_line("that nothing is written any more", LIMIT, trouble);
    assert!(told.contains("No space left on device") && told.contains("measuring goes on"), "{told}");

    let ended = receiver.finish(LIMIT).expect_code(1);
    let after = ended.stdout.iter().filter_map(|line| measured(line)).max().expect("seconds were told");
    assert!(after >= before + 50, "measuring went on: {before}, then {after}");
    let summary = ended.stdout.last().expect("a summary");
    assert!(summary.contains("report-not-written") && summary.contains("No space left on device"), "{ended}");
    assert!(summary.contains(&disk.path().display().to_string()), "the file is named: {ended}");

    let report = every_command_opens(saved.path());
    assert!(report.run.partial, "run.json is the last one that went in");
    let rows = report.frames().expect("frames.csv can be read").rows.len() as u64;
    assert!(rows >= before && rows < after, "{before} frames, then {rows} rows, then {after} frames");
    let leftovers = fs::read_dir(saved.path()).expect("the folder can be read");
    let half =
        leftovers.map(|entry| entry.expect("an entry").path()).find(|path| path.extension() == Some("new".as_ref()));
    assert_eq!(half, None, "no half file is left");
    assert_eq!(Report::read(saved.path()).value("outcome"), "inconclusive");
    assert!(Saved::open(saved.path()).is_ok());
}
