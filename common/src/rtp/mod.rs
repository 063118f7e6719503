//! RTP (RFC 3550), its control protocol, and the payload format of each codec in a folder of its name.

mod frame;
pub mod h264;
mod packet;
mod packets;
pub mod rtcp;
mod sequence;
pub mod timeline;

pub use frame::{Dropped, Event, FRAME_MAX, Frame};
pub use packet::{Error, HEADER_LEN, Packet};
pub use packets::Packets;
pub use sequence::{Sequence, Step};
