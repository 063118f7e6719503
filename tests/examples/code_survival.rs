//! Writes `docs/corner-code-survival.md`: how many codes are read after encoders, and after what players do.
//!
//! `cargo run --release -p framelag-tests --example code_survival [PICTURES [SECTION]] > docs/corner-code-survival.md`
//!
//! PICTURES is how many each encoder is given of each clip; SECTION makes one section alone: low-bandwidth, others, changes. Fails where the code does not keep its promise. Needs ffmpeg.

use anyhow::{Context, Result, ensure};
use common::code::{Corner, Layout, Reader};
use common::frame::{Luma, Size};
use framelag_tests::need;
use framelag_tests::survival::{Change, Clip, Codec, LOW_BANDWIDTH, Setting, Tally, Watch, stamped, through};
use image::GrayImage;

const PICTURES: usize = 400;
const CLIPS: [(&str, &str); 3] =
    [("Big Buck Bunny", "bigbuckbunny.mp4"), ("bikes", "bikes.mp4"), ("carphone", "carphone_pristine.mp4")];
/// For what comes after, or beside, the two encoders that the low-bandwidth settings are for.
const OTHERS: [Setting; 4] = [
    Setting { size: Size::new(512, 228), fps: 25, kbps: 250 },
    Setting { size: Size::new(640, 480), fps: 25, kbps: 1000 },
    Setting { size: Size::new(1280, 720), fps: 25, kbps: 1400 },
    Setting { size: Size::new(1920, 1080), fps: 25, kbps: 3000 },
];
const OTHER_PICTURES: usize = 250;
/// What players do is done to pictures of these sizes, so many of each clip.
const CHANGED: [Size; 3] = [Size::new(256, 144), Size::new(640, 480), Size::new(1280, 720)];
const CHANGED_PICTURES: usize = 5;
/// Pictures within which a code that is not where it was painted is found.
const PATIENCE: usize = 48;

fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(PICTURES), |text| text.parse()).context("how many pictures?")?;
    let section = std::env::args().nth(2);
    let wanted = |name: &str| section.as_ref().is_none_or(|section| section == name);
    let mut broken = Vec::new();
    if section.is_none() {
        println!("# What the corner code comes through\n");
        println!(
            "Made by `cargo run --release -p framelag-tests --example code_survival > docs/corner-code-survival.md`."
        );
        println!("Nothing here is written by hand. A wrong reading ends the command with an error: there was none.\n");
    }
    if wanted("low-bandwidth") {
        low_bandwidth(count, &mut broken)?;
    }
    if wanted("others") {
        others(&mut broken)?;
    }
    if wanted("changes") {
        changes(&mut broken)?;
    }
    ensure!(broken.is_empty(), "{broken:#?}");
    Ok(())
}

fn low_bandwidth(count: usize, broken: &mut Vec<String>) -> Result<()> {
    println!(
        "## Low-bandwidth settings\n\n\
         Three clips of real footage, played over and over, {count} pictures of each at each setting. openh264 is set as\n\
         the publisher sets it; x264 with `ultrafast`, `zerolatency`, and a buffer of one frame's share of the bit rate. A\n\
         key frame every 4 s.\n\n\
         Each cell has the codes read and the *new* pictures. A picture is not new where its encoder skipped it: its code\n\
         is an earlier frame's still, or nothing in it has changed. Such pictures are counted under *skipped*. Where it\n\
         ran out of bits within the code, and left most of the block as it was, the picture is *partly skipped*: not read,\n\
         and not new; *strictly* has the share with these counted as new. The first 2 s of each stream, in which rate control\n\
         learns what the pictures cost, stand apart.\n"
    );
    head(&["*strictly*", "*skipped*", "*partly*", "*first 2 s*"]);
    for settings in LOW_BANDWIDTH.chunk_by(|a, b| a.size == b.size) {
        let clips = load(settings[0].size)?;
        for setting in settings {
            for codec in [Codec::OpenH264, Codec::X264] {
                let least = if setting.kbps < 20 { 0.95 } else { 0.999 };
                row(*setting, codec, &clips, count, least, broken)?;
            }
        }
    }
    println!("\nPromised are 99.9 % from 20 kbit/s on, and 95 % below, for each row.\n");
    Ok(())
}

fn others(broken: &mut Vec<String>) -> Result<()> {
    println!(
        "## A transcoder, H.265 and VP9\n\n\
         Through ffmpeg, {OTHER_PICTURES} pictures of each clip: x264 as above and then once more to half the bit rate,\n\
         with a buffer of one second; libx265 (`ultrafast`, `zerolatency`) and libvpx-vp9 (`realtime`). Where the second\n\
         encoder's buffer is one frame's share of the halved rate as well, its key frames have next to no bits, and nothing is promised.\n"
    );
    head(&["*strictly*", "*skipped*", "*partly*", "*first 2 s*"]);
    for setting in OTHERS {
        let clips = load(setting.size)?;
        for codec in [Codec::Transcoded, Codec::TranscodedTight, Codec::X265, Codec::Vp9] {
            let least = if codec == Codec::TranscodedTight { 0.0 } else { 0.999 };
            row(setting, codec, &clips, OTHER_PICTURES, least, broken)?;
        }
    }
    println!();
    Ok(())
}

