//! The first line of a y4m stream.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use common::frame::Size;

use super::Input;
use crate::capture::Format;
use crate::rate::FrameRate;

/// Longest header line; the y4m crate's own limit.
const MAX_LINE: u64 = 1024;
/// What a y4m stream begins with.
const MAGIC: &[u8] = b"YUV4MPEG2 ";
/// Bytes asked of the system at once; the crate reads header lines byte by byte.
const BUFFER: usize = 1 << 20;

/// Why a stream has no header that could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It begins with something else.
    #[error("is not y4m: it does not begin with YUV4MPEG2 (ffmpeg writes it with -f yuv4mpegpipe)")]
    NotY4m,
    /// The line has no end.
    #[error("has a y4m header that does not end within {MAX_LINE} bytes")]
    Endless,
    /// The system's reason.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The first line of a y4m stream, and what comes after it.
pub struct Header {
    line: Vec<u8>,
    rest: BufReader<Input>,
}

impl Header {
    /// Reads the first line of `input`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(input: Input) -> Result<Self, Error> {
        let mut rest = BufReader::with_capacity(BUFFER, input);
        let mut line = Vec::new();
        rest.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        match line.last() {
            _ if !line.starts_with(MAGIC) => Err(Error::NotY4m),
            Some(b'\n') => Ok(Self { line, rest }),
            _ => Err(Error::Endless),
        }
    }

    /// Size and rate of the pictures.
    ///
    /// # Errors
    /// Why the y4m crate cannot read them, or not as 8-bit 4:2:0.
    pub fn format(&self) -> Result<Format, String> {
        // The crate multiplies the sides before it looks at them.
        let (Some(width), Some(height)) = (self.side(b'W'), self.side(b'H')) else {
            return Err(format!("has no picture size of 1x1 to {0}x{0} in its y4m header", Size::MAX_SIDE));
        };
        let header = y4m::Decoder::new(&*self.line).map_err(|why| match why {
            y4m::Error::UnknownColorspace => "has a colour space that only ffmpeg reads".to_owned(),
            why => format!("has a y4m header that is wrong: {why}"),
        })?;
        let colours = header.get_colorspace();
        if !is_420(colours) {
            let tag = self.field(b'C').unwrap_or_default();
            return Err(format!("has colour space {}, not 8-bit 4:2:0", String::from_utf8_lossy(tag)));
        }
        let ratio = header.get_framerate();
        let rate = FrameRate::new(ratio.num as u64, ratio.den as u64);
        let rate =
            rate.map_err(|_| format!("has a frame rate of {ratio}: say the right one with --fps, as in --fps 30"))?;
        Ok(Format { size: Size::new(width, height), rate })
    }

    /// The whole stream, the first line too.
    pub fn into_stream(self) -> impl Read + Send + 'static {
        Cursor::new(self.line).chain(self.rest)
    }

    /// The side that stands under `tag`, where it is one.
    fn side(&self, tag: u8) -> Option<u32> {
        let number = std::str::from_utf8(self.field(tag)?).ok()?.parse().ok()?;
        (1..=Size::MAX_SIDE).contains(&number).then_some(number)
    }

    /// What stands under `tag`. Where it is given twice, the crate takes the last.
    fn field(&self, tag: u8) -> Option<&[u8]> {
        let fields = self.line.trim_ascii_end().split(|&byte| byte == b' ').skip(1);
        fields.filter_map(|field| field.strip_prefix(&[tag])).last()
    }
}

fn is_420(colours: y4m::Colorspace) -> bool {
    use y4m::Colorspace::{C420, C420jpeg, C420mpeg2, C420paldv};
    matches!(colours, C420 | C420jpeg | C420mpeg2 | C420paldv)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: impl Into<Vec<u8>>) -> Result<Header, Error> {
        Header::read(Box::new(Cursor::new(bytes.into())))
    }

    #[test]
    fn what_is_not_y4m_is_told_from_y4m_that_is_wrong() {
        for text in ["", "RIFF", "YUV4MPEG2", "YUV4MPEG 2 W2 H2\n"] {
            assert!(matches!(header(text), Err(Error::NotY4m)), "{text:?}");
        }
        let endless = [MAGIC, &vec![b'W'; 1 << 20]].concat();
        assert!(matches!(header(endless), Err(Error::Endless)));
        assert!(matches!(header("YUV4MPEG2 W2 H2"), Err(Error::Endless)));
    }

    #[test]
    fn what_the_crate_cannot_read_is_said_without_allocating() {
        for (fields, hint) in [
            ("F30:1", "size"),
            ("W0 H2 F30:1", "size"),
            ("W-2 H2 F30:1", "size"),
            ("W99999999999999999999 H99999999999999999999", "size"),
            ("W4294967295 H4294967295", "size"),
            ("W2 H2 W999999999 F30:1", "size"),
            ("W2 H2 Fx F30:1", "header"),
            ("W2 H2 F30:1 C411", "colour"),
            ("W2 H2 F30:1 C422", "422"),
            ("W2 H2 F30:1 C444p10", "444p10"),
            ("W2 H2 F30:1 Cmono", "mono"),
            ("W2 H2 F0:0", "0:0"),
            ("W2 H2 F100000:1", "--fps"),
        ] {
            let header = header(format!("YUV4MPEG2 {fields}\n")).expect(fields);
            let why = header.format().expect_err(fields);
            assert!(why.contains(hint), "{fields:?}: {why}");
        }
    }

    #[test]
    fn the_stream_still_begins_with_its_header() {
        let bytes = b"YUV4MPEG2 W2 H2 F30:1 C411\nFRAME\n123456";
        let mut stream = Vec::new();
        let header = header(*bytes).expect("a header");
        header.into_stream().read_to_end(&mut stream).expect("memory can be read");
        assert_eq!(stream, bytes);
    }
}
