//! Ways out of this process: each takes what a run makes, encoded frames or bare pictures.
//!
//! Another protocol is a file beside [`rtsp`] and a row of `PROTOCOLS`.

use common::stream_url::{self, StreamUrl};

use crate::config::Destination;
use crate::embedded;
use crate::error::Error;

mod network;
mod pipe;
pub mod rtsp;
mod traits;

pub use network::{Error as NetworkError, Event, Notify, Sender};
pub use traits::{Counters, Egress, FrameEgress};
pub(crate) use traits::{PictureEgress, Setup};

/// A protocol that takes encoded frames to a server.
struct Protocol {
    /// That of its URLs.
    scheme: &'static str,
    /// Whether it carries RTP, as `--transport` says.
    has_transport: bool,
    open: fn(StreamUrl, &Setup<'_>) -> Opened<dyn FrameEgress>,
}

/// An egress, or why there is none.
type Opened<E> = Result<Box<E>, Error>;

const PROTOCOLS: [Protocol; 1] =
    [Protocol { scheme: common::rtsp::SCHEME, has_transport: true, open: |url, setup| rtsp::open(url, None, setup) }];

/// The schemes of URLs that a stream can be sent to.
pub(crate) fn schemes() -> [&'static str; PROTOCOLS.len()] {
    PROTOCOLS.map(|protocol| protocol.scheme)
}

/// How those URLs are written.
pub(crate) fn url_forms() -> String {
    schemes().map(stream_url::form).join(", ")
}

/// Whether `--transport` means something there.
pub(crate) fn has_transport(destination: &Destination) -> bool {
    match destination {
        Destination::Embedded { .. } => true,
        Destination::Server(url) => protocol(url).has_transport,
        Destination::Stdout => false,
    }
}

fn protocol(url: &StreamUrl) -> Protocol {
    let found = PROTOCOLS.into_iter().find(|protocol| protocol.scheme == url.scheme());
    found.expect("the configuration takes URLs of these schemes alone")
}

/// Opens an egress.
pub(crate) type Open<'a, E> = Box<dyn FnOnce(&Setup<'_>) -> Opened<E> + 'a>;

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
        Destination::Server(url) => Choice::Frames(Box::new(|setup| (protocol(url).open)(url.clone(), setup))),
        Destination::Embedded { rtsp, http } => Choice::Frames(Box::new(|setup| {
            let (server, url) = embedded::start(*rtsp, *http, setup.log)?;
            rtsp::open(url, Some(server), setup)
        })),
    }
}
