//! The whole way to a browser by each of its paths: publisher → `framelag serve` → `receiver --via`. A line that delays
//! everything before the server shows.

use framelag_tests::process::wait_until;
use framelag_tests::report::Report;
use framelag_tests::serving::{self, Transport};
use framelag_tests::viewing::{self, Streams};
use framelag_tests::{LIMIT, measuring, turn};

/// What the line adds, ms.
const DELAY_MS: f64 = 200.0;
/// What may be missing of it: the browser's phase differs from join to join.
const LESS_MS: f64 = 50.0;
/// What may come on top: that phase, and a frame.
const MORE_MS: f64 = 50.0 + 1000.0 / 30.0;

/// A first viewer who is later than the next by this is late: half a segment. What went wrong made it 0.8 s at least.
const LATE_MS: f64 = 500.0;

/// Two streams, of which the one called `far` comes by a line that delays it.
fn near_and_far(serve: &[&str]) -> Streams {
    Streams::served(serve).with("near").with_delayed("far", "200ms")
}

/// Plays both streams, and returns the reports of the one and the other.
fn played(streams: &Streams, via: &str, player: &str, file: &str, options: &str) -> (Report, Report) {
    let play = |name: &str, joins: usize| {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let receiver = viewing::chromium(via, &streams.url(name, file), folder.path());
        let options = format!("{options} --joins {joins} --duration 5s");
        receiver.args(["--player", player]).words(&options).run(LIMIT).expect_code(0);
        viewing::expect_played(folder.path(), "Chromium", via, player, joins)
    };
    (play("near", 2), play("far", 1))
}

fn assert_delayed(what: &str, near_ms: f64, far_ms: f64) {
    let added = far_ms - near_ms;
    let expected = DELAY_MS - LESS_MS..=DELAY_MS + MORE_MS;
    assert!(expected.contains(&added), "{what}: {near_ms:.1} ms became {far_ms:.1} ms, {added:.1} ms more");
}

/// From sending a frame until the server had it ready: where each frame is a piece.
fn package_ms(report: &Report) -> f64 {
    report.number("stages_ms.package.p50")
}

/// The age of the newest frame that the browser has, which is as much younger than the one on screen as is buffered ahead: the
/// buffer of a player, which a busy machine makes longer, is not in it.
fn newest_ms(report: &Report) -> f64 {
    report.number("latency_ms.mean") - report.number("ahead_ms.mean")
}

/// The stream's own dates and the code in its pictures tell the same age.
fn assert_dated(report: &Report) {
    let off = report.number("dates.difference_p50");
    assert!(report.number("dates.count") >= 30.0 && off.abs() <= 1000.0 / 30.0, "date and code are {off} ms apart");
}

#[test]
fn mse() {
    let _turn = turn::take();
    let streams = near_and_far(&["--segment", "500ms"]);
    let (near, far) = played(&streams, "mse", "own", "mse", "--preset frame");
    assert_delayed("package", package_ms(&near), package_ms(&far));
    assert_delayed("age of the newest frame", newest_ms(&near), newest_ms(&far));
}

#[test]
fn low_latency_hls_with_our_player() {
    let _turn = turn::take();
    let streams = near_and_far(&["--preset", "frame"]);
    let (near, far) = played(&streams, "ll-hls", "own", "index.m3u8", "--preset frame");
    assert_delayed("package", package_ms(&near), package_ms(&far));
    assert_delayed("age of the newest frame", newest_ms(&near), newest_ms(&far));
}

/// What hls.js claims is its distance to the end of the playlist: it does not know of the line.
#[test]
fn hls_with_hls_js() {
    let _turn = turn::take();
    let streams = near_and_far(&["--segment", "500ms"]);
    let (near, far) = played(&streams, "hls", "hls.js", "index.m3u8", "");
    for report in [&near, &far] {
        assert!(report.number("claims.hls_latency_ms.p50") > 0.0);
        assert_dated(report);
    }
    let unknown = |report: &Report| -report.number("claims.hls_latency_ms.difference_p50");
    assert_delayed("latency less what is claimed", unknown(&near), unknown(&far));
}

