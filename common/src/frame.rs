//! A picture, and what the publisher says about when it was made.

use std::fmt;
use std::str::FromStr;

use crate::time::WallTime;

/// Width × height in luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Luma samples in a row.
    pub width: u32,
    /// Rows of luma samples.
    pub height: u32,
}

impl Size {
    /// The largest side, in samples, that any part of framelag takes. H.264 level 6.2 ends near it (8192×4320).
    pub const MAX_SIDE: u32 = 8192;

    /// `width` × `height`.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Chroma plane size of 4:2:0: half of each side, rounded up.
    pub const fn chroma(self) -> Self {
        Self { width: self.width.div_ceil(2), height: self.height.div_ceil(2) }
    }

    /// Samples in a plane of this size.
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A size that is not `WIDTHxHEIGHT`, or out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size: write WIDTHxHEIGHT with sides of 1 to {max}, as in 640x480", max = Size::MAX_SIDE)]
pub struct SizeError(String);

impl FromStr for Size {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=Self::MAX_SIDE).contains(n));
        let parsed = text.split_once(['x', 'X']).and_then(|(w, h)| Some(Self::new(side(w)?, side(h)?)));
        parsed.ok_or_else(|| SizeError(text.to_owned()))
    }
}

/// An I420 picture (BT.601 limited range unless its source says otherwise): three planes without padding, luma
/// `width × height`, chroma `⌈width/2⌉ × ⌈height/2⌉`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    data: Vec<u8>,
}

impl Picture {
    /// A black picture.
    pub fn black(size: Size) -> Self {
        let mut data = vec![16; Self::bytes(size)];
        data[size.area()..].fill(128);
        Self { size, data }
    }

    /// Takes I420 bytes: Y, then U, then V. `None` where their number is not [`Picture::bytes`].
    pub fn from_i420(size: Size, data: Vec<u8>) -> Option<Self> {
        (data.len() == Self::bytes(size)).then_some(Self { size, data })
    }

    /// Bytes of an I420 picture of `size`.
    pub const fn bytes(size: Size) -> usize {
        size.area() + 2 * size.chroma().area()
    }

    /// Width × height of the luma plane.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// All three planes, Y then U then V.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All three planes, Y then U then V.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The Y, U and V planes.
    pub fn planes(&self) -> [&[u8]; 3] {
        let (y, chroma) = self.data.split_at(self.size.area());
        let (u, v) = chroma.split_at(self.size.chroma().area());
        [y, u, v]
    }

    /// The Y, U and V planes.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (y, chroma) = self.data.split_at_mut(self.size.area());
        let (u, v) = chroma.split_at_mut(self.size.chroma().area());
        [y, u, v]
    }

    /// The luma plane, to read a code in.
    pub fn luma(&self) -> Luma<'_> {
        let [y, ..] = self.planes();
        Luma {
            data: y,
            width: self.size.width as usize,
            height: self.size.height as usize,
            stride: self.size.width as usize,
        }
    }
}

/// A luma plane that somebody else owns: `height` rows of `width` samples, `stride` bytes apart.
///
/// `data` holds at least `stride × (height − 1) + width` bytes, with `stride ≥ width`.
#[derive(Clone, Copy, Debug)]
pub struct Luma<'a> {
    /// The samples, 8 bits each.
    pub data: &'a [u8],
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Wall times at which the publisher took a frame through its steps. They ride in the SEI of the frame's access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherTimes {
    /// When the driver captured the picture; `None` where the source has no time of its own.
    pub captured: Option<WallTime>,
    /// PUB: the time that is painted into the picture, read just before painting.
    pub stamp: WallTime,
    /// Painting ended, encoding began.
    pub painted: WallTime,
    /// The encoder returned the access unit.
    pub encoded: WallTime,
    /// The access unit's packets were about to be written to the socket.
    pub sent: WallTime,
}

/// Which clock a source's capture time was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CaptureClock {
    /// The source gives no time of its own: a file, a pipe, a test pattern.
    #[default]
    None,
    /// The driver's monotonic clock, carried over to wall time by the publisher.
    Monotonic,
    /// The driver gave a time that cannot be: in the future, too old, zero, or of an unknown clock. It was dropped.
    Implausible,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_and_reject() {
        assert_eq!("640x480".parse(), Ok(Size::new(640, 480)));
        for bad in ["", "640", "640x", "0x480", "640x9000", "-1x2", "640 x 480", "99999999999x1"] {
            let error = bad.parse::<Size>().expect_err(bad).to_string();
            assert!(error.contains("WIDTHxHEIGHT"), "{error}");
        }
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        let picture = Picture::black(Size::new(5, 3));
        let [y, u, v] = picture.planes();
        assert_eq!((y.len(), u.len(), v.len()), (15, 6, 6));
        assert!(Picture::from_i420(Size::new(5, 3), vec![0; 26]).is_none());
    }
}
