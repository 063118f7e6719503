//! Why a connection ends.

use std::io;
use std::time::Duration;

use common::rtsp::serve;

/// A peer that takes nothing of what is written to it for this long is gone, or might as well be.
pub(super) const WRITE_STALL_LIMIT: Duration = Duration::from_secs(10);

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("closed by the peer")]
    Closed,
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    #[error(transparent)]
    Refused(#[from] serve::Error),
    #[error("the peer does not read its responses")]
    ControlFull,
    #[error("the peer has taken nothing for {} s", WRITE_STALL_LIMIT.as_secs())]
    WriteStalled,
    #[error("connection lost while writing")]
    WriteFailed,
    #[error("the stream has ended")]
    StreamEnded,
    #[error("closed for another: connections are many, and its address holds most of them or it did nothing")]
    Evicted,
    #[error("memory is short, and of what its address holds this held most")]
    OutOfMemory,
}
