//! Ways out of this process: each takes what a run makes, encoded frames or bare pictures.
//!
//! Another one is a file beside [`rtsp`] and a line in `of`.

use crate::config::Destination;
use crate::embedded;
use crate::error::Error;

mod pipe;
pub mod rtsp;
mod traits;

pub(crate) use traits::{Counters, Egress, FrameEgress, PictureEgress, Setup};

/// Opens an egress.
pub(crate) type Open<'a, E> = Box<dyn FnOnce(&Setup<'_>) -> Result<Box<E>, Error> + 'a>;

/// An egress that is not open yet, by what it takes.
pub(crate) enum Choice<'a> {
    /// Bare pictures.
    Pictures(Open<'a, dyn PictureEgress>),
    /// Encoded frames.
    Frames(Open<'a, dyn FrameEgress>),
}

/// The egress that leads to `destination`.
pub(crate) fn of(destination: &Destination) -> Choice<'_> {
    match destination {
        Destination::Stdout => Choice::Pictures(Box::new(pipe::open)),
        Destination::Rtsp(url) => Choice::Frames(Box::new(|setup| rtsp::open(url.clone(), None, setup))),
        Destination::Embedded { rtsp, http } => Choice::Frames(Box::new(|setup| {
            let (server, url) = embedded::start(*rtsp, *http, setup.log)?;
            rtsp::open(url, Some(server), setup)
        })),
    }
}