/// In the first segment of a stream hls.js may start at second 0, or load the segment over and over: a second late and more.
#[test]
fn the_first_viewer_with_hls_js_is_as_close_as_the_next() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let server = serving::framelag(&[]);
    let _publisher = measuring::publisher(&server.publish_url(), Transport::Tcp).words("--gop 15").spawn();
    // Nobody has asked for a playlist.
    server.wait_for_stream();
    let url = format!("http://{}/cam/index.m3u8", server.http.expect("it serves HLS"));
    let receiver = viewing::chromium("ll-hls", &url, folder.path()).args(["--player", "hls.js"]);
    receiver.words("--joins 2 --duration 5s").run(LIMIT).expect_code(0);
    let report = viewing::expect_played(folder.path(), "Chromium", "ll-hls", "hls.js", 2);
    let p50 = |join: usize| report.value("joins")[join]["latency_ms"]["p50"].as_f64().expect("it was measured");
    assert!(p50(0) - p50(1) < LATE_MS, "{} ms and then {} ms", p50(0), p50(1));
}

/// Chromium's own player takes a stream for over where the playlist is still short.
#[test]
fn hls_with_the_browsers_own_player() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let streams = Streams::served(&["--segment", "500ms"]).with("cam");
    wait_until("six segments", LIMIT, || {
        (viewing::playlist(streams.http(), "cam").matches("#EXTINF:").count() >= 6).then_some(())
    });
    let receiver = viewing::chromium("hls", &streams.url("cam", "index.m3u8"), folder.path());
    receiver.words("--player native --joins 1 --duration 5s").run(LIMIT).expect_code(0);
    viewing::expect_played(folder.path(), "Chromium", "hls", "native", 1);
}

/// dash.js counts from the time that the manifest states for a frame, which is the stamp's, as is the one in its `prft`. It holds
/// its latency whatever the line adds, as long as its buffer lasts.
#[test]
fn dash_with_dash_js() {
    let _turn = turn::take();
    let streams = near_and_far(&["--segment", "500ms"]);
    let (near, far) = played(&streams, "dash", "dash.js", "manifest.mpd", "");
    for report in [&near, &far] {
        let difference = report.number("claims.dash_live_latency_ms.difference_p50");
        assert!(difference.abs() <= 1000.0 / 30.0, "the claim is {difference} ms off");
        assert_dated(report);
    }
    assert_delayed("age of the newest frame", newest_ms(&near), newest_ms(&far));
}

/// How far the page takes its clock to be ahead.
const SHIFT_US: i64 = 3_000_000;
/// The clock of a page is that of its host to a millisecond.
const PAGE_CLOCK_US: f64 = 1_000.0;

#[test]
fn a_page_whose_clock_is_wrong_is_corrected() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let streams = Streams::served(&[]).with("near");
    let shifted = format!(r#"exec "$chromium" "${{@:1:$#-1}}" "${{@: -1}}#clock_shift_us={SHIFT_US}""#);
    let browser = viewing::wrapped_chromium(folder.path(), &shifted);
    let receiver = viewing::viewer(&browser, "mse", &streams.url("near", "mse"), folder.path());
    receiver.words("--joins 2 --duration 4s").run(LIMIT).expect_code(0);
    let report = viewing::expect_played(folder.path(), "Chromium", "mse", "own", 2);
    let (offset, bound) = (report.number("clock.offset_us"), report.number("clock.max_uncertainty_us"));
    assert!((offset - SHIFT_US as f64).abs() <= bound + PAGE_CLOCK_US, "{offset} ± {bound} µs");
    assert!(bound < 100_000.0, "± {bound} µs");
    let (least, most) = (report.number("latency_ms.min"), report.number("latency_ms.max"));
    assert!(least > -bound / 1e3 && most < SHIFT_US as f64 / 1e3, "{least} to {most} ms");
}

#[test]
fn firefox_plays_every_path() {
    let _turn = turn::take();
    let streams = Streams::served(&["--segment", "500ms"]).with("cam");
    for (via, player, file) in [
        ("mse", "own", "mse"),
        ("ll-hls", "own", "index.m3u8"),
        ("hls", "hls.js", "index.m3u8"),
        ("dash", "dash.js", "manifest.mpd"),
    ] {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let receiver = viewing::firefox(via, &streams.url("cam", file), folder.path());
        receiver.args(["--player", player]).words("--joins 1 --duration 5s").run(LIMIT).expect_code(0);
        viewing::expect_played(folder.path(), "Firefox", via, player, 1);
    }
}
