//! ffmpeg's command line and its list of encoders: the only file that knows them.

use std::process::{Command, Stdio};

use super::tuning::refused;
use super::{Config, EncoderOption, Error, RateControl, Tuning};

/// Smallest rate control buffer, in bits. ffmpeg passes whole kilobits to libx264: zero would mean no buffer and no limit.
const LEAST_BUFFER: f64 = 1000.0;
/// A line of `ffmpeg -encoders` begins with letters for what the encoder can do; the first says what it encodes.
const VIDEO: char = 'V';

/// Options for one encoder, beyond those that all get: bit rate, GOP, no B-frames.
#[derive(Clone, Copy)]
struct Recipe {
    /// Name of the encoder.
    name: &'static str,
    /// Options before the input.
    device: &'static str,
    /// What converts an I420 picture for the encoder.
    filter: &'static str,
    /// Options that make it return each frame at once.
    options: &'static str,
    /// Options for constant and variable bit rate, in addition to the common ones.
    control: [&'static str; 2],
}

/// An encoder that takes I420 pictures and needs no more than the common options.
const PLAIN: Recipe = Recipe { name: "", device: "", filter: "-pix_fmt yuv420p", options: "", control: [""; 2] };

/// Encoders that need more. Without these options they hold pictures back to look ahead or to work on several at once, or
/// produce a profile that a Baseline decoder refuses.
const RECIPES: [Recipe; 7] = [
    // As docs of low-bandwidth live streams have it. One thread: one slice, as the encoder that is built in.
    Recipe {
        name: "libx264",
        options: "-preset ultrafast -tune zerolatency -profile:v baseline -sc_threshold 0 -threads 1",
        ..PLAIN
    },
    Recipe {
        name: "libopenh264",
        options: "-profile:v constrained_baseline -allow_skip_frames 0",
        control: ["-rc_mode bitrate", "-rc_mode quality"],
        ..PLAIN
    },
    Recipe {
        name: "h264_vaapi",
        // The first GPU of this host, under a name of ours.
        device: "-init_hw_device vaapi=framelag:/dev/dri/renderD128 -filter_hw_device framelag",
        filter: "-vf format=nv12,hwupload",
        options: "-profile:v constrained_baseline -async_depth 1",
        control: ["-rc_mode CBR", "-rc_mode VBR"],
    },
    Recipe {
        name: "h264_nvenc",
        options: "-preset p1 -tune ull -zerolatency 1 -delay 0 -rc-lookahead 0 -no-scenecut 1 -profile:v baseline",
        control: ["-rc cbr", "-rc vbr"],
        ..PLAIN
    },
    Recipe {
        name: "h264_qsv",
        filter: "-vf format=nv12",
        options: "-preset veryfast -async_depth 1 -look_ahead 0 -profile:v baseline",
        ..PLAIN
    },
    Recipe { name: "h264_videotoolbox", options: "-realtime 1 -profile:v baseline", ..PLAIN },
    Recipe { name: "h264_amf", options: "-usage ultralowlatency -profile:v constrained_baseline", ..PLAIN },
];

/// Options with a framelag flag of their own, or fixed because streams have no reordering.
const OURS: [(&str, &str); 9] = [
    ("b", "is --bitrate"),
    ("maxrate", "is --rate-control"),
    ("minrate", "is --rate-control"),
    ("bufsize", "is --buffer"),
    ("g", "is --gop"),
    ("keyint_min", "is --gop"),
    ("bf", "has to be 0: pictures are not reordered"),
    ("profile", "has to be Baseline"),
    ("flags", "would make the stream another"),
];

/// Checks that ffmpeg's encoder `name` has these options.
///
/// # Errors
/// [`Error::Option`] with a list of the encoder's options; [`Error::Start`].
pub(super) fn check_options(name: &str, options: &[EncoderOption]) -> Result<(), Error> {
    if options.is_empty() {
        return Ok(());
    }
    let help = |of: &str| {
        let output = Command::new("ffmpeg").args(["-hide_banner", "-h", of]).stdin(Stdio::null()).output();
        let output = output.map_err(|why| Error::Start { name: name.to_owned(), why })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (own, all) = (help(&format!("encoder={name}"))?, help("full")?);
    // Generic encoder options are in a separate section.
    let common = all.split("AVCodecContext AVOptions:").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or("");
    find_options(name, options, &own, common)
}

fn find_options(name: &str, options: &[EncoderOption], own: &str, common: &str) -> Result<(), Error> {
    let told = format!("ffmpeg:{name}");
    for option in options {
        if let Some((_, why)) = OURS.iter().find(|(key, _)| *key == option.key) {
            return Err(refused(&told, option, format!("takes it from framelag: it {why}")));
        }
        let known = |list| encoder_options(list).any(|other| other == option.key);
        if !known(own) && !known(common) {
            let own: Vec<&str> = encoder_options(own).collect();
            let why =
                format!("has no such option; it has {}, and those of all encoders (ffmpeg -h full)", own.join(", "));
            return Err(refused(&told, option, why));
        }
    }
    Ok(())
}

/// Parses the video encoder options in the output of `ffmpeg -h`.
fn encoder_options(help: &str) -> impl Iterator<Item = &str> {
    help.lines().filter_map(|line| {
        let mut words = line.trim_start().strip_prefix('-')?.split_whitespace();
        let (key, _, letters) = (words.next()?, words.next()?, words.next()?);
        (letters.starts_with('E') && letters.chars().nth(3) == Some(VIDEO)).then_some(key)
    })
}

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
pub(super) fn command(name: &str, config: Config, tuning: &Tuning) -> Command {
    let Config { size, rate, bitrate, gop } = config;
    let Recipe { device, filter, options, control: [constant, variable], .. } =
        RECIPES.into_iter().find(|recipe| recipe.name == name).unwrap_or(PLAIN);
    let (control, most, buffer) = match tuning.control {
        // One picture's bits: a larger buffer adds delay on a link of that rate.
        RateControl::Cbr => (constant, u64::from(bitrate), (f64::from(bitrate) / rate.as_f64()).ceil()),
        // The usual setting: peaks of twice the rate, for a second.
        RateControl::Vbr => (variable, 2 * u64::from(bitrate), 2.0 * f64::from(bitrate)),
    };
    let buffer = tuning.buffer.map_or(buffer, |bits| bits as f64).max(LEAST_BUFFER);
    let mut command = Command::new("ffmpeg");
    let mut add = |options: &str| _ = command.args(options.split_whitespace());
    add("-nostdin -hide_banner -loglevel error");
    add(device);
    // Nothing has to be found out about the input. (Not `-fflags nobuffer`: that throws the first picture away.)
    add("-probesize 32 -analyzeduration 0 -f rawvideo -pixel_format yuv420p");
    add(&format!("-video_size {size} -framerate {rate} -i pipe:0"));
    add(filter);
    // A picture in is a picture out: none is left out or doubled to keep to the rate.
    add(&format!("-fps_mode passthrough -c:v {name}"));
    add(options);
    add(control);
    add(&format!("-b:v {bitrate} -maxrate {most} -bufsize {buffer} -g {gop} -keyint_min {gop} -bf 0"));
    // Values may contain spaces.
    let own = tuning.options.iter().flat_map(|option| [format!("-{}:v", option.key), option.value.clone()]);
    command.args(own);
    let mut add = |options: &str| _ = command.args(options.split_whitespace());
    add("-f flv -flvflags no_duration_filesize -flush_packets 1 pipe:1");
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
            let command = command("libx264", config, &Tuning::default());
            let mut words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.find(|word| word == "-bufsize").and_then(|_| words.next())
        };
        assert_eq!(buffer(300_000, 25).as_deref(), Some("12000"));
        assert_eq!(buffer(20_000, 25).as_deref(), Some("1000"));
    }

