//! Raw pictures from a pipe, in y4m (YUV4MPEG2): for any player that is to be measured and can write one.
//!
//! Nothing is dropped here: a pipe holds its writer back, so a recorded file is read whole however fast it comes.

use std::cell::Cell;
use std::io::{self, BufRead, Cursor, Read};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use common::clock::Clock;
use common::frame::{Picture, Size};
use common::time::MonoTime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::queue::{Body, Sender, Status, Unit};

/// Longest first line, in bytes; the y4m crate takes no more either.
const MAX_HEADER_BYTES: usize = 1024;

/// How long standard input may be silent at first before the user is told.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a y4m stream begins with.
const MAGIC: &[u8] = b"YUV4MPEG2 ";

/// Why the pipe gave no more pictures before it should have ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing came at all.
    #[error("standard input is empty: it should carry a y4m stream, as in: publisher --to - | receiver -")]
    Empty,
    /// It ends within the first line.
    #[error("standard input ends inside its y4m header")]
    Cut,
    /// The first line is not one of y4m.
    #[error("standard input is not y4m: its first line must begin with \"YUV4MPEG2 \" (from ffmpeg: -f yuv4mpegpipe)")]
    NotY4m,
    /// The first line has no usable width and height.
    #[error("the y4m header has no size between 1x1 and {max}x{max}", max = Size::MAX_SIDE)]
    Size,
    /// Not 8-bit 4:2:0.
    #[error("the y4m pictures are not 8-bit 4:2:0 (from ffmpeg: -pix_fmt yuv420p)")]
    Format,
    /// The pipe ended inside a picture.
    #[error("standard input ended inside picture {0}")]
    Truncated(u64),
    /// What should have been the next picture is something else.
    #[error("picture {0} of standard input does not begin with FRAME")]
    NotAFrame(u64),
    /// Reading failed.
    #[error("reading standard input failed: {0}")]
    Io(#[from] io::Error),
}

/// Reads pictures from standard input until it ends, nobody listens, or an error; says so where none comes soon.
///
/// # Errors
/// [`Error`] where the input does not end between two pictures.
pub(crate) fn run(input: io::Stdin, clock: &dyn Clock, queue: &mut Sender) -> Result<(), Error> {
    if !is_readable_within(&input, PATIENCE) {
        let what = "no picture on standard input yet: waiting for its writer";
        queue.notify(Status::Waiting(what.to_owned()));
    }
    read(input.lock(), clock, queue)
}

/// Whether there is something to read from `input`, or its end, before `limit` is over.
fn is_readable_within(input: impl AsFd, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).ok();
    // What cannot be polled is read, and says what is wrong with it.
    !matches!(poll(&mut [PollFd::new(&input, PollFlags::IN)], limit.as_ref()), Ok(0))
}

/// Reads pictures from `input` until it ends, nobody listens, or an error.
///
/// # Errors
/// [`Error`] where the input does not end between two pictures.
fn read(input: impl Read, clock: &dyn Clock, queue: &mut Sender) -> Result<(), Error> {
    let count = Rc::new(Cell::new(0));
    let mut input = io::BufReader::new(input);
    let (header, size) = header(&mut input)?;
    let input = Counted { input, count: Rc::clone(&count) };
    let limits = y4m::Limits { bytes: Picture::bytes(size) };
    let mut decoder =
        y4m::Decoder::new_with_limits(Cursor::new(header).chain(input), limits).map_err(|_| Error::Format)?;
    if !is_420(decoder.get_colorspace()) {
        return Err(Error::Format);
    }
    queue.notify(Status::Connected);
    for number in 0.. {
        let start = count.get();
        match decoder.read_frame() {
            Ok(frame) => queue.push_blocking(unit(size, &frame, clock.now().mono)),
            Err(y4m::Error::EOF) if count.get() == start => break,
            Err(y4m::Error::EOF) => return Err(Error::Truncated(number)),
            Err(y4m::Error::IoError(error)) => return Err(Error::Io(error)),
            Err(_) => return Err(Error::NotAFrame(number)),
        }
        if queue.is_closed() {
            break;
        }
    }
    Ok(())
}

