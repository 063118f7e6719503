//! An encoder in a child process: pictures go in by one pipe and access units come out by another.
//!
//! One thread does both. It writes a picture and waits for that picture's access unit, up to a [deadline](super::deadline). The
//! time of an access unit says which picture it belongs to, so that one that the encoder skips or holds back costs no other its
//! stamp.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::frame::Picture;
use common::media::{Codec, EncodedFrame};
use common::time::MediaTime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::deadline::{Deadline, START_LIMIT};
use super::flv::{Demuxer, Unit};
use super::{Config, Encoder, Error, Tuning, ffmpeg};
use crate::rate::FrameRate;

/// How long the child may take to read a picture.
const READ_LIMIT: Duration = Duration::from_secs(5);
/// How long a child that has closed its pipe may take to exit, and to say why.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Capacity of the pipe for pictures, in bytes: the larger, the fewer context switches per picture. It is the most that Linux
/// gives a user without privileges.
#[cfg(target_os = "linux")]
const PIPE_SIZE: usize = 1 << 20;
/// Bytes read at once.
const READ_SIZE: usize = 64 * 1024;
/// Longest line of the child's standard error that is kept, in bytes.
const LINE_MAX: u64 = 4096;

/// One of ffmpeg's encoders.
pub struct Child {
    name: String,
    rate: FrameRate,
    process: std::process::Child,
    pictures: Option<ChildStdin>,
    units: ChildStdout,
    demuxer: Demuxer,
    buffer: Vec<u8>,
    stderr: Stderr,
    /// Pictures written so far, the last one perhaps in part.
    written: u64,
    /// Numbers and media times of the pictures whose access units have not come, oldest first.
    times: VecDeque<(u64, MediaTime)>,
    deadline: Deadline,
    /// Frames that have come and have not been fetched.
    ready: VecDeque<EncodedFrame>,
}

impl Child {
    /// Starts ffmpeg with the encoder `name`, which must [be available](super::Choice::check).
    ///
    /// # Errors
    /// [`Error::Start`].
    pub fn start(name: &str, config: Config, tuning: &Tuning) -> Result<Self, Error> {
        let failed = |why| Error::Start { name: name.to_owned(), why };
        // A process group of its own: Ctrl-C is for this program, which ends the child when it has fetched the last frame.
        let mut process = ffmpeg::command(name, config, tuning).process_group(0).spawn().map_err(failed)?;
        let pictures = process.stdin.take().expect("standard input is piped");
        let units = process.stdout.take().expect("standard output is piped");
        let stderr = process.stderr.take().expect("standard error is piped");
        let mut child = Self {
            name: name.to_owned(),
            rate: config.rate,
            process,
            pictures: Some(pictures),
            units,
            demuxer: Demuxer::default(),
            buffer: vec![0; READ_SIZE],
            stderr: Stderr::default(),
            written: 0,
            times: VecDeque::new(),
            deadline: Deadline::new(config.rate),
            ready: VecDeque::new(),
        };
        child.stderr = Stderr::read(stderr).map_err(failed)?;
        child.set_up_pipes().map_err(failed)?;
        Ok(child)
    }

    /// Makes both ends non-blocking, to poll them together, and the one for pictures large.
    fn set_up_pipes(&self) -> io::Result<()> {
        rustix::io::ioctl_fionbio(&self.units, true)?;
        let Some(pictures) = &self.pictures else { return Ok(()) };
        rustix::io::ioctl_fionbio(pictures, true)?;
        #[cfg(target_os = "linux")]
        if let Err(why) = rustix::pipe::fcntl_setpipe_size(pictures, PIPE_SIZE) {
            tracing::debug!("the pipe to ffmpeg stays small: {why}");
        }
        Ok(())
    }

    /// Writes a picture, and reads what comes out meanwhile.
    fn write_picture(&mut self, mut left: &[u8]) -> Result<(), Error> {
        let begun = Instant::now();
        let limit = if self.written == 1 { START_LIMIT } else { READ_LIMIT };
        while !left.is_empty() {
            let Some(timeout) = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else {
                return Err(self.failed(&format!("it hangs: it did not read the picture within {limit:?}")));
            };
            let (writable, readable) = self.poll(true, timeout).map_err(|why| self.failed(&why))?;
            if readable {
                self.read()?;
            }
            if writable {
                left = &left[self.write(left)?..];
            }
        }
        Ok(())
    }

    /// Whether the pipes are writable (asked only where `writing`) and readable, after at most `timeout`.
    fn poll(&self, writing: bool, timeout: Duration) -> io::Result<(bool, bool)> {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let mut polled = vec![PollFd::new(&self.units, PollFlags::IN)];
        polled.extend(self.pictures.as_ref().filter(|_| writing).map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        let ready = |at: usize| polled.get(at).is_some_and(|end| !end.revents().is_empty());
        Ok((ready(1), ready(0)))
    }

    /// Writes as many of `bytes` as the pipe has room for, and says how many.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let pipe = self.pictures.as_mut().expect("it is closed only when the encoder has ended");
        match pipe.write(bytes) {
            Ok(count) => Ok(count),
            Err(why) if is_momentary(&why) => Ok(0),
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Err(self.ended()),
            Err(why) => Err(self.failed(&why)),
        }
    }

