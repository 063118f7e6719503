//! An encoder in a child process: pictures go in by one pipe and access units come out by another.
//!
//! One thread does both. It writes a picture and waits for that picture's access unit, but goes on with the next picture where
//! that does not come ([`super::patience`]). A unit says which picture it is of by its time, so that one that the encoder skipped
//! or keeps back costs no other its stamp.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::frame::Picture;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::flv::Demuxer;
use super::patience::{Patience, START_LIMIT};
use super::{Config, Encoded, Encoder, Error, ffmpeg};
use crate::rate::FrameRate;

/// How long the child may take to read a picture.
const READ_LIMIT: Duration = Duration::from_secs(5);
/// How long a child that closed its pipe may take to end, and to say why.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Bytes that the pipe for pictures is to hold: the more, the fewer turns the two processes take at each picture. It is
/// what an ordinary user may ask for on Linux.
#[cfg(target_os = "linux")]
const PIPE_SIZE: usize = 1 << 20;
/// Bytes read at once.
const READ_SIZE: usize = 64 * 1024;
/// Longest line kept of what the child says.
const LINE_MAX: u64 = 4096;

/// An encoder of ffmpeg's.
pub struct Child {
    name: String,
    rate: FrameRate,
    process: std::process::Child,
    pictures: Option<ChildStdin>,
    units: ChildStdout,
    demuxer: Demuxer,
    buffer: Vec<u8>,
    says: Says,
    /// Pictures that it was given; the last of them perhaps in part.
    given: u64,
    patience: Patience,
    /// Units that came and were not fetched.
    ready: VecDeque<Encoded>,
}

impl Child {
    /// Starts ffmpeg with its encoder `name`.
    ///
    /// # Errors
    /// [`Error::NoFfmpeg`], [`Error::Unknown`], [`Error::NotH264`], [`Error::Start`].
    pub fn start(name: &str, config: Config) -> Result<Self, Error> {
        ffmpeg::check(name)?;
        let failed = |why| Error::Start { name: name.to_owned(), why };
        // A group of its own: Ctrl-C is for this program, which ends the child when it has what it gave.
        let mut process = ffmpeg::command(name, config).process_group(0).spawn().map_err(failed)?;
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
            says: Says::default(),
            given: 0,
            patience: Patience::new(config.rate),
            ready: VecDeque::new(),
        };
        child.says = Says::listen(stderr).map_err(failed)?;
        child.prepare().map_err(failed)?;
        Ok(child)
    }

    /// Neither end is to block: both are waited for together.
    fn prepare(&self) -> io::Result<()> {
        rustix::io::ioctl_fionbio(&self.units, true)?;
        let Some(pictures) = &self.pictures else { return Ok(()) };
        rustix::io::ioctl_fionbio(pictures, true)?;
        #[cfg(target_os = "linux")]
        if let Err(why) = rustix::pipe::fcntl_setpipe_size(pictures, PIPE_SIZE) {
            tracing::debug!("the pipe to ffmpeg stays small: {why}");
        }
        Ok(())
    }

    /// Writes a picture, and takes what comes out meanwhile.
    fn write_whole(&mut self, mut left: &[u8]) -> Result<(), Error> {
        let begun = Instant::now();
        let limit = if self.given == 1 { START_LIMIT } else { READ_LIMIT };
        while !left.is_empty() {
            let Some(patience) = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else {
                return Err(self.failed(&format!("it hangs: it did not read a picture within {limit:?}")));
            };
            let (writable, readable) = self.wait(true, patience).map_err(|why| self.failed(&why))?;
            if readable {
                self.read()?;
            }
            if writable {
                left = &left[self.write(left)?..];
            }
        }
        Ok(())
    }

    /// Whether the child takes bytes, and whether it has some, after at most `patience`.
    fn wait(&self, writing: bool, patience: Duration) -> io::Result<(bool, bool)> {
        let timeout = Timespec::try_from(patience).unwrap_or_default();
        let mut waited = vec![PollFd::new(&self.units, PollFlags::IN)];
        waited.extend(self.pictures.as_ref().filter(|_| writing).map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        match poll(&mut waited, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        let ready = |at: usize| waited.get(at).is_some_and(|end| !end.revents().is_empty());
        Ok((ready(1), ready(0)))
    }

    /// Writes what fits now of `bytes`, and says how much.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let pipe = self.pictures.as_mut().expect("it is closed when the encoder ends");
        match pipe.write(bytes) {
            Ok(count) => Ok(count),
            Err(why) if is_momentary(&why) => Ok(0),
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Err(self.ended()),
            Err(why) => Err(self.failed(&why)),
        }
    }

    /// Reads what is there, and keeps the units that are complete with it.
    fn read(&mut self) -> Result<(), Error> {
        match self.units.read(&mut self.buffer) {
            Ok(0) => return Err(self.ended()),
            Ok(count) => self.demuxer.push(&self.buffer[..count]),
            Err(why) if is_momentary(&why) => return Ok(()),
            Err(why) => return Err(self.failed(&why)),
        }
        let now = Instant::now();
        while let Some((time_ms, unit)) = self.demuxer.next_unit().map_err(|why| self.failed(&why))? {
            let picture = number_of(time_ms, self.rate);
            if !self.patience.came(picture, now) {
                return Err(self.failed(&format!("it returned picture {picture}, which was not pending")));
            }
            self.ready.push_back(Encoded { picture, unit });
        }
        Ok(())
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Failed {
            name: format!("ffmpeg:{}", self.name),
            picture: self.given.saturating_sub(1),
            why: why.to_string(),
        }
    }

    /// It closed its pipe before it should have.
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
        match self.says.last(end) {
            Some(line) => self.failed(&format!("{status}: {line}")),
            None => self.failed(&format!("{status} without a message")),
        }
    }
}