/// Reads the first line, and checks its size before anything is allocated by it.
fn header(input: &mut impl BufRead) -> Result<(Vec<u8>, Size), Error> {
    let mut line = Vec::new();
    input.take(MAX_HEADER_BYTES as u64).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(Error::Empty);
    }
    if !line.starts_with(MAGIC) || !line.ends_with(b"\n") {
        let is_cut = line.len() < MAX_HEADER_BYTES && !line.ends_with(b"\n");
        return Err(if is_cut && (line.starts_with(MAGIC) || MAGIC.starts_with(&line)) {
            Error::Cut
        } else {
            Error::NotY4m
        });
    }
    let text = String::from_utf8_lossy(&line);
    // The last one counts, as for the y4m crate.
    let side =
        |name| text.split_ascii_whitespace().filter_map(|field| field.strip_prefix(name)).next_back().unwrap_or("");
    let size = format!("{}x{}", side('W'), side('H')).parse().map_err(|_| Error::Size)?;
    Ok((line, size))
}

fn is_420(colorspace: y4m::Colorspace) -> bool {
    use y4m::Colorspace::{C420, C420jpeg, C420mpeg2, C420paldv};
    matches!(colorspace, C420 | C420jpeg | C420mpeg2 | C420paldv)
}

fn unit(size: Size, frame: &y4m::Frame<'_>, assembled: MonoTime) -> Unit {
    let data = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()].concat();
    let picture = Picture::from_i420(size, data).expect("the y4m crate gives whole planes of the header's size");
    Unit::new(Body::Bare(picture), assembled)
}

/// Counts what is read, so that an end between two pictures can be told from one inside a picture.
struct Counted<R> {
    input: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use common::clock::ManualClock;

    use super::*;
    use crate::queue::{Arrival, queue};

    /// What comes of `input`: how it ended, and the pictures.
    fn pictures(input: &[u8]) -> (Result<(), Error>, Vec<Picture>) {
        let (mut sender, receiver) = queue();
        let outcome = read(input, &ManualClock::default(), &mut sender);
        drop(sender);
        let picture = |arrival| match arrival {
            Arrival::Unit(Unit { body: Body::Bare(picture), .. }) => Some(picture),
            _ => None,
        };
        (outcome, std::iter::from_fn(|| receiver.next()).filter_map(picture).collect())
    }

    fn stream(header: &str, bodies: &[&[u8]]) -> Vec<u8> {
        let frame = |body: &&[u8]| [b"FRAME\n", *body].concat();
        [header.as_bytes().to_vec(), bodies.iter().flat_map(frame).collect()].concat()
    }

    #[test]
    fn pictures_of_odd_sizes_come_out_as_they_went_in() {
        let body: Vec<u8> = (0..15 + 6 + 6).collect();
        let (outcome, pictures) = pictures(&stream("YUV4MPEG2 W5 H3 F30:1 Ip C420jpeg\n", &[&body, &body]));
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(pictures.len(), 2);
        assert_eq!((pictures[1].size(), pictures[1].data()), (Size::new(5, 3), &body[..]));
    }

    #[test]
    fn a_picture_cut_short_is_said_and_those_before_it_count() {
        let (outcome, pictures) = pictures(&stream("YUV4MPEG2 W2 H2 F30:1\n", &[&[1; 6], &[1; 5]]));
        assert_eq!(outcome.expect_err("cut short").to_string(), "standard input ended inside picture 1");
        assert_eq!(pictures.len(), 1);
    }

    #[test]
    fn what_is_not_y4m_of_ours_is_refused_by_name() {
        let long = format!("YUV4MPEG2 W2 H2 X{}\n", "x".repeat(2000));
        for (input, word) in [
            ("", "empty"),
            ("RIFF....", "not y4m"),
            ("YUV4M", "ends inside its y4m header"),
            ("YUV4MPEG2 W2 H2", "ends inside its y4m header"),
            (&long, "not y4m"),
            ("YUV4MPEG2 W2\n", "size"),
            ("YUV4MPEG2 W99999999999999999 H9999999999999999\n", "size"),
            ("YUV4MPEG2 W9000 H2\n", "size"),
            ("YUV4MPEG2 W2 H2 W9000\n", "size"),
            ("YUV4MPEG2 W2 H2 C422\n", "4:2:0"),
            ("YUV4MPEG2 W2 H2 C420p10\n", "4:2:0"),
            ("YUV4MPEG2 W2 H2 Cwhat\n", "4:2:0"),
            ("YUV4MPEG2 W2 H2\nFRAMX\n123456", "FRAME"),
        ] {
            let error = pictures(input.as_bytes()).0.expect_err(input).to_string();
            assert!(error.contains(word), "{input}: {error}");
        }
    }
}
