//! Pictures to H.264 access units.

use std::time::Duration;

use common::frame::{Picture, Size};

use crate::rate::FrameRate;

mod openh264;

pub use openh264::OpenH264;

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

/// The encoder failed.
#[derive(Debug, thiserror::Error)]
#[error("the encoder {name} failed on picture {picture}: {why}")]
pub struct Error {
    /// The encoder.
    pub name: &'static str,
    /// Number of the picture, from 0.
    pub picture: u64,
    /// The encoder's words.
    pub why: String,
}

/// Encodes one picture after another, each at once: one in, one out, in order.
pub trait Encoder: Send {
    /// Name and version, for people.
    fn name(&self) -> String;

    /// Encodes `picture`, taken `at` after the first one; as an IDR where `idr` asks for one.
    ///
    /// # Errors
    /// [`Error`], after which the encoder is of no more use.
    fn encode(&mut self, picture: &Picture, at: Duration, idr: bool) -> Result<AccessUnit, Error>;
}