    /// Reads what is there, and keeps the frames that are whole with it.
    fn read(&mut self) -> Result<(), Error> {
        match self.units.read(&mut self.buffer) {
            Ok(0) => return Err(self.ended()),
            Ok(count) => self.demuxer.push(&self.buffer[..count]),
            Err(why) if is_momentary(&why) => return Ok(()),
            Err(why) => return Err(self.failed(&why)),
        }
        let now = Instant::now();
        while let Some(Unit { time_ms, data, is_key }) = self.demuxer.next_unit().map_err(|why| self.failed(&why))? {
            let number = number_of(time_ms, self.rate);
            let Some(time) = self.time_of(number).filter(|_| self.deadline.complete(number, now)) else {
                return Err(self.failed(&format!("unexpected output: picture {number} was not waiting to be encoded")));
            };
            self.ready.push_back(EncodedFrame { codec: Codec::H264, data, is_key, time });
        }
        Ok(())
    }

    /// The media time of picture `number`, which came out: those before it were skipped.
    fn time_of(&mut self, number: u64) -> Option<MediaTime> {
        let place = self.times.iter().position(|(written, _)| *written == number)?;
        self.times.drain(..=place).next_back().map(|(_, time)| time)
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Failed {
            name: format!("ffmpeg:{}", self.name),
            picture: self.written.saturating_sub(1),
            why: why.to_string(),
        }
    }

    /// Why it closed its pipe before it was told to end.
    fn ended(&mut self) -> Error {
        self.pictures = None;
        let end = Instant::now() + END_LIMIT;
        let status = loop {
            match self.process.try_wait() {
                Ok(Some(status)) => break format!("ffmpeg ended ({status})"),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) | Err(_) => break "ffmpeg closed its output".to_owned(),
            }
        };
        match self.stderr.last_line(end) {
            Some(line) => self.failed(&format!("{status}: {line}")),
            None => self.failed(&format!("{status} and gave no reason")),
        }
    }
}

impl Encoder for Child {
    fn encode(&mut self, picture: &Picture, time: MediaTime, _: bool) -> Result<(), Error> {
        let number = self.written;
        self.written += 1;
        self.write_picture(picture.data())?;
        self.times.push_back((number, time));
        self.deadline.submit(number, Instant::now());
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Option<EncodedFrame>, Error> {
        while self.ready.is_empty() {
            let now = Instant::now();
            let Some(left) = self.deadline.remaining(now) else { return Ok(None) };
            let (_, readable) = self.poll(false, left).map_err(|why| self.failed(&why))?;
            if readable {
                self.read()?;
            } else if left.is_zero() {
                return self.deadline.expire(now).map(|()| None).map_err(|why| self.failed(&why));
            }
        }
        Ok(self.ready.pop_front())
    }

    fn can_force_key(&self) -> bool {
        false
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Frames that it has not returned by now would not be sent.
        if let Err(why) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::debug!("ending ffmpeg: {why}");
        }
    }
}

fn is_momentary(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The number of the picture whose time is nearest to `time_ms`, which is rounded: up to 1000 pictures per second differ.
fn number_of(time_ms: u64, rate: FrameRate) -> u64 {
    let (n, d) = (u128::from(rate.numerator()), 1000 * u128::from(rate.denominator()));
    u64::try_from((u128::from(time_ms) * n + d / 2) / d).unwrap_or(u64::MAX)
}

/// The last line of the child's standard error.
#[derive(Default)]
struct Stderr {
    last: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Stderr {
    fn read(stderr: ChildStderr) -> io::Result<Self> {
        let last = Arc::default();
        let newest = Arc::clone(&last);
        let read = move || read_lines(stderr, &newest);
        let thread = std::thread::Builder::new().name("ffmpeg-stderr".to_owned()).spawn(read)?;
        Ok(Self { last, thread: Some(thread) })
    }

    /// The last line: after the stream has ended, or else at `deadline`.
    fn last_line(&self, deadline: Instant) -> Option<String> {
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.last.lock().expect("nobody panics while holding the line").clone()
    }
}

/// Keeps the last line, and logs each.
fn read_lines(stderr: ChildStderr, last: &Mutex<Option<String>>) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        if !text.is_empty() {
            tracing::debug!("ffmpeg: {text}");
            *last.lock().expect("nobody panics while holding the line") = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_known_again_by_its_rounded_time() {
        for rate in ["1/60", "1", "12.5", "24", "29.97", "30", "59.94", "60", "999", "1000"] {
            let rate: FrameRate = rate.parse().expect("a rate");
            for number in (0..4_000).chain(3_000_000_000..3_000_001_000) {
                let (n, d) = (u128::from(rate.numerator()), u128::from(rate.denominator()));
                let exact = u128::from(number) * d * 1000;
                let rounded = u64::try_from((exact + n / 2) / n).expect("a time");
                assert_eq!(number_of(rounded, rate), number, "{rate}");
            }
        }
    }
}
