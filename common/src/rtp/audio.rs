//! A common interface to the audio payload formats.

use super::packet::Packet;
use super::{aac, opus};
use crate::audio::{AudioCodec, AudioFormat, AudioFrame, opus_duration};
use crate::time::MonoTime;

/// Payload format of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPayload {
    /// RFC 3640.
    Aac(aac::Layout),
    /// RFC 7587.
    Opus,
}

impl AudioPayload {
    /// Number of frames that end in `packet`.
    pub fn frames(&self, packet: &Packet<'_>) -> usize {
        match self {
            Self::Aac(layout) => layout.count(packet),
            Self::Opus => usize::from(opus_duration(packet.payload).is_some()),
        }
    }
}

/// Extracts the frames of one track from its packets.
#[derive(Clone, Debug)]
pub struct AudioDepacketizer(Format);

#[derive(Clone, Debug)]
enum Format {
    Aac(aac::Depacketizer),
    Opus(opus::Depacketizer),
}

impl AudioDepacketizer {
    /// Returns `None` if the codec and the layout do not match.
    pub fn new(format: &AudioFormat, payload: AudioPayload) -> Option<Self> {
        match (&format.codec, payload) {
            (AudioCodec::Aac(config), AudioPayload::Aac(layout)) => {
                Some(Self(Format::Aac(aac::Depacketizer::new(layout, config, format.clock_hz))))
            }
            (AudioCodec::Opus, AudioPayload::Opus) => Some(Self(Format::Opus(opus::Depacketizer::default()))),
            _ => None,
        }
    }

    /// Takes a packet that arrived at `now` and passes the frames that end in it to `found`.
    pub fn handle_packet(&mut self, now: MonoTime, packet: &Packet<'_>, found: impl FnMut(AudioFrame)) {
        match &mut self.0 {
            Format::Aac(depacketizer) => depacketizer.handle_packet(now, packet, found),
            Format::Opus(depacketizer) => depacketizer.handle_packet(now, packet).into_iter().for_each(found),
        }
    }
}
