//! What every egress has in common.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::frame::Picture;

use crate::capture::{Format, Pace};
use crate::config::Config;
use crate::error::Error;
use crate::event::Log;
use crate::seal::SealedFrame;

/// What every egress has in common.
pub trait Egress {
    /// Where the run goes, for people, without secrets.
    fn describe(&self) -> String;

    /// What went out so far.
    fn counters(&self) -> Counters;

    /// Sends what waits, closes what was opened, and returns what went out in all.
    ///
    /// # Errors
    /// Where nothing could ever be sent.
    fn finish(self: Box<Self>) -> Result<Counters, Error>;
}

/// An egress that takes stamped pictures: no encoder runs.
pub(crate) trait PictureEgress: Egress {
    /// Sends a picture. Breaks where the reader has closed its end, which ends the run without an error.
    ///
    /// # Errors
    /// Any other failure of the write.
    fn send(&mut self, picture: &Picture) -> Result<ControlFlow<()>, Error>;
}

/// An egress that takes encoded frames.
pub trait FrameEgress: Egress {
    /// Sends a frame, or drops it where the network is too slow; never waits for the network.
    ///
    /// # Errors
    /// Where nothing can be sent any more.
    fn send(&self, frame: SealedFrame) -> Result<(), Error>;

    /// Whether a key frame has been asked for since the last call: by a reader, or because frames were dropped.
    fn take_key_request(&self) -> bool;

    /// Returns the picture delay that the server has requested since the last call, if any.
    fn take_shift(&self) -> Option<Duration>;
}

/// What went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Encoded frames written.
    pub frames: u64,
    /// The protocol's packets that they were written as.
    pub packets: u64,
    /// Bytes of those packets, or of bare pictures.
    pub bytes: u64,
    /// Encoded frames that were not written: the network was too slow, there was no connection, or they came before an IDR
    /// picture.
    pub dropped: u64,
    /// How often the connection was lost.
    pub reconnects: u64,
}

/// What an egress may need to open.
pub(crate) struct Setup<'a> {
    pub(crate) config: &'a Config,
    pub(crate) format: Format,
    pub(crate) pace: Pace,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Log,
}
