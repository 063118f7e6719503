//! Raw pictures from a pipe, in y4m (YUV4MPEG2): for any player that is to be measured and can write one.
//!
//! Nothing is dropped here: a pipe holds its writer back, so a recorded file is read whole however fast it comes.

use std::io::{self, BufRead};
use std::os::fd::AsFd;
use std::time::Duration;

use common::clock::Clock;
use common::frame::Picture;
use common::y4m::{Error, Reader};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::queue::{Body, Sender, Status, Unit};

/// How long standard input may be silent at first before the user is told.
const NOTICE_AFTER: Duration = Duration::from_secs(2);

/// Reads pictures from standard input until it ends, nobody listens, or an error; says so where none comes soon.
///
/// # Errors
/// Where the input is no y4m, or does not end between two pictures.
pub(crate) fn run(input: io::Stdin, clock: &dyn Clock, queue: &mut Sender) -> Result<(), String> {
    if !is_readable_within(&input, NOTICE_AFTER) {
        let what = "no picture on standard input yet: waiting for its writer";
        queue.notify(Status::Waiting(what.to_owned()));
    }
    read(input.lock(), clock, queue).map_err(|error| match error {
        Error::Empty => {
            "standard input is empty: it should carry a y4m stream, as in: publisher --to - | receiver -".to_owned()
        }
        error => format!("standard input {error}"),
    })
}

/// Whether there is something to read from `input`, or its end, before `limit` is over.
fn is_readable_within(input: impl AsFd, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).ok();
    // What cannot be polled is read, and says what is wrong with it.
    !matches!(poll(&mut [PollFd::new(&input, PollFlags::IN)], limit.as_ref()), Ok(0))
}

/// Reads pictures from `input` until it ends, nobody listens, or an error.
fn read(input: impl BufRead, clock: &dyn Clock, queue: &mut Sender) -> Result<(), Error> {
    let mut reader = Reader::open(input)?;
    let size = reader.size()?;
    queue.notify(Status::Connected(None));
    while !queue.is_closed() {
        let mut picture = Picture::black(size);
        if reader.next(picture.data_mut())?.is_none() {
            break;
        }
        queue.push_blocking(Unit::new(Body::Bare(picture), clock.now().mono));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use common::clock::ManualClock;
    use common::frame::Size;

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
    fn what_a_player_does_not_need_may_be_anything() {
        let (outcome, pictures) = pictures(&stream("YUV4MPEG2 W2 H2 Fx XCODE=what XTEXT=9,9,9,9\n", &[&[1; 6]]));
        assert!(outcome.is_ok() && pictures.len() == 1, "{outcome:?}");
    }

    #[test]
    fn a_picture_cut_short_is_said_and_those_before_it_count() {
        let (outcome, pictures) = pictures(&stream("YUV4MPEG2 W2 H2 F30:1\n", &[&[1; 6], &[1; 5]]));
        assert_eq!(outcome.expect_err("cut short").to_string(), "is cut off in picture 2");
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
            (&long, "does not end within"),
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
