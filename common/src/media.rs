//! Encoded video of any codec, on its way from an encoder to a decoder.

use crate::time::MediaTime;

mod idr_gate;

pub use idr_gate::IdrGate;

/// How a frame's bytes are coded. What depends on it is in files of that codec's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T H.264: [`EncodedFrame::data`] is a byte stream of its annex B, every NAL unit behind a start code.
    H264,
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
