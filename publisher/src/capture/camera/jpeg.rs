//! Motion JPEG to I420: YCbCr as it is in the file, without a detour through RGB.

use common::frame::{Picture, Size};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Decodes one picture after another.
pub struct Decoder {
    options: DecoderOptions,
    /// Y Cb Cr in turn, full range, of the last picture.
    pixels: Vec<u8>,
    luma: [u8; 256],
    chroma: [u8; 256],
}

/// Why a JPEG is not shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a whole JPEG.
    #[error("{0}")]
    Garbled(String),
    /// A JPEG of another size than the mode's.
    #[error("it is {found}, not {expected}")]
    Size {
        /// Its size.
        found: Size,
        /// The mode's.
        expected: Size,
    },
}

impl Decoder {
    /// A decoder for pictures up to [`Size::MAX_SIDE`].
    pub fn new() -> Self {
        let side = Size::MAX_SIDE as usize;
        let options = DecoderOptions::new_fast()
            .set_max_width(side)
            .set_max_height(side)
            .jpeg_set_out_colorspace(ColorSpace::YCbCr);
        Self { options, pixels: Vec::new(), luma: squeeze(16.0, 0.0, 219.0), chroma: squeeze(128.0, 128.0, 224.0) }
    }

    /// Decodes `jpeg` into `picture`: chroma is the mean of four samples, full range (JFIF) becomes limited range.
    /// Bytes after the picture's end are ignored.
    ///
    /// # Errors
    /// [`Error`]; `picture` is then as it was.
    pub fn decode(&mut self, jpeg: &[u8], picture: &mut Picture) -> Result<(), Error> {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), self.options);
        let garbled = |why: zune_jpeg::errors::DecodeErrors| Error::Garbled(why.to_string());
        decoder.decode_headers().map_err(garbled)?;
        let expected = picture.size();
        let (width, height) = decoder.dimensions().unwrap_or_default();
        if (width, height) != (expected.width as usize, expected.height as usize) {
            return Err(Error::Size { found: Size::new(width as u32, height as u32), expected });
        }
        if decoder.input_colorspace() == Some(ColorSpace::Luma) {
            decoder.set_options(self.options.jpeg_set_out_colorspace(ColorSpace::Luma));
            self.pixels.resize(expected.area(), 0);
            decoder.decode_into(&mut self.pixels).map_err(garbled)?;
            self.fill_grey(picture);
        } else {
            self.pixels.resize(3 * expected.area(), 0);
            decoder.decode_into(&mut self.pixels).map_err(garbled)?;
            self.fill(picture);
        }
        Ok(())
    }

    fn fill(&self, picture: &mut Picture) {
        let width = picture.size().width as usize;
        let [y, u, v] = picture.planes_mut();
        for (luma, pixel) in y.iter_mut().zip(self.pixels.as_chunks::<3>().0) {
            *luma = self.luma[usize::from(pixel[0])];
        }
        let chroma = u.chunks_exact_mut(width / 2).zip(v.chunks_exact_mut(width / 2));
        for (rows, (u, v)) in self.pixels.chunks_exact(6 * width).zip(chroma) {
            let (above, below) = rows.split_at(3 * width);
            let squares = above.as_chunks::<6>().0.iter().zip(below.as_chunks::<6>().0);
            for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(squares) {
                let mean =
                    |i: usize| [a[i], a[i + 3], b[i], b[i + 3]].map(usize::from).iter().sum::<usize>().div_ceil(4);
                *u = self.chroma[mean(1)];
                *v = self.chroma[mean(2)];
            }
        }
    }

    fn fill_grey(&self, picture: &mut Picture) {
        let [y, u, v] = picture.planes_mut();
        for (luma, &sample) in y.iter_mut().zip(&self.pixels) {
            *luma = self.luma[usize::from(sample)];
        }
        u.fill(128);
        v.fill(128);
    }
}

/// Full-range samples in limited range (BT.601): `middle + (sample − zero) · span / 255`.
fn squeeze(middle: f64, zero: f64, span: f64) -> [u8; 256] {
    std::array::from_fn(|sample| (middle + (sample as f64 - zero) * span / 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width and height of the JPEG that is made by hand below.
    const SIDE: u32 = 16;

    #[test]
    fn full_range_becomes_limited_range() {
        let decoder = Decoder::new();
        assert_eq!([0, 128, 255].map(|y| decoder.luma[y]), [16, 126, 235]);
        assert_eq!([0, 128, 255].map(|c| decoder.chroma[c]), [16, 128, 240]);
    }

    #[test]
    fn chroma_is_the_mean_of_four_and_luma_is_kept() {
        let mut decoder = Decoder::new();
        // Two rows of two: Y Cb Cr each.
        decoder.pixels = vec![0, 100, 10, 255, 104, 20, 51, 100, 10, 102, 104, 20];
        let mut picture = Picture::black(Size::new(2, 2));
        decoder.fill(&mut picture);
        let expected = [16, 235, 60, 104, decoder.chroma[102], decoder.chroma[15]];
        assert_eq!(picture.data(), expected);
    }

    #[test]
    fn a_jpeg_of_one_grey_comes_out_as_that_grey() {
        let mut picture = Picture::black(Size::new(SIDE, SIDE));
        Decoder::new().decode(&grey_jpeg(), &mut picture).expect("a JPEG");
        let [y, u, v] = picture.planes();
        // Grey 128 in full range is 126 in limited range.
        assert!(y.iter().all(|&y| y == 126), "{y:?}");
        assert!(u.iter().chain(v).all(|&c| c == 128));
    }

    #[test]
    fn what_is_no_jpeg_of_the_right_size_leaves_the_picture() {
        let black = Picture::black(Size::new(SIDE, 8));
        let mut picture = black.clone();
        let error = Decoder::new().decode(&grey_jpeg(), &mut picture).expect_err("another size");
        assert_eq!(error.to_string(), "it is 16x16, not 16x8");
        let jpeg = grey_jpeg();
        for cut in 0..jpeg.len() - 4 {
            let _ = Decoder::new().decode(&jpeg[..cut], &mut picture);
        }
        assert!(Decoder::new().decode(&[], &mut picture).is_err());
        assert_eq!(picture, black);
    }

    /// The smallest baseline JPEG of one component: quantizers of 1, a Huffman table with the one symbol that is
    /// needed, and four blocks that hold nothing, which is grey 128 (ITU-T T.81, annex B).
    fn grey_jpeg() -> Vec<u8> {
        let mut jpeg = vec![0xff, 0xd8];
        let mut segment = |marker: u8, body: &[u8]| {
            jpeg.extend([0xff, marker]);
            jpeg.extend((body.len() as u16 + 2).to_be_bytes());
            jpeg.extend(body);
        };
        segment(0xdb, &[&[0][..], &[1; 64]].concat());
        segment(0xc0, &[8, 0, SIDE as u8, 0, SIDE as u8, 1, 1, 0x11, 0]);
        for table in [0x00, 0x10] {
            // One code, of one bit, for symbol 0: no difference (DC), end of block (AC).
            segment(0xc4, &[&[table, 1][..], &[0; 15], &[0]].concat());
        }
        segment(0xda, &[1, 1, 0x00, 0, 63, 0]);
        // Four blocks of two zero bits each, and the end of the picture.
        jpeg.extend([0x00, 0xff, 0xd9]);
        jpeg
    }
}
