//! What users type. Parsed values only; what they mean together is worked out in [`crate::config`].

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use common::frame::Size;
use common::host::resolve::listen_address;
use common::sync::ClockChoice;
use common::transport::Transport;
use common::units::{parse_duration, parse_rate};

use crate::capture::camera::{self, Layout};
use crate::config::RawFormat;
use crate::rate::FrameRate;
use crate::{egress, encode};

/// One example per common use, at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  publisher                                        the webcam, served at rtsp://127.0.0.1:8554/cam
  publisher --list-cameras                         cameras with their formats, sizes and rates
  publisher --source camera:2 --size 1280x720      another camera, another size
  publisher --source camera --camera-format mjpg   the camera's JPEGs instead of its raw pictures
  publisher --source test --bitrate 2M --gop 60    a moving test pattern
  publisher --encoder ffmpeg:libx264               another encoder, in a child process (needs ffmpeg 5.1 or newer)
  publisher --encoder ffmpeg:libx264 --buffer 500k --encoder-option preset=veryfast
                                                   larger key frames, and more of the encoder's time
  publisher --source clip.mp4 --loop               a file in real time, in a loop
  publisher --to rtsp://user:pw@host:8554/cam      push to a server of your own
  publisher --credentials FILE --to rtsp://host/cam
                                                   the same, with user:password in a file
  publisher --transport udp --to rtsp://host/cam   the same, media over UDP
  publisher --clock ntp://time.local --to rtsp://host/cam
                                                   any other server: receivers with the same --clock correct for the
                                                   offset between the clocks
  publisher --source test --to - | ANYTHING | receiver -
                                                   measure any other pipeline
  ffmpeg … -f rawvideo - | publisher --source - --raw-format yuv420p --size 640x480 --fps 25
                                                   pictures from a pipe
  publisher --duration 30s --pictures stamped.y4m  keep every 15th picture, to compare with receiver --pictures
  publisher --duration 10s --json                  ten seconds, JSON lines for a script";

/// In a constant, since its brackets would be a link in a doc comment.
const SOURCE_HELP: &str = "Where pictures come from: camera[:N], test, a y4m file, any file that ffmpeg reads, or - \
                           (a pipe). Default: the webcam, or the test pattern where there is none";

/// In a constant for the same reason.
const CLOCK_HELP: &str = "Reference clock that receivers on other hosts use too: auto (the server's, if it is on another \
                          host), off, ntp://HOST[:PORT], or udp://HOST:PORT of a framelag server. \
                          Default: auto";

