//! Pictures in, encoded frames out. [`open`] is the one place that knows which encoders there are.

use std::time::{Duration, Instant};

use common::frame::{Picture, Size};
use common::media::EncodedFrame;
use common::time::MediaTime;

use crate::rate::FrameRate;

mod child;
mod deadline;
mod ffmpeg;
pub mod flv;
mod openh264;

pub use child::Child;
pub(crate) use deadline::FRAME_LIMIT;
pub use openh264::OpenH264;

/// How an encoder is set up.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Size of every picture, both sides even.
    pub size: Size,
    /// Pictures per second that rate control counts on.
    pub rate: FrameRate,
    /// Target bit rate, in bits per second.
    pub bitrate: u32,
    /// Pictures from one key frame to the next.
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
    /// Whether this machine has the encoder; starts nothing.
    ///
    /// # Errors
    /// As [`open`], for what is missing.
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
    #[error("--encoder ffmpeg:{name}: ffmpeg has no such encoder here; its H.264 encoders: {known}")]
    Unknown {
        /// As given.
        name: String,
        /// Those that can be used.
        known: String,
    },
    /// It encodes something else.
    #[error("--encoder ffmpeg:{name} makes {codec}, but only H.264 can be published; ffmpeg's H.264 encoders: {known}")]
    NotH264 {
        /// As given.
        name: String,
        /// What it makes, as ffmpeg names it.
        codec: String,
        /// Those that can be used.
        known: String,
    },
    /// The system cannot start a process or thread, or set up its pipes.
    #[error("--encoder ffmpeg:{name}: cannot start ffmpeg: {why}")]
    Start {
        /// The encoder.
        name: String,
        /// The reason the system gives.
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
    /// Encodes `picture`, whose media time is `time`: later than that of the picture before, by less than half of what
    /// [`MediaTime`] counts. `force_key` asks for a key frame, from an encoder that [can be asked](Encoder::can_force_key).
    ///
    /// # Errors
    /// [`Error`], after which the encoder is of no more use.
    fn encode(&mut self, picture: &Picture, time: MediaTime, force_key: bool) -> Result<(), Error>;

    /// The next encoded frame, with the media time of its picture, as soon as it is whole. `None` where there is none to
    /// wait for: the last picture's was returned, or the encoder has skipped it, or returns it after a later picture.
    ///
    /// # Errors
    /// [`Error`], after which the encoder is of no more use.
    fn next_frame(&mut self) -> Result<Option<EncodedFrame>, Error>;

    /// Whether a key frame can be asked for.
    fn can_force_key(&self) -> bool;
}

/// The next encoded frame when no more pictures follow: polls [`Encoder::next_frame`] until `deadline`, also where it says that
/// there is none to wait for.
///
/// # Errors
/// [`Error`], after which the encoder is of no more use.
pub fn late_frame(encoder: &mut dyn Encoder, deadline: Instant) -> Result<Option<EncodedFrame>, Error> {
    const POLL_INTERVAL: Duration = Duration::from_millis(5);
    loop {
        match encoder.next_frame()? {
            None if Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
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
    use common::media::Codec;

    use super::*;

    /// Returns its only frame when it has been asked so many times in vain.
    struct Late(u32);

    impl Encoder for Late {
        fn encode(&mut self, _: &Picture, _: MediaTime, _: bool) -> Result<(), Error> {
            Ok(())
        }

        fn next_frame(&mut self) -> Result<Option<EncodedFrame>, Error> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => {
                    let time = MediaTime::from_ticks(7);
                    return Ok(Some(EncodedFrame { codec: Codec::H264, data: Vec::new(), is_key: true, time }));
                }
            }
            Ok(None)
        }

        fn can_force_key(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_late_frame_is_polled_for_until_the_deadline() {
        let now = Instant::now();
        let late = late_frame(&mut Late(3), now + Duration::from_secs(3600)).expect("it does not fail");
        assert_eq!(late.map(|frame| frame.time.ticks()), Some(7));
        assert_eq!(late_frame(&mut Late(u32::MAX), now).expect("it does not fail"), None, "and no longer");
    }
}
