//! Segments a stream into CMAF fragments, parts and segments, and writes their playlists. Pure: no clock, no socket.
//!
//! A *fragment* holds one video frame in a `moof` and `mdat` and is written as soon as the frame arrives; audio received
//! since the previous fragment precedes it in boxes of its own. A *part* is a fixed number of fragments. A *segment* begins
//! with a key frame and ends at the first key frame after its nominal duration.

mod audio;
mod change;
mod dash;
mod drift;
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
pub(crate) use hls::{can_be_joined, hinted, next_part, playlist};
pub(crate) use names::{File, Tracks, date_time};
pub(crate) use segmenter::Segmenter;
#[cfg(test)]
pub(crate) use segmenter::tests::Feed;
pub(crate) use settings::TICKS_PER_SECOND;
pub use settings::{PartLength, Preset, SegmentSettings, SettingsError};
pub(crate) use window::{Cursor, Window};
