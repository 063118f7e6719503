//! Real footage, scaled once and kept.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use common::frame::{Picture, Size};

/// A clip's pictures at one size.
#[derive(Debug)]
pub struct Clip {
    /// Pictures per second that it was taken at.
    fps: f64,
    pictures: Vec<Picture>,
}

impl Clip {
    /// The clip at `path` scaled to `size`. Needs ffmpeg.
    ///
    /// # Errors
    /// Where ffmpeg is missing or does not read the clip.
    pub fn load(path: &Path, size: Size) -> Result<Self> {
        let scale = format!("scale={}:{}", size.width, size.height);
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(path)
            .args(["-vf", &scale, "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-f", "rawvideo", "-"])
            .output()
            .context("ffmpeg does not start")?;
        ensure!(output.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&output.stderr));
        let frames = output.stdout.chunks_exact(Picture::bytes(size));
        let pictures: Option<Vec<_>> = frames.map(|frame| Picture::from_i420(size, frame.to_vec())).collect();
        let pictures = pictures.filter(|pictures| !pictures.is_empty()).context("the clip holds no picture")?;
        Ok(Self { fps: rate(path)?, pictures })
    }

    /// Size of the pictures.
    pub fn size(&self) -> Size {
        self.pictures[0].size()
    }

    /// All pictures, once.
    pub fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    /// Picture `n` where the clip is played at `fps` over and over.
    pub fn at(&self, n: usize, fps: u32) -> &Picture {
        let index = n as f64 * self.fps / f64::from(fps);
        &self.pictures[index as usize % self.pictures.len()]
    }
}

fn rate(path: &Path) -> Result<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries", "stream=avg_frame_rate", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .context("ffprobe does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let fraction = text.trim().split_once('/').and_then(|(n, d)| Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok()?));
    fraction.filter(|fps| fps.is_finite() && *fps > 0.0).with_context(|| format!("{text:?} is not a frame rate"))
}
