//! The rows of `frames.csv` and `intervals.csv`, as `export/csv.rs` writes them: columns by their name in the first line, no
//! field quoted. Columns that an earlier version did not write yet are empty; columns of a later one are passed over.

use std::str::FromStr;

use common::frame::Stage;
use measure::sample::Bucket;

use super::lines::Reader;

/// A frame, as in `frames.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRow {
    /// Its number, counted on where the code's 24 bits wrap.
    pub seq: u64,
    /// Where it ended.
    pub outcome: Bucket,
    /// Time in each stage, µs, in the order of [`Stage::ALL`].
    pub stages_us: [Option<i64>; Stage::ALL.len()],
    /// Present − PUB of the first reading, µs.
    pub latency_us: Option<i64>,
    /// How many times the publisher had started over.
    pub segment: u32,
    /// Wall time at which it was presented, µs since the Unix epoch.
    pub presented_us: Option<i64>,
    /// Of its access unit.
    pub bytes: Option<u64>,
    /// Whether that was an IDR.
    pub idr: Option<bool>,
    /// What was taken off the receiver's times, µs.
    pub offset_us: Option<i64>,
}

/// A second, as in `intervals.csv`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalRow {
    /// Seconds since the end of the warm-up.
    pub second: u64,
    /// How long it was, s.
    pub length_s: f64,
    /// Its frames.
    pub expected: u64,
    /// Where they ended, in the order of [`Bucket::ALL`].
    pub buckets: [u64; Bucket::ALL.len()],
    /// Latencies read in it.
    pub count: u64,
    /// Their median, ms.
    pub p50_ms: Option<f64>,
    /// 99 % are not above it, ms.
    pub p99_ms: Option<f64>,
    /// The largest, ms.
    pub max_ms: Option<f64>,
    /// Pictures shown per second.
    pub fps: Option<f64>,
    /// Compressed video, kbit/s.
    pub kbps: Option<f64>,
    /// Age of the picture on screen, ms: its mean over time.
    pub age_mean_ms: Option<f64>,
    /// The largest.
    pub age_max_ms: Option<f64>,
}

/// Reads `frames.csv`.
pub struct Frames<F> {
    each: F,
    header: Option<Header>,
    last: Option<(u32, u64)>,
}

/// Reads `intervals.csv`.
pub struct Intervals<F> {
    each: F,
    header: Option<Header>,
    last: Option<u64>,
}

impl<F: FnMut(FrameRow)> Frames<F> {
    pub fn new(each: F) -> Self {
        Self { each, header: None, last: None }
    }
}

impl<F: FnMut(IntervalRow)> Intervals<F> {
    pub fn new(each: F) -> Self {
        Self { each, header: None, last: None }
    }
}

impl<F: FnMut(FrameRow)> Reader for Frames<F> {
    const BEGINS_WITH: &'static str = "seq,outcome,…";

    fn line(&mut self, line: &str) -> Result<(), String> {
        let Some(header) = &self.header else {
            self.header = Some(Header::new(line, &["seq", "outcome"])?);
            return Ok(());
        };
        let row = frame(&header.row(line)?)?;
        let place = (row.segment, row.seq);
        if self.last.is_some_and(|last| place <= last) {
            return Err(format!("frame {} does not come after the one before", row.seq));
        }
        self.last = Some(place);
        (self.each)(row);
        Ok(())
    }
}

impl<F: FnMut(IntervalRow)> Reader for Intervals<F> {
    const BEGINS_WITH: &'static str = "second,length_s,…";

    fn line(&mut self, line: &str) -> Result<(), String> {
        let Some(header) = &self.header else {
            self.header = Some(Header::new(line, &["second", "length_s"])?);
            return Ok(());
        };
        let row = interval(&header.row(line)?)?;
        if self.last.is_some_and(|last| row.second <= last) {
            return Err(format!("second {} does not come after the one before", row.second));
        }
        self.last = Some(row.second);
        (self.each)(row);
        Ok(())
    }
}

fn frame(row: &Row<'_>) -> Result<FrameRow, String> {
    let outcome: String = row.required("outcome")?;
    let mut stages_us = [None; Stage::ALL.len()];
    for (stage, micros) in Stage::ALL.iter().zip(&mut stages_us) {
        *micros = row.optional(&format!("{}_us", stage.name()))?;
    }
    Ok(FrameRow {
        seq: row.required("seq")?,
        outcome: Bucket::named(&outcome).ok_or_else(|| format!("{outcome:?} is no outcome of a frame"))?,
        stages_us,
        latency_us: row.optional("latency_us")?,
        segment: row.optional("segment")?.unwrap_or(0),
        presented_us: row.optional("presented_us")?,
        bytes: row.optional("bytes")?,
        idr: row.optional::<u8>("idr")?.map(|idr| idr != 0),
        offset_us: row.optional("offset_us")?,
    })
}

fn interval(row: &Row<'_>) -> Result<IntervalRow, String> {
    let mut buckets = [0; Bucket::ALL.len()];
    for (bucket, count) in Bucket::ALL.iter().zip(&mut buckets) {
        *count = row.optional(bucket.name())?.unwrap_or(0);
    }
    Ok(IntervalRow {
        second: row.required("second")?,
        length_s: row.number("length_s")?.ok_or("length_s is empty")?,
        expected: row.optional("expected")?.unwrap_or(0),
        buckets,
        count: row.optional("count")?.unwrap_or(0),
        p50_ms: row.number("p50_ms")?,
        p99_ms: row.number("p99_ms")?,
        max_ms: row.number("max_ms")?,
        fps: row.number("fps")?,
        kbps: row.number("kbps")?,
        age_mean_ms: row.number("age_mean_ms")?,
        age_max_ms: row.number("age_max_ms")?,
    })
}

/// The first line.
struct Header(Vec<String>);

impl Header {
    fn new(line: &str, required: &[&str]) -> Result<Self, String> {
        let columns: Vec<String> = line.split(',').map(str::to_owned).collect();
        match required.iter().find(|name| !columns.iter().any(|column| column == *name)) {
            Some(missing) => Err(format!("it has no column {missing}")),
            None => Ok(Self(columns)),
        }
    }

    fn row<'a>(&'a self, line: &'a str) -> Result<Row<'a>, String> {
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != self.0.len() {
            return Err(format!("it has {} fields, not {}", fields.len(), self.0.len()));
        }
        Ok(Row { header: self, fields })
    }
}

/// The fields of a line.
struct Row<'a> {
    header: &'a Header,
    fields: Vec<&'a str>,
}

impl Row<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        let index = self.header.0.iter().position(|column| column == name)?;
        self.fields.get(index).copied().filter(|field| !field.is_empty())
    }

    fn required<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.optional(name)?.ok_or_else(|| format!("its {name} is empty"))
    }

    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(field) = self.field(name) else { return Ok(None) };
        field.parse().map(Some).map_err(|_| format!("{field:?} is no {name}"))
    }

    /// A number that is one: neither infinite nor NaN.
    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let number: Option<f64> = self.optional(name)?;
        if number.is_some_and(|number| !number.is_finite()) {
            return Err(format!("its {name} is no finite number"));
        }
        Ok(number)
    }
}
