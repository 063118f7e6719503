//! Stamped pictures as y4m into a pipe.

use std::io::{self, Write};
use std::ops::ControlFlow;

use common::frame::Picture;
use common::y4m::{Frame, Header};

use super::{Counters, Egress, PictureEgress, Setup};
use crate::capture::Format;
use crate::error::Error;

/// Opens standard output.
///
/// # Errors
/// [`Error::Output`] where the y4m header cannot be written.
pub(super) fn open(setup: &Setup<'_>) -> Result<Box<dyn PictureEgress>, Error> {
    Ok(Box::new(Pipe::new(io::stdout(), setup.format)?))
}

/// A y4m stream of I420 pictures.
struct Pipe<W: Write> {
    out: W,
    /// Picture bytes written.
    bytes: u64,
}

impl<W: Write> Pipe<W> {
    fn new(mut out: W, Format { size, rate }: Format) -> Result<Self, Error> {
        let rate = (rate.numerator().into(), rate.denominator().into());
        let header = Header { size, rate, code: None, text: None };
        writeln!(out, "{header}").map_err(Error::Output)?;
        Ok(Self { out, bytes: 0 })
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
        match Frame::default().write(&mut self.out, picture) {
            Ok(()) => {
                self.bytes += picture.data().len() as u64;
                Ok(ControlFlow::Continue(()))
            }
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(why) => Err(Error::Output(why)),
        }
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
