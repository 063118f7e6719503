//! A browser that can be seen: what its page says of the moment a picture was presented, beside what was on the screen then.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::code::Reader;
use common::frame::Luma;
use framelag_tests::process::Process;
use framelag_tests::screen::{Framebuffer, Screen};
use framelag_tests::viewing::{self, Streams};
use framelag_tests::{LIMIT, turn};

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const FRAME_MS: f64 = 1000.0 / 30.0;
/// How much earlier than the page says a picture may be seen, beside the bound of its clock: two steps of its timers, and looking.
const EARLIER_MS: f64 = 3.0;
/// How often the screen is looked at.
const POLL: Duration = Duration::from_millis(2);
/// Pictures that have to be seen both ways.
const PICTURES: usize = 20;

/// When each picture was on the screen first, µs since the Unix epoch, by its number; until `receiver` ends.
fn seen_until_the_end(framebuffer: &Framebuffer, receiver: &mut Process) -> BTreeMap<u32, i64> {
    let (mut reader, mut seen) = (Reader::new(), BTreeMap::new());
    while !receiver.has_ended() {
        let luma = framebuffer.green(WIDTH, HEIGHT);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_micros();
        if let Some(read) = reader.read(Luma { data: &luma, width: WIDTH, height: HEIGHT, stride: WIDTH }) {
            seen.entry(read.sequence).or_insert(now as i64);
        }
        thread::sleep(POLL);
    }
    seen
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn what_the_page_says_was_on_the_screen_then() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let streams = Streams::served(&[]).with("cam");
    let (screen, framebuffer) = Screen::with_framebuffer(800, 600, folder.path());
    let visible =
        r#"exec "$chromium" --kiosk --window-position=0,0 --window-size=800,600 "${@/#--headless/--no-pings}""#;
    let browser = viewing::wrapped_chromium(folder.path(), visible);
    let receiver = viewing::viewer(&browser, "mse", &streams.url("cam", "mse"), folder.path());
    let mut receiver = receiver.words("--joins 1 --duration 5s").env("DISPLAY", screen.display()).spawn();
    let seen = seen_until_the_end(&framebuffer, &mut receiver);
    receiver.finish(LIMIT).expect_code(0);

    let report = viewing::expect_played(folder.path(), "Chromium", "mse", "own", 1);
    let [numbers, outcomes, presented, latencies] =
        ["seq", "outcome", "presented_us", "latency_us"].map(|name| report.column("frames.csv", name));
    let (mut later, mut said, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for (i, number) in numbers.iter().enumerate().filter(|(i, _)| outcomes[*i] == "measured") {
        let Some(on_screen) = seen.get(&number.parse().expect("a number")) else { continue };
        let micros = |text: &str| text.parse::<i64>().expect("a number");
        let (presented, latency) = (micros(&presented[i]), micros(&latencies[i]));
        later.push((on_screen - presented) as f64 / 1e3);
        said.push(latency as f64 / 1e3);
        shown.push((on_screen - presented + latency) as f64 / 1e3);
    }
    assert!(later.len() >= PICTURES, "{} pictures were seen both ways", later.len());
    let (later, said, shown) = (median(later), median(said), median(shown));
    println!("page: {said:.1} ms; framebuffer: {shown:.1} ms, {later:.1} ms later");
    let earliest = -(report.number("clock.max_uncertainty_us") / 1e3 + EARLIER_MS);
    assert!((earliest..=FRAME_MS).contains(&later), "{said:.1} ms, and {later:.1} ms later, {earliest:.1} at least");
}