    const OWN: &str = "libx264 AVOptions:\n  -preset            <string>     E..V....... Set the encoding preset\n  \
        -tune              <string>     E..V....... Tune\n     none            0            E..V.......\n  -bf <int> E..V....... \n";
    const COMMON: &str =
        "\n  -refs <int> E..V....... frames\n  -ab <int64> E...A...... audio\n  -ec <flags> .D.V....... conceal\n";

    #[test]
    fn options_are_those_that_ffmpeg_lists_of_video_encoders() {
        let option = |text: &str| [text.parse::<EncoderOption>().expect("KEY=VALUE")];
        for good in ["preset=fast", "tune=film", "refs=2"] {
            assert!(find_options("libx264", &option(good), OWN, COMMON).is_ok(), "{good}");
        }
        for (bad, word) in [
            ("prset=fast", "it has preset, tune"),
            ("none=1", "no such option"),
            ("ab=1", "no such option"),
            ("ec=1", "no such option"),
            ("f=null", "no such option"),
            ("bf=2", "not reordered"),
            ("bufsize=1", "--buffer"),
        ] {
            let error = find_options("libx264", &option(bad), OWN, COMMON).expect_err(bad);
            assert!(error.is_usage() && error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn rate_control_buffer_and_options_are_ffmpegs() {
        let rate = crate::rate::FrameRate::THIRTY;
        let config = Config { size: common::frame::Size::new(256, 144), rate, bitrate: 300_000, gop: 30 };
        let line = |name: &str, tuning: &Tuning| {
            let command = command(name, config, tuning);
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let options = vec!["x264-params=a=1:b=2".parse().expect("KEY=VALUE")];
        let vbr = Tuning { control: RateControl::Vbr, buffer: None, options };
        let text = line("libx264", &vbr);
        assert!(
            text.contains("-b:v 300000 -maxrate 600000 -bufsize 600000")
                && text.contains("-x264-params:v a=1:b=2 -f flv")
        );
        assert!(line("h264_vaapi", &vbr).contains("-rc_mode VBR") && line("h264_nvenc", &vbr).contains("-rc vbr"));
        let cbr = Tuning { buffer: Some(90_000), ..Tuning::default() };
        assert!(line("libx264", &cbr).contains("-maxrate 300000 -bufsize 90000"), "{}", line("libx264", &cbr));
    }
}
