//! Cuts a stream into CMAF fragments, parts and segments, and writes the playlists that name them. Pure: no clock, no socket.
//!
//! A *fragment* is one `moof` and `mdat` with one frame, written when that frame is there; before it comes, in boxes of its own, the
//! audio that came since the last one. A *part* is a fixed number of
//! fragments. A *segment* begins with a frame that decoding can begin with, and ends at the first such frame after its duration.

mod audio;
mod change;
mod dash;
mod hls;
mod mp4;
mod names;
mod pieces;
mod segmenter;
mod settings;
mod timeline;
mod window;

pub use change::SettingsChange;
pub(crate) use change::duration_text;
pub(crate) use dash::manifest;
pub(crate) use hls::{hinted, next_part, playlist};
pub(crate) use names::{Tracks, date_time};
pub(crate) use segmenter::Segmenter;
#[cfg(test)]
pub(crate) use segmenter::tests::Feed;
pub use settings::{PartLength, Preset, SegmentSettings, SettingsError};
pub(crate) use window::{Cursor, Window};
