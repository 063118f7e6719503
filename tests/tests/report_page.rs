//! `report.html` in a real browser, `junit.xml` by the schema that CI servers use: judged by what is not ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::marks::{Mark, Marks};
use common::time::{MonoTime, Now, WallTime};
use framelag_tests::browser::Browser;
use framelag_tests::process::Builder;
use framelag_tests::{LIMIT, binary, need};
use measure::{Clocks, Correction, Sample};
use report::warning::{Code, Warning};
use report::{Observation, Recorder, Setup, Summary};
use serde_json::json;
use tempfile::TempDir;

/// A text that is markup wherever it is not escaped, without a blank to break a line at.
const EVIL: &str = "rtsp://x/</title><script>alert(1)</script><img/src=http://127.0.0.1:9/x.png>\u{1b}\u{0}]]>&'\"looooooooooooooooooooooooooooooooooooooooooooooooooong";

/// Wall time of monotonic zero.
const EPOCH_US: i64 = 1_700_000_000_000_000;

fn now(ms: u64) -> Now {
    let wall = WallTime::from_micros(EPOCH_US + ms.cast_signed() * 1_000);
    Now { wall, mono: MonoTime::from_origin(Duration::from_millis(ms)) }
}

/// Frame `sequence` of 25 a second: IDR frames take longer.
fn sample(sequence: u64) -> Sample {
    let idr = sequence.is_multiple_of(25);
    let stamped = sequence * 40;
    let shown = stamped + 12 + sequence % 9 + if idr { 15 } else { 0 };
    let (stamp, presented) = (now(stamped).wall, now(shown).wall);
    let marks = Marks::new(stamp, presented)
        .with(Mark::Captured, stamp.offset(-9_000))
        .with(Mark::Painted, stamp.offset(70))
        .with(Mark::Encoded, stamp.offset(4_000))
        .with(Mark::Sent, stamp.offset(4_100))
        .with(Mark::Received, presented.offset(-4_000))
        .with(Mark::Assembled, presented.offset(-3_000))
        .with(Mark::Decoded, presented.offset(-900))
        .with(Mark::Read, presented.offset(-850));
    Sample {
        stream_id: 1,
        sequence: u32::try_from(sequence).expect("a test is short"),
        run: Some(1),
        marks,
        presented: now(shown).mono,
        correction: Correction::None,
        shown: true,
        bytes: if idr { 30_000 } else { 4_000 },
        idr,
    }
}

/// A report of `frames` frames, with losses and a freeze, of a run whose texts are all `text`.
fn report(text: &str, frames: u64) -> (TempDir, Summary) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let setup = Setup {
        started: now(0),
        warmup: Duration::from_secs(1),
        url: text.to_owned(),
        clocks: Clocks::Same,
        config: json!({ "transport": "tcp", text: text }).into(),
        host: json!({ "hostname": text, "os": "linux" }).into(),
        folder: Some(report::Place::Folder(folder.path().to_owned())),
    };
    let mut recorder = Recorder::new(setup).expect("a temporary folder can be written");
    for sequence in (0..frames).filter(|sequence| sequence % 60 != 13 && !(300..320).contains(sequence)) {
        recorder.observe(&Observation::frame(sample(sequence)));
        recorder.tick(now(sequence * 40 + 39));
    }
    recorder.warn(Warning::new(Code::Input, text));
    let asserted = ["p99<150ms", "p50<1ms", "freezes.count==0", "stages.capture.p99<1s"];
    let asserted = asserted.map(|text| text.parse().expect("an assertion"));
    let summary = recorder.finish(now(frames * 40), &asserted).with_pages(render::pages_of);
    (folder, summary)
}

/// Each kind of run that a page is made of.
fn reports() -> Vec<(&'static str, TempDir)> {
    let usual = report("rtsp://127.0.0.1:8554/cam", 900);
    assert_eq!(usual.1.exit_code, 99, "{:?}", usual.1.run.warnings);
    let (hostile, empty) = (report(EVIL, 900), report(EVIL, 0));
    assert_eq!(empty.1.exit_code, 3, "{:?}", empty.1.run.warnings);
    vec![("usual", usual.0), ("hostile", hostile.0), ("empty", empty.0)]
}

