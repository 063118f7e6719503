//! Cuts a stream into CMAF fragments, parts and segments, and writes the playlists that name them. Pure: no clock, no socket.
//!
//! A *fragment* is one `moof` and `mdat` with one frame, written when that frame is there. A *part* is a fixed number of
//! fragments. A *segment* begins with a frame that decoding can begin with, and ends at the first such frame after its duration.

mod hls;
mod mp4;
mod segmenter;
mod settings;
mod timeline;
mod window;

pub(crate) use hls::{hinted, playlist};
pub(crate) use segmenter::Segmenter;
pub use settings::{PartLength, Preset, SegmentSettings, SettingsError};
pub(crate) use window::{Cursor, Window};
