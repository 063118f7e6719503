//! Encoded video of any codec, on its way from an encoder to a decoder.

use std::ops::Range;

use crate::h264;
use crate::sei::Stamp;
use crate::time::MediaTime;

mod idr_gate;

pub use idr_gate::IdrGate;

/// How a frame's bytes are coded. What each codec does is in a module of its name; this is where the others find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T H.264: [`EncodedFrame::data`] is a byte stream of its annex B, every NAL unit behind a start code.
    H264,
}

/// What a frame is that decoding can begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    /// A key frame: for H.264, an IDR picture.
    Key,
    /// Pictures are right from here, or from some frames later: for H.264, a recovery point.
    Recovery,
}

impl Codec {
    /// Every codec, with the encoding name of its RTP payload format (RFC 8866 section 6.6, `rtpmap`).
    pub const ENCODING_NAMES: [(Self, &'static str); 1] = [(Self::H264, "H264")];

    /// The codec with this RTP encoding name, in letters of either case.
    pub fn from_encoding_name(name: &str) -> Option<Self> {
        let known = Self::ENCODING_NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        known.map(|(codec, _)| *codec)
    }

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
        }
    }

    /// Whether and how decoding can begin with the frame `data`.
    pub fn entry_point(self, data: &[u8]) -> Option<EntryPoint> {
        match self {
            Self::H264 => match h264::AccessUnit::parse(data) {
                unit if unit.idr() => Some(EntryPoint::Key),
                unit => unit.recovery.map(|_| EntryPoint::Recovery),
            },
        }
    }

    /// The publisher's stamp in the frame `data`.
    pub fn find_stamp(self, data: &[u8]) -> Option<Stamp> {
        match self {
            Self::H264 => h264::find_stamp(data),
        }
    }

    /// Puts the SEI message `message` into the frame `data`, and returns where the NAL unit around it lies.
    pub fn insert_sei(self, data: &mut Vec<u8>, message: &[u8]) -> Range<usize> {
        match self {
            Self::H264 => h264::insert_sei(data, message),
        }
    }
}

/// One encoded picture: an access unit (H.264 section 3.1), a temporal unit, a frame, as its codec calls it.
///
/// It is the same between encoder and egress as between ingress and decoder. What only one of the two ends knows of it
/// stands beside it: when it was stamped, when its first packet came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// What decodes it.
    pub codec: Codec,
    /// The whole picture, in the form that [`Codec`] names. An encoder leaves [`crate::sei::ROOM`] bytes of capacity, so that
    /// putting the stamp in does not move the data to another buffer.
    pub data: Vec<u8>,
    /// Decoding can begin here with nothing that came before: for H.264 an IDR picture with its SPS and PPS.
    pub is_key: bool,
    /// When the picture is to be shown, in 90 kHz ticks modulo 2³². Where it begins is up to whoever encodes; an encoder
    /// hands back what it was given with the picture.
    pub time: MediaTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_found_by_their_encoding_name_in_either_case() {
        for (codec, name) in Codec::ENCODING_NAMES {
            assert_eq!(Codec::from_encoding_name(name), Some(codec));
            assert_eq!(Codec::from_encoding_name(&name.to_ascii_lowercase()), Some(codec));
        }
        assert_eq!((Codec::from_encoding_name("H265"), Codec::from_encoding_name("")), (None, None));
    }

    #[test]
    fn decoding_begins_at_key_frames_and_recovery_points() {
        let recovery = [0, 0, 1, 0x06, 0x06, 0x01, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a];
        for (data, expected) in [
            (&[0, 0, 1, 0x65, 0x88][..], Some(EntryPoint::Key)),
            (&recovery, Some(EntryPoint::Recovery)),
            (&[0, 0, 1, 0x41, 0x9a], None),
            (&[], None),
        ] {
            assert_eq!(Codec::H264.entry_point(data), expected, "{data:?}");
        }
    }
}