/// Capture live video, stamp every picture with the time, encode it and push it over RTSP.
#[derive(Clone, Parser)]
#[command(name = "publisher", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Args {
    /// Where pictures come from.
    #[arg(long, value_name = "SOURCE", help_heading = "Source", help = SOURCE_HELP)]
    pub source: Option<String>,

    /// Read raw pictures in this layout from standard input instead of y4m; needs --size and --fps.
    #[arg(long, value_name = "LAYOUT", help_heading = "Source")]
    pub raw_format: Option<RawFormat>,

    /// Picture size; both sides must be even. Default: 640x480, or the file's own. A camera uses its nearest.
    #[arg(long, value_name = "WxH", help_heading = "Source")]
    pub size: Option<Size>,

    /// Pictures per second, such as 30, 29.97 or 30000/1001. Default: 30, or the file's own. A camera uses its nearest.
    #[arg(long, value_name = "RATE", help_heading = "Source")]
    pub fps: Option<FrameRate>,

    /// Camera pixel format, such as YUYV, MJPG or NV12. Default: the cheapest to convert at this size and rate.
    #[arg(long, value_name = "FORMAT", help_heading = "Source")]
    pub camera_format: Option<Layout>,

    /// Library that reads the camera: v4l (the default) or nokhwa. nokhwa gives no capture times and whole frame rates only,
    /// and a camera that stops without being unplugged is reported within 2 s but not reopened until it resumes: see
    /// docs/cameras.md.
    #[arg(long, value_name = "NAME", help_heading = "Source")]
    pub camera_driver: Option<camera::Choice>,

    /// Play the file in a loop.
    #[arg(long = "loop", help_heading = "Source")]
    pub looped: bool,

    /// Stop this long after the first picture, such as 10s or 2m.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Source")]
    pub duration: Option<Duration>,

    /// List cameras with their formats, sizes and rates, and exit.
    #[arg(long, help_heading = "Source")]
    pub list_cameras: bool,

    /// Corner of the picture for the code.
    #[arg(long, value_name = "CORNER", default_value = "top-left", help_heading = "Stamp")]
    pub corner: common::code::Corner,

    /// Number stamped into every picture, to tell streams apart.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Stamp")]
    pub stream_id: u8,

    /// Paint the corner code only, without the green text.
    #[arg(long, help_heading = "Stamp")]
    pub no_text: bool,

    /// Video encoder: openh264 (built in), or ffmpeg:NAME for one of ffmpeg's H.264 encoders, as in ffmpeg:libx264.
    #[arg(long, value_name = "NAME", default_value = "openh264", value_parser = parse_encoder, help_heading = "Encoding")]
    pub encoder: encode::Choice,

    /// Bits per second, such as 1000k or 2M. Default: 1000k.
    #[arg(long, value_name = "RATE", value_parser = parse_rate, help_heading = "Encoding")]
    pub bitrate: Option<u64>,

    /// Hold the bit rate constantly (cbr), or on average with peaks of twice the rate (vbr). ffmpeg's encoders only;
    /// openh264 holds an average. Default: cbr.
    #[arg(long, value_enum, value_name = "cbr|vbr", hide_possible_values = true, help_heading = "Encoding")]
    pub rate_control: Option<encode::RateControl>,

    /// Set the size of the encoder's rate control buffer in bits, such as 500k (ffmpeg's bufsize). A small buffer
    /// makes key frames coarse, a large one makes them late on a slow link. ffmpeg's encoders only. Default: one
    /// picture's bits; with vbr, two seconds' bits.
    #[arg(long, value_name = "BITS", value_parser = parse_rate, help_heading = "Encoding")]
    pub buffer: Option<u64>,

    /// Set an encoder option by its own name: with ffmpeg, an option of `ffmpeg -h encoder=NAME`, such as
    /// preset=veryfast; with openh264, complexity, qp-min, qp-max, adaptive-quantization, background-detection,
    /// scene-change or usage. Repeatable.
    #[arg(long = "encoder-option", value_name = "KEY=VALUE", help_heading = "Encoding")]
    pub encoder_options: Vec<encode::EncoderOption>,

    /// Pictures from one IDR to the next. Default: 30.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000),
          help_heading = "Encoding")]
    pub gop: Option<u32>,

    /// Where the stream goes.
    #[arg(long, value_name = "WHERE", default_value = "embedded", help = to_help(), help_heading = "Destination")]
    pub to: String,

    /// Read user and password from a file with one line user:password. Default: $FRAMELAG_USER and $FRAMELAG_PASSWORD. On
    /// the command line other users of the host could read them.
    #[arg(long, value_name = "FILE", help_heading = "Destination")]
    pub credentials: Option<PathBuf>,

    /// How RTP travels to the server. Default: tcp.
    #[arg(long, value_name = "HOW", help_heading = "Destination")]
    pub transport: Option<Transport>,

    /// Address of the embedded server for RTSP. Default: 127.0.0.1:8554.
    #[arg(long, value_name = "ADDR", value_parser = listen_address, help_heading = "Destination")]
    pub rtsp: Option<SocketAddr>,

    /// Address of the embedded server for HTTP. Default: 127.0.0.1:8080.
    #[arg(long, value_name = "ADDR", value_parser = listen_address, help_heading = "Destination")]
    pub http: Option<SocketAddr>,

    /// A clock to compare this host's with.
    #[arg(long, value_name = "WHICH", value_parser = parse_clock, help = CLOCK_HELP, help_heading = "Destination")]
    pub clock: Option<ClockChoice>,

    /// Save stamped pictures to this file, to compare them with those a receiver saved: see docs/quality.md.
    #[arg(long, value_name = "FILE.y4m", help_heading = "Output")]
    pub pictures: Option<PathBuf>,

    /// Save every Nth picture, by sequence number. The receiver needs the same N.
    #[arg(long, value_name = "N", default_value_t = common::host::pictures::EVERY, requires = "pictures",
          value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Output")]
    pub pictures_every: u32,

    /// Show the stamped pictures in a window.
    #[arg(long, help_heading = "Output")]
    pub preview: bool,

    /// Print JSON lines to standard output: start, statistics every second, events, end.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Says nothing of them: any may be a URL with a password.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}

fn to_help() -> String {
    format!(
        "Where the stream goes: embedded (a server in this process), {}, env:NAME (a URL in that environment variable), or - \
         (stamped y4m on standard output)",
        egress::url_forms()
    )
}

fn parse_clock(text: &str) -> Result<ClockChoice, String> {
    ClockChoice::parse(text, ClockChoice::Off)
}

fn parse_encoder(text: &str) -> Result<encode::Choice, String> {
    const HINT: &str = "write openh264, or ffmpeg:NAME with one of ffmpeg's H.264 encoders, as in ffmpeg:libx264";
    let Some(name) = text.strip_prefix("ffmpeg:") else {
        return if text == "openh264" { Ok(encode::Choice::OpenH264) } else { Err(HINT.to_owned()) };
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    // ffmpeg would take a name with a dash in front for an option.
    let is_name = !name.is_empty() && !name.starts_with('-') && name.chars().all(plain);
    if is_name { Ok(encode::Choice::Ffmpeg(name.to_owned())) } else { Err(HINT.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn wrong_values_name_the_flag_and_the_value() {
        for (flag, value) in [
            ("--fps", "0"),
            ("--size", "640"),
            ("--bitrate", "fast"),
            ("--gop", "0"),
            ("--rate-control", "crf"),
            ("--buffer", "large"),
            ("--encoder-option", "fast"),
            ("--duration", "10"),
            ("--corner", "middle"),
            ("--stream-id", "256"),
            ("--encoder", "x265"),
            ("--encoder", "ffmpeg:"),
            ("--encoder", "ffmpeg:-vn"),
            ("--transport", "quic"),
            ("--rtsp", "8554"),
            ("--raw-format", "rgb24"),
            ("--camera-format", "h264"),
            ("--camera-driver", "gphoto"),
            ("--clock", "ntp"),
            ("--clock", "udp://host"),
        ] {
            let error = Args::try_parse_from(["publisher", flag, value]).expect_err(flag);
            let text = error.to_string();
            assert!(text.contains(flag) && text.contains(value), "{flag} {value}: {text}");
            assert_eq!(error.exit_code(), 2, "{flag}");
        }
    }
}
