//! One RTP packet: its header, and what a relay needs to know of its payload.

use rtp_types::RtpPacket;

use super::h264::payload as h264;
use crate::media::Codec;
use crate::time::MediaTime;

/// Bytes of an RTP header without contributing sources and extension (RFC 3550 section 5.1).
pub const HEADER_LEN: usize = RtpPacket::MIN_RTP_PACKET_LEN;

/// An RTP packet's header fields, and its payload where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time of the access unit.
    pub time: MediaTime,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Last packet of the access unit.
    pub marker: bool,
    /// What is behind header and extension, without padding.
    pub payload: &'a [u8],
}

/// A packet that is not RTP, or whose payload is not in the codec's format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The header is broken.
    #[error("not an RTP packet: {0}")]
    Header(String),
    /// The payload is broken.
    #[error("RTP packet {sequence} {why}")]
    Payload {
        /// Sequence number of the packet.
        sequence: u16,
        /// What is wrong.
        why: &'static str,
    },
}

impl<'a> Packet<'a> {
    /// Reads the header, without copying.
    ///
    /// # Errors
    /// [`Error::Header`].
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Result<Self, Error> {
        let parsed = RtpPacket::parse(packet).map_err(|error| Error::Header(error.to_string()))?;
        Ok(Self {
            payload_type: parsed.payload_type(),
            sequence: parsed.sequence_number(),
            time: MediaTime::from_ticks(parsed.timestamp()),
            ssrc: parsed.ssrc(),
            marker: parsed.marker_bit(),
            payload: &packet[parsed.payload_offset()..][..parsed.payload_len()],
        })
    }

    /// Whether decoding can begin with this packet, if it is the first of its access unit that says so.
    ///
    /// # Errors
    /// [`Error::Payload`].
    #[inline]
    pub fn starts_decoding(&self, codec: Codec) -> Result<bool, Error> {
        let starts = match codec {
            Codec::H264 => h264::starts_decoding(self.payload),
        };
        starts.map_err(|why| Error::Payload { sequence: self.sequence, why })
    }

    /// Hands to `found` what a decoder has to know before its first picture (of H.264, each SPS and PPS), where the packet
    /// holds it whole; only the first few of a packet that is full of them.
    pub fn for_each_parameter_set(&self, codec: Codec, found: impl FnMut(&[u8])) {
        match codec {
            Codec::H264 => h264::parameter_sets(self.payload).for_each(found),
        }
    }
}
