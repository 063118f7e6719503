//! The files of a joined report, written whole one after the other, `run.json` last. Rows and lines pass through: memory does
//! not grow with the length of the runs but by their seconds.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use common::time::WallTime;
use measure::interval::{Closed, Histograms};
use measure::latency::Distribution;
use report::codec::lines::Lines;
use report::codec::{csv, hgrm, hlog, json};
use report::dir::{Dir, Fresh};
use report::folder;
use report::run::Run;
use report::saved::{self, FrameRow};

use super::error::Error;
use super::figures;
use super::intervals::Joined;
use super::part::{Part, micros, receiver_of};
use report::regular_file;

/// Writes all files of `run`, which was joined from `parts`.
pub(super) fn write(parts: &[Part], run: &Run, out: &Dir) -> Result<(), Error> {
    // Those of an earlier run would say what is not so, if this were to end before they are rendered again.
    folder::remove_pages(out)?;
    let zero_us = figures::zero_us(parts).unwrap_or_default();
    let started_us = micros(&run.started).unwrap_or_default();
    let mut seconds = Joined::of(parts, zero_us);
    whole(out, "frames.csv", |file| frames(parts, file))?;
    whole(out, "latency.hlog", |file| {
        put(file, &hlog::header(WallTime::from_micros(started_us)))?;
        let before = Duration::from_micros(u64::try_from(zero_us.saturating_sub(started_us)).unwrap_or(0));
        log(parts, zero_us, |second, length, histograms| {
            seconds.latencies(second, &histograms.total);
            let start = before + Duration::from_secs(second);
            let mut text = String::new();
            hlog::interval(&mut text, &Closed { start, length, histograms });
            put(file, &text)
        })
    })?;
    whole(out, "intervals.csv", |file| {
        put(file, &csv::intervals_header())?;
        seconds.rows().try_for_each(|row| {
            let mut line = String::new();
            csv::interval(&mut line, &row);
            put(file, &line)
        })
    })?;
    let mut latency = Distribution::default();
    parts.iter().filter(|part| part.is_pooled()).for_each(|part| latency.add(&part.histograms.total));
    whole(out, "latency.hgrm", |file| put(file, &hgrm::distribution(&latency)))?;
    whole(out, "run.json", |file| put(file, &json::run(run)))
}

/// What went wrong while a file was made: with it, or with one that was read for it.
enum Failed {
    Write(io::Error),
    Read(saved::Error),
}

impl From<saved::Error> for Failed {
    fn from(error: saved::Error) -> Self {
        Self::Read(error)
    }
}

fn put(file: &mut impl Write, text: &str) -> Result<(), Failed> {
    file.write_all(text.as_bytes()).map_err(Failed::Write)
}

/// Makes a file, and puts it in its place once it is whole.
fn whole(
    dir: &Dir,
    name: &str,
    make: impl FnOnce(&mut BufWriter<Fresh<'_>>) -> Result<(), Failed>,
) -> Result<(), Error> {
    let failed = |source| Error::Folder(folder::Error { path: dir.path().join(name), source });
    let mut file = BufWriter::new(dir.fresh(name).map_err(failed)?);
    match make(&mut file) {
        Ok(()) => {
            file.into_inner().map_err(io::IntoInnerError::into_error).and_then(Fresh::put).map(drop).map_err(failed)
        }
        Err(Failed::Write(source)) => Err(failed(source)),
        Err(Failed::Read(error)) => Err(Error::Saved(error)),
    }
}

/// The rows of one receiver after those of another, with segments that are counted on.
fn frames(parts: &[Part], file: &mut impl Write) -> Result<(), Failed> {
    put(file, &csv::merged_frames_header())?;
    let (mut first_segment, mut first_receiver) = (0_u32, 0);
    for part in parts {
        let mut written = Ok(());
        let mut line = String::new();
        part.saved.each_frame(|row| {
            if written.is_err() {
                return;
            }
            line.clear();
            let segment = first_segment.saturating_add(part.segment(row.segment));
            let receiver = first_receiver + receiver_of(&part.receivers, row.segment).unwrap_or(0);
            csv::frame_row(&mut line, &FrameRow { segment, ..row }, Some(receiver));
            written = put(file, &line);
        })?;
        written?;
        first_segment = first_segment.saturating_add(u32::try_from(part.segments.len()).unwrap_or(u32::MAX));
        first_receiver += part.receivers.len();
    }
    Ok(())
}

/// The log of a part, which is read as the joined one is written.
struct Source<'a> {
    part: &'a Part,
    shift: u64,
    lines: Lines<File>,
    next: Option<hlog::Entry>,
    /// The second that the next line is of, in the joined run. Reckoned once: all sources are looked at for each second.
    second: Option<u64>,
}

impl<'a> Source<'a> {
    fn open(part: &'a Part, zero_us: i64) -> Result<Option<Self>, saved::Error> {
        let path = part.saved.path.join("latency.hlog");
        let file = match regular_file::open(&path) {
            // That was noted when it was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| saved::Error::Io { path, source })?,
        };
        let mut source = Self { part, shift: part.shift(zero_us), lines: Lines::new(file), next: None, second: None };
        source.advance()?;
        Ok(Some(source))
    }

    /// The next line that makes sense, up to the first that does not: that was noted when the file was read.
    fn advance(&mut self) -> Result<(), saved::Error> {
        self.next = loop {
            let line = self.lines.take();
            let path = || self.part.saved.path.join("latency.hlog");
            match line.map_err(|source| saved::Error::Io { path: path(), source })? {
                None | Some(Err(_)) => break None,
                Some(Ok(line)) => match hlog::entry(line) {
                    Ok(None) => {}
                    Ok(Some(entry)) => break Some(entry),
                    Err(_) => break None,
                },
            }
        };
        self.second = self.next.as_ref().map(|entry| self.part.second_of(entry.start_s).saturating_add(self.shift));
        Ok(())
    }
}

/// Hands the histograms of each second, of all receivers, to `each`, in order.
fn log(
    parts: &[Part],
    zero_us: i64,
    mut each: impl FnMut(u64, Duration, Histograms) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut sources = Vec::new();
    for part in parts.iter().filter(|part| part.is_pooled()) {
        sources.extend(Source::open(part, zero_us)?);
    }
    while let Some(second) = sources.iter().filter_map(|source| source.second).min() {
        let (mut histograms, mut length_s) = (Histograms::default(), 0.0_f64);
        for source in &mut sources {
            // A line out of order belongs to a second that was written: it counts in this one.
            while source.second.is_some_and(|next| next <= second) {
                if let Some(entry) = source.next.take() {
                    histograms.of_mut(entry.stage).add(&entry.values);
                    length_s = length_s.max(entry.length_s);
                }
                source.advance()?;
            }
        }
        each(second, Duration::from_secs_f64(length_s), histograms)?;
    }
    Ok(())
}
