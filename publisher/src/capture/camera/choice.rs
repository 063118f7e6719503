//! Which driver reads the camera.

use std::str::FromStr;

/// A driver by name; the default is what this system reads best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// V4L2, of Linux alone.
    #[cfg(target_os = "linux")]
    #[default]
    V4l,
    /// nokhwa.
    #[cfg_attr(not(target_os = "linux"), default)]
    Nokhwa,
}

impl FromStr for Choice {
    type Err = &'static str;

    #[cfg(target_os = "linux")]
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "v4l" => Ok(Self::V4l),
            "nokhwa" => Ok(Self::Nokhwa),
            _ => Err("write v4l or nokhwa"),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "nokhwa" { Ok(Self::Nokhwa) } else { Err("write nokhwa") }
    }
}
