//! What every source of pictures has in common.

use std::path::PathBuf;
use std::time::Duration;

use common::frame::{CaptureClock, Picture, Size};
use common::time::WallTime;

use super::camera;
use crate::config;
use crate::rate::FrameRate;

/// Size of pictures where neither flag nor source says one.
pub const DEFAULT_SIZE: Size = Size::new(640, 480);

/// One picture as it left its source.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture.
    pub picture: Picture,
    /// When its driver captured it.
    pub captured: Captured,
}

/// When a driver captured a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Captured {
    /// The source has no time of its own.
    #[default]
    Unknown,
    /// By the driver's monotonic clock, carried over to wall time.
    At(WallTime),
    /// The driver gave an impossible time, or one of an unknown clock.
    Implausible,
}

impl Captured {
    /// The time, where there is one to believe.
    pub const fn time(self) -> Option<WallTime> {
        match self {
            Self::At(time) => Some(time),
            Self::Unknown | Self::Implausible => None,
        }
    }

    /// Where the time is from, as the SEI says it.
    pub const fn clock(self) -> CaptureClock {
        match self {
            Self::Unknown => CaptureClock::None,
            Self::At(_) => CaptureClock::Monotonic,
            Self::Implausible => CaptureClock::Implausible,
        }
    }
}

/// What a source answers when it is asked for the next picture.
#[derive(Debug)]
pub enum Next {
    /// Here it is.
    Frame(Frame),
    /// Nothing came within the limit; ask again.
    Nothing,
    /// The source has ended.
    End,
}

/// What a source gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Size of every picture.
    pub size: Size,
    /// Pictures per second: the plan for a paced source, the driver's word for a camera.
    pub rate: FrameRate,
}

/// Who sets the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The source: a picture is wanted as soon as there is one.
    Live,
    /// The pipeline: picture n is wanted at start + n / rate.
    Planned,
}

/// A source of pictures.
pub trait Source {
    /// Size and rate of the pictures.
    fn format(&self) -> Format;

    /// What it is, for people: a file's name, a camera's name and mode.
    fn describe(&self) -> String;

    /// Who sets the pace.
    fn pace(&self) -> Pace {
        Pace::Planned
    }

    /// The next picture, waiting at most `limit` for it.
    ///
    /// # Errors
    /// What ended the source before its time.
    fn next(&mut self, limit: Duration) -> Result<Next, Error>;

    /// Takes back a picture's memory when the picture has been encoded.
    fn recycle(&mut self, picture: Picture);

    /// Pictures that were captured but not taken in time.
    fn dropped(&self) -> u64 {
        0
    }

    /// What is wrong with the source now, where it waits for it to be mended; it is what ended the run if the run ends
    /// like this.
    fn fault(&self) -> Option<Error> {
        None
    }
}

/// Why a source could not be opened, or ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open {path:?}: {why}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// The input is not what it should be; found before the first picture.
    #[error("{name} {why}")]
    Unusable {
        /// The file, or standard input.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The size or rate that the input has cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The input is cut or garbled; found after the first picture.
    #[error("{name} {why}")]
    Broken {
        /// The file, or standard input.
        name: String,
        /// What is wrong, and at which picture.
        why: String,
    },
    /// ffmpeg is not installed.
    #[error(
        "{0} is not 8-bit 4:2:0 y4m of the wanted size and rate: ffmpeg would read it, but is not installed (apt install ffmpeg)"
    )]
    NoFfmpeg(String),
    /// A child process or thread could not be started.
    #[error("cannot start {0}: {1}")]
    Start(&'static str, std::io::Error),
    /// The camera.
    #[error(transparent)]
    Camera(#[from] camera::Error),
}

impl Error {
    /// Whether the user named something unusable (exit code 2), rather than something failing later (1).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Unusable { .. } | Self::Config(_))
    }
}
