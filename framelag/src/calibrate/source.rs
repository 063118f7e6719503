//! The source of a calibration's pictures, which knows when it handed each over.
//!
//! Each picture goes into the publisher's pipe ahead of its time, except for its last byte. The clock is read right before that is
//! written: the publisher cannot have had the picture earlier, and has nothing left to wait for later.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::clock::Clock;
use common::frame::{Picture, Size};
use common::host::SystemClock;
use common::lock::lock;
use common::time::Now;
use framelag::proxy::reduce_timer_slack;
use publisher::capture::{self, Next, Source as _, pattern};
use publisher::config::RequestedFormat;
use publisher::rate::FrameRate;

/// Pictures made in advance, played forwards and backwards.
const PICTURES: usize = 55;

/// How long before its time a picture is in the pipe, except for its last byte.
const AHEAD: Duration = Duration::from_millis(4);

/// The rate in the y4m header is this many times higher, so that the publisher never waits for a picture's time.
const RATE_FACTOR: u32 = 2;

/// A running source. It ends when nobody reads its pipe any more: drop the publisher first.
pub struct Source {
    handed: Arc<Mutex<Vec<Now>>>,
    thread: Option<JoinHandle<()>>,
}

impl Source {
    /// Hands pictures of `size` over to `pipe`, `fps` a second.
    pub fn start(pipe: ChildStdin, size: Size, fps: u32) -> Result<Self, String> {
        let pictures = pictures(size, fps)?;
        let handed = Arc::new(Mutex::new(Vec::new()));
        let of_thread = Arc::clone(&handed);
        let run = move || {
            // The pipe breaks when the publisher ends, which is reported elsewhere.
            let _ = hand_over(pipe, &pictures, fps, &of_thread);
        };
        let thread = thread::Builder::new().name("source".to_owned()).spawn(run);
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { handed, thread: Some(thread) })
    }

    /// When each picture so far was handed over. The publisher numbers them alike, from 0.
    pub fn handed(&self) -> Vec<Now> {
        lock(&self.handed).clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // A thread that panicked has said so on standard error.
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn pictures(size: Size, fps: u32) -> Result<Vec<Picture>, String> {
    let cannot = |error: capture::Error| error.to_string();
    let rate = FrameRate::new(fps.into(), 1).map_err(|error| error.to_string())?;
    let mut pattern =
        pattern::Source::new(RequestedFormat { size: Some(size), rate: Some(rate), ..RequestedFormat::default() });
    let mut pictures = Vec::new();
    while pictures.len() < PICTURES {
        match pattern.next(Duration::ZERO).map_err(cannot)? {
            Next::Frame(frame) => pictures.push(frame.picture),
            Next::Nothing | Next::End => break,
        }
    }
    Ok(pictures)
}

fn hand_over(mut pipe: impl Write, pictures: &[Picture], fps: u32, handed: &Mutex<Vec<Now>>) -> io::Result<()> {
    reduce_timer_slack();
    let (clock, size) = (SystemClock::new(), pictures.first().map_or(Size::new(0, 0), Picture::size));
    writeln!(pipe, "YUV4MPEG2 W{} H{} F{}:1 Ip C420jpeg", size.width, size.height, RATE_FACTOR * fps)?;
    let (every, mut due) = (Duration::from_secs(1) / fps, Instant::now());
    let there_and_back = pictures.iter().chain(pictures.iter().rev()).cycle();
    for picture in there_and_back {
        // A late picture does not make those after it come faster.
        due = due.max(Instant::now());
        thread::sleep((due - AHEAD).saturating_duration_since(Instant::now()));
        let (last, first) = picture.data().split_last().unwrap_or((&0, &[]));
        pipe.write_all(b"FRAME\n")?;
        pipe.write_all(first)?;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = clock.now();
        pipe.write_all(&[*last])?;
        lock(handed).push(now);
        due += every;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and then no more.
    struct Taker(usize, Vec<u8>);

    impl Write for Taker {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1.len() >= self.0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.1.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_picture_is_whole_after_it_was_handed_over_and_not_before() {
        let size = Size::new(64, 32);
        let pictures = pictures(size, 500).expect("a pattern");
        assert_eq!(pictures.len(), PICTURES);
        let (frame, wanted) = (Picture::bytes(size) + "FRAME\n".len(), 60);
        let header = "YUV4MPEG2 W64 H32 F1000:1 Ip C420jpeg\n";
        let mut taker = Taker(header.len() + wanted * frame, Vec::new());
        let handed = Mutex::new(Vec::new());
        let error = hand_over(&mut taker, &pictures, 500, &handed).expect_err("nobody reads any more");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let handed = handed.into_inner().expect("nobody panicked");
        assert_eq!((handed.len(), taker.1.len()), (wanted, header.len() + wanted * frame));
        assert!(taker.1.starts_with(header.as_bytes()));
        assert!(handed.is_sorted_by_key(|now| now.mono));
        let at = |n: usize| &taker.1[header.len() + n * frame + 6..][..frame - 6];
        assert!(at(1) == pictures[1].data() && at(55) == pictures[54].data() && at(56) == pictures[53].data());
    }
}
