//! Reads a bounded number of pictures ahead, on its own thread.

use std::time::Duration;

use common::frame::{Picture, Size};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Captured, Error, Format, Frame, Next};

/// Pictures that wait at most. Enough to hide a slow disk or a child's hiccup of a quarter second at 30 per second.
const DEPTH: usize = 8;

/// Reads one picture after another from a file or pipe.
pub trait Reader: Send + 'static {
    /// Fills `picture` with the next one; `false` at the end.
    ///
    /// # Errors
    /// What ended the input before its time.
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error>;
}

/// A file, pipe or child process that is read ahead. The thread ends when its input does, or with the first picture that is read
/// after this value is dropped.
pub struct Source {
    pictures: Receiver<Result<Picture, Error>>,
    used: Sender<Picture>,
    format: Format,
    name: String,
}

impl Source {
    /// Starts to read pictures of `format` from what messages call `name`.
    ///
    /// # Errors
    /// [`Error::Start`] where there can be no thread.
    pub fn start(name: String, format: Format, reader: impl Reader) -> Result<Self, Error> {
        let (pictures_in, pictures) = bounded(DEPTH);
        let (used, used_out) = bounded(DEPTH);
        std::thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || read_all(format.size, reader, &pictures_in, &used_out))
            .map_err(|why| Error::Start("a thread that reads ahead", why))?;
        Ok(Self { pictures, used, format, name })
    }
}

impl super::Source for Source {
    fn format(&self) -> Format {
        self.format
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, limit: Duration) -> Result<Next, Error> {
        match self.pictures.recv_timeout(limit) {
            Ok(Ok(picture)) => Ok(Next::Frame(Frame { picture, captured: Captured::Unknown })),
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => Ok(Next::Nothing),
            Err(RecvTimeoutError::Disconnected) => Ok(Next::End),
        }
    }

    fn recycle(&mut self, picture: Picture) {
        // A full or closed channel frees the picture, which is right too.
        drop(self.used.try_send(picture));
    }
}

fn read_all(size: Size, mut reader: impl Reader, out: &Sender<Result<Picture, Error>>, used: &Receiver<Picture>) {
    loop {
        let mut picture = used.try_recv().unwrap_or_else(|_| Picture::black(size));
        let item = match reader.read(&mut picture) {
            Ok(true) => Ok(picture),
            Ok(false) => return,
            Err(error) => Err(error),
        };
        let last = item.is_err();
        if out.send(item).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source as _;
    use super::*;
    use crate::rate::FrameRate;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Counts up to `end` in the first sample, then ends, or fails where it is told to.
    struct Counter {
        next: u8,
        end: u8,
        fails: bool,
    }

    impl Reader for Counter {
        fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
            if self.next == self.end {
                let why = "broke".to_owned();
                return if self.fails { Err(Error::Broken { name: "it".to_owned(), why }) } else { Ok(false) };
            }
            picture.data_mut()[0] = self.next;
            self.next += 1;
            Ok(true)
        }
    }

    fn start(counter: Counter) -> Source {
        let format = Format { size: Size::new(2, 2), rate: FrameRate::THIRTY };
        Source::start("it".to_owned(), format, counter).expect("a thread")
    }

    #[test]
    fn pictures_come_in_order_then_the_end() {
        let mut ahead = start(Counter { next: 0, end: 40, fails: false });
        for expected in 0..40 {
            let Ok(Next::Frame(frame)) = ahead.next(LIMIT) else { panic!("picture {expected} is missing") };
            assert_eq!(frame.picture.data()[0], expected);
            ahead.recycle(frame.picture);
        }
        assert!(matches!(ahead.next(LIMIT), Ok(Next::End)));
        assert!(matches!(ahead.next(LIMIT), Ok(Next::End)));
    }

    #[test]
    fn an_error_comes_after_the_pictures_before_it() {
        let mut ahead = start(Counter { next: 0, end: 1, fails: true });
        assert!(matches!(ahead.next(LIMIT), Ok(Next::Frame(_))));
        assert!(matches!(ahead.next(LIMIT), Err(Error::Broken { .. })));
    }
}
