//! The RTP payload format of H.264 (RFC 6184) in non-interleaved mode: single NAL unit packets, STAP-A, FU-A.

mod depacketizer;
mod packetizer;
mod parameter_sets;
pub(super) mod payload;

pub use depacketizer::Depacketizer;
pub(crate) use packetizer::PAYLOAD_TYPE;
pub use packetizer::Packetizer;
pub(crate) use parameter_sets::{PARAMETER_SET_MAX, keep_parameter_set};
