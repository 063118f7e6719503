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
    #[error("the peer has read nothing for {} s", WRITE_STALL_LIMIT.as_secs())]
    WriteStalled,
    #[error("connection lost while writing")]
    WriteFailed,
    #[error("the stream has ended")]
    StreamEnded,
    #[error(
        "evicted to make room: too many connections are open, and this one was idle or from the address with the most"
    )]
    Evicted,
    #[error("evicted to free memory: it had the most bytes queued of its address")]
    OutOfMemory,
}
