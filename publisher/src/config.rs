//! What the flags mean together, worked out once: everything after this file works on resolved values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use common::code::{self, Corner};
use common::frame::Size;
use common::stream_url::{Error as UrlError, StreamUrl};
use common::sync::ClockChoice;
use common::transport::Transport;

use crate::capture::camera::{self, Layout};
use crate::encode;
use crate::rate::FrameRate;

mod resolve;

/// The longer side of the largest picture that the encoder takes.
const LONG_SIDE: u32 = 3840;
/// The shorter side of the largest picture that the encoder takes.
const SHORT_SIDE: u32 = 2160;

/// Everything one run of the publisher needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where pictures come from.
    pub source: Source,
    /// What is asked of the source; it may give something near.
    pub requested: RequestedFormat,
    /// What reads a camera. Default: v4l on Linux.
    pub camera_driver: camera::Choice,
    /// Start again at the end of a file. Default: no.
    pub looped: bool,
    /// Time from the first picture to the end. Default: none, until the source ends or Ctrl-C.
    pub duration: Option<Duration>,
    /// Corner of the code. Default: top left.
    pub corner: Corner,
    /// Number stamped into every picture. Default: 0.
    pub stream_id: u8,
    /// Whether the green text is painted. Default: yes.
    pub text: bool,
    /// What encodes. Default: openh264.
    pub encoder: encode::Choice,
    /// Target of the encoder's rate control in bits per second. Default: 1,000,000.
    pub bitrate: u32,
    /// Rate control and encoder-specific options.
    pub tuning: encode::Tuning,
    /// Pictures from one IDR to the next. Default: 30.
    pub gop: u32,
    /// Where the stream goes. Default: the embedded server.
    pub destination: Destination,
    /// How RTP travels to the server. Default: in the RTSP connection.
    pub transport: Transport,
    /// The clock to compare this host's with. Default: that of a server on another host.
    pub clock: ClockChoice,
    /// Where stamped pictures are saved, besides the stream. Default: nowhere.
    pub pictures: Option<Pictures>,
    /// Whether a window shows the stamped pictures. Default: no.
    pub preview: bool,
    /// Whether JSON lines go to standard output. Default: no.
    pub json: bool,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The first camera, or the test pattern where there is none.
    Auto,
    /// The camera with this number: N of `/dev/videoN`.
    Camera(u32),
    /// The test pattern.
    Pattern,
    /// A y4m file, or any other that ffmpeg reads.
    File(PathBuf),
    /// y4m on standard input.
    Stdin,
    /// Bare pictures on standard input.
    RawStdin {
        /// Their layout.
        format: RawFormat,
        /// Their size.
        size: Size,
        /// How many come per second.
        rate: FrameRate,
    },
}

/// What is asked of a source; `None` leaves it to the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestedFormat {
    /// Picture size; both sides are even.
    pub size: Option<Size>,
    /// Pictures per second.
    pub rate: Option<FrameRate>,
    /// How a camera is to lay out its pictures; other sources have no choice.
    pub layout: Option<Layout>,
}

/// Stamped pictures that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// Where.
    pub file: PathBuf,
    /// One in so many.
    pub every: u32,
}

/// Where the stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a server in this process, then to it by RTSP as to any other.
    Embedded {
        /// Address of its RTSP side.
        rtsp: SocketAddr,
        /// Address of its HTTP side.
        http: SocketAddr,
    },
    /// To this server, by the protocol of its URL.
    Server(StreamUrl),
    /// Stamped pictures as y4m to standard output.
    Stdout,
}

/// Flags that are right one by one and wrong together, or out of the range of what they are for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Pictures of this size cannot be stamped or encoded.
    #[error("{what} {why}")]
    Size {
        /// What has that size: the flag or the file.
        what: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Rate control has a range.
    #[error("--bitrate {bitrate} is out of range: this encoder takes {least} to 240M bits per second")]
    Bitrate {
        /// As given.
        bitrate: u64,
        /// The least that the encoder takes, as it may be written.
        least: &'static str,
    },
    /// The buffer is zero or holds minutes.
    #[error("--buffer {0} is out of range: an encoder's buffer has 1k to 2000M bits")]
    Buffer(u64),
    /// Not a source.
    #[error("--source {0:?} is not a camera: write camera, or camera:N for /dev/videoN, as in camera:0")]
    NotACamera(String),
    /// An empty source.
    #[error("--source is empty: write camera[:N], test, a file name, or - for standard input")]
    NoSource,
    /// Not a destination.
    #[error("--to {shown:?} is not a destination: write embedded, {forms}, or - for y4m on standard output")]
    NotADestination {
        /// As given, without secrets.
        shown: String,
        /// How URLs are written.
        forms: String,
    },
    /// A URL without host or path.
    #[error("--to needs a {0} in its URL, as in rtsp://127.0.0.1:8554/cam")]
    IncompleteUrl(&'static str),
    /// A URL that cannot be published to.
    #[error("--to: {0}")]
    Url(UrlError),
    /// `--credentials`, or the environment in its place.
    #[error("{0}")]
    Credentials(String),
    /// A flag that needs another flag.
    #[error("{0} needs {1}")]
    Needs(&'static str, &'static str),
    /// Two flags that exclude each other.
    #[error("{0} cannot be used with {1}: {2}")]
    Conflict(&'static str, &'static str, &'static str),
}

/// Whether pictures of `size` can be stamped and encoded. `what` names the flag or file that has this size.
///
/// # Errors
/// [`Error::Size`].
pub fn check_size(what: &str, size: Size, corner: Corner) -> Result<(), Error> {
    let Size { width, height } = size;
    let why = if width % 2 == 1 || height % 2 == 1 {
        let even = Size::new(width.next_multiple_of(2), height.next_multiple_of(2));
        format!("has an odd side ({size}): H.264 with 4:2:0 chroma needs even sides, as in --size {even}")
    } else if !can_be_encoded(size) {
        format!("is too large ({size}): openh264 takes pictures up to 3840x2160 or 2160x3840")
    } else if let Err(why) = code::Layout::new(size, corner) {
        format!("is too small ({size}) to carry the code: {why}")
    } else {
        return Ok(());
    };
    Err(Error::Size { what: what.to_owned(), why })
}

/// Whether pictures of `size` can be encoded: H.264 with 4:2:0 colour takes even sides, openh264 up to its largest picture.
pub(crate) fn can_be_encoded(size: Size) -> bool {
    let (long, short) = (size.width.max(size.height), size.width.min(size.height));
    let is_even = size.width.is_multiple_of(2) && size.height.is_multiple_of(2);
    is_even && short > 0 && long <= LONG_SIDE && short <= SHORT_SIDE
}

/// Layout of bare pictures on standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RawFormat {
    /// Three planes, Y then U then V, chroma halved both ways (also called I420).
    #[value(alias = "i420")]
    Yuv420p,
    /// Two planes, Y then U and V in turn, chroma halved both ways.
    Nv12,
    /// Y U Y V in turn, chroma halved horizontally.
    #[value(alias = "yuyv")]
    Yuyv422,
}
