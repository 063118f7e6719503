//! YUV4MPEG2 ("y4m"): pictures in a file or a pipe, read and written. 8-bit 4:2:0 alone, which any player shows.
//!
//! A stream is a line of fields, then for each picture a line that begins with `FRAME`, and its planes. Ours may say more: the
//! first line where the publisher painted (`XCODE=X,Y,WIDTH,HEIGHT` is the corner code, `XTEXT=…` the text beside it), and
//! each `FRAME` line the picture's sequence number (`XSEQ=n`).

use std::fmt;
use std::io::{self, BufRead, Cursor, ErrorKind, Read, Write};

use crate::code::Rect;
use crate::frame::{Picture, Size};
use crate::printable::excerpt;

/// First bytes of a stream.
const MAGIC: &str = "YUV4MPEG2";
/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 1024;
/// How much of a wrong field an error quotes.
const EXCERPT_CHARS: usize = 64;

/// What is wrong with a stream, to be said after its name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing.
    #[error("is empty: it holds no picture")]
    Empty,
    /// It ends before its first line does.
    #[error("ends inside its y4m header")]
    CutHeader,
    /// It begins with something else.
    #[error("is not y4m: it does not begin with YUV4MPEG2 (ffmpeg writes it with -f yuv4mpegpipe)")]
    NotY4m,
    /// The first line has no end.
    #[error("has a y4m header that does not end within {MAX_LINE} bytes")]
    Endless,
    /// No usable width and height.
    #[error("has no picture size of 1x1 to {max}x{max} in its y4m header", max = Size::MAX_SIDE)]
    Size,
    /// Not a fraction.
    #[error("has \"{0}\" for a frame rate in its y4m header")]
    Rate(String),
    /// Another colour space.
    #[error("has colour space \"{0}\", not 8-bit 4:2:0 (ffmpeg writes it with -pix_fmt yuv420p)")]
    Colours(String),
    /// `XCODE` or `XTEXT`.
    #[error("has \"{0}\" in its y4m header, which is no area X,Y,WIDTH,HEIGHT inside its pictures")]
    Area(String),
    /// It ends inside the picture with this number, counted from 1.
    #[error("is cut off in picture {0}")]
    Cut(u64),
    /// The line before this picture has no end.
    #[error("has a FRAME line before picture {0} that does not end within {MAX_LINE} bytes")]
    EndlessFrame(u64),
    /// Something else stands where this picture should begin.
    #[error("has no FRAME line where picture {0} should begin")]
    NotAFrame(u64),
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The first line, to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Size of every picture.
    pub size: Size,
    /// Pictures per second, as a fraction; 0:0 where it is not known.
    pub rate: (u64, u64),
    /// What the corner code covers, where that is known.
    pub code: Option<Rect>,
    /// What the publisher's text covers, where there is one.
    pub text: Option<Rect>,
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

fn area(text: &str, size: Size) -> Result<Rect, Error> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height])
            if x <= size.width && width <= size.width - x && y <= size.height && height <= size.height - y =>
        {
            Ok(Rect { x, y, width, height })
        }
        _ => Err(Error::Area(excerpt(text, EXCERPT_CHARS))),
    }
}

/// The line before a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The picture's sequence number, where it has one.
    pub sequence: Option<u32>,
}

impl fmt::Display for Frame {
    /// Without the line's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            Some(sequence) => write!(f, "FRAME XSEQ={sequence}"),
            None => write!(f, "FRAME"),
        }
    }
}

impl Frame {
    /// Writes the line and its picture.
    ///
    /// # Errors
    /// That of `out`.
    pub fn write(self, out: &mut impl Write, picture: &Picture) -> io::Result<()> {
        out.write_all(format!("{self}\n").as_bytes())?;
        out.write_all(picture.data())?;
        out.flush()
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("FRAME"))
            .then(|| Self { sequence: words.find_map(|word| word.strip_prefix("XSEQ=")?.parse().ok()) })
    }
}

