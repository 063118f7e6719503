//! YUV4MPEG2 ("y4m") through the `y4m` crate. 8-bit 4:2:0 only; others go through ffmpeg.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::frame::Picture;

use super::{Error, Format, ahead};
use crate::rate::FrameRate;

mod header;

pub use header::{Error as HeaderError, Header, Input};

/// Reads pictures of a y4m stream.
pub struct Reader {
    name: String,
    decoder: y4m::Decoder<Counted>,
    /// Bytes taken from the input: the crate does not tell an end between pictures from one within.
    consumed: Arc<AtomicU64>,
    /// Pictures read so far.
    pictures: u64,
}

impl Reader {
    /// Reads the pictures after `header` of what messages call `name`, and says what they are like; their rate is `unknown`
    /// where the header gives none.
    ///
    /// # Errors
    /// [`Error::Unusable`] where [`Header::format`] has none.
    pub fn new(name: String, header: Header, unknown: FrameRate) -> Result<(Self, Format), Error> {
        let format = match header.format(unknown) {
            Ok(format) => format,
            Err(why) => return Err(Error::Unusable { name, why }),
        };
        let consumed = Arc::new(AtomicU64::new(0));
        let input = Counted { input: Box::new(header.into_stream()), consumed: consumed.clone() };
        match y4m::Decoder::new(input) {
            Ok(decoder) => Ok((Self { name, decoder, consumed, pictures: 0 }, format)),
            Err(why) => Err(Error::Unusable { name, why: format!("has a y4m header that is wrong: {why}") }),
        }
    }

    fn copy_next(&mut self, picture: &mut Picture) -> Result<(), y4m::Error> {
        let frame = self.decoder.read_frame()?;
        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
        for (to, from) in picture.planes_mut().into_iter().zip(planes) {
            if to.len() != from.len() {
                return Err(y4m::Error::BadInput);
            }
            to.copy_from_slice(from);
        }
        Ok(())
    }

    fn broken(&self, why: &str) -> Error {
        Error::Broken { name: self.name.clone(), why: format!("{why} picture {}", self.pictures + 1) }
    }
}

impl ahead::Reader for Reader {
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
        let before = self.consumed.load(Ordering::Relaxed);
        let copied = self.copy_next(picture);
        let consumed = self.consumed.load(Ordering::Relaxed) > before;
        match copied {
            Ok(()) => {
                self.pictures += 1;
                Ok(true)
            }
            Err(y4m::Error::EOF) if consumed => Err(self.broken("is cut off in")),
            Err(y4m::Error::EOF) => Ok(false),
            Err(y4m::Error::IoError(why)) => Err(self.broken(&format!("cannot be read ({why}) at"))),
            Err(_) => Err(self.broken("has no FRAME line where it should, before")),
        }
    }
}

/// Counts the bytes that are read through it.
struct Counted {
    input: Input,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::ahead::Reader as _;
    use super::*;
    use common::frame::Size;
    use std::io::Cursor;

    fn reader(bytes: impl Into<Vec<u8>>) -> (Reader, Format) {
        let header = Header::read(Box::new(Cursor::new(bytes.into()))).expect("a header");
        Reader::new("clip".to_owned(), header, FrameRate::THIRTY).expect("4:2:0")
    }

    /// A file of `count` 2x2 pictures, the first sample of each its number.
    fn stream(count: u8) -> Vec<u8> {
        let mut bytes = b"YUV4MPEG2 W2 H2 F30000:1001 Ip A1:1 C420jpeg XX\n".to_vec();
        for number in 0..count {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(&[number, 1, 2, 3, 4, 5]);
        }
        bytes
    }

    /// The first samples of the pictures, and how they end.
    fn samples(mut reader: Reader) -> (Vec<u8>, Result<bool, String>) {
        let mut samples = Vec::new();
        let mut picture = Picture::black(Size::new(2, 2));
        loop {
            match reader.read(&mut picture) {
                Ok(true) => samples.push(picture.data()[0]),
                end => return (samples, end.map_err(|error| error.to_string())),
            }
        }
    }

    #[test]
    fn pictures_and_rate() {
        let (reader, format) = reader(stream(3));
        assert_eq!(format.size, Size::new(2, 2));
        assert_eq!(format.rate.to_string(), "30000/1001");
        assert_eq!(samples(reader), (vec![0, 1, 2], Ok(false)));
    }

    #[test]
    fn a_stream_cut_anywhere_in_a_picture_names_it() {
        let whole = stream(2);
        let header = stream(0).len();
        for end in (header + 1..whole.len()).filter(|end| *end != header + 12) {
            let (pictures, cut) = samples(reader(&whole[..end]).0);
            assert_eq!(pictures.len(), (end - header) / 12);
            assert_eq!(cut, Err(format!("clip is cut off in picture {}", pictures.len() + 1)), "cut at {end}");
        }
    }

    #[test]
    fn garbage_between_pictures_is_an_error_that_names_the_place() {
        let (pictures, error) = samples(reader([stream(1), b"GARBAGE LINE\n".to_vec()].concat()).0);
        let error = error.expect_err("garbage");
        assert_eq!(pictures, [0]);
        assert!(error.contains("FRAME") && error.contains("picture 2"), "{error}");
    }
}
