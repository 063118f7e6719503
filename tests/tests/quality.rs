//! Pictures kept at both ends, and what a comparison makes of them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use analyze::quality::{self, Quality};
use common::code::Rect;
use common::frame::{Picture, Size};
use common::y4m::{Frame, Header};
use framelag_tests::measuring::{begun, publisher_with_server};
use framelag_tests::process::Builder;
use framelag_tests::{LIMIT, binary, need, turn};

/// It failed at run time.
const FAILED: i32 = 1;
const SIZE: Size = Size::new(640, 272);

/// A journey of `clip` at `bitrate`, with pictures kept at both ends.
fn journey(bitrate: &str, folder: &Path) -> Quality {
    let _turn = turn::take();
    let (stamped, decoded) = (folder.join("stamped.y4m"), folder.join("decoded.y4m"));
    let clip = need::footage("bikes.mp4");
    need::tool("ffmpeg");
    let (publisher, url) = publisher_with_server(&[
        "--source",
        clip.to_str().expect("the repository's path is UTF-8"),
        "--bitrate",
        bitrate,
        "--pictures",
        stamped.to_str().expect("the folder's path is UTF-8"),
        "--pictures-every",
        "5",
    ]);
    let receiver = Builder::new(binary::path("receiver")).arg(url).words("--headless --warmup 0s --duration 4s");
    let receiver = receiver.args(["--pictures-every", "5", "--pictures"]).arg(&decoded);
    receiver.run(LIMIT).expect_code(0);
    publisher.interrupt();
    publisher.finish(LIMIT).expect_code(0);
    let open = |path: &Path| File::open(path).expect("it was written");
    quality::compare(open(&stamped), open(&decoded)).expect("pictures of one run")
}

#[test]
fn quality_grows_with_the_bit_rate() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let [low, high] = ["100k", "2M"].map(|bitrate| journey(bitrate, folder.path()));
    println!("100k: {low:?}\n2M: {high:?}");
    for found in [&low, &high] {
        assert!(found.frames >= 10, "four seconds at 5 pictures per second: {found:?}");
        assert!((0.3..1.0).contains(&found.ssim), "{found:?}");
    }
    let [low_db, high_db] = [&low, &high].map(|found| found.psnr_db);
    assert!((15.0..40.0).contains(&low_db) && high_db < 60.0, "{low_db} {high_db}");
    assert!(high_db > low_db + 5.0 && high.ssim > low.ssim + 0.05, "{low:?} {high:?}");
}

#[test]
fn a_full_disk_costs_the_pictures_and_not_the_run() {
    let _turn = turn::share();
    let publisher = Builder::new(binary::path("publisher"));
    let (publisher, url) = begun(publisher.words("--source test --json --pictures /dev/full"));
    let receiver = Builder::new(binary::path("receiver"))
        .words("--headless --warmup 0s --duration 3s --json --pictures /dev/full")
        .arg(url);
    let received = receiver.run(LIMIT);
    // It has published for as long as somebody received.
    publisher.interrupt();
    for ran in [received, publisher.finish(LIMIT)] {
        let ran = ran.expect_code(FAILED);
        let said = |text: &str| ran.stdout.iter().chain(&ran.stderr).any(|line| line.contains(text));
        assert!(said("--pictures /dev/full: No space left on device"), "{ran}");
        let last = ran.stdout.last().expect("it says how it ended");
        let last: serde_json::Value = serde_json::from_str(last).expect("lines of JSON");
        let lasted = last["seconds"].as_f64().or_else(|| last["run"]["duration_s"].as_f64());
        assert!(lasted.is_some_and(|lasted| lasted > 2.5), "it went on: {last}");
    }
}

#[test]
fn files_that_cannot_be_made_are_named() {
    for (program, more) in [("publisher", "--source test --to -"), ("receiver", "--headless -")] {
        let ran = Builder::new(binary::path(program)).words(more).words("--pictures /nowhere/a.y4m").run(LIMIT);
        let ran = ran.expect_code(FAILED);
        assert!(ran.stderr.iter().any(|line| line.contains("--pictures /nowhere/a.y4m: No such file")), "{ran}");
    }
    let several = "rtsp://127.0.0.1:1/a rtsp://127.0.0.1:1/b --pictures /nowhere/a.y4m";
    let ran = Builder::new(binary::path("receiver")).words(several).run(LIMIT).expect_code(2);
    assert!(ran.stderr[0].contains("--pictures") && ran.stderr[0].contains("one stream"), "{ran}");
}

