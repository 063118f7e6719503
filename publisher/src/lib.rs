//! Captures, stamps, encodes and pushes live video by RTSP.

pub mod send;
