//! The receiver's window on a screen without a monitor: the picture is in it, and the red text can be read.

use common::code::Reader;
use common::frame::{Luma, Size};
use common::glyphs::Glyphs;
use framelag_tests::measuring::{publisher_with_server, wait_for_frames};
use framelag_tests::process::Builder;
use framelag_tests::report::Report;
use framelag_tests::screen::Screen;
use framelag_tests::{LIMIT, binary, need, turn};
use image::RgbImage;
use std::path::Path;
use std::time::Instant;

/// Lines of text in the window begin within so many pixels of its left edge.
const TEXT_MARGIN: u32 = 24;

/// The colour of the text.
const RED: image::Rgb<u8> = image::Rgb([0xff, 0x30, 0x30]);

#[test]
fn small() {
    the_window_shows_picture_and_text(Size::new(256, 144));
}

#[test]
fn middle() {
    the_window_shows_picture_and_text(Size::new(640, 480));
}

#[test]
fn large() {
    the_window_shows_picture_and_text(Size::new(1280, 720));
}

fn the_window_shows_picture_and_text(size: Size) {
    let _turn = turn::take();
    let clip = need::footage("bigbuckbunny.mp4");
    let source = ["--source", clip.to_str().expect("the repository's path is UTF-8"), "--loop", "--size"];
    let (_publisher, url) = publisher_with_server(&[&source[..], &[&size.to_string()]].concat());
    let screen = Screen::start(1280, 720);
    let mut receiver = Builder::new(binary::path("receiver"))
        .args([&url, "--json", "--warmup", "0s"])
        .env("DISPLAY", screen.display())
        .spawn();
    wait_for_frames(&mut receiver, 30);

    // Kept, for people to look at.
    let folder = binary::target_dir().join("screenshots");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    let window = window_with_latency(&screen, &folder.join(format!("receiver-{size}.png")));
    assert!(shows_a_stamped_picture(&window), "the corner code can be read on the screen");
    for words in ["REC: ", "REC FPS: ", "LAT: "] {
        assert!(shows_in_red(&window, words), "{words:?} can be read on the screen");
    }

    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(0);
}

#[test]
fn with_a_window_every_stage_is_known_and_they_add_up() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_publisher, url) = publisher_with_server(&["--source", "test"]);
    let screen = Screen::start(1280, 720);
    let mut receiver = Builder::new(binary::path("receiver"))
        .args([&url, "--json", "--warmup", "0s", "--report"])
        .arg(folder.path())
        .env("DISPLAY", screen.display())
        .spawn();
    wait_for_frames(&mut receiver, 90);
    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(0);

    let report = Report::read(folder.path());
    let (frames, stages) = (report.accounted(), report.stages_add_up());
    assert!(frames.measured >= 90, "{frames:?}");
    assert_eq!(stages.presented as u64, frames.measured + frames.duplicate + frames.late, "{stages:?}");
    println!("window: the stages of {} frames are at most {} µs off", stages.presented, stages.largest_error_us);
}

#[test]
fn a_picture_without_a_code_has_no_latency() {
    let _turn = turn::take();
    let server = framelag_tests::serving::gstreamer();
    let screen = Screen::start(1280, 720);
    let mut receiver = Builder::new(binary::path("receiver"))
        .args([&format!("rtsp://{}/test", server.address), "--json", "--warmup", "0s"])
        .env("DISPLAY", screen.display())
        .spawn();
    receiver.wait_for_line("a second's figures", LIMIT, |line| line.contains(r#""event":"second""#).then_some(()));
    let folder = tempfile::tempdir().expect("a folder for the test");
    let shot = screen.shot(&folder.path().join("receiver.png"));
    assert!(shows_in_red(&window_in(&shot), "LAT: --"), "the latency is not known");
    receiver.interrupt();
    receiver.finish(LIMIT).expect_code(3);
}

/// The window once its latency is a figure: on a busy machine a second may pass without one.
fn window_with_latency(screen: &Screen, file: &Path) -> RgbImage {
    let start = Instant::now();
    loop {
        let window = window_in(&screen.shot(file));
        if shows_in_red(&window, "LAT: ") && !shows_in_red(&window, "LAT: --") {
            return window;
        }
        assert!(start.elapsed() < LIMIT, "the latency is a figure: {}", file.display());
    }
}

/// The part of the screen that is not black: the window, on a screen that shows nothing else.
fn window_in(shot: &RgbImage) -> RgbImage {
    let lit = || shot.enumerate_pixels().filter(|(_, _, pixel)| pixel.0.iter().any(|part| *part > 16));
    let x = (lit().map(|(x, ..)| x).min().expect("a window"), lit().map(|(x, ..)| x).max().expect("a window"));
    let y = (lit().map(|(_, y, _)| y).min().expect("a window"), lit().map(|(_, y, _)| y).max().expect("a window"));
    image::imageops::crop_imm(shot, x.0, y.0, x.1 - x.0 + 1, y.1 - y.0 + 1).to_image()
}

/// Whether the window's picture has a corner code.
fn shows_a_stamped_picture(window: &RgbImage) -> bool {
    let luma = image::imageops::grayscale(window);
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    Reader::new().read(Luma { data: luma.as_raw(), width, height, stride: width }).is_some()
}

/// Whether `words` stand in red in the lower left of the window, in any size of letters.
fn shows_in_red(window: &RgbImage, words: &str) -> bool {
    let (middle, bottom) = (window.height() / 2, window.height());
    (Glyphs::MIN_LINE_HEIGHT..=bottom / 8).any(|line_height| {
        let text = Text::new(words, line_height);
        (middle..bottom - line_height).any(|y| (0..TEXT_MARGIN).any(|x| text.stands_at(window, x, y)))
    })
}

/// The pixels of a text, from its top left.
struct Text {
    /// Solid ones.
    inside: Vec<(u32, u32)>,
    /// Those that no glyph touches.
    outside: Vec<(u32, u32)>,
}

impl Text {
    fn new(words: &str, line_height: u32) -> Self {
        let glyphs = Glyphs::new(line_height);
        let (width, height) = (glyphs.width(words), glyphs.line_height());
        let mut coverage = vec![0; (width * height) as usize];
        glyphs.for_each_span(words, |x, y, span| {
            let start = (y * width + x) as usize;
            coverage[start..start + span.len()].copy_from_slice(span);
        });
        let places = |wanted: fn(u8) -> bool| {
            let pixels = coverage.iter().enumerate().filter(|(_, coverage)| wanted(**coverage));
            pixels.map(|(index, _)| (index as u32 % width, index as u32 / width)).collect()
        };
        Self { inside: places(|coverage| coverage == 255), outside: places(|coverage| coverage == 0) }
    }

    fn stands_at(&self, window: &RgbImage, x: u32, y: u32) -> bool {
        let is_red = |(dx, dy): &(u32, u32)| window.get_pixel_checked(x + dx, y + dy) == Some(&RED);
        !self.inside.is_empty() && self.inside.iter().all(is_red) && !self.outside.iter().any(is_red)
    }
}
