//! RTSP 1.0 (RFC 2326) without sockets: framing, headers, SDP, authentication and the publisher's session.
//!
//! Bytes from a peer go into a [`message::Framer`], whose limits are the only place where the size of what a peer
//! may send is decided. Header values, session descriptions and credentials are parsed by [`headers`], [`sdp`] and
//! [`auth`]. None of them panics on, or keeps more than a bounded amount of, hostile input.

pub mod auth;
pub mod headers;
pub mod interleaved;
pub mod message;
pub mod phase;
pub mod pieces;
pub mod push;
pub mod redirect;
pub mod sdp;
pub mod serve;

/// The scheme of RTSP URLs (RFC 2326 section 3.2).
pub const SCHEME: &str = "rtsp";
