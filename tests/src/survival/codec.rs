//! Encoders and back, picture by picture, so that long streams of large pictures fit in memory.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use common::frame::{Luma, Picture, Size};
use common::time::MediaTime;
use publisher::encode::{self, Encoder};
use publisher::rate::FrameRate;
use receiver::decode;

use super::Setting;

/// From one key frame to the next.
const KEY_FRAME_SECONDS: u32 = 4;
/// One byte of so many is damaged.
const DAMAGE: u32 = 4000;

/// What encodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The publisher's encoder, set as the publisher sets it, and the receiver's decoder.
    OpenH264,
    /// ffmpeg's libx264: `ultrafast`, `zerolatency`, constant bit rate with a buffer of one frame's share.
    X264,
    /// As [`Codec::X264`], and then once more to half the bit rate.
    Transcoded,
    /// As [`Codec::Transcoded`], but the second encoder's buffer is one frame's share of the rate too: its IDRs have next to
    /// no bits.
    TranscodedTight,
    /// As [`Codec::X264`] in several slices, and then bytes of it damaged: parts of pictures are missing.
    Damaged,
    /// ffmpeg's libx265: `ultrafast`, `zerolatency`.
    X265,
    /// ffmpeg's libvpx-vp9: `realtime`.
    Vp9,
}

impl Codec {
    /// As people say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenH264 => "openh264",
            Self::X264 => "x264",
            Self::Transcoded => "x264, again at half the rate",
            Self::TranscodedTight => "the same, with the buffer of one frame",
            Self::Damaged => "x264, damaged",
            Self::X265 => "x265",
            Self::Vp9 => "VP9",
        }
    }
}

