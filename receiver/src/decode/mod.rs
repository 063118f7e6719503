//! Decoding: frames in, pictures out in the order in which they are shown.
//!
//! Each codec is a file of its own behind [`Decoder`], and a line in [`open()`].

pub(crate) mod h264;
mod open;

use std::sync::Arc;

use common::frame::{Luma, Picture, Size};
use common::media::EncodedFrame;
pub use open::open;

/// Turns the frames of one codec into pictures.
///
/// `T` is a tag that comes with a frame and goes with its picture.
pub trait Decoder<T> {
    /// Decodes `frame`. Every picture whose turn has come goes to `show`: that of this frame, earlier ones, or none. The planes
    /// stay the decoder's own.
    ///
    /// # Errors
    /// [`Undecodable`] if the frame gives no picture, now or later. The decoder stays usable: the next key frame decodes again.
    fn decode(&mut self, frame: &EncodedFrame, tag: T, show: &mut Show<'_, T>) -> Result<(), Undecodable>;

    /// Shows the pictures that wait for their turn.
    fn flush(&mut self, show: &mut Show<'_, T>);

    /// Frames are missing right before the newest one, as far as the stream itself says.
    fn follows_gap(&self) -> bool;

    /// Pictures that are decoded before one is shown: the delay of the stream's own order.
    fn reorder_depth(&self) -> usize;

    /// Another stream may follow: what was learnt of the order of this one does not hold.
    fn reset_order(&mut self);
}

/// Takes a picture and the tag of its frame.
pub type Show<'a, T> = dyn FnMut(T, Planes<'_>) + 'a;

/// The decoder's library does not start.
#[derive(Debug, thiserror::Error)]
#[error("the {codec} decoder does not start: {reason}")]
pub struct OpenError {
    codec: &'static str,
    reason: String,
}

/// A frame that gave no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access unit came, {}", self.clause())]
pub struct Undecodable {
    /// What was missing.
    pub missing: Missing,
    /// What is wrong and what helps, as a `clause` goes on. Units in a row share it.
    pub why: Arc<str>,
    /// The decoder would have had a picture to show, had nothing been lost before it.
    pub is_frame: bool,
}

impl Undecodable {
    /// The end of a sentence that begins "3 access units came, ".
    pub(crate) fn clause(&self) -> String {
        let conjunction = match self.missing {
            Missing::Parameters => "without",
            Missing::EntryPoint | Missing::Support => "but",
        };
        format!("{conjunction} {}", self.why)
    }
}

/// What a frame needs to give a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The stream's parameters, which come before or beside its frames.
    Parameters,
    /// A key frame or another entry point before it.
    EntryPoint,
    /// A decoder that supports it.
    Support,
}

/// A 4:2:0 picture in planes that somebody else owns.
///
/// Luma is `width × height`, chroma `⌈width/2⌉ × ⌈height/2⌉`; rows are `luma_stride` and `chroma_stride` bytes apart, and
/// each plane holds at least `stride × (rows − 1) + columns` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    /// Width × height of the luma plane.
    pub size: Size,
    /// Luma.
    pub y: &'a [u8],
    /// Blue difference.
    pub u: &'a [u8],
    /// Red difference.
    pub v: &'a [u8],
    /// Bytes between luma rows.
    pub luma_stride: usize,
    /// Bytes between chroma rows.
    pub chroma_stride: usize,
}

impl<'a> Planes<'a> {
    /// The luma plane, to read a code in.
    pub fn luma(&self) -> Luma<'a> {
        Luma {
            data: self.y,
            width: self.size.width as usize,
            height: self.size.height as usize,
            stride: self.luma_stride,
        }
    }

    /// Copies them into a picture of their size.
    pub fn copy_to(&self, picture: &mut Picture) {
        let Self { size, y, u, v, luma_stride, chroma_stride } = *self;
        let [to_y, to_u, to_v] = picture.planes_mut();
        copy(y, luma_stride, to_y, size);
        copy(u, chroma_stride, to_u, size.chroma());
        copy(v, chroma_stride, to_v, size.chroma());
    }
}

fn copy(from: &[u8], stride: usize, to: &mut [u8], size: Size) {
    let width = size.width as usize;
    for (from, to) in from.chunks(stride).zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&from[..width]);
    }
}

impl<'a> From<&'a Picture> for Planes<'a> {
    fn from(picture: &'a Picture) -> Self {
        let [y, u, v] = picture.planes();
        let size = picture.size();
        Self { size, y, u, v, luma_stride: size.width as usize, chroma_stride: size.chroma().width as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lose_what_lies_between_them() {
        let size = Size::new(3, 2);
        let (y, u, v) = ([1, 2, 3, 99, 4, 5, 6], [7, 8, 99], [9, 10, 99]);
        let planes = Planes { size, y: &y, u: &u, v: &v, luma_stride: 4, chroma_stride: 3 };
        let mut picture = Picture::black(size);
        planes.copy_to(&mut picture);
        assert_eq!(picture.data(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
