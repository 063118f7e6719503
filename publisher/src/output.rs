//! Where stamped pictures go: encoded to a server, or bare into a pipe.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;

use common::clock::Clock;
use common::frame::Picture;

use crate::capture::{Format, Frame};
use crate::config::{Config, Destination};
use crate::error::Error;
use crate::event::Log;
use crate::push::Push;
use crate::stamp::Stamped;

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The picture was taken.
    Yes,
    /// Nobody reads any more: a quiet end.
    NobodyReads,
}

/// What a run writes to.
pub enum Output {
    /// Encoded, to a server.
    Push(Box<Push>),
    /// Bare y4m, to standard output.
    Pipe(Pipe<Stdout>),
}

/// Counters of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes handed on.
    pub bytes: u64,
    /// Pictures of which the encoder made nothing.
    pub dropped_by_encoder: u64,
    /// Encoded frames that the network did not take in time.
    pub dropped: u64,
    /// How often the connection was lost and made again.
    pub reconnects: u64,
}

impl Output {
    /// Opens what `config` names.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Server`], [`Error::Send`], [`Error::Output`].
    pub fn open(config: &Config, format: Format, clock: &Arc<dyn Clock>, log: Log) -> Result<Self, Error> {
        match &config.destination {
            Destination::Stdout => Pipe::new(io::stdout(), format).map(Self::Pipe),
            _ => Push::open(config, format, clock.clone(), log).map(Box::new).map(Self::Push),
        }
    }

    /// What it is, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Push(push) => push.describe(),
            Self::Pipe(_) => "y4m on standard output".to_owned(),
        }
    }

    /// Takes a stamped picture.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Send`], [`Error::Output`].
    pub fn take(&mut self, frame: &Frame, stamped: &Stamped) -> Result<Taken, Error> {
        match self {
            Self::Push(push) => push.take(frame, stamped).map(|()| Taken::Yes),
            Self::Pipe(pipe) => pipe.take(&frame.picture),
        }
    }

    /// Hands over what waits, closes what was opened, and gives what went out in all.
    ///
    /// # Errors
    /// [`Error::Send`].
    pub fn finish(self) -> Result<Counters, Error> {
        // Into a pipe every picture went out whole as it was taken.
        let counters = self.counters();
        match self {
            Self::Push(push) => push.finish(),
            Self::Pipe(_) => Ok(counters),
        }
    }

    /// What went out so far.
    pub fn counters(&self) -> Counters {
        match self {
            Self::Push(push) => push.counters(),
            Self::Pipe(pipe) => Counters { bytes: pipe.bytes, ..Counters::default() },
        }
    }
}

/// Stamped pictures as y4m.
pub struct Pipe<W: Write> {
    encoder: y4m::Encoder<BufWriter<W>>,
    /// Picture bytes written.
    bytes: u64,
}

impl<W: Write> Pipe<W> {
    fn new(out: W, format: Format) -> Result<Self, Error> {
        let size = (format.size.width as usize, format.size.height as usize);
        let rate = y4m::Ratio::new(format.rate.numerator() as usize, format.rate.denominator() as usize);
        let header = y4m::encode(size.0, size.1, rate).with_colorspace(y4m::Colorspace::C420mpeg2);
        // Small enough that a picture leaves at once: rows and headers are gathered, pictures are not.
        match header.write_header(BufWriter::with_capacity(256, out)) {
            Ok(encoder) => Ok(Self { encoder, bytes: 0 }),
            Err(why) => Err(Error::Output(to_io(why))),
        }
    }

    fn take(&mut self, picture: &Picture) -> Result<Taken, Error> {
        let frame = y4m::Frame::new(picture.planes(), None);
        match self.encoder.write_frame(&frame).map_err(to_io) {
            Ok(()) => {
                self.bytes += picture.data().len() as u64;
                Ok(Taken::Yes)
            }
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(Taken::NobodyReads),
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