/// Reads a stream that may be anything.
#[derive(Debug)]
pub struct Reader<R> {
    first: Vec<u8>,
    rest: R,
    count: u64,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// Where there is none of y4m: [`Error::Empty`], [`Error::CutHeader`], [`Error::NotY4m`], [`Error::Endless`], [`Error::Io`].
    pub fn open(mut rest: R) -> Result<Self, Error> {
        let first = line(&mut rest)?;
        let magic = format!("{MAGIC} ").into_bytes();
        let is_cut = (first.len() as u64) < MAX_LINE && !first.ends_with(b"\n");
        match first.last() {
            None => Err(Error::Empty),
            Some(_) if is_cut && (first.starts_with(&magic) || magic.starts_with(&first)) => Err(Error::CutHeader),
            Some(_) if !first.starts_with(&magic) => Err(Error::NotY4m),
            Some(b'\n') => Ok(Self { first, rest, count: 0 }),
            Some(_) => Err(Error::Endless),
        }
    }

    /// Size of every picture, which is 8-bit 4:2:0.
    ///
    /// # Errors
    /// [`Error::Size`], or [`Error::Colours`] if the pictures are something else.
    pub fn size(&self) -> Result<Size, Error> {
        let sides = [b'W', b'H'].map(|name| self.field(&[name]).unwrap_or_default());
        let size = sides.join("x").parse::<Size>().map_err(|_| Error::Size)?;
        let colours = self.field(b"C").unwrap_or_else(|| "420".to_owned());
        match colours.as_str() {
            "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(size),
            _ => Err(Error::Colours(excerpt(&colours, EXCERPT_CHARS))),
        }
    }

    /// Pictures per second, as a fraction; 0:0 if it is not known.
    ///
    /// # Errors
    /// [`Error::Rate`].
    pub fn rate(&self) -> Result<(u64, u64), Error> {
        let Some(rate) = self.field(b"F") else { return Ok((0, 0)) };
        let fraction = rate.split_once(':').and_then(|(rate, per)| Some((rate.parse().ok()?, per.parse().ok()?)));
        fraction.ok_or_else(|| Error::Rate(excerpt(&rate, EXCERPT_CHARS)))
    }

    /// What the corner code and the publisher's text cover, if they are known.
    ///
    /// # Errors
    /// [`Error::Area`], and those of [`Reader::size`].
    pub fn areas(&self) -> Result<[Option<Rect>; 2], Error> {
        let size = self.size()?;
        let area = |name: &[u8]| self.field(name).map(|text| area(&text, size)).transpose();
        Ok([area(b"XCODE=")?, area(b"XTEXT=")?])
    }

    /// What follows `name` in the first line. The last of several counts.
    fn field(&self, name: &[u8]) -> Option<String> {
        let value = self.first.split(u8::is_ascii_whitespace).rev().find_map(|word| word.strip_prefix(name))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Pictures read so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Reads the next picture into `planes`, all three of the header's size; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Cut`], [`Error::EndlessFrame`], [`Error::NotAFrame`], [`Error::Io`].
    pub fn next(&mut self, planes: &mut [u8]) -> Result<Option<Frame>, Error> {
        let number = self.count + 1;
        let line = line(&mut self.rest)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") && b"FRAME".starts_with(&line[..line.len().min(5)]) {
            let is_cut = (line.len() as u64) < MAX_LINE;
            return Err(if is_cut { Error::Cut(number) } else { Error::EndlessFrame(number) });
        }
        let frame = Frame::parse(&String::from_utf8_lossy(&line)).ok_or(Error::NotAFrame(number))?;
        self.rest.read_exact(planes).map_err(|why| match why.kind() {
            ErrorKind::UnexpectedEof => Error::Cut(number),
            _ => Error::Io(why),
        })?;
        self.count = number;
        Ok(Some(frame))
    }

    /// The bytes of the whole stream, where none of its pictures was read.
    pub fn into_stream(self) -> impl Read + use<R> {
        Cursor::new(self.first).chain(self.rest)
    }
}

/// A line with its end, where that comes in time.
fn line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests;
