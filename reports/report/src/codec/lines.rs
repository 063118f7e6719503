//! The lines of a file that is written as a run goes. After a kill its end may be cut, or be the rest of lines that were about
//! to be written over: what makes no sense ends the file.

use std::io::{self, BufRead, BufReader, Read};

use common::bom;

/// Limit on the length of a line: that of a full histogram has some 100 kB.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// Takes the lines of a file one by one.
pub trait Reader {
    /// What the first line is, for people.
    const BEGINS_WITH: &'static str;

    /// Takes the next line, without its end. `Err` says what is wrong with it: then no other follows.
    fn line(&mut self, line: &str) -> Result<(), String>;
}

/// Where a file makes no sense any more: reads on behind its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// Not one of our files.
    #[error("is not framelag's, which begins with {0}: {1}")]
    Foreign(&'static str, String),
    /// The last line has no end.
    #[error("is cut off in line {0}, which is left out")]
    Cut(u64),
    /// This line and all after it are left out.
    #[error("makes no sense from line {0} on, which is left out: {1}")]
    At(u64, String),
}

/// The lines of an input, one by one.
pub struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Those of `input`.
    pub fn new(input: R) -> Self {
        Self { input: BufReader::new(input), line: Vec::new(), number: 0 }
    }

    /// Which line was taken last, from 1 on.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line, without its end; `None` after the last. `Stopped` where it is none.
    pub fn take(&mut self) -> io::Result<Option<Result<&str, Stopped>>> {
        self.line.clear();
        self.number += 1;
        let limit = MAX_LINE_BYTES as u64 + 1;
        (&mut self.input).take(limit).read_until(b'\n', &mut self.line)?;
        let line = match self.line.pop() {
            None if self.number == 1 => Err(Stopped::Empty),
            None => return Ok(None),
            Some(b'\n') if self.number == 1 => match bom::text(&self.line) {
                Ok(line) => Ok(line.trim_end_matches('\r')),
                Err(why) => Err(Stopped::At(1, why.to_string())),
            },
            Some(b'\n') => match str::from_utf8(&self.line) {
                Ok(line) => Ok(line.trim_end_matches('\r')),
                Err(_) => Err(Stopped::At(self.number, "it is not UTF-8".to_owned())),
            },
            Some(_) if self.line.len() >= MAX_LINE_BYTES => Err(Stopped::At(self.number, "it is too long".to_owned())),
            Some(_) => Err(Stopped::Cut(self.number)),
        };
        Ok(Some(line))
    }
}

/// Reads all lines up to the first that makes no sense.
pub fn read<R: Reader>(input: impl Read, reader: &mut R) -> io::Result<Option<Stopped>> {
    let mut lines = Lines::new(input);
    while let Some(line) = lines.take()? {
        let stopped = match line.map(|line| reader.line(line)) {
            Ok(Ok(())) => continue,
            Ok(Err(why)) if lines.number() == 1 => Stopped::Foreign(R::BEGINS_WITH, why),
            Ok(Err(why)) => Stopped::At(lines.number(), why),
            Err(stopped) => stopped,
        };
        return Ok(Some(stopped));
    }
    Ok(None)
}
