//! What a protocol implements to send frames to a server.

use std::time::Duration;

use common::media::EncodedFrame;
use common::time::Now;
use crossbeam_channel::Receiver;

use super::error::Error;
use super::tcp::{Abort, Input};
use crate::seal::SealedFrame;

/// Longest that a connection may take to close.
pub(in crate::egress) const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// Longest wait for the server where nothing is due.
pub(in crate::egress) const IDLE: Duration = Duration::from_secs(1);

/// Makes connections of one protocol to one server.
pub(in crate::egress) trait Connector: Send {
    /// What it makes.
    type Connection: Connection;

    /// Connects, and announces the stream that begins with the key frame `first`. `abort` is given every TCP connection, so that
    /// one that is stuck can be ended.
    ///
    /// # Errors
    /// Why the server cannot be reached, or does not take the stream.
    fn connect(&mut self, first: &EncodedFrame, abort: &Abort) -> Result<Self::Connection, Error>;

    /// Takes a connection that was lost, before it makes another: some of its state may go on there.
    fn lost(&mut self, connection: Self::Connection);
}

/// A server that takes frames. Dropping it ends the connection.
pub(in crate::egress) trait Connection {
    /// Sends a frame, whose time of sending is [set](SealedFrame::set_sent) right before the write. `None` where the network had
    /// no room for all of it.
    ///
    /// # Errors
    /// What ended the connection; so do the other methods.
    fn send(&mut self, frame: &SealedFrame) -> Result<Option<Sent>, Error>;

    /// What the server sends, to wait on together with other things.
    fn input(&self) -> &Receiver<Input>;

    /// Takes what the server sent.
    fn handle(&mut self, input: Input) -> Result<(), Error>;

    /// How long it can be left alone.
    fn idle(&self) -> Duration {
        IDLE
    }

    /// Does what is due.
    fn service(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Whether a reader has asked for a key frame since the last call.
    fn take_key_request(&mut self) -> bool {
        false
    }

    /// Returns the picture delay that the server has requested since the last call, if any.
    fn take_shift(&mut self) -> Option<Duration> {
        None
    }

    /// Ends the stream in good order, within [`CLOSE_LIMIT`], so that the server has everything before the connection ends.
    fn close(&mut self);
}

/// What one frame became on the wire.
#[derive(Clone, Copy, Debug)]
pub(in crate::egress) struct Sent {
    pub(in crate::egress) packets: u64,
    pub(in crate::egress) bytes: u64,
}

/// What happened to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server takes frames.
    Connected,
    /// The connection was lost, and will be made again.
    Lost(Error),
}

/// Hears of events, on the thread that sends.
pub type Notify = Box<dyn Fn(Event) + Send>;

/// A frame, and when it entered the queue.
pub(super) struct Queued {
    pub(super) sealed: SealedFrame,
    pub(super) at: Now,
}

impl Queued {
    pub(super) const fn is_key(&self) -> bool {
        self.sealed.frame.is_key
    }
}
