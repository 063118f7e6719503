//! y4m that is 8-bit 4:2:0; other y4m goes through ffmpeg.

use std::io::{BufReader, Read};

use common::frame::Picture;
use common::y4m::{self, Error as Y4mError};

use super::{Error, Format, ahead};
use crate::rate::FrameRate;

/// Any input of bytes.
pub type Input = Box<dyn Read + Send>;

/// A stream whose first line was read.
pub type Stream = y4m::Reader<BufReader<Input>>;

/// Bytes asked of the system at once.
const BUFFER: usize = 1 << 20;

/// Reads the first line of `input`.
///
/// # Errors
/// Where it is not y4m.
pub fn open(input: Input) -> Result<Stream, Y4mError> {
    y4m::Reader::open(BufReader::with_capacity(BUFFER, input))
}

/// Size and rate of the pictures; the rate is `unknown` where the header gives none.
///
/// # Errors
/// Why the pictures cannot be read or played.
pub fn format(stream: &Stream, unknown: FrameRate) -> Result<Format, String> {
    let size = stream.size().map_err(|why| why.to_string())?;
    let (numerator, denominator) = stream.rate().map_err(|why| why.to_string())?;
    let rate = match (numerator, denominator) {
        (0, 0) => unknown,
        _ => FrameRate::new(numerator, denominator).map_err(|_| {
            format!("has a frame rate of {numerator}:{denominator}: set the right one with --fps, as in --fps 30")
        })?,
    };
    Ok(Format { size, rate })
}

/// Reads pictures of a y4m stream.
pub struct Reader {
    name: String,
    stream: Stream,
}

impl Reader {
    /// Reads the pictures of what messages call `name`, and says what they are like; their rate is `unknown` where the header
    /// gives none.
    ///
    /// # Errors
    /// [`Error::Unusable`] where they have no [`format`].
    pub fn new(name: String, stream: Stream, unknown: FrameRate) -> Result<(Self, Format), Error> {
        match format(&stream, unknown) {
            Ok(format) => Ok((Self { name, stream }, format)),
            Err(why) => Err(Error::Unusable { name, why }),
        }
    }
}

impl ahead::Reader for Reader {
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
        match self.stream.next(picture.data_mut()) {
            Ok(frame) => Ok(frame.is_some()),
            Err(why) => Err(Error::Broken { name: self.name.clone(), why: why.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::ahead::Reader as _;
    use super::*;

    fn stream(bytes: impl Into<Vec<u8>>) -> Stream {
        open(Box::new(Cursor::new(bytes.into()))).expect("a header")
    }

    #[test]
    fn a_rate_that_is_not_given_is_the_one_that_is_handed_in() {
        for (fields, rate) in [("F0:0", "25"), ("", "25"), ("F30:1", "30"), ("F30000:1001", "30000/1001")] {
            let stream = stream(format!("YUV4MPEG2 W2 H2 {fields}\n"));
            let format = format(&stream, FrameRate::TWENTY_FIVE).expect(fields);
            assert_eq!(format.rate.to_string(), rate, "{fields}");
        }
        for (fields, hint) in [("F0:1", "0:1"), ("F100000:1", "--fps"), ("F30:1 C422", "422")] {
            let why = format(&stream(format!("YUV4MPEG2 W2 H2 {fields}\n")), FrameRate::TWENTY_FIVE).expect_err(fields);
            assert!(why.contains(hint), "{fields}: {why}");
        }
    }

    #[test]
    fn errors_name_the_input_and_the_picture() {
        let bytes = b"YUV4MPEG2 W2 H2 F30:1\nFRAME\n123456FRAME\n1";
        let (mut reader, format) = Reader::new("clip".to_owned(), stream(*bytes), FrameRate::THIRTY).expect("4:2:0");
        let mut picture = Picture::black(format.size);
        assert!(reader.read(&mut picture).expect("whole"));
        assert_eq!(picture.data(), b"123456");
        assert_eq!(reader.read(&mut picture).expect_err("cut").to_string(), "clip is cut off in picture 2");
    }
}
