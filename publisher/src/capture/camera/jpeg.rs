//! Motion JPEG to I420: YCbCr as it is in the file, without a detour through RGB.

use common::frame::{Picture, Size};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Start of image, the first bytes of a JPEG.
const SOI: [u8; 2] = [0xff, 0xd8];
/// Marker of Huffman tables.
const DHT: u8 = 0xc4;
/// Marker of a scan: the segments before the picture's data end here.
const SOS: u8 = 0xda;
/// The segment by which the decoder knows a picture of a video, and takes the usual Huffman tables for missing ones.
const AVI1: &[u8] = b"\xff\xe0\x00\x07AVI1\0";

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
        if has_tables(jpeg) {
            return self.decode_whole(jpeg, picture);
        }
        let rest = jpeg.get(SOI.len()..).unwrap_or_default();
        self.decode_whole(&[&SOI, AVI1, rest].concat(), picture)
    }

    fn decode_whole(&mut self, jpeg: &[u8], picture: &mut Picture) -> Result<(), Error> {
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

/// Whether `jpeg` brings its Huffman tables; cameras may leave out the usual ones (ITU-T T.81, annex K.3) to save
/// bytes. What is no chain of segments (annex B.1.1.4) counts as having them: the decoder finds what is wrong.
fn has_tables(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(SOI.len()..).unwrap_or_default();
    while let [0xff, marker, high, low, ..] = *rest {
        match marker {
            DHT => return true,
            SOS => return false,
            _ => rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default(),
        }
    }
    true
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
        for jpeg in [grey_jpeg(), grey_jpeg_without_tables()] {
            Decoder::new().decode(&jpeg, &mut picture).expect("a JPEG");
            let [y, u, v] = picture.planes();
            // Grey 128 in full range is 126 in limited range.
            assert!(y.iter().all(|&y| y == 126), "{y:?}");
            assert!(u.iter().chain(v).all(|&c| c == 128));
            picture.data_mut().fill(1);
        }
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

    /// The smallest baseline JPEG of one component: quantizers of 1, Huffman tables with the one symbol that is needed,
    /// and four blocks that hold nothing, which is grey 128 (ITU-T T.81, annex B).
    fn grey_jpeg() -> Vec<u8> {
        // One code, of one bit, for symbol 0: no difference (DC), end of block (AC). Each block is two zero bits.
        let table = |class| [&[class, 1][..], &[0; 15], &[0]].concat();
        jpeg_of(&[(DHT, table(0x00)), (DHT, table(0x10))], &[0x00])
    }

    /// The same with the usual tables, left out: no difference is 00, end of block 1010 (annex K.3).
    fn grey_jpeg_without_tables() -> Vec<u8> {
        jpeg_of(&[], &[0b0010_1000, 0b1010_0010, 0b1000_1010])
    }

    fn jpeg_of(tables: &[(u8, Vec<u8>)], data: &[u8]) -> Vec<u8> {
        let quantizers = (0xdb, [&[0][..], &[1; 64]].concat());
        let frame = (0xc0, vec![8, 0, SIDE as u8, 0, SIDE as u8, 1, 1, 0x11, 0]);
        let scan = (SOS, vec![1, 1, 0x00, 0, 63, 0]);
        let mut jpeg = SOI.to_vec();
        for (marker, body) in [quantizers, frame].iter().chain(tables).chain([&scan]) {
            jpeg.extend([0xff, *marker]);
            jpeg.extend((body.len() as u16 + 2).to_be_bytes());
            jpeg.extend(body);
        }
        jpeg.extend(data);
        jpeg.extend([0xff, 0xd9]);
        jpeg
    }
}
