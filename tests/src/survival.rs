//! What codecs leave of the corner code: stamps footage, sends it through an encoder and back, and reads it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use common::code::{Corner, Painter, Payload, Reader};
use common::frame::{Picture, Size};
use common::time::WallTime;
use openh264::OpenH264API;
use openh264::decoder::Decoder;
use openh264::encoder::{
    BitRate, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, UsageType,
};
use openh264::formats::{YUVSlices, YUVSource};

/// Size, frames per second and bit rate to encode at.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Picture size.
    pub size: Size,
    /// Frames per second.
    pub fps: u32,
    /// Bit rate in kbit/s. The rate control's buffer holds one frame's share of it.
    pub kbps: u32,
}

/// From one key frame to the next.
const KEY_FRAME_SECONDS: u32 = 4;

const fn setting(width: u32, height: u32, fps: u32, kbps: u32) -> Setting {
    Setting { size: Size::new(width, height), fps, kbps }
}

/// Low-bandwidth settings, from barely moving thumbnails up.
pub const LOW_BANDWIDTH: [Setting; 18] = [
    setting(256, 144, 1, 6),
    setting(256, 144, 4, 20),
    setting(512, 228, 1, 20),
    setting(512, 228, 6, 80),
    setting(512, 228, 12, 125),
    setting(512, 228, 25, 250),
    setting(1024, 576, 1, 120),
    setting(1024, 576, 6, 300),
    setting(1024, 576, 12, 500),
    setting(1024, 576, 25, 750),
    setting(1280, 720, 1, 150),
    setting(1280, 720, 6, 450),
    setting(1280, 720, 12, 650),
    setting(1280, 720, 25, 1400),
    setting(1920, 1080, 1, 400),
    setting(1920, 1080, 6, 1000),
    setting(1920, 1080, 12, 1800),
    setting(1920, 1080, 25, 3000),
];

/// How the codes of a run of pictures came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Read, and the frame's own.
    pub right: usize,
    /// Read, and the code of an earlier frame: the encoder skipped this one, so that the picture is not new.
    pub stale: usize,
    /// Not read.
    pub unread: usize,
    /// Read, and the code of no frame up to this one. Must never happen.
    pub wrong: usize,
}

/// `count` frames of the clip at `path`, scaled to `setting.size`, played at `setting.fps` from the start and over
/// again. Needs ffmpeg.
///
/// # Errors
/// Where ffmpeg is missing or does not read the clip.
pub fn footage(path: &Path, setting: Setting, count: usize) -> Result<Vec<Picture>> {
    let Setting { size, fps, .. } = setting;
    let filter = format!("fps={fps},scale={}:{}", size.width, size.height);
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-stream_loop", "-1", "-i"])
        .arg(path)
        .args(["-vf", &filter, "-pix_fmt", "yuv420p", "-frames:v", &count.to_string(), "-f", "rawvideo", "-"])
        .output()
        .context("ffmpeg does not start")?;
    ensure!(output.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&output.stderr));
    split(size, &output.stdout)
}

/// The payload that [`stamp`] paints into frame `n`: 40 ms apart, with the low bits as busy as a real clock's.
pub fn payload(n: usize) -> Payload {
    let jitter = (n as i64).wrapping_mul(0x9e37_79b9) & 0xfff;
    let time = WallTime::from_micros(1_763_722_800_000_000 + n as i64 * 40_000 + jitter);
    Payload { stream_id: 1, sequence: n as u32, time }
}

/// Paints each picture's own code.
///
/// # Errors
/// Where the pictures are too small for it.
pub fn stamp(pictures: &mut [Picture], corner: Corner) -> Result<()> {
    for (n, picture) in pictures.iter_mut().enumerate() {
        Painter::new(picture.size(), corner)?.paint(picture, &payload(n));
    }
    Ok(())
}

/// Encodes with openh264 as the publisher does and decodes again, picture by picture.
///
/// # Errors
/// Where the codec fails.
pub fn through_openh264(pictures: &[Picture], setting: Setting) -> Result<Vec<Picture>> {
    let config = EncoderConfig::new()
        .bitrate(BitRate::from_bps(setting.kbps * 1000))
        .max_frame_rate(FrameRate::from_hz(setting.fps as f32))
        .rate_control_mode(RateControlMode::Bitrate)
        .usage_type(UsageType::CameraVideoRealTime)
        .intra_frame_period(IntraFramePeriod::from_num_frames(setting.fps * KEY_FRAME_SECONDS))
        .skip_frames(false)
        .scene_change_detect(false);
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
    let mut decoder = Decoder::new()?;
    let mut decoded = Vec::new();
    for (n, picture) in pictures.iter().enumerate() {
        let size = picture.size();
        let (width, chroma) = (size.width as usize, size.chroma().width as usize);
        let [y, u, v] = picture.planes();
        let source = YUVSlices::new((y, u, v), (width, size.height as usize), (width, chroma, chroma));
        let at = openh264::Timestamp::from_millis(n as u64 * 1000 / u64::from(setting.fps));
        let access_unit = encoder.encode_at(&source, at)?;
        ensure!(access_unit.frame_type() != FrameType::Skip, "the encoder skipped frame {n}");
        let picture = decoder.decode(&access_unit.to_vec())?.context("the decoder held a picture back")?;
        decoded.push(Picture::from_i420(size, i420(&picture)).context("the decoder changed the size")?);
    }
    Ok(decoded)
}

