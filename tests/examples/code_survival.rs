//! Prints how many codes are read after each low-bandwidth setting: `code_survival FRAMES CLIP…`.
use std::path::PathBuf;

use anyhow::{Context, Result};
use common::code::Corner;
use framelag_tests::survival::{self, LOW_BANDWIDTH};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let count: usize = args.next().context("frames?")?.parse()?;
    let clips: Vec<PathBuf> = args.map(PathBuf::from).collect();
    println!("| size | fps | kbit/s | clip | encoder | right | stale | unread | wrong |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for setting in LOW_BANDWIDTH {
        for clip in &clips {
            let mut pictures = survival::footage(clip, setting, count)?;
            survival::stamp(&mut pictures, Corner::TopLeft)?;
            let kbps = format!("{}k", setting.kbps);
            let buffer = format!("{}k", (setting.kbps / setting.fps).max(1));
            let gop = (setting.fps * 4).to_string();
            let x264 = [
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-tune",
                "zerolatency",
                "-b:v",
                &kbps,
                "-maxrate",
                &kbps,
                "-bufsize",
                &buffer,
                "-g",
                &gop,
            ];
            let runs = [
                ("openh264", survival::through_openh264(&pictures, setting)?),
                ("x264", survival::through_ffmpeg(&pictures, setting.fps, &x264, "h264")?),
            ];
            for (encoder, decoded) in runs {
                let t = survival::tally(&decoded);
                println!(
                    "| {} | {} | {} | {} | {encoder} | {} | {} | {} | {} |",
                    setting.size,
                    setting.fps,
                    setting.kbps,
                    clip.file_stem().context("name")?.to_string_lossy(),
                    t.right,
                    t.stale,
                    t.unread,
                    t.wrong
                );
            }
        }
    }
    Ok(())
}
