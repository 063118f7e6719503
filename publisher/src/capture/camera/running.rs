//! A camera at work.

use super::mode::Mode;

/// A camera that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// N of `/dev/videoN`.
    pub(super) number: u32,
    /// Its name, by the driver's word.
    pub(super) name: String,
    /// How it runs.
    pub(super) mode: Mode,
}
