//! Which driver reads the camera.

use clap::ValueEnum;

/// A driver by name; the default is what this system reads best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// V4L2, of Linux alone.
    #[cfg(target_os = "linux")]
    #[default]
    #[value(name = "v4l")]
    V4l,
    /// nokhwa.
    #[cfg_attr(not(target_os = "linux"), default)]
    Nokhwa,
}
