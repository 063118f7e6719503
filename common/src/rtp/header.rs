//! What a relay needs to know of a packet that passes: its header, and whether decoding can begin with it.

use rtp_types::RtpPacket;

use super::payload::{FU_A, STAP_A, START_BIT, aggregated};
use crate::h264::{NalKind, recovery_point};
use crate::time::MediaTime;

/// Bytes of an RTP header without sources and extension (RFC 3550 section 5.1).
pub const LEN: usize = RtpPacket::MIN_RTP_PACKET_LEN;

/// What [`inspect`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
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
    /// The packet holds an SPS, the beginning of an IDR picture, or a recovery point (ITU-T H.264 annex D.2.8), which is all that
    /// a stream of intra refresh or of open GOPs may have after its first picture: decoding can begin with it, if it is the
    /// first of its access unit that says so.
    pub starts_idr: bool,
}

/// A packet that is not RTP, or not H.264 in RTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The header is broken.
    #[error("not an RTP packet: {0}")]
    Header(String),
    /// There is nothing behind the header.
    #[error("RTP packet {sequence} has no payload")]
    Empty {
        /// Its sequence number.
        sequence: u16,
    },
    /// A length inside an aggregation packet (RFC 6184 section 5.7.1) reaches beyond its end.
    #[error("RTP packet {sequence}: a NAL unit of its STAP-A reaches beyond the packet")]
    Aggregate {
        /// Its sequence number.
        sequence: u16,
    },
    /// A fragment (RFC 6184 section 5.8) without its header.
    #[error("RTP packet {sequence}: a fragment without header")]
    Fragment {
        /// Its sequence number.
        sequence: u16,
    },
}

/// Looks at one RTP packet with an H.264 payload, without copying.
pub fn inspect(packet: &[u8]) -> Result<PacketInfo, Error> {
    let packet = RtpPacket::parse(packet).map_err(|error| Error::Header(error.to_string()))?;
    Ok(PacketInfo {
        payload_type: packet.payload_type(),
        sequence: packet.sequence_number(),
        time: MediaTime::from_ticks(packet.timestamp()),
        ssrc: packet.ssrc(),
        marker: packet.marker_bit(),
        starts_idr: starts_idr(packet.payload(), packet.sequence_number())?,
    })
}

fn starts_idr(payload: &[u8], sequence: u16) -> Result<bool, Error> {
    let &[header, ref rest @ ..] = payload else { return Err(Error::Empty { sequence }) };
    match header & 0x1f {
        STAP_A => {
            let mut found = false;
            for nal in aggregated(rest) {
                found |= nal_starts_idr(nal.ok_or(Error::Aggregate { sequence })?);
            }
            Ok(found)
        }
        FU_A => {
            let &[fu_header, ref fragment @ ..] = rest else { return Err(Error::Fragment { sequence }) };
            Ok(fu_header & START_BIT != 0 && begins_idr(fu_header, fragment))
        }
        _ => Ok(nal_starts_idr(payload)),
    }
}

fn nal_starts_idr(nal: &[u8]) -> bool {
    match NalKind::of(nal) {
        Some(NalKind::Sei) => recovery_point(nal).is_some(),
        _ => nal.split_first().is_some_and(|(&header, rest)| begins_idr(header, rest)),
    }
}

/// The first slice of a picture has first_mb_in_slice 0, which ue(v) writes as a single 1 bit (ITU-T H.264 7.3.3).
fn begins_idr(header: u8, rest: &[u8]) -> bool {
    match NalKind::of_header(header) {
        NalKind::Sps => true,
        NalKind::Idr => rest.first().is_some_and(|b| b & 0x80 != 0),
        _ => false,
    }
}
