//! RTP (RFC 3550) for H.264 (RFC 6184), and its control protocol.

pub mod h264;
pub mod header;
mod packets;
mod payload;
pub mod rtcp;
pub mod timeline;

pub use packets::Packets;
