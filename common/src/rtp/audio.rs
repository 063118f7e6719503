//! The payload formats of audio, behind one front.

use super::packet::Packet;
use super::{aac, opus};
use crate::audio::{AudioCodec, AudioFormat, AudioFrame, opus_duration};
use crate::time::MonoTime;

/// How a track's packets are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPayload {
    /// RFC 3640.
    Aac(aac::Layout),
    /// RFC 7587.
    Opus,
}

impl AudioPayload {
    /// Frames that end in `packet`.
    pub fn frames(&self, packet: &Packet<'_>) -> usize {
        match self {
            Self::Aac(layout) => layout.count(packet),
            Self::Opus => usize::from(opus_duration(packet.payload).is_some()),
        }
    }
}

/// Takes the frames of one track out of its packets.
#[derive(Clone, Debug)]
pub struct AudioDepacketizer(Format);

#[derive(Clone, Debug)]
enum Format {
    Aac(aac::Depacketizer),
    Opus(opus::Depacketizer),
}

impl AudioDepacketizer {
    /// `None` where codec and layout do not belong together.
    pub fn new(format: &AudioFormat, payload: AudioPayload) -> Option<Self> {
        match (&format.codec, payload) {
            (AudioCodec::Aac(config), AudioPayload::Aac(layout)) => {
                Some(Self(Format::Aac(aac::Depacketizer::new(layout, config, format.clock_hz))))
            }
            (AudioCodec::Opus, AudioPayload::Opus) => Some(Self(Format::Opus(opus::Depacketizer::default()))),
            _ => None,
        }
    }

    /// Takes the packet that arrived at `now`, and hands the frames that end in it to `found`.
    pub fn handle_packet(&mut self, now: MonoTime, packet: &Packet<'_>, found: impl FnMut(AudioFrame)) {
        match &mut self.0 {
            Format::Aac(depacketizer) => depacketizer.handle_packet(now, packet, found),
            Format::Opus(depacketizer) => depacketizer.handle_packet(now, packet).into_iter().for_each(found),
        }
    }
}
