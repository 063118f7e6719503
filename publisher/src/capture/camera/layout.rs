//! How cameras lay out pictures.

use std::fmt;
use std::str::FromStr;

/// How a camera lays out its pictures. The order is that of preference among modes of one size and rate: what webcams
/// have natively and costs little, then what is compressed, then what has to be converted from RGB or has no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// Y U Y V in turn, 4:2:2.
    Yuyv,
    /// U Y V Y in turn, 4:2:2.
    Uyvy,
    /// Y plane, then U and V in turn, 4:2:0.
    Nv12,
    /// Three planes, 4:2:0.
    I420,
    /// One JPEG per picture.
    Mjpeg,
    /// R G B in turn.
    Rgb,
    /// B G R in turn.
    Bgr,
    /// Luma alone.
    Grey,
}

impl Layout {
    /// All layouts, in the order of preference.
    pub const ALL: [Self; 8] =
        [Self::Yuyv, Self::Uyvy, Self::Nv12, Self::I420, Self::Mjpeg, Self::Rgb, Self::Bgr, Self::Grey];

    /// The four characters by which V4L2 knows it.
    pub const fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Nv12 => *b"NV12",
            Self::I420 => *b"YU12",
            Self::Yuyv => *b"YUYV",
            Self::Uyvy => *b"UYVY",
            Self::Mjpeg => *b"MJPG",
            Self::Rgb => *b"RGB3",
            Self::Bgr => *b"BGR3",
            Self::Grey => *b"GREY",
        }
    }

    /// The names of all layouts, for people.
    pub fn names() -> String {
        Self::ALL.map(|layout| layout.to_string()).join(", ")
    }

    /// The layout with these four characters, where it is one that is read here.
    pub fn from_fourcc(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.fourcc() == fourcc)
    }
}

/// Not a layout that is read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a camera's format that is read here: write one of {all}", all = Layout::names())]
pub struct LayoutError(String);

impl FromStr for Layout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let fourcc = text.to_ascii_uppercase().as_bytes().try_into().ok();
        fourcc.and_then(Self::from_fourcc).ok_or_else(|| LayoutError(text.to_owned()))
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.fourcc()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_known_by_their_four_characters() {
        for layout in Layout::ALL {
            assert_eq!(Layout::from_fourcc(layout.fourcc()), Some(layout));
        }
        assert_eq!(Layout::from_fourcc(*b"H264"), None);
        assert_eq!("mjpg".parse(), Ok(Layout::Mjpeg));
        for bad in ["", "h264", "mjpeg", "é€"] {
            let error = bad.parse::<Layout>().expect_err(bad).to_string();
            assert!(error.contains("YUYV, UYVY, NV12"), "{error}");
        }
    }
}
