//! The lines of a file that is written as a run goes. After a kill its end may be cut, or be the rest of lines that were about
//! to be written over: what makes no sense ends the file.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

/// A longer line is none of ours: that of a full histogram has some 100 kB.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Takes the lines of a file one by one.
pub trait Reader {
    /// What the first line is, for people.
    const BEGINS_WITH: &'static str;

    /// Takes the next line, without its end. `Err` says what is wrong with it: then no other follows.
    fn line(&mut self, line: &str) -> Result<(), String>;
}

/// Where a file makes no sense any more: reads on behind its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// There is nothing in it.
    Empty,
    /// Not one of our files.
    Foreign(&'static str, String),
    /// The last line has no end.
    Cut(u64),
    /// This line and all after it are left out.
    At(u64, String),
}

/// Reads all lines up to the first that makes no sense.
pub fn read<R: Reader>(input: impl Read, reader: &mut R) -> io::Result<Option<Stopped>> {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        (&mut input).take(limit).read_until(b'\n', &mut line)?;
        let stopped = match line.pop() {
            None if number == 1 => Stopped::Empty,
            None => return Ok(None),
            Some(b'\n') => {
                let text = str::from_utf8(&line).map_err(|_| "it is not UTF-8".to_owned());
                match text.and_then(|text| reader.line(text.trim_end_matches('\r'))) {
                    Ok(()) => continue,
                    Err(why) if number == 1 => Stopped::Foreign(R::BEGINS_WITH, why),
                    Err(why) => Stopped::At(number, why),
                }
            }
            Some(_) if line.len() >= MAX_LINE_BYTES => Stopped::At(number, "it is too long".to_owned()),
            Some(_) => Stopped::Cut(number),
        };
        return Ok(Some(stopped));
    }
    Ok(None)
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "is empty"),
            Self::Foreign(expected, why) => write!(f, "is not framelag's, which begins with {expected}: {why}"),
            Self::Cut(number) => write!(f, "is cut off in line {number}, which is left out"),
            Self::At(number, why) => write!(f, "makes no sense from line {number} on, which is left out: {why}"),
        }
    }
}
