//! The files of a joined report, each written whole, `run.json` last. Rows and lines are streamed: memory grows with the number of
//! seconds, not of frames.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use common::time::WallTime;
use measure::interval::{Closed, Histograms};
use report::codec::lines::Lines;
use report::codec::{csv, hgrm, hlog, json};
use report::dir::{Dir, Fresh};
use report::folder;
use report::pool;
use report::regular_file;
use report::run::Run;
use report::saved::{self, FrameRow};

use super::error::Error;
use super::figures;
use super::intervals::Joined;
use super::part::{Part, micros, receiver_of};

/// Writes all files of `run`, which was joined from `parts`.
pub(super) fn write(parts: &[Part], run: &Run, out: &Dir) -> Result<(), Error> {
    // Pages of an earlier run would be wrong if this ended before they are rendered again.
    folder::remove_pages(out)?;
    let zero_us = figures::zero_us(parts).unwrap_or_default();
    let started_us = micros(&run.started).unwrap_or_default();
    let mut seconds = Joined::of(parts, zero_us);
    whole(out, "frames.csv", |file| frames(parts, file))?;
    whole(out, "latency.hlog", |file| {
        file.put(&hlog::header(WallTime::from_micros(started_us)))?;
        let before = Duration::from_micros(u64::try_from(zero_us.saturating_sub(started_us)).unwrap_or(0));
        log(parts, zero_us, |second, length, histograms| {
            seconds.latencies(second, &histograms.total);
            let start = before + Duration::from_secs(second);
            let mut text = String::new();
            hlog::interval(&mut text, &Closed { start, length, histograms });
            file.put(&text)
        })
    })?;
    whole(out, "intervals.csv", |file| {
        file.put(&csv::intervals_header())?;
        seconds.rows().try_for_each(|row| {
            let mut line = String::new();
            csv::interval(&mut line, &row);
            file.put(&line)
        })
    })?;
    let pooled: Vec<_> = parts.iter().map(|part| part.pooled(None)).collect();
    let latency = pool::added(&pooled, |histograms| &histograms.total);
    whole(out, "latency.hgrm", |file| file.put(&hgrm::distribution(&latency)))?;
    whole(out, "run.json", |file| file.put(&json::run(run)))
}

/// A file while it is written.
struct Output<'a> {
    path: PathBuf,
    file: BufWriter<Fresh<'a>>,
}

impl Output<'_> {
    fn put(&mut self, text: &str) -> Result<(), Error> {
        let failed = |source| folder::Error { path: self.path.clone(), source };
        Ok(self.file.write_all(text.as_bytes()).map_err(failed)?)
    }
}

/// Makes a file, and moves it into place once it is complete.
fn whole(dir: &Dir, name: &str, make: impl FnOnce(&mut Output<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let path = dir.path().join(name);
    let failed = |source| folder::Error { path: path.clone(), source };
    let file = BufWriter::new(dir.fresh(name).map_err(failed)?);
    let mut output = Output { path: path.clone(), file };
    make(&mut output)?;
    let file = output.file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.put().map_err(failed)?;
    Ok(())
}

/// The rows of one receiver after those of another, with segments counted through.
fn frames(parts: &[Part], file: &mut Output<'_>) -> Result<(), Error> {
    let in_browser = parts.iter().any(|part| part.run().browser.is_some());
    let columns = csv::Columns { in_browser, part: Some("receiver") };
    file.put(&columns.header())?;
    let (mut first_segment, mut first_receiver) = (0_u32, 0);
    for part in parts {
        let mut written = Ok(());
        part.saved.each_frame(|row| {
            if written.is_ok() {
                let segment = first_segment.saturating_add(part.segment(row.segment));
                let receiver = first_receiver + receiver_of(&part.receivers, row.segment).unwrap_or(0);
                let mut line = String::new();
                columns.row(&mut line, &FrameRow { segment, ..row }, receiver);
                written = file.put(&line);
            }
        })?;
        written?;
        first_segment = first_segment.saturating_add(u32::try_from(part.segments.len()).unwrap_or(u32::MAX));
        first_receiver += part.receivers.len();
    }
    Ok(())
}

/// The log of a part, read while the joined one is written.
struct Source<'a> {
    part: &'a Part,
    shift: u64,
    lines: Lines<File>,
    /// The second of the joined run that the next line belongs to, and the line.
    next: Option<(u64, hlog::Entry)>,
}

impl<'a> Source<'a> {
    fn open(part: &'a Part, zero_us: i64) -> Result<Option<Self>, saved::Error> {
        let path = part.saved.path.join("latency.hlog");
        let file = match regular_file::open(&path) {
            // Noted when the part was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| saved::Error::Io { path, source })?,
        };
        let mut source = Self { part, shift: part.shift(zero_us), lines: Lines::new(file), next: None };
        source.advance()?;
        Ok(Some(source))
    }

    /// Reads the next valid line, up to the first invalid one, which was noted when the part was read.
    fn advance(&mut self) -> Result<(), saved::Error> {
        let path = || self.part.saved.path.join("latency.hlog");
        self.next = None;
        while let Some(Ok(line)) = self.lines.take().map_err(|source| saved::Error::Io { path: path(), source })? {
            match hlog::entry(line) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    let second = self.part.second_of(entry.start_s).saturating_add(self.shift);
                    self.next = Some((second, entry));
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(())
    }
}

/// Hands the histograms of each second, of all receivers, to `each`, in order.
fn log(
    parts: &[Part],
    zero_us: i64,
    mut each: impl FnMut(u64, Duration, Histograms) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut sources = Vec::new();
    for part in parts.iter().filter(|part| part.is_pooled()) {
        sources.extend(Source::open(part, zero_us)?);
    }
    while let Some(second) = sources.iter().filter_map(|source| Some(source.next.as_ref()?.0)).min() {
        let (mut histograms, mut length_s) = (Histograms::default(), 0.0_f64);
        for source in &mut sources {
            // The second of a line out of order has been written: it counts in this one.
            while let Some((_, entry)) = source.next.take_if(|(next, _)| *next <= second) {
                histograms.of_mut(entry.stage).add(&entry.values);
                length_s = length_s.max(entry.length_s);
                source.advance()?;
            }
        }
        each(second, Duration::from_secs_f64(length_s), histograms)?;
    }
    Ok(())
}