#[test]
fn the_page_needs_no_network_says_nothing_and_is_never_too_wide() {
    let mut browser = Browser::start();
    for (name, folder) in reports() {
        let page = folder.path().join("report.html");
        for (width, dark) in [(1280, false), (1280, true), (320, false), (320, true)] {
            browser.look(width, dark);
            let loaded = browser.load(&page);
            assert_eq!((loaded.console, loaded.requests), Default::default(), "{name} at {width}");
            let found = browser.evaluate("document.documentElement.scrollWidth");
            // A scroll bar takes a part of a wide window.
            let found = found.as_u64().expect("a number of pixels");
            assert!(found <= u64::from(width), "{name}: {found} px are wider than {width}");
            let paper = browser.evaluate("getComputedStyle(document.body).backgroundColor");
            let expected = if dark { "rgb(18, 22, 27)" } else { "rgb(255, 255, 255)" };
            assert_eq!(paper, json!(expected), "{name} at {width}");
        }
        assert_eq!(browser.evaluate("document.querySelectorAll('script, img, iframe, a').length"), json!(0), "{name}");
    }
}

#[test]
fn texts_in_plots_keep_their_size_on_a_phone_and_stay_inside() {
    let (folder, _) = report("rtsp://127.0.0.1:8554/cam", 900);
    let mut browser = Browser::start();
    for width in [320, 1280] {
        browser.look(width, false);
        browser.load(&folder.path().join("report.html"));
        let plots = browser.evaluate("document.querySelectorAll('figure.plot > svg').length");
        assert!(plots.as_u64() >= Some(6), "{plots} plots");
        let texts = browser.evaluate(
            "[...document.querySelectorAll('.plot text')].filter(text => text.getClientRects().length > 0).map(text => {
                const box = text.getBoundingClientRect();
                return [box.height, box.left, innerWidth - box.right, text.textContent];
            }).filter(([height, left, right]) => height < 11 || height > 20 || left < 0 || right < 0)",
        );
        assert_eq!(texts, json!([]), "at {width}: texts that are too small or stick out");
    }
}

/// A page like ours, with something in it that ours must not have.
fn broken(folder: &Path, policy: bool, body: &str) -> PathBuf {
    let mut page = render::html::page("broken", body);
    if !policy {
        let (from, to) = (page.find("<meta http-equiv").expect("a policy"), page.find("<meta name").expect("more"));
        page.replace_range(from..to, "");
    }
    let file = folder.join("broken.html");
    fs::write(&file, page).expect("a temporary file");
    file
}

#[test]
fn a_page_that_is_not_like_that_is_found_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut browser = Browser::start();
    browser.look(320, false);
    let picture = "<img src=\"http://127.0.0.1:9/x.png\" alt=\"\">";
    let loaded = browser.load(&broken(folder.path(), false, picture));
    assert_eq!(loaded.requests, ["http://127.0.0.1:9/x.png"], "without a policy it is asked for");
    let loaded = browser.load(&broken(folder.path(), true, picture));
    assert!(loaded.console.iter().any(|said| said.contains("Content Security Policy")), "{loaded:?}");
    let loaded = browser.load(&broken(folder.path(), false, "<script>console.error('so')</script>"));
    assert_eq!(loaded.console.len(), 1, "{loaded:?}");
    let loaded = browser.load(&broken(folder.path(), true, "<script>document.title = 'ran'</script>"));
    assert!(!loaded.console.is_empty() && browser.evaluate("document.title") == "broken", "{loaded:?}");
    browser.load(&broken(folder.path(), true, "<div style=\"width:500px\">wide</div>"));
    assert!(browser.evaluate("document.documentElement.scrollWidth").as_u64() > Some(320));
}

/// What xmllint says of a file by the schema.
fn by_schema(file: &Path) -> Option<i32> {
    let schema = need::made("junit/junit-10.xsd");
    Builder::new(need::tool("xmllint")).args(["--noout", "--nonet", "--schema"]).args([&schema, file]).run(LIMIT).code
}

#[test]
fn junit_xml_is_by_the_schema_of_jenkins() {
    for (name, folder) in reports() {
        let file = folder.path().join("junit.xml");
        assert_eq!(by_schema(&file), Some(0), "{name}");
        let wrong = fs::read_to_string(&file).expect("it is there").replace("<testcase", "<testcase result=\"ok\"");
        fs::write(&file, wrong).expect("a temporary file");
        assert_ne!(by_schema(&file), Some(0), "the schema knows no such attribute");
    }
}

#[test]
fn the_step_of_a_ci_job_gets_the_summary_and_a_page_that_cannot_be_written_fails_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("step.md");
    let run = |page: &Path| {
        Builder::new(binary::path("receiver")).args(["-", "--headless"]).env("GITHUB_STEP_SUMMARY", page).run(LIMIT)
    };
    let usual = run(&page);
    let text = fs::read_to_string(&page).expect("it is made");
    assert!(text.starts_with("### ") && text.contains("p50 –"), "{text}");
    let unwritable = run(folder.path());
    assert_eq!(unwritable.code, usual.code, "{unwritable}");
    assert!(unwritable.stderr.iter().any(|line| line.contains("GITHUB_STEP_SUMMARY")), "{unwritable}");
}
