//! What every encoder has in common.

use common::frame::{Picture, Size};
use common::media::EncodedFrame;
use common::time::MediaTime;

use crate::rate::FrameRate;

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
    /// The encoder does not have the option or does not accept its value.
    #[error("--encoder-option {option}: {name} {why}")]
    Option {
        /// The encoder.
        name: String,
        /// The option as given.
        option: String,
        /// What is wrong, and the valid choices.
        why: String,
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
        matches!(self, Self::NoFfmpeg(_) | Self::Unknown { .. } | Self::NotH264 { .. } | Self::Option { .. })
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
