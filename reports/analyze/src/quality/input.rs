//! Pictures with numbers, out of a file that may be anything.

use std::io::{self, BufRead, Read};

use common::frame::{Picture, Size};
use common::pictures::{Header, HeaderError, sequence_in};

use super::error::{Error, InputError, Side};

/// Longest line, in bytes.
const MAX_LINE: u64 = 1024;

/// Pictures, one at a time.
pub struct Input<R> {
    side: Side,
    input: R,
    header: Header,
    /// The newest picture, all planes.
    picture: Vec<u8>,
    count: u64,
}

impl<R: BufRead> Input<R> {
    /// Reads the first line.
    pub fn open(side: Side, mut input: R) -> Result<Self, Error> {
        let header = header(&mut input).map_err(|why| Error::Input { side, why })?;
        Ok(Self { side, input, header, picture: Vec::new(), count: 0 })
    }

    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Pictures read so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Luma of the newest picture.
    pub fn luma(&self) -> &[u8] {
        &self.picture[..self.header.size.area()]
    }

    /// Reads the next picture and gives its number; `None` at the end.
    pub fn next(&mut self) -> Result<Option<u32>, Error> {
        self.read().map_err(|why| Error::Input { side: self.side, why })
    }

    fn read(&mut self) -> Result<Option<u32>, InputError> {
        let number = self.count + 1;
        let line = line(&mut self.input)?;
        if line.is_empty() {
            return if self.count == 0 { Err(InputError::Empty) } else { Ok(None) };
        }
        if !line.ends_with(b"\n") && b"FRAME".starts_with(&line[..line.len().min(5)]) {
            return Err(InputError::Cut(number));
        }
        let sequence = sequence_in(&String::from_utf8_lossy(&line)).ok_or(InputError::NotAFrame(number))?;
        let sequence = sequence.ok_or(InputError::NoNumber(number))?;
        // Grows with what comes, not with what the header says that there is.
        let bytes = Picture::bytes(self.header.size);
        self.picture.clear();
        self.input.by_ref().take(bytes as u64).read_to_end(&mut self.picture)?;
        if self.picture.len() < bytes {
            return Err(InputError::Cut(number));
        }
        self.count = number;
        Ok(Some(sequence))
    }
}

fn header(input: &mut impl BufRead) -> Result<Header, InputError> {
    let line = line(input)?;
    if line.is_empty() {
        return Err(InputError::Empty);
    }
    if !line.ends_with(b"\n") {
        return Err(HeaderError::NotY4m.into());
    }
    Ok(String::from_utf8_lossy(&line).parse()?)
}

/// A line with its end, where that comes in time.
fn line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(line)
}

// Two of the largest pictures are held at once.
const _: () = assert!(Picture::bytes(Size::new(Size::MAX_SIDE, Size::MAX_SIDE)) < 101 << 20);