/// Runs ffmpeg and gives what it wrote and said.
fn ffmpeg(arguments: &str) -> (Vec<u8>, String) {
    let command =
        Command::new(need::tool("ffmpeg")).args(["-nostdin", "-hide_banner"]).args(arguments.split(' ')).output();
    let ran = command.expect("ffmpeg starts");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "ffmpeg {arguments}: {said}");
    (ran.stdout, said)
}

/// A y4m file of `pictures`, with or without what is ours in it.
fn file(path: &Path, pictures: &[u8], code: Option<Rect>) {
    let header = Header { size: SIZE, rate: (25, 1), code, text: None };
    let mut bytes = format!("{header}\n").into_bytes();
    for (number, picture) in (0..).zip(pictures.chunks_exact(Picture::bytes(SIZE))) {
        bytes.extend(format!("{}\n", Frame { sequence: Some(number) }).into_bytes());
        bytes.extend(picture);
    }
    fs::write(path, bytes).expect("a test's folder can be written to");
}

/// Puts what is in `area` of the luma of `from` into that of `to`.
fn equalise(from: &[u8], to: &mut [u8], area: Rect) {
    let bytes = Picture::bytes(SIZE);
    for (from, to) in from.chunks_exact(bytes).zip(to.chunks_exact_mut(bytes)) {
        for y in area.y..area.y + area.height {
            let row = (y * SIZE.width + area.x) as usize..(y * SIZE.width + area.x + area.width) as usize;
            to[row.clone()].copy_from_slice(&from[row]);
        }
    }
}

/// The number behind `name` in the line that begins with `filter`, as ffmpeg prints it.
fn figure(said: &str, filter: &str, name: &str) -> f64 {
    let line = said.lines().rfind(|line| line.contains(filter)).expect("the filter sums up");
    let rest = line.split_once(name).expect("it says this").1;
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn figures_are_those_of_ffmpegs_filters() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = |name: &str| folder.path().join(name);
    let clip = need::footage("bikes.mp4");
    let raw = "-pix_fmt yuv420p -f rawvideo -";
    let (original, _) = ffmpeg(&format!("-i {} -frames:v 20 {raw}", clip.display()));
    let area = Rect { x: 16, y: 16, width: 96, height: 32 };
    for kbps in [100, 300, 1000] {
        let encoded = path("encoded.mp4");
        ffmpeg(&format!("-y -i {} -frames:v 20 -c:v libx264 -b:v {kbps}k {}", clip.display(), encoded.display()));
        let (mut coded, _) = ffmpeg(&format!("-i {} {raw}", encoded.display()));
        let [ours_a, ours_b, theirs_a, theirs_b] = ["a.y4m", "b.y4m", "c.y4m", "d.y4m"].map(path);
        file(&ours_a, &original, Some(area));
        file(&ours_b, &coded, None);
        equalise(&original, &mut coded, area);
        file(&theirs_a, &original, None);
        file(&theirs_b, &coded, None);
        let open = |path: &Path| File::open(path).expect("it was written");
        let ours = quality::compare(open(&ours_a), open(&ours_b)).expect("two good files");
        assert_eq!(ours.frames, 20);
        let filter = |name: &str| {
            let (a, b) = (theirs_a.display(), theirs_b.display());
            ffmpeg(&format!("-i {b} -i {a} -lavfi {name} -f null -")).1
        };
        // ffmpeg's mean goes over the area too, in which nothing differs.
        let share = (SIZE.area() as f64 - f64::from(area.width * area.height)) / SIZE.area() as f64;
        let psnr = figure(&filter("psnr"), "PSNR y:", "PSNR y:") + 10.0 * share.log10();
        let ssim = figure(&filter("ssim"), "SSIM Y:", "SSIM Y:");
        let ours_db = ours.psnr_db;
        println!("{kbps} kbit/s: PSNR {ours_db:.4} dB, ffmpeg {psnr:.4} dB; SSIM {:.5}, ffmpeg {ssim:.5}", ours.ssim);
        assert!((ours_db - psnr).abs() < 0.01, "{ours_db} {psnr}");
        assert!((ours.ssim - ssim).abs() < MAX_SSIM_DIFFERENCE, "{} {ssim}", ours.ssim);
    }
}

/// How far the two kinds of window may be apart, as docs/quality.md says.
const MAX_SSIM_DIFFERENCE: f64 = 0.03;
