//! Where the code lies in a picture of a given size.

use std::fmt;
use std::str::FromStr;

use super::grid::{COLUMNS, ROWS};
use crate::frame::Size;

/// The corner of the picture that holds the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Corner {
    /// The default.
    #[default]
    TopLeft,
    /// Top right.
    TopRight,
    /// Bottom left.
    BottomLeft,
    /// Bottom right.
    BottomRight,
}

impl Corner {
    /// All corners.
    pub const ALL: [Self; 4] = [Self::TopLeft, Self::TopRight, Self::BottomLeft, Self::BottomRight];

    /// The corner's name, as written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TopLeft => "top-left",
            Self::TopRight => "top-right",
            Self::BottomLeft => "bottom-left",
            Self::BottomRight => "bottom-right",
        }
    }
}

impl fmt::Display for Corner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of [`Corner::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a corner: write top-left, top-right, bottom-left or bottom-right")]
pub struct CornerError(String);

impl FromStr for Corner {
    type Err = CornerError;
    fn from_str(text: &str) -> Result<Self, CornerError> {
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| CornerError(text.to_owned()))
    }
}

/// A rectangle of luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A picture that has no room for the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is too small for the corner code: it needs at least {min}", min = Layout::SMALLEST)]
pub struct TooSmall(pub Size);

/// Where the code lies in a picture: its cell size and origin follow from picture size and corner alone.
///
/// Cells are square, a multiple of 4 luma samples (one H.264 transform block, so that an encoder spends one
/// coefficient on each). They are the largest whose code covers at most 4 % of the picture, or 2.5 % from the area of
/// 1280x720 on, but never under 4 samples, so that pictures below 320x240 give up more. The code is set in from
/// both edges by more than 2 % of the picture, and its origin lies on a macroblock corner (a multiple of 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    x: u32,
    y: u32,
    cell: u32,
}

impl Layout {
    /// The smallest picture that takes a code.
    pub const SMALLEST: Size = Size::new(128, 64);
    const CELL_STEP: u32 = 4;
    const MACROBLOCK: u32 = 16;

    /// The layout for pictures of `size` with the code in `corner`.
    ///
    /// # Errors
    /// [`TooSmall`] below [`Layout::SMALLEST`] in either direction.
    pub fn new(size: Size, corner: Corner) -> Result<Self, TooSmall> {
        if size.width < Self::SMALLEST.width || size.height < Self::SMALLEST.height {
            return Err(TooSmall(size));
        }
        let (inset_x, inset_y) = (Self::inset(size.width), Self::inset(size.height));
        let cell = Self::cell_for(size, inset_x, inset_y);
        let far = |side: u32, inset: u32, cells: usize| {
            (side - inset - cell * cells as u32) / Self::MACROBLOCK * Self::MACROBLOCK
        };
        let right = far(size.width, inset_x, COLUMNS);
        let bottom = far(size.height, inset_y, ROWS);
        let (x, y) = match corner {
            Corner::TopLeft => (inset_x, inset_y),
            Corner::TopRight => (right, inset_y),
            Corner::BottomLeft => (inset_x, bottom),
            Corner::BottomRight => (right, bottom),
        };
        Ok(Self { x, y, cell })
    }

    /// Everything that painting touches.
    pub const fn bounds(&self) -> Rect {
        Rect { x: self.x, y: self.y, width: self.cell * COLUMNS as u32, height: self.cell * ROWS as u32 }
    }

    /// Side of a cell in luma samples.
    pub const fn cell(&self) -> u32 {
        self.cell
    }

    /// More than 2 % of the side, in whole macroblocks.
    const fn inset(side: u32) -> u32 {
        (side / 50 + 1).div_ceil(Self::MACROBLOCK) * Self::MACROBLOCK
    }

    fn cell_for(size: Size, inset_x: u32, inset_y: u32) -> u32 {
        let area = size.area() as u64;
        let budget = if area < 1280 * 720 { area * 40 } else { area * 25 } / 1000;
        let room_x = (size.width - 2 * inset_x) / COLUMNS as u32;
        let room_y = (size.height - 2 * inset_y) / ROWS as u32;
        let fits = |cell: &u32| {
            u64::from(cell * cell) * (COLUMNS * ROWS) as u64 <= budget && *cell <= room_x && *cell <= room_y
        };
        (1..=Size::MAX_SIDE / Self::CELL_STEP)
            .map(|n| n * Self::CELL_STEP)
            .take_while(fits)
            .last()
            .unwrap_or(Self::CELL_STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u32, height: u32) -> Layout {
        Layout::new(Size::new(width, height), Corner::TopLeft).expect("large enough")
    }

    #[test]
    fn cells_grow_with_the_picture() {
        let cells = [(176, 144, 4), (256, 144, 4), (512, 228, 4), (640, 480, 8), (1280, 720, 8), (1920, 1080, 16)];
        for (width, height, cell) in cells {
            assert_eq!(layout(width, height).cell(), cell, "{width}x{height}");
        }
    }

    #[test]
    fn the_code_keeps_to_its_share_and_off_the_edges() {
        for width in (128..4000).step_by(37) {
            for height in (64..2200).step_by(29) {
                let size = Size::new(width, height);
                for corner in Corner::ALL {
                    let layout = Layout::new(size, corner).expect("large enough");
                    let r = layout.bounds();
                    let share = f64::from(r.width * r.height) / size.area() as f64;
                    let limit = if size.area() < 1280 * 720 { 0.04 } else { 0.025 };
                    assert!(share <= limit || layout.cell() == 4, "{size}: {share}");
                    assert_eq!((r.x % 16, r.y % 16), (0, 0), "{size} {corner}");
                    let right = width - r.x - r.width;
                    let bottom = height - r.y - r.height;
                    assert!(r.x.min(right) * 50 > width && r.y.min(bottom) * 50 > height, "{size} {corner}");
                }
            }
        }
    }

    #[test]
    fn a_picture_without_room_is_named_with_the_minimum() {
        let error = Layout::new(Size::new(126, 64), Corner::TopLeft).expect_err("too small");
        assert_eq!(error.to_string(), "126x64 is too small for the corner code: it needs at least 128x64");
    }

    #[test]
    fn corners_parse_as_they_print() {
        for corner in Corner::ALL {
            assert_eq!(corner.to_string().parse(), Ok(corner));
        }
        assert!("left".parse::<Corner>().expect_err("no corner").to_string().contains("bottom-right"));
    }
}