impl Encoder for Child {
    fn encode(&mut self, picture: &Picture, _: Duration, _: bool) -> Result<(), Error> {
        let number = self.given;
        self.given += 1;
        self.write_whole(picture.data())?;
        self.patience.given(number, Instant::now());
        Ok(())
    }

    fn next_unit(&mut self) -> Result<Option<Encoded>, Error> {
        while self.ready.is_empty() {
            let now = Instant::now();
            let Some(left) = self.patience.left(now) else { return Ok(None) };
            let (_, readable) = self.wait(false, left).map_err(|why| self.failed(&why))?;
            if readable {
                self.read()?;
            } else if left.is_zero() {
                return self.patience.over(now).map(|()| None).map_err(|why| self.failed(&why));
            }
        }
        Ok(self.ready.pop_front())
    }

    fn takes_idr_requests(&self) -> bool {
        false
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // What it has not put out by now, nobody would send.
        if let Err(why) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::debug!("ending ffmpeg: {why}");
        }
    }
}

fn is_momentary(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The picture that has the time nearest to `time_ms`, which was rounded: up to 1000 per second, each has another.
fn number_of(time_ms: u64, rate: FrameRate) -> u64 {
    let (n, d) = (u128::from(rate.numerator()), 1000 * u128::from(rate.denominator()));
    u64::try_from((u128::from(time_ms) * n + d / 2) / d).unwrap_or(u64::MAX)
}

/// What the child says on standard error: the last line of it.
#[derive(Default)]
struct Says {
    last: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Says {
    fn listen(stderr: ChildStderr) -> io::Result<Self> {
        let last = Arc::default();
        let heard = Arc::clone(&last);
        let listen = move || hear(stderr, &heard);
        let thread = std::thread::Builder::new().name("ffmpeg-stderr".to_owned()).spawn(listen)?;
        Ok(Self { last, thread: Some(thread) })
    }

    /// The last line, when all of it was heard, or `limit` is over.
    fn last(&self, limit: Instant) -> Option<String> {
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.last.lock().expect("nobody panics while holding the line").clone()
    }
}

/// Keeps the last line, and passes every line on to the log.
fn hear(stderr: ChildStderr, last: &Mutex<Option<String>>) {
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
