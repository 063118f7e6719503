//! Prints how many codes are read after each low-bandwidth setting, with openh264 and with ffmpeg's x264:
//! `cargo run -p framelag-tests --example code_survival FRAMES CLIP…`. Needs ffmpeg.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use common::code::Corner;
use framelag_tests::survival::{self, LOW_BANDWIDTH, Setting, Tally};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let count: usize = args.next().context("how many frames?")?.parse()?;
    let clips: Vec<PathBuf> = args.map(PathBuf::from).collect();
    ensure!(!clips.is_empty(), "which clips?");
    println!("| size | fps | kbit/s | clip | encoder | right | stale | unread | wrong |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for setting in LOW_BANDWIDTH {
        for clip in &clips {
            let name = clip.file_stem().context("a clip has a name")?.to_string_lossy().into_owned();
            let mut pictures = survival::footage(clip, setting, count)?;
            survival::stamp(&mut pictures, Corner::TopLeft)?;
            print(setting, &name, "openh264", survival::tally(&survival::through_openh264(&pictures, setting)?));
            print(setting, &name, "x264", survival::tally(&survival::through_x264(&pictures, setting)?));
        }
    }
    Ok(())
}

fn print(setting: Setting, clip: &str, encoder: &str, tally: Tally) {
    let Setting { size, fps, kbps } = setting;
    let Tally { right, stale, unread, wrong } = tally;
    println!("| {size} | {fps} | {kbps} | {clip} | {encoder} | {right} | {stale} | {unread} | {wrong} |");
}
