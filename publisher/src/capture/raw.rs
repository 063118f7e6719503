//! Bare pictures on standard input, one after another without headers.

use std::io::{self, BufRead, BufReader, ErrorKind};

use common::frame::{Picture, Size};

use super::{Error, Format, ahead, convert};
use crate::config::RawFormat;

/// Bytes asked of the system at once.
const BUFFER: usize = 1 << 20;

/// Pictures of `layout` on standard input.
///
/// # Errors
/// [`Error::Start`].
pub fn stdin(layout: RawFormat, format: Format) -> Result<ahead::Source, Error> {
    let reader = Reader::new(layout, format.size, BufReader::with_capacity(BUFFER, io::stdin()));
    ahead::Source::start("standard input".to_owned(), format, reader)
}

struct Reader<R> {
    layout: RawFormat,
    input: R,
    /// One picture in `layout`.
    raw: Vec<u8>,
    pictures: u64,
}

impl<R: BufRead> Reader<R> {
    fn new(layout: RawFormat, size: Size, input: R) -> Self {
        let bytes = match layout {
            RawFormat::Yuv420p | RawFormat::Nv12 => Picture::bytes(size),
            RawFormat::Yuyv422 => 2 * size.area(),
        };
        Self { layout, input, raw: vec![0; bytes], pictures: 0 }
    }

    fn broken(&self, why: &str) -> Error {
        Error::Broken { name: "standard input".to_owned(), why: format!("{why} picture {}", self.pictures + 1) }
    }
}

impl<R: BufRead + Send + 'static> ahead::Reader for Reader<R> {
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
        let read = match self.input.fill_buf() {
            Ok([]) => return Ok(false),
            Ok(_) => self.input.read_exact(&mut self.raw),
            Err(why) => Err(why),
        };
        read.map_err(|why| match why.kind() {
            ErrorKind::UnexpectedEof => self.broken("ends within"),
            _ => self.broken(&format!("cannot be read ({why}) at")),
        })?;
        self.pictures += 1;
        let width = picture.size().width as usize;
        match self.layout {
            RawFormat::Yuv420p => picture.data_mut().copy_from_slice(&self.raw),
            RawFormat::Nv12 => convert::nv12(&self.raw, width, picture),
            RawFormat::Yuyv422 => convert::yuyv(&self.raw, 2 * width, picture),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::ahead::Reader as _;
    use super::*;
    use std::io::Cursor;

    fn read_two(layout: RawFormat, bytes: Vec<u8>) -> Vec<Result<Picture, String>> {
        let size = Size::new(2, 2);
        let mut reader = Reader::new(layout, size, Cursor::new(bytes));
        let mut pictures = Vec::new();
        for _ in 0..2 {
            let mut picture = Picture::black(size);
            match reader.read(&mut picture) {
                Ok(true) => pictures.push(Ok(picture)),
                Ok(false) => break,
                Err(error) => pictures.push(Err(error.to_string())),
            }
        }
        pictures
    }

    #[test]
    fn each_layout_becomes_i420() {
        for (layout, bytes) in [
            (RawFormat::Yuv420p, vec![1, 2, 3, 4, 5, 6]),
            (RawFormat::Nv12, vec![1, 2, 3, 4, 5, 6]),
            (RawFormat::Yuyv422, vec![1, 5, 2, 6, 3, 5, 4, 6]),
        ] {
            let pictures = read_two(layout, bytes);
            assert_eq!(pictures.len(), 1, "{layout:?}");
            assert_eq!(pictures[0].as_ref().expect("a picture").data(), [1, 2, 3, 4, 5, 6], "{layout:?}");
        }
    }

    #[test]
    fn a_cut_picture_is_named() {
        let pictures = read_two(RawFormat::Yuv420p, vec![0; 9]);
        assert_eq!(pictures[1].as_ref().expect_err("cut"), "standard input ends within picture 2");
    }
}
