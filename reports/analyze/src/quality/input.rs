//! Pictures with numbers, out of a file that may be anything.

use std::io::BufRead;

use common::code::Rect;
use common::frame::{Picture, Size};
use common::y4m::Reader;

use super::error::{Error, InputError, Side};

/// Pictures, one at a time.
pub struct Input<R> {
    side: Side,
    reader: Reader<R>,
    size: Size,
    /// The newest picture, all planes.
    picture: Vec<u8>,
}

impl<R: BufRead> Input<R> {
    /// Reads the first line.
    pub fn open(side: Side, input: R) -> Result<Self, Error> {
        let opened = Reader::open(input).and_then(|reader| Ok((reader.size()?, reader)));
        let (size, reader) = opened.map_err(|why| Error::Input { side, why: why.into() })?;
        // Zeros cost no memory before pictures come: the header alone says little.
        Ok(Self { side, reader, size, picture: vec![0; Picture::bytes(size)] })
    }

    pub const fn size(&self) -> Size {
        self.size
    }

    /// What was painted into the pictures.
    pub fn areas(&self) -> Result<Vec<Rect>, Error> {
        let areas = self.reader.areas().map_err(|why| Error::Input { side: self.side, why: why.into() })?;
        Ok(areas.into_iter().flatten().collect())
    }

    /// Pictures read so far.
    pub const fn count(&self) -> u64 {
        self.reader.count()
    }

    /// Luma of the newest picture.
    pub fn luma(&self) -> &[u8] {
        &self.picture[..self.size.area()]
    }

    /// Reads the next picture and gives its number; `None` at the end.
    pub fn next(&mut self) -> Result<Option<u32>, Error> {
        self.read().map_err(|why| Error::Input { side: self.side, why })
    }

    fn read(&mut self) -> Result<Option<u32>, InputError> {
        match self.reader.next(&mut self.picture)? {
            Some(frame) => frame.sequence.map(Some).ok_or(InputError::NoNumber(self.count())),
            None if self.count() == 0 => Err(InputError::Empty),
            None => Ok(None),
        }
    }
}

// Two of the largest pictures are held at once.
const _: () = assert!(Picture::bytes(Size::new(Size::MAX_SIDE, Size::MAX_SIDE)) < 101 << 20);
