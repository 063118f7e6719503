//! The corner code: a block of black and white luma cells that carries a frame's identity and PUB time inside the
//! picture, through whatever a video path does to pictures.
//!
//! `docs/corner-code.md` describes the format for other implementations. [`Painter`] puts a [`Payload`] into a
//! picture, [`Reader`] gets it back, whole or not at all.
//!
//! ```
//! use common::code::{Corner, Painter, Payload, Reader};
//! use common::frame::{Picture, Size};
//! use common::time::WallTime;
//!
//! let mut picture = Picture::black(Size::new(640, 480));
//! let payload = Payload { stream_id: 7, sequence: 42, time: WallTime::from_micros(1_700_000_000_000_000) };
//! Painter::new(picture.size(), Corner::TopLeft)?.paint(&mut picture, &payload);
//! assert_eq!(Reader::new().read(picture.luma()), Some(payload));
//! # Ok::<(), common::code::TooSmall>(())
//! ```

mod edges;
mod grid;
mod layout;
mod paint;
mod read;
mod sample;
mod search;
mod word;

use crate::time::WallTime;

pub use layout::{Corner, CornerError, Layout, Rect, TooSmall};
pub use paint::Painter;
pub use read::Reader;

/// Sequence numbers count modulo this: 24 bits, 6.5 days at 30 frames per second.
pub const SEQUENCE_MODULUS: u32 = 1 << 24;

/// What a corner code says about its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payload {
    /// Which publisher: tells several streams in one picture, or on one path, apart.
    pub stream_id: u8,
    /// Number of the frame, counted modulo [`SEQUENCE_MODULUS`].
    pub sequence: u32,
    /// PUB: wall time just before painting. Painted with 52 bits: times before 1970 are painted as 1970, times
    /// after 2112 as the last of the range.
    pub time: WallTime,
}
