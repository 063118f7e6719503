//! What comes out of a depacketizer, whatever the codec.

use crate::media::EncodedFrame;
use crate::time::{MediaTime, MonoTime};

/// Longest frame that is put together, in bytes: an intra picture of 3840x2160 at the highest quality has less.
pub const FRAME_MAX: usize = 8 << 20;

/// A whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// As it was before it was cut into packets. Of H.264 every start code is four bytes long.
    pub encoded: EncodedFrame,
    /// Decoding can begin here: a key frame, or a recovery point (ITU-T H.264 annex D.2.8). It has its parameter sets.
    pub starts_decoding: bool,
    /// When its first packet arrived.
    pub arrived: MonoTime,
}

/// Why a frame does not come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Packets of it are missing, or may be.
    #[error("packets are missing")]
    Incomplete,
    /// Its payload is not in the codec's format.
    #[error("its packets are malformed")]
    Malformed,
    /// It is longer than [`FRAME_MAX`].
    #[error("longer than {FRAME_MAX} bytes")]
    TooLong,
    /// Decoding could begin with it, but neither it nor the description has all parameter sets.
    #[error("without parameter sets")]
    NoParameterSets,
    /// It is whole, and refers to one before it that did not come out.
    #[error("not decodable before the next key frame")]
    Undecodable,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is whole and can be decoded.
    Frame(Frame),
    /// It is not. Frames that were lost with all of their packets are not reported.
    Dropped(MediaTime, Dropped),
}
