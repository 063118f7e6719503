//! RTP (RFC 3550), its control protocol, and the payload format of each codec in a folder of its name.

pub mod aac;
mod alignment;
mod audio;
mod frame;
pub mod h264;
mod opus;
mod packet;
mod packets;
pub mod rtcp;
mod sequence;
pub mod timeline;

pub use alignment::Alignment;
pub use audio::{AudioDepacketizer, AudioPayload};
pub use frame::{Dropped, Event, FRAME_MAX, Frame};
pub use packet::{Error, HEADER_LEN, Packet};
pub use packets::Packets;
pub use sequence::{Sequence, Step};
