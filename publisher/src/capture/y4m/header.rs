//! The first line of a y4m stream.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use common::frame::Size;

use crate::capture::Format;
use crate::rate::FrameRate;

/// Any input of bytes.
pub type Input = Box<dyn Read + Send>;

/// Longest header line; the y4m crate's own limit.
const MAX_LINE: u64 = 1024;
/// What a y4m stream begins with.
const MAGIC: &[u8] = b"YUV4MPEG2 ";
/// Bytes asked of the system at once; the crate reads header lines byte by byte.
const BUFFER: usize = 1 << 20;

/// Why a stream has no header that could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing.
    #[error("is empty: it holds no picture")]
    Empty,
    /// It ends before its first line does.
    #[error("ends inside its y4m header")]
    Cut,
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
        let is_cut = (line.len() as u64) < MAX_LINE && !line.ends_with(b"\n");
        match line.last() {
            None => Err(Error::Empty),
            Some(_) if is_cut && (line.starts_with(MAGIC) || MAGIC.starts_with(&line)) => Err(Error::Cut),
            Some(_) if !line.starts_with(MAGIC) => Err(Error::NotY4m),
            Some(b'\n') => Ok(Self { line, rest }),
            Some(_) => Err(Error::Endless),
        }
    }

    /// Whether it gives a frame rate: `F0:0` stands for an unknown one.
    pub fn has_rate(&self) -> bool {
        self.field(b'F').is_some_and(|rate| rate != b"0:0")
    }

    /// Size and rate of the pictures; the rate is `unknown` where it [has none](Self::has_rate).
    ///
    /// # Errors
    /// Why the y4m crate cannot read them, or not as 8-bit 4:2:0.
    pub fn format(&self, unknown: FrameRate) -> Result<Format, String> {
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
        let size = Size::new(width, height);
        if !self.has_rate() {
            return Ok(Format { size, rate: unknown });
        }
        let ratio = header.get_framerate();
        let rate = FrameRate::new(ratio.num as u64, ratio.den as u64);
        let rate =
            rate.map_err(|_| format!("has a frame rate of {ratio}: set the right one with --fps, as in --fps 30"))?;
        Ok(Format { size, rate })
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
        assert!(matches!(header(""), Err(Error::Empty)));
        for text in ["RIFF", "YUV5", "YUV4MPEG 2 W2 H2\n", "\n"] {
            assert!(matches!(header(text), Err(Error::NotY4m)), "{text:?}");
        }
        for text in ["Y", "YUV4MPEG2", "YUV4MPEG2 W2 H2"] {
            assert!(matches!(header(text), Err(Error::Cut)), "{text:?}");
        }
        let endless = [MAGIC, &vec![b'W'; 1 << 20]].concat();
        assert!(matches!(header(endless), Err(Error::Endless)));
    }

    #[test]
    fn a_rate_that_is_not_given_is_the_one_that_is_handed_in() {
        for (fields, has_rate, rate) in [("F0:0", false, "25"), ("", false, "25"), ("F30:1", true, "30")] {
            let header = header(format!("YUV4MPEG2 W2 H2 {fields}\n")).expect(fields);
            let format = header.format(FrameRate::TWENTY_FIVE).expect(fields);
            assert_eq!((header.has_rate(), format.rate.to_string().as_str()), (has_rate, rate), "{fields}");
        }
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
            ("W2 H2 F0:1", "0:1"),
            ("W2 H2 F100000:1", "--fps"),
        ] {
            let header = header(format!("YUV4MPEG2 {fields}\n")).expect(fields);
            let why = header.format(FrameRate::TWENTY_FIVE).expect_err(fields);
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
