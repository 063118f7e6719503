//! Encoded audio beside the video. It is passed through, never decoded.

mod aac;
pub(crate) mod bits;
mod opus;

pub use aac::{AacConfig, AacConfigError};
pub use opus::{CLOCK_HZ as OPUS_CLOCK_HZ, duration as opus_duration};

use crate::time::MonoTime;

/// Audio codecs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// MPEG-4 AAC (ISO/IEC 14496-3), one raw access unit per frame.
    Aac(AacConfig),
    /// Opus (RFC 6716), one packet per frame.
    Opus,
}

/// Format of an audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// The codec.
    pub codec: AudioCodec,
    /// Media clock rate in Hz, at least 8,000.
    pub clock_hz: u32,
    /// Number of channels, 1 to 8.
    pub channels: u8,
}

impl AudioFormat {
    /// Returns the codec string (RFC 6381 section 3.3), such as `mp4a.40.2`.
    pub fn codecs_parameter(&self) -> String {
        match &self.codec {
            AudioCodec::Aac(config) => format!("mp4a.40.{}", config.object_type()),
            AudioCodec::Opus => "opus".to_owned(),
        }
    }
}

/// One encoded audio frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// Payload in the codec's format.
    pub data: Vec<u8>,
    /// Presentation time of the first sample, in ticks of the track's clock modulo 2³².
    pub ticks: u32,
    /// Duration in ticks of the track's clock, at least 1.
    pub duration: u32,
    /// Arrival time of its first packet.
    pub arrived: MonoTime,
}
