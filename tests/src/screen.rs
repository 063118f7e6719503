//! A screen without a monitor (Xvfb), and pictures of it.

use std::fs::File;
use std::os::unix::fs::FileExt;
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
        Self::started(Builder::new(need::tool("Xvfb")), width, height)
    }

    /// The same, with the framebuffer as a file in `folder`.
    ///
    /// # Panics
    ///
    /// Where Xvfb is missing or does not start.
    pub fn with_framebuffer(width: u32, height: u32, folder: &Path) -> (Self, Framebuffer) {
        let screen = Self::started(Builder::new(need::tool("Xvfb")).arg("-fbdir").arg(folder), width, height);
        (screen, Framebuffer::open(&folder.join("Xvfb_screen0")))
    }

    fn started(server: Builder, width: u32, height: u32) -> Self {
        let mut server = server
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

/// What a screen shows at this moment: the file that Xvfb keeps it in, an XWD dump (`X11/XWDFile.h`).
pub struct Framebuffer {
    file: File,
    pixels_at: u64,
    bytes_per_line: usize,
}

impl Framebuffer {
    fn open(path: &Path) -> Self {
        let file = File::open(path).expect("Xvfb keeps its framebuffer there");
        let field = |number: u64| {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, 4 * number).expect("it has a header");
            u32::from_be_bytes(bytes)
        };
        let (header, bits_per_pixel, bytes_per_line, colours) = (field(0), field(11), field(12), field(19));
        assert_eq!(bits_per_pixel, 32, "blue, green, red and nothing, a byte each");
        let pixels_at = u64::from(header) + 12 * u64::from(colours);
        Self { file, pixels_at, bytes_per_line: bytes_per_line as usize }
    }

    /// The green of the upper left `width × height` pixels, row by row: as good as luma for black and white.
    ///
    /// # Panics
    ///
    /// Where the screen is smaller.
    pub fn green(&self, width: usize, height: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes_per_line * height];
        self.file.read_exact_at(&mut bytes, self.pixels_at).expect("the screen is that high");
        let rows = bytes.chunks_exact(self.bytes_per_line);
        rows.flat_map(|row| row[..4 * width].chunks_exact(4).map(|pixel| pixel[1])).collect()
    }
}
