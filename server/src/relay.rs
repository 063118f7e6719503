//! From one publisher to many readers: packets pass through unchanged and at once.
//!
//! A publisher's connection hands over whatever it just read as one batch. The batch goes to every reader on the
//! publisher's own task: a reader's sink writes to its socket without blocking, and keeps a bounded queue only where
//! the socket does not take more. So no packet waits for another task to wake, and no reader waits for another.

mod audio;
mod frames;
mod gate;
mod memory;
mod packet;
mod paths;
mod pictures;
mod queue;
mod sink;
mod stream;
mod subscription;
mod viewed;

pub use frames::FrameDrops;
pub(crate) use frames::Unit;
pub(crate) use gate::Gate;
pub(crate) use memory::{Account, Memory, Share};
pub(crate) use packet::{FramePosition, Placed};
pub(crate) use paths::{Paths, Publication, Reservation};
pub(crate) use queue::{ControlFull, Queue};
pub(crate) use sink::{Client, Drops, PublisherControl, ReaderCounts, ReaderInfo, Sink};
#[cfg(test)]
pub(crate) use stream::tests::{IDR, Path, SLICE};
pub(crate) use stream::{Counts, Stream};
pub use subscription::Frames;
pub(crate) use viewed::{View, Viewed};
