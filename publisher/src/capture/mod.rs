//! Sources of pictures: camera, test pattern, files, standard input.
//!
//! A source hands over I420 pictures one at a time. Cameras set their own pace; everything else is played by the
//! pipeline's plan (start + n / rate), with reading ahead on a thread of its own, so that disk, pipe and child
//! process are not part of anybody's latency.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::frame::{CaptureClock, Picture, Size};
use common::time::WallTime;

use crate::config::{self, Config, Wish};
use crate::event::Log;
use crate::rate::FrameRate;
use common::host::Stop;

mod ahead;
mod convert;

pub mod camera;
mod ffmpeg;
mod file;
mod looped;
mod opening;
pub mod pattern;
mod raw;
mod y4m;

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
    /// The driver gave a time that cannot be, or of a clock that nobody knows.
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

    /// Pictures that the source captured and nobody took in time.
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

/// Opens the source that `config` names; `None` where `stop` is asked before it is open.
///
/// # Errors
/// [`Error`], with what to do about it.
pub fn open(config: &Config, clock: &Arc<dyn Clock>, stop: &Stop, log: Log) -> Result<Option<Box<dyn Source>>, Error> {
    let (wish, driver, looped) = (config.wish, config.camera_driver, config.looped);
    let source: Box<dyn Source> = match &config.source {
        config::Source::Auto => auto(driver, wish, clock, log)?,
        config::Source::Camera(number) => Box::new(camera::Source::open(driver, *number, wish, clock.clone(), log)?),
        config::Source::Pattern => Box::new(pattern::Source::new(wish)),
        config::Source::File(path) => {
            let (waiting, path) = (file::waiting(path), path.clone());
            match opening::open(&waiting, stop, log, move || file::open(&path, wish, looped, log))? {
                Some(source) => Box::new(source),
                None => return Ok(None),
            }
        }
        config::Source::Stdin => {
            let open = move || file::pipe("standard input".to_owned(), Box::new(std::io::stdin()), wish, log);
            match opening::open("no picture on standard input yet: waiting for its writer", stop, log, open)? {
                Some(source) => Box::new(source),
                None => return Ok(None),
            }
        }
        config::Source::RawStdin { format, size, rate } => {
            Box::new(raw::stdin(*format, Format { size: *size, rate: *rate })?)
        }
    };
    config::check_size(&source.describe(), source.format().size, config.corner)?;
    Ok(Some(source))
}

/// The first camera, or the test pattern where there is none.
fn auto(driver: camera::Choice, wish: Wish, clock: &Arc<dyn Clock>, log: Log) -> Result<Box<dyn Source>, Error> {
    match camera::first(driver) {
        Some(number) => Ok(Box::new(camera::Source::open(driver, number, wish, clock.clone(), log)?)),
        None => {
            log.warn("no-camera", "no camera found: showing the test pattern (--source test) instead");
            Ok(Box::new(pattern::Source::new(wish)))
        }
    }
}
