//! Stamped pictures as y4m into a pipe.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use common::frame::Picture;

use super::{Counters, Egress, PictureEgress, Setup};
use crate::capture::Format;
use crate::error::Error;

/// Bytes that are gathered before a write: rows and headers are, pictures are not, so that a picture leaves at once.
const BUFFER: usize = 256;

/// Opens standard output.
///
/// # Errors
/// [`Error::Output`] where the y4m header cannot be written.
pub(super) fn open(setup: &Setup<'_>) -> Result<Box<dyn PictureEgress>, Error> {
    Ok(Box::new(Pipe::new(io::stdout(), setup.format)?))
}

/// A y4m stream of I420 pictures.
struct Pipe<W: Write> {
    encoder: y4m::Encoder<BufWriter<W>>,
    /// Picture bytes written.
    bytes: u64,
}

impl<W: Write> Pipe<W> {
    fn new(out: W, format: Format) -> Result<Self, Error> {
        let size = (format.size.width as usize, format.size.height as usize);
        let rate = y4m::Ratio::new(format.rate.numerator() as usize, format.rate.denominator() as usize);
        let header = y4m::encode(size.0, size.1, rate).with_colorspace(y4m::Colorspace::C420mpeg2);
        let encoder = header.write_header(BufWriter::with_capacity(BUFFER, out));
        Ok(Self { encoder: encoder.map_err(|why| Error::Output(to_io(why)))?, bytes: 0 })
    }
}

impl<W: Write> Egress for Pipe<W> {
    fn describe(&self) -> String {
        "y4m on standard output".to_owned()
    }

    fn counters(&self) -> Counters {
        Counters { bytes: self.bytes, ..Counters::default() }
    }

    fn finish(self: Box<Self>) -> Result<Counters, Error> {
        // Every picture was written whole as it came.
        Ok(self.counters())
    }
}

impl<W: Write> PictureEgress for Pipe<W> {
    fn send(&mut self, picture: &Picture) -> Result<ControlFlow<()>, Error> {
        let frame = y4m::Frame::new(picture.planes(), None);
        match self.encoder.write_frame(&frame).map_err(to_io) {
            Ok(()) => {
                self.bytes += picture.data().len() as u64;
                Ok(ControlFlow::Continue(()))
            }
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(why) => Err(Error::Output(why)),
        }
    }
}

fn to_io(error: y4m::Error) -> io::Error {
    match error {
        y4m::Error::IoError(why) => why,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use std::io::pipe;

    use common::frame::Size;

    use super::*;
    use crate::rate::FrameRate;

    #[test]
    fn a_reader_that_closes_its_end_ends_the_run_without_an_error() {
        let (reader, writer) = pipe().expect("a pipe");
        let size = Size::new(16, 16);
        let mut egress = Pipe::new(writer, Format { size, rate: FrameRate::THIRTY }).expect("it is open");
        let picture = Picture::black(size);
        assert_eq!(egress.send(&picture).expect("it is read"), ControlFlow::Continue(()));
        drop(reader);
        assert_eq!(egress.send(&picture).expect("no error"), ControlFlow::Break(()));
        assert_eq!(Box::new(egress).finish().expect("no error").bytes, picture.data().len() as u64);
    }
}
