//! Ways into this process: each brings pictures, encoded or bare, into the queue before the decoder.

pub mod rtsp;
pub mod y4m;
