//! ffmpeg's command line and its list of encoders: the only file that knows them.

use std::process::{Command, Stdio};

use super::{Config, Error};

/// What ffmpeg takes as "the first GPU of this host", under a name of ours.
const VAAPI: &str = "vaapi=framelag:/dev/dri/renderD128";
/// Smallest rate control buffer, in bits. ffmpeg passes whole kilobits to libx264: zero would mean no buffer and no limit.
const LEAST_BUFFER: f64 = 1000.0;
/// A line of `ffmpeg -encoders` begins with letters for what the encoder can do; the first says what it encodes.
const VIDEO: char = 'V';

/// Options for one encoder, beyond those that all get: bit rate, GOP, no B-frames.
struct Recipe {
    /// Name of the encoder, or how the names of its kind begin.
    name: &'static str,
    /// Options before the input.
    device: &'static [&'static str],
    /// Filter that converts an I420 picture for the encoder.
    filter: Option<&'static str>,
    /// Options that make it return each frame at once.
    options: &'static [&'static str],
}

/// Encoders that need more than the common options. Without them they hold pictures back to look ahead or to work on several
/// at once, or produce a profile that a Baseline decoder refuses.
const RECIPES: [Recipe; 7] = [
    Recipe {
        name: "libx264",
        device: &[],
        filter: None,
        // As docs of low-bandwidth live streams have it. One thread: one slice, as the encoder that is built in.
        options: &[
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-profile:v",
            "baseline",
            "-sc_threshold",
            "0",
            "-threads",
            "1",
        ],
    },
    Recipe {
        name: "libopenh264",
        device: &[],
        filter: None,
        options: &["-profile:v", "constrained_baseline", "-rc_mode", "bitrate", "-allow_skip_frames", "0"],
    },
    Recipe {
        name: "h264_vaapi",
        device: &["-init_hw_device", VAAPI, "-filter_hw_device", "framelag"],
        filter: Some("format=nv12,hwupload"),
        options: &["-profile:v", "constrained_baseline", "-rc_mode", "CBR", "-async_depth", "1"],
    },
    Recipe {
        name: "h264_nvenc",
        device: &[],
        filter: None,
        options: &[
            "-preset",
            "p1",
            "-tune",
            "ull",
            "-zerolatency",
            "1",
            "-delay",
            "0",
            "-rc",
            "cbr",
            "-rc-lookahead",
            "0",
            "-no-scenecut",
            "1",
            "-profile:v",
            "baseline",
        ],
    },
    Recipe {
        name: "h264_qsv",
        device: &[],
        filter: Some("format=nv12"),
        options: &["-preset", "veryfast", "-async_depth", "1", "-look_ahead", "0", "-profile:v", "baseline"],
    },
    Recipe {
        name: "h264_videotoolbox",
        device: &[],
        filter: None,
        options: &["-realtime", "1", "-profile:v", "baseline"],
    },
    Recipe {
        name: "h264_amf",
        device: &[],
        filter: None,
        options: &["-usage", "ultralowlatency", "-profile:v", "constrained_baseline"],
    },
];

/// Whether ffmpeg is there and has an encoder `name` for H.264.
///
/// # Errors
/// [`Error::NoFfmpeg`]; [`Error::Unknown`] and [`Error::NotH264`] with the encoders that can be used; [`Error::Start`].
pub(super) fn check(name: &str) -> Result<(), Error> {
    let list = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).stdin(Stdio::null()).output();
    let list = match list {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoFfmpeg(name.to_owned())),
        Err(why) => return Err(Error::Start { name: name.to_owned(), why }),
    };
    find(name, &list)
}

/// Looks for `name` in what `ffmpeg -encoders` prints.
fn find(name: &str, list: &str) -> Result<(), Error> {
    let found = encoders(list).find(|(other, _)| *other == name).map(|(_, codec)| codec);
    if found == Some("h264") && !takes_rgb(name) {
        return Ok(());
    }
    let right = encoders(list).filter(|(other, codec)| *codec == "h264" && !takes_rgb(other));
    let right: Vec<_> = right.map(|(other, _)| other).collect();
    let known = if right.is_empty() { "none".to_owned() } else { right.join(", ") };
    let name = name.to_owned();
    Err(match found {
        None => Error::Unknown { name, known },
        Some("h264") => {
            Error::NotH264 { name, codec: "H.264 of RGB pictures, which few players decode".to_owned(), known }
        }
        Some(codec) => Error::NotH264 { name, codec: codec.to_owned(), known },
    })
}

