//! Pictures kept aside for a comparison of what was stamped with what was decoded.
//!
//! The files are y4m, so that any player shows them. Each `FRAME` line carries the picture's sequence number as `XSEQ=n`,
//! by which two files are matched, and the header says where the publisher painted: `XCODE=X,Y,WIDTH,HEIGHT` is the corner
//! code and `XTEXT=…` the text beside it.
//!
//! [`Keeper`] takes them, and [`Writer`] writes them where either end has a thread for it.

use std::fmt;
use std::str::FromStr;

use crate::code::Rect;
use crate::frame::Size;

mod keeper;

pub use keeper::{Keeper, Kept, Writer, keep};

/// One picture in so many is kept where the user does not say.
pub const EVERY: u32 = 15;
/// First bytes of a y4m stream.
const MAGIC: &str = "YUV4MPEG2";

/// The first line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Size of every picture.
    pub size: Size,
    /// Pictures per second of the file, as a fraction; 0:0 where it is not known.
    pub rate: (u64, u64),
    /// What the corner code covers, where that is known.
    pub code: Option<Rect>,
    /// What the publisher's text covers, where there is one.
    pub text: Option<Rect>,
}

/// What is wrong with a first line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Something else.
    #[error("is not y4m: its first line must begin with YUV4MPEG2")]
    NotY4m,
    /// No usable width and height.
    #[error("has no picture size of 1x1 to {max}x{max} in its y4m header", max = Size::MAX_SIDE)]
    Size,
    /// Not 8-bit 4:2:0.
    #[error("has {0} pictures, and only 8-bit 4:2:0 can be compared")]
    Colours(String),
    /// `XCODE` or `XTEXT`.
    #[error("has {0:?} in its y4m header, which is no area X,Y,WIDTH,HEIGHT inside its pictures")]
    Area(String),
}

impl fmt::Display for Header {
    /// Without the line's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, rate: (rate, per), .. } = self;
        write!(f, "{MAGIC} W{} H{} F{rate}:{per} Ip A0:0 C420mpeg2", size.width, size.height)?;
        for (name, area) in [("XCODE", self.code), ("XTEXT", self.text)] {
            if let Some(Rect { x, y, width, height }) = area {
                write!(f, " {name}={x},{y},{width},{height}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Header {
    type Err = HeaderError;

    fn from_str(line: &str) -> Result<Self, HeaderError> {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some(MAGIC) {
            return Err(HeaderError::NotY4m);
        }
        // The last of each counts.
        let field = |name: &str| words.clone().filter_map(|word| word.strip_prefix(name)).next_back();
        let sides = format!("{}x{}", field("W").unwrap_or_default(), field("H").unwrap_or_default());
        let size: Size = sides.parse().map_err(|_| HeaderError::Size)?;
        let colours = field("C").unwrap_or("420");
        if !matches!(colours, "420" | "420jpeg" | "420mpeg2" | "420paldv") {
            return Err(HeaderError::Colours(colours.chars().take(32).collect()));
        }
        let area = |name: &str| field(name).map(|text| area(text, size)).transpose();
        let (rate, per) = field("F").and_then(|rate| rate.split_once(':')).unwrap_or_default();
        let rate = (rate.parse().unwrap_or_default(), per.parse().unwrap_or_default());
        Ok(Self { size, rate, code: area("XCODE=")?, text: area("XTEXT=")? })
    }
}

fn area(text: &str, size: Size) -> Result<Rect, HeaderError> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height])
            if x <= size.width && width <= size.width - x && y <= size.height && height <= size.height - y =>
        {
            Ok(Rect { x, y, width, height })
        }
        _ => Err(HeaderError::Area(text.chars().take(64).collect())),
    }
}

/// The line before the picture with number `sequence`.
pub fn frame_line(sequence: u32) -> String {
    format!("FRAME XSEQ={sequence}\n")
}

/// The number in a line before a picture; the outer `None` where it is no such line, the inner where it has no number.
pub fn sequence_in(line: &str) -> Option<Option<u32>> {
    let mut words = line.split_ascii_whitespace();
    (words.next() == Some("FRAME")).then(|| words.find_map(|word| word.strip_prefix("XSEQ=")?.parse().ok()))
}

#[cfg(test)]
mod tests;
