//! `framelag demo`: one command from nothing to a report.

use std::fs;

use framelag_tests::process::Builder;
use framelag_tests::report::Report;
use framelag_tests::{LIMIT, binary, need, turn};

fn demo(folder: &std::path::Path) -> Builder {
    Builder::new(binary::path("framelag")).words("demo --headless --duration 8s --report").arg(folder)
}

#[test]
fn it_measures_names_its_report_and_leaves_nothing_behind() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path();
    let ran = demo(path).words("--source test").env("FRAMELAG_DEMO", path).run(LIMIT).expect_code(0);
    let says = |words: &str| ran.stdout.iter().chain(&ran.stderr).any(|line| line.contains(words));
    assert!(says(&path.display().to_string()), "it prints the report's path\n{ran}");
    assert!(says("latency") && says("sent ="), "it ends with the summary\n{ran}");
    let report = Report::read(path);
    assert!(report.accounted().measured >= 30);
    // By their environment, not by the server's port: that may be another's by now.
    assert_eq!(with_environment(&path.display().to_string()), [] as [String; 0]);
}

/// The command lines of the processes that have `mark` in their environment, as those that the demo starts have.
fn with_environment(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten().map(|process| process.path());
    let marked = processes.filter(|process| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(mark)
    });
    marked.map(|process| fs::read_to_string(process.join("cmdline")).unwrap_or_default().replace('\0', " ")).collect()
}

#[test]
fn it_takes_real_footage_where_there_is_some() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clip = need::footage("bikes.mp4");
    let ran = demo(folder.path()).arg("--source").arg(&clip).run(LIMIT).expect_code(0);
    let clip = clip.to_str().expect("the repository's path is UTF-8");
    assert!(ran.stderr.iter().any(|line| line.contains(clip)), "it says what it plays\n{ran}");
    Report::read(folder.path()).accounted();
}
