//! A screen without a monitor (Xvfb), and pictures of it.

use std::path::Path;
use std::process::Stdio;

use image::RgbImage;

use crate::process::{Builder, Process};
use crate::{LIMIT, need};

/// A virtual screen. Dropping it ends it.
pub struct Screen {
    _server: Process,
    display: String,
    width: u32,
    height: u32,
}

impl Screen {
    /// Starts a screen of `width × height` pixels, 24 bits deep, under a display number that it finds free.
    ///
    /// # Panics
    ///
    /// Where Xvfb is missing or does not start.
    pub fn start(width: u32, height: u32) -> Self {
        let mut server = Builder::new(need::tool("Xvfb"))
            .args(["-displayfd", "1", "-screen", "0", &format!("{width}x{height}x24"), "-nolisten", "tcp"])
            .spawn();
        let number: u32 = server.wait_for_line("the display's number", LIMIT, |line| line.trim().parse().ok());
        Self { _server: server, display: format!(":{number}"), width, height }
    }

    /// What `DISPLAY` has to be for programs that are to show their windows here.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// What is on the screen, as a file too.
    ///
    /// # Panics
    ///
    /// Where ffmpeg cannot take the picture.
    pub fn shot(&self, file: &Path) -> RgbImage {
        let taken = Builder::new(need::tool("ffmpeg"))
            .words("-loglevel error -y -f x11grab -draw_mouse 0")
            .args(["-video_size", &format!("{}x{}", self.width, self.height), "-i", &self.display])
            .words("-frames:v 1 -pix_fmt rgb24")
            .arg(file)
            .run(LIMIT);
        assert_eq!(taken.code, Some(0), "ffmpeg takes a picture of the screen\n{taken}");
        image::open(file).expect("ffmpeg writes a PNG").to_rgb8()
    }

    /// Runs `xdotool` or another X client here and returns what it prints.
    ///
    /// # Panics
    ///
    /// Where it fails.
    pub fn client(&self, program: &str, args: &[&str]) -> Vec<String> {
        let ran =
            Builder::new(need::tool(program)).args(args).env("DISPLAY", &self.display).stdin(Stdio::null()).run(LIMIT);
        ran.expect_code(0).stdout
    }
}
