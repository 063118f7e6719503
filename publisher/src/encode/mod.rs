//! Pictures to H.264 access units.

use std::time::{Duration, Instant};

use common::frame::{Picture, Size};

use crate::rate::FrameRate;

mod child;
mod ffmpeg;
pub mod flv;
mod openh264;
mod patience;

pub use child::Child;
pub use openh264::OpenH264;
pub use patience::UNIT_LIMIT;

/// What an encoder is told.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Size of every picture, both sides even.
    pub size: Size,
    /// Pictures per second, for rate control.
    pub rate: FrameRate,
    /// Target in bits per second.
    pub bitrate: u32,
    /// Pictures from one IDR to the next.
    pub gop: u32,
}

/// Which encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Cisco's openh264, built into this program.
    OpenH264,
    /// The encoder that ffmpeg has under this name, in a child process.
    Ffmpeg(String),
}

impl Choice {
    /// Whether this machine has the encoder, asked before anything is opened.
    ///
    /// # Errors
    /// What is missing, with what would be right.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::OpenH264 => Ok(()),
            Self::Ffmpeg(name) => ffmpeg::check(name),
        }
    }
}

impl std::fmt::Display for Choice {
    /// As `--encoder` has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OpenH264 => f.write_str("openh264"),
            Self::Ffmpeg(name) => write!(f, "ffmpeg:{name}"),
        }
    }
}

/// One encoded picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessUnit {
    /// NAL units in Annex B format, each behind a start code; SPS and PPS before each IDR.
    pub annex_b: Vec<u8>,
    /// Where the start code of the first slice lies: the place for SEI messages (H.264 section 7.4.1.2.3).
    pub slice_at: usize,
    /// Whether decoding can start here.
    pub idr: bool,
}

/// An access unit, and which picture it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Number of the picture, from 0, in the order in which the encoder was given them.
    pub picture: u64,
    /// What came of it.
    pub unit: AccessUnit,
}

/// The encoder cannot be used, or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It failed on a picture.
    #[error("the encoder {name} failed on picture {picture}: {why}")]
    Failed {
        /// The encoder.
        name: String,
        /// Number of the picture, from 0.
        picture: u64,
        /// The encoder's words.
        why: String,
    },
    /// ffmpeg is not installed.
    #[error("--encoder ffmpeg:{0} needs ffmpeg, which is not installed: apt install ffmpeg, or omit --encoder")]
    NoFfmpeg(String),
    /// ffmpeg has no encoder of this name.
    #[error("--encoder ffmpeg:{name}: ffmpeg has no such encoder here; for H.264 it has {known}")]
    Unknown {
        /// As given.
        name: String,
        /// Those that would be right.
        known: String,
    },
    /// It encodes something else.
    #[error("--encoder ffmpeg:{name} produces {codec}, and only H.264 is supported: ffmpeg has {known}")]
    NotH264 {
        /// As given.
        name: String,
        /// What it makes, as ffmpeg names it.
        codec: String,
        /// Those that would be right.
        known: String,
    },
    /// The system gives no process or thread, or none that can be talked to.
    #[error("--encoder ffmpeg:{name}: cannot start ffmpeg: {why}")]
    Start {
        /// The encoder.
        name: String,
        /// The system's reason.
        why: std::io::Error,
    },
}

impl Error {
    /// Whether the user named something unusable (exit code 2), rather than something failing later (1).
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::NoFfmpeg(_) | Self::Unknown { .. } | Self::NotH264 { .. })
    }
}

/// Encodes one picture after another, in order and without reordering.
pub trait Encoder: Send {
    /// Gives it `picture`, taken `at` after the first one; to become an IDR where `idr` asks for one and the encoder can be
    /// asked.
    ///
    /// # Errors
    /// [`Error`], after which the encoder is of no more use.
    fn encode(&mut self, picture: &Picture, at: Duration, idr: bool) -> Result<(), Error>;

    /// The next access unit, as soon as it is whole. `None` where none is to be waited for: the last picture's was handed out, or
    /// the encoder has skipped it, or keeps it back and hands it out after a later picture.
    ///
    /// # Errors
    /// [`Error`], after which the encoder is of no more use.
    fn next_unit(&mut self) -> Result<Option<Encoded>, Error>;

    /// Whether it can be told to make the next picture an IDR.
    fn takes_idr_requests(&self) -> bool;
}

/// The next access unit, with no later picture to bring it: where none is to be waited for any more, it is still asked for until
/// `end`.
///
/// # Errors
/// [`Error`], after which the encoder is of no more use.
pub fn late_unit(encoder: &mut dyn Encoder, end: Instant) -> Result<Option<Encoded>, Error> {
    /// From one question to the next.
    const EVERY: Duration = Duration::from_millis(5);
    loop {
        match encoder.next_unit()? {
            None if Instant::now() < end => std::thread::sleep(EVERY),
            answer => return Ok(answer),
        }
    }
}

/// Starts the encoder `choice`.
///
/// # Errors
/// [`Error`].
pub fn open(choice: &Choice, config: Config) -> Result<Box<dyn Encoder>, Error> {
    Ok(match choice {
        Choice::OpenH264 => Box::new(OpenH264::new(config)?),
        Choice::Ffmpeg(name) => Box::new(Child::start(name, config)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One whose only unit is there when it has been asked for it so many times in vain.
    struct Late(u32);

    impl Encoder for Late {
        fn encode(&mut self, _: &Picture, _: Duration, _: bool) -> Result<(), Error> {
            Ok(())
        }

        fn next_unit(&mut self) -> Result<Option<Encoded>, Error> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => return Ok(Some(Encoded { picture: 7, unit: AccessUnit::default() })),
            }
            Ok(None)
        }

        fn takes_idr_requests(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_unit_that_is_late_is_asked_for_until_the_end() {
        let now = Instant::now();
        let late = late_unit(&mut Late(3), now + Duration::from_secs(3600)).expect("it does not fail");
        assert_eq!(late.map(|encoded| encoded.picture), Some(7));
        assert_eq!(late_unit(&mut Late(u32::MAX), now).expect("it does not fail"), None, "and no longer");
    }
}