/// Encodes `pictures` of `setting.size` and decodes them again; shows each to `look`, in order. All but
/// [`Codec::OpenH264`] need ffmpeg.
///
/// # Errors
/// Where a codec fails, or ffmpeg is missing.
pub fn through(
    codec: Codec,
    setting: Setting,
    pictures: impl Iterator<Item = Picture> + Send,
    look: impl FnMut(Luma<'_>),
) -> Result<()> {
    match codec {
        Codec::OpenH264 => through_openh264(setting, pictures, look),
        _ => through_ffmpeg(codec, setting, pictures, look),
    }
}

fn through_openh264(
    setting: Setting,
    pictures: impl Iterator<Item = Picture>,
    mut look: impl FnMut(Luma<'_>),
) -> Result<()> {
    let rate = FrameRate::new(setting.fps.into(), 1)?;
    let (bitrate, gop) = (setting.kbps * 1000, setting.fps * KEY_FRAME_SECONDS);
    let mut encoder = encode::OpenH264::new(encode::Config { size: setting.size, rate, bitrate, gop })?;
    let mut decoder = decode::open(common::media::Codec::H264)?;
    for (n, picture) in pictures.enumerate() {
        encoder.encode(&picture, MediaTime::default().advance(rate.time_of(n as u64)), false)?;
        while let Some(frame) = encoder.next_frame()? {
            decoder.decode(&frame, (), &mut |(), planes| look(planes.luma()))?;
        }
    }
    Ok(())
}

/// ffmpeg's arguments for an encoder.
fn encoder(codec: Codec, setting: Setting) -> Vec<String> {
    let Setting { fps, kbps, .. } = setting;
    let (interval, buffer) = (fps * KEY_FRAME_SECONDS, (kbps / fps).max(1));
    let options = match codec {
        Codec::X265 => format!(
            "-c:v libx265 -preset ultrafast -tune zerolatency -x265-params \
             log-level=error:keyint={interval}:bitrate={kbps}:vbv-maxrate={kbps}:vbv-bufsize={buffer}"
        ),
        Codec::Vp9 => format!(
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g {interval} -b:v {kbps}k -minrate {kbps}k \
             -maxrate {kbps}k"
        ),
        Codec::Damaged => format!(
            "-c:v libx264 -preset ultrafast -tune zerolatency -slices 6 -g {fps} -b:v {kbps}k -bsf:v noise=amount={DAMAGE}"
        ),
        _ => format!(
            "-c:v libx264 -preset ultrafast -tune zerolatency -g {interval} -b:v {kbps}k -maxrate {kbps}k -bufsize {buffer}k"
        ),
    };
    words(&options)
}

/// The arguments of one ffmpeg after the other, but for their outputs.
fn stages(codec: Codec, setting: Setting) -> Vec<Vec<String>> {
    let Setting { size, fps, kbps } = setting;
    let raw = words(&format!("-f rawvideo -pix_fmt yuv420p -s {size} -r {fps} -i -"));
    let first = [raw, encoder(codec, setting)].concat();
    if !matches!(codec, Codec::Transcoded | Codec::TranscodedTight) {
        return vec![first];
    }
    let half = Setting { kbps: kbps / 2, ..setting };
    let mut again = encoder(codec, half);
    if codec == Codec::Transcoded {
        // The later one holds.
        again.extend(words(&format!("-bufsize {}k", half.kbps)));
    }
    vec![first, [words("-f nut -i - -fps_mode passthrough"), again].concat()]
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Sends pictures through a chain of ffmpeg processes, of which the last one decodes.
fn through_ffmpeg(
    codec: Codec,
    setting: Setting,
    pictures: impl Iterator<Item = Picture> + Send,
    mut look: impl FnMut(Luma<'_>),
) -> Result<()> {
    let mut children = Vec::new();
    let mut pipe = None;
    for stage in stages(codec, setting) {
        pipe = Some(start(&mut children, &[stage, words("-f nut -")].concat(), pipe)?);
    }
    let damaged = codec == Codec::Damaged;
    let tolerant =
        if damaged { "-v quiet -err_detect ignore_err -flags +output_corrupt -max_error_rate 1 " } else { "" };
    let decode = format!("{tolerant}-f nut -i - -fps_mode passthrough -pix_fmt yuv420p -f rawvideo -");
    let mut output = start(&mut children, &words(&decode), pipe)?;
    let mut input = children[0].stdin.take().context("no pipe to ffmpeg")?;
    let (sent, came) = std::thread::scope(|scope| {
        let sent = scope.spawn(move || send(&mut input, pictures));
        let came = receive(&mut output, setting.size, &mut look);
        // Where reading failed, this is what makes writing fail too.
        drop(output);
        (sent.join().expect("the writer does not panic"), came)
    });
    for mut child in children {
        ensure!(child.wait()?.success(), "ffmpeg failed");
    }
    let (sent, came) = (sent?, came?);
    ensure!(sent == came || damaged, "{sent} pictures went into ffmpeg, and {came} came out");
    Ok(())
}

/// Starts ffmpeg; reads from the process before it, or from a pipe that the caller takes.
fn start(children: &mut Vec<Child>, args: &[String], from: Option<ChildStdout>) -> Result<ChildStdout> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(args)
        .stdin(from.map_or_else(Stdio::piped, Stdio::from))
        .stdout(Stdio::piped())
        .spawn()
        .context("ffmpeg does not start")?;
    let output = child.stdout.take().context("no pipe from ffmpeg");
    children.push(child);
    output
}

fn send(input: &mut ChildStdin, pictures: impl Iterator<Item = Picture>) -> Result<usize> {
    let mut sent = 0;
    for picture in pictures {
        input.write_all(picture.data()).context("writing to ffmpeg")?;
        sent += 1;
    }
    Ok(sent)
}

fn receive(output: &mut ChildStdout, size: Size, look: &mut impl FnMut(Luma<'_>)) -> Result<usize> {
    let mut picture = Picture::black(size);
    let mut came = 0;
    loop {
        match output.read_exact(picture.data_mut()) {
            Ok(()) => look(picture.luma()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(came),
            Err(error) => return Err(error).context("reading from ffmpeg"),
        }
        came += 1;
    }
}
