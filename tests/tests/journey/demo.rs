//! `framelag demo`: one command from nothing to a report.

use framelag_tests::process::Builder;
use framelag_tests::report::Report;
use framelag_tests::serving::address_in;
use framelag_tests::{LIMIT, binary, need, rtsp, turn};

fn demo(folder: &std::path::Path) -> Builder {
    Builder::new(binary::path("framelag")).words("demo --headless --duration 5s --report").arg(folder)
}

#[test]
fn it_measures_names_its_report_and_leaves_nothing_behind() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let ran = demo(folder.path()).words("--source test").run(LIMIT).expect_code(0);
    let path = folder.path().to_str().expect("a test's folder is UTF-8");
    let says = |words: &str| ran.stdout.iter().chain(&ran.stderr).any(|line| line.contains(words));
    assert!(says(path), "it prints the report's path\n{ran}");
    assert!(says("latency") && says("sent ="), "it ends with the summary\n{ran}");
    let report = Report::read(folder.path());
    assert!(report.accounted().measured > 30);

    let address = ran.stderr.iter().find_map(|line| address_in(line, "rtsp")).expect("it says where it plays");
    assert!(rtsp::Client::connect(address).is_err(), "its server has ended");
}

#[test]
fn it_takes_real_footage_where_there_is_some() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clip = need::footage("bikes.mp4");
    let ran = demo(folder.path()).arg("--source").arg(&clip).run(LIMIT).expect_code(0);
    let clip = clip.to_str().expect("the repository's path is UTF-8");
    assert!(ran.stderr.iter().any(|line| line.contains(clip)), "it says what it plays\n{ran}");
    Report::read(folder.path()).accounted();
}
