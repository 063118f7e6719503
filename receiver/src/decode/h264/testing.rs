//! Streams of numbered pictures for the tests.

use std::io::Write;
use std::process::{Command, Stdio};

use common::frame::{Picture, Size};

use crate::decode::Planes;

/// Pictures of a stream.
pub const PICTURES: u8 = 24;
/// Their size, mostly.
pub const SMALL: Size = Size::new(128, 96);

/// Options of x264 for a stream without reordering.
pub const LOW_DELAY: [&str; 4] = ["-tune", "zerolatency", "-profile:v", "high"];

/// A flat picture whose luma says its number.
pub fn numbered(size: Size, number: u8) -> Picture {
    let mut picture = Picture::black(size);
    picture.planes_mut()[0].fill(30 + 8 * number);
    picture
}

/// The number that a decoded picture says.
pub fn number(planes: Planes<'_>) -> u8 {
    let middle = planes.luma_stride * (planes.size.height as usize / 2) + planes.size.width as usize / 2;
    (planes.y[middle] - 30 + 4) / 8
}

/// The access units of numbered pictures, encoded by ffmpeg's libx264. An access unit delimiter opens each.
pub fn x264(size: Size, options: &[&str]) -> Vec<Vec<u8>> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-r", "30"])
        .args(["-s", &size.to_string(), "-i", "-", "-c:v", "libx264", "-x264-params", "aud=1:keyint=12"])
        .args(options)
        .args(["-f", "h264", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut input = ffmpeg.stdin.take().expect("the pipe was asked for");
    let writer = std::thread::spawn(move || {
        (0..PICTURES).for_each(|n| input.write_all(numbered(size, n).data()).expect("ffmpeg reads"));
    });
    let output = ffmpeg.wait_with_output().expect("ffmpeg ends");
    writer.join().expect("all pictures were written");
    split(&output.stdout)
}

/// The access units in a byte stream with delimiters.
pub fn split(stream: &[u8]) -> Vec<Vec<u8>> {
    const DELIMITER: [u8; 5] = [0, 0, 0, 1, 9];
    let starts: Vec<_> = stream.windows(5).enumerate().filter(|(_, w)| *w == DELIMITER).map(|(at, _)| at).collect();
    let ends = starts.iter().copied().skip(1).chain([stream.len()]);
    starts.iter().zip(ends).map(|(&start, end)| stream[start..end].to_vec()).collect()
}