fn takes_rgb(name: &str) -> bool {
    name.ends_with("rgb")
}

/// Video encoders in what `ffmpeg -encoders` prints, each with its codec.
fn encoders(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let entries = list.lines().skip_while(|line| !line.trim_start().starts_with("------")).skip(1);
    entries.filter_map(|line| {
        let mut words = line.split_whitespace();
        let _ = words.next().filter(|letters| letters.starts_with(VIDEO))?;
        let name = words.next()?;
        // Left out where it is the encoder's name too.
        let codec = line.rsplit_once("(codec ").map_or(name, |(_, codec)| codec.trim_end().trim_end_matches(')'));
        Some((name, codec))
    })
}

/// ffmpeg, from bare I420 pictures on standard input to access units in FLV on standard output.
pub(super) fn command(name: &str, config: Config) -> Command {
    let recipe = RECIPES.iter().find(|recipe| recipe.name == name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
    command.args(recipe.map_or(&[][..], |recipe| recipe.device));
    // Nothing has to be found out about the input. (Not `-fflags nobuffer`: that throws the first picture away.)
    command.args(["-probesize", "32", "-analyzeduration", "0", "-f", "rawvideo", "-pixel_format", "yuv420p"]);
    command.args(["-video_size", &config.size.to_string(), "-framerate", &config.rate.to_string(), "-i", "pipe:0"]);
    match recipe.and_then(|recipe| recipe.filter) {
        Some(filter) => command.args(["-vf", filter]),
        None => command.args(["-pix_fmt", "yuv420p"]),
    };
    // A picture in is a picture out: none is left out or doubled to keep to the rate.
    command.args(["-fps_mode", "passthrough", "-c:v", name]);
    command.args(recipe.map_or(&[][..], |recipe| recipe.options));
    let (bitrate, gop) = (config.bitrate.to_string(), config.gop.to_string());
    // What the rate allows for one picture: a buffer of more is delay on a link that has no more.
    let buffer = (f64::from(config.bitrate) / config.rate.as_f64()).ceil().max(LEAST_BUFFER).to_string();
    command.args([
        "-b:v",
        &bitrate,
        "-maxrate",
        &bitrate,
        "-bufsize",
        &buffer,
        "-g",
        &gop,
        "-keyint_min",
        &gop,
        "-bf",
        "0",
    ]);
    command.args(["-f", "flv", "-flvflags", "no_duration_filesize", "-flush_packets", "1", "pipe:1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "Encoders:\n V..... = Video\n A..... = Audio\n .F.... = Frame-level multithreading\n ------\n \
        V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC (codec h264)\n \
        V....D libx264rgb           libx264 H.264 RGB (codec h264)\n \
        V....D h264_vaapi           H.264/AVC (VAAPI) (codec h264)\n \
        V....D libx265              libx265 H.265 / HEVC (codec hevc)\n \
        VFS..D mpeg4                MPEG-4 part 2\n \
        A....D aac                  AAC (Advanced Audio Coding)\n";

    #[test]
    fn encoders_of_other_codecs_and_unknown_ones_are_refused_with_those_that_are_right() {
        assert!(find("libx264", LIST).is_ok() && find("h264_vaapi", LIST).is_ok());
        for (name, word) in
            [("libx265", "hevc"), ("mpeg4", "mpeg4"), ("libx264rgb", "RGB"), ("x264", "no such"), ("aac", "no such")]
        {
            let error = find(name, LIST).expect_err(name);
            let text = error.to_string();
            assert!(error.is_usage() && text.contains(name) && text.contains(word), "{text}");
            assert!(text.ends_with("libx264, h264_vaapi"), "{text}");
        }
        assert!(find("libx264", "").expect_err("an empty list").to_string().ends_with("none"));
    }

    #[test]
    fn a_buffer_holds_a_pictures_bits_and_is_never_none() {
        let buffer = |bitrate, fps| {
            let rate = crate::rate::FrameRate::new(fps, 1).expect("a rate");
            let config = Config { size: common::frame::Size::new(256, 144), rate, bitrate, gop: 30 };
            let command = command("libx264", config);
            let mut words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.find(|word| word == "-bufsize").and_then(|_| words.next())
        };
        assert_eq!(buffer(300_000, 25).as_deref(), Some("12000"));
        assert_eq!(buffer(20_000, 25).as_deref(), Some("1000"));
    }
}
