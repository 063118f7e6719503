//! Decoding: one access unit in, one picture out, none late; and those that are shown in another order than they are decoded in
//! wait for their turn.

pub mod begin;
mod open;
pub mod openh264;
pub mod ordered;
#[cfg(test)]
pub(crate) mod testing;

use common::frame::{Luma, Picture, Size};
pub(crate) use open::open;

/// Turns access units into pictures.
pub trait Decode {
    /// Decodes one access unit in Annex B form (ITU-T H.264 Annex B: every NAL unit behind a start code) and shows its
    /// picture to `look`, exactly once where it returns `Ok` and never otherwise. The planes stay the decoder's own.
    ///
    /// # Errors
    /// [`Error`] where no picture could be made of it. The decoder stays usable: the next IDR decodes again.
    fn decode(&mut self, annex_b: &[u8], look: &mut dyn FnMut(Planes<'_>)) -> Result<(), Error>;
}

impl<D: Decode + ?Sized> Decode for Box<D> {
    fn decode(&mut self, annex_b: &[u8], look: &mut dyn FnMut(Planes<'_>)) -> Result<(), Error> {
        (**self).decode(annex_b, look)
    }
}

/// Why an access unit gave no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The decoder library could not be set up.
    #[error("the H.264 decoder does not start: {0}")]
    Start(String),
    /// More bytes than [`MAX_ACCESS_UNIT_BYTES`].
    #[error("an access unit of {0} bytes is larger than the {MAX_ACCESS_UNIT_BYTES} that are decoded")]
    TooLarge(usize),
    /// Damaged, or it refers to a picture that never arrived.
    #[error("the access unit does not decode: {0}")]
    Broken(String),
    /// The decoder took it and gave no picture.
    #[error("the access unit holds no whole picture")]
    NoPicture,
    /// Neither the stream nor the session description has brought both parameter sets yet.
    #[error("no parameter sets came yet")]
    NoParameterSets,
    /// It is no IDR picture and no recovery point, and decoding has to begin with one.
    #[error("no key frame came yet, or none since a picture was lost")]
    NoStart,
    /// It follows a recovery point, and its picture is not right yet (ITU-T H.264 annex D.2.8).
    #[error("the picture is not complete yet after the recovery point")]
    Recovering,
    /// It is shown before the recovery point that decoding began at, and may refer to what came before that.
    #[error("the picture is shown before the one that decoding began with")]
    Leading,
    /// A picture larger than any part of framelag takes.
    #[error("a picture of {0} is larger than {max}x{max}", max = Size::MAX_SIDE)]
    TooLargePicture(Size),
}

/// The largest access unit that is decoded, in bytes: an intra picture at the top bit rate of H.264 level 6.2 (800 Mbit/s)
/// at 50 pictures per second is 2 MB.
pub const MAX_ACCESS_UNIT_BYTES: usize = 8 << 20;

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
