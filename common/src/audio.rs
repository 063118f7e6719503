//! Encoded audio beside the video. It passes through; nothing here decodes it.

mod aac;
pub(crate) mod bits;
mod opus;

pub use aac::{AacConfig, AacConfigError};
pub use opus::{CLOCK_HZ as OPUS_CLOCK_HZ, duration as opus_duration};

use crate::time::MonoTime;

/// How audio is coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// MPEG-4 AAC (ISO/IEC 14496-3): one raw access unit a frame.
    Aac(AacConfig),
    /// Opus (RFC 6716): one packet a frame.
    Opus,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// What decodes it.
    pub codec: AudioCodec,
    /// Ticks of its media clock per second, at least 8,000.
    pub clock_hz: u32,
    /// Channels, 1 to 8.
    pub channels: u8,
}

impl AudioFormat {
    /// The codec as browsers name it (RFC 6381 section 3.3), as in `mp4a.40.2`.
    pub fn codecs_parameter(&self) -> String {
        match &self.codec {
            AudioCodec::Aac(config) => format!("mp4a.40.{}", config.object_type()),
            AudioCodec::Opus => "opus".to_owned(),
        }
    }
}

/// One encoded frame of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// As its codec has it.
    pub data: Vec<u8>,
    /// When its first sample is to be heard, in ticks of the track's clock modulo 2³².
    pub ticks: u32,
    /// In ticks of the track's clock; at least 1.
    pub duration: u32,
    /// When its first packet arrived.
    pub arrived: MonoTime,
}