fn load(size: Size) -> Result<Vec<Clip>> {
    CLIPS.iter().map(|(_, file)| Clip::load(&need::footage(file), size)).collect()
}

fn head(more: &[&str]) {
    let clips = CLIPS.map(|(name, _)| name).join(" | ");
    println!("| size | fps | kbit/s | encoder | {clips} | all | {} |", more.join(" | "));
    println!("|{}", "---|".repeat(5 + CLIPS.len() + more.len()));
}

fn row(
    setting: Setting,
    codec: Codec,
    clips: &[Clip],
    count: usize,
    least: f64,
    broken: &mut Vec<String>,
) -> Result<()> {
    let Setting { size, fps, kbps } = setting;
    print!("| {size} | {fps} | {kbps} | {} ", codec.name());
    let (mut start_up, mut after) = (Tally::default(), Tally::default());
    for clip in clips {
        let mut watch = Watch::new(setting.start_up());
        through(codec, setting, stamped(clip, fps, Corner::TopLeft, count)?, |luma| watch.look(luma))?;
        print!("| {} ", of(watch.after));
        start_up += watch.start_up;
        after += watch.after;
    }
    let share = after.share().context("no new pictures")?;
    let strictly = after.right as f64 / (after.new_pictures() + after.partly_skipped) as f64;
    let (share_text, strictly) = (share * 100.0, strictly * 100.0);
    let (skipped, partly) = (after.skipped + start_up.skipped, after.partly_skipped);
    println!("| {share_text:.2} % | {strictly:.2} % | {skipped} | {partly} | {} |", of(start_up));
    let what = format!("{size} {fps} {kbps} {codec:?}: {after:?}");
    eprintln!("{what}, first {start_up:?}");
    ensure!(after.wrong + start_up.wrong == 0, "wrong readings: {what}");
    if share < least {
        broken.push(what);
    }
    Ok(())
}

fn of(tally: Tally) -> String {
    format!("{}/{}", tally.right, tally.new_pictures())
}

fn changes(broken: &mut Vec<String>) -> Result<()> {
    let sizes = CHANGED.map(|size| size.to_string()).join(", ");
    println!(
        "## What players do\n\n\
         {CHANGED_PICTURES} stamped pictures of each clip in each of {sizes}, one after another to a reader that has seen\n\
         nothing before. *Until found* says how many pictures the reader took for its search at most; all are counted that\n\
         come after.\n\n\
         | done to the pictures | until found | read |\n|---|---|---|"
    );
    let mut clips = Vec::new();
    for size in CHANGED {
        clips.extend(load(size)?);
    }
    for change in Change::all() {
        let (mut tally, mut slowest) = (Tally::default(), 0);
        for clip in &clips {
            let (calls, after) = changed(change, clip)?;
            slowest = slowest.max(calls.unwrap_or(usize::MAX));
            tally += after;
        }
        let name = change.name();
        let until = if slowest <= PATIENCE { slowest.to_string() } else { "not found".to_owned() };
        println!("| {name} | {until} | {} |", of(tally));
        eprintln!("{name}: {until}, {tally:?}");
        ensure!(tally.wrong == 0, "wrong readings: {name}");
        if slowest > PATIENCE || tally.share().is_none_or(|share| share < 0.999) {
            broken.push(format!("{name}: found after {until}, {tally:?}"));
        }
    }
    println!();
    Ok(())
}

/// Pictures until the code is found, and how the others are read.
fn changed(change: Change, clip: &Clip) -> Result<(Option<usize>, Tally)> {
    let cell = Layout::new(clip.size(), Corner::BottomLeft)?.cell() as f32;
    let Size { width, height } = clip.size();
    let pictures = stamped(clip, 25, Corner::BottomLeft, CHANGED_PICTURES)?.enumerate().map(|(n, picture)| {
        let image = GrayImage::from_raw(width, height, picture.luma().data.to_vec()).expect("a whole plane");
        change.apply(&image, cell, n as u64)
    });
    let pictures: Vec<_> = pictures.collect();
    // The search takes the first picture, over and over, as many pictures of a stream would be.
    let mut reader = Reader::new();
    let found = (1..=PATIENCE).find(|_| reader.read(plane(&pictures[0])).is_some());
    let mut watch = Watch::with(reader);
    pictures.iter().for_each(|picture| watch.look(plane(picture)));
    Ok((found, watch.after))
}

fn plane(image: &GrayImage) -> Luma<'_> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Luma { data: image.as_raw(), width, height, stride: width }
}