fn i420(source: &impl YUVSource) -> Vec<u8> {
    let ((width, height), strides) = (source.dimensions(), source.strides());
    let plane = |data: &[u8], stride: usize, width: usize, height: usize| {
        data.chunks(stride).take(height).flat_map(|row| row[..width].to_vec()).collect::<Vec<u8>>()
    };
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let y = plane(source.y(), strides.0, width, height);
    let u = plane(source.u(), strides.1, chroma_width, chroma_height);
    let v = plane(source.v(), strides.2, chroma_width, chroma_height);
    [y, u, v].concat()
}

/// Encodes with ffmpeg's x264 as for low latency (`ultrafast`, `zerolatency`, constant bit rate) and decodes again.
///
/// # Errors
/// Where ffmpeg is missing or fails.
pub fn through_x264(pictures: &[Picture], setting: Setting) -> Result<Vec<Picture>> {
    let rate = format!("{}k", setting.kbps);
    let buffer = format!("{}k", (setting.kbps / setting.fps).max(1));
    let interval = (setting.fps * KEY_FRAME_SECONDS).to_string();
    let encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", &interval];
    let rate = ["-b:v", &rate, "-maxrate", &rate, "-bufsize", &buffer];
    through_ffmpeg(pictures, setting.fps, &[&encoder[..], &rate].concat(), "h264")
}

/// Encodes with an encoder of ffmpeg's (`args` as on its command line) into container `format`, and decodes again with
/// ffmpeg, to pictures of `decoded` size.
///
/// # Errors
/// Where ffmpeg is missing or fails.
pub fn through_ffmpeg(pictures: &[Picture], fps: u32, args: &[&str], format: &str) -> Result<Vec<Picture>> {
    let size = pictures.first().context("no pictures")?.size();
    let input = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size.to_string(), "-r", &fps.to_string(), "-i", "-"]
        .map(str::to_owned);
    let raw: Vec<u8> = pictures.iter().flat_map(|picture| picture.data()).copied().collect();
    let output = ["-f", format, "-"].map(str::to_owned);
    let coded = ffmpeg(&[&input[..], &args.iter().map(|&a| a.to_owned()).collect::<Vec<_>>(), &output].concat(), raw)?;
    let decode = ["-f", format, "-i", "-", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"];
    split(size, &ffmpeg(&decode.map(str::to_owned), coded)?)
}

fn ffmpeg(args: &[String], input: Vec<u8>) -> Result<Vec<u8>> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("ffmpeg does not start")?;
    let mut stdin = child.stdin.take().context("no pipe to ffmpeg")?;
    let mut stdout = child.stdout.take().context("no pipe from ffmpeg")?;
    let mut output = Vec::new();
    let read = std::thread::scope(|scope| {
        // A failed write shows in the exit status.
        scope.spawn(move || stdin.write_all(&input));
        stdout.read_to_end(&mut output)
    });
    read.context("reading from ffmpeg")?;
    ensure!(child.wait()?.success(), "ffmpeg {} failed", args.join(" "));
    Ok(output)
}

fn split(size: Size, raw: &[u8]) -> Result<Vec<Picture>> {
    let frames = raw.chunks_exact(Picture::bytes(size));
    frames.map(|frame| Picture::from_i420(size, frame.to_vec()).context("a frame has the wrong size")).collect()
}

/// Reads picture after picture with one reader. Picture `n` should say [`payload`]`(n)`.
pub fn tally<'a>(pictures: impl IntoIterator<Item = &'a Picture>) -> Tally {
    let mut reader = Reader::new();
    let mut tally = Tally::default();
    for (n, picture) in pictures.into_iter().enumerate() {
        match reader.read(picture.luma()) {
            None => tally.unread += 1,
            Some(read) if read == payload(n) => tally.right += 1,
            Some(read) if (0..n).any(|earlier| read == payload(earlier)) => tally.stale += 1,
            Some(_) => tally.wrong += 1,
        }
    }
    tally
}
