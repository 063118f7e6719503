//! The rows of `frames.csv` and `intervals.csv`, read back by the names in the first line. No field is quoted. Columns that an
//! earlier version did not write are empty; columns of a later one are passed over.

use common::marks::Stage;
use csv::StringRecord;
use measure::sample::Bucket;
use measure::stages::PerStage;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::lines::Reader;

/// A frame, as in `frames.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct FrameRow {
    /// Its number, counted on where the code's 24 bits wrap.
    pub seq: u64,
    /// Where it ended.
    pub outcome: Bucket,
    /// Time in each stage, µs.
    #[serde(skip)]
    pub stages_us: PerStage<Option<i64>>,
    /// Present − PUB of the first reading, µs.
    pub latency_us: Option<i64>,
    /// How many times the publisher had started over.
    #[serde(default, deserialize_with = "or_default")]
    pub segment: u32,
    /// Wall time at which it was presented, µs since the Unix epoch.
    pub presented_us: Option<i64>,
    /// Of its access unit.
    pub bytes: Option<u64>,
    /// Whether that was an IDR.
    #[serde(default, deserialize_with = "flag")]
    pub idr: Option<bool>,
    /// What was taken off the receiver's times, µs.
    pub offset_us: Option<i64>,
}

/// A second, as in `intervals.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct IntervalRow {
    /// Seconds since the end of the warm-up.
    pub second: u64,
    /// How long it was, s.
    pub length_s: f64,
    /// Its frames.
    #[serde(default, deserialize_with = "or_default")]
    pub expected: u64,
    /// Where they ended, in the order of [`Bucket::ALL`].
    #[serde(skip)]
    pub buckets: [u64; Bucket::ALL.len()],
    /// Latencies read in it.
    #[serde(default, deserialize_with = "or_default")]
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

/// A row of a file whose rows stand in order.
pub trait Row: DeserializeOwned {
    /// The first line's beginning, for people.
    const BEGINS_WITH: &'static str;
    /// What a row is of, for people.
    const WHAT: &'static str;
    /// Columns that every version has.
    const REQUIRED: [&'static str; 2];

    /// The columns of which a table says how many there are.
    fn table_columns() -> Vec<String>;

    /// Fills in [`Row::table_columns`], and checks what a type does not.
    fn complete(&mut self, line: &Line<'_>) -> Result<(), String>;

    /// What grows from row to row.
    fn place(&self) -> (u32, u64);
}

impl Row for FrameRow {
    const BEGINS_WITH: &'static str = "seq,outcome,…";
    const WHAT: &'static str = "frame";
    const REQUIRED: [&'static str; 2] = ["seq", "outcome"];

    fn table_columns() -> Vec<String> {
        Stage::ALL.iter().map(|stage| stage_column(*stage)).collect()
    }

    fn complete(&mut self, line: &Line<'_>) -> Result<(), String> {
        for (column, &stage) in Stage::ALL.iter().enumerate() {
            self.stages_us[stage] = line.number(column)?;
        }
        Ok(())
    }

    fn place(&self) -> (u32, u64) {
        (self.segment, self.seq)
    }
}

impl Row for IntervalRow {
    const BEGINS_WITH: &'static str = "second,length_s,…";
    const WHAT: &'static str = "second";
    const REQUIRED: [&'static str; 2] = ["second", "length_s"];

    fn table_columns() -> Vec<String> {
        Bucket::ALL.iter().map(|bucket| bucket.name().to_owned()).collect()
    }

    fn complete(&mut self, line: &Line<'_>) -> Result<(), String> {
        for (column, count) in self.buckets.iter_mut().enumerate() {
            *count = line.number(column)?.unwrap_or(0);
        }
        let figures = [self.p50_ms, self.p99_ms, self.max_ms, self.fps, self.kbps, self.age_mean_ms, self.age_max_ms];
        let finite = self.length_s.is_finite() && figures.iter().flatten().all(|figure| figure.is_finite());
        finite.then_some(()).ok_or_else(|| "one of its numbers is not finite".to_owned())
    }

    fn place(&self) -> (u32, u64) {
        (0, self.second)
    }
}

/// The column of a stage in `frames.csv`.
pub(super) fn stage_column(stage: Stage) -> String {
    format!("{}_us", stage.name())
}

/// Reads the rows of a file.
pub struct Table<T, F> {
    each: F,
    header: Option<Header>,
    last: Option<T>,
}

/// The names of a file's columns.
struct Header {
    names: StringRecord,
    /// Where each of [`Row::table_columns`] is; `None` for those that the file does not have.
    table_columns: Vec<Option<usize>>,
}

impl<T: Row, F: FnMut(T)> Table<T, F> {
    pub fn new(each: F) -> Self {
        Self { each, header: None, last: None }
    }
}

impl<T: Row + Copy, F: FnMut(T)> Reader for Table<T, F> {
    const BEGINS_WITH: &'static str = T::BEGINS_WITH;

    fn line(&mut self, line: &str) -> Result<(), String> {
        let fields: StringRecord = line.split(',').collect();
        let Some(header) = &self.header else {
            let place = |name: &str| fields.iter().position(|column| column == name);
            let missing = T::REQUIRED.iter().find(|name| place(name).is_none());
            let table_columns = T::table_columns().iter().map(|name| place(name)).collect();
            self.header = Some(Header { names: fields, table_columns });
            return missing.map_or(Ok(()), |name| Err(format!("it has no column {name}")));
        };
        if fields.len() != header.names.len() {
            return Err(format!("it has {} fields, not {}", fields.len(), header.names.len()));
        }
        let line = Line { header, fields: &fields };
        let mut row: T = fields.deserialize(Some(&header.names)).map_err(|error| line.why(&error))?;
        row.complete(&line)?;
        if self.last.is_some_and(|last| row.place() <= last.place()) {
            return Err(format!("{} {} does not come after the one before", T::WHAT, row.place().1));
        }
        self.last = Some(row);
        (self.each)(row);
        Ok(())
    }
}

/// A line, with the names of its fields.
pub struct Line<'a> {
    header: &'a Header,
    fields: &'a StringRecord,
}

impl Line<'_> {
    /// The number in one of [`Row::table_columns`]; `None` where it is empty, or there is no such column.
    fn number<T: std::str::FromStr>(&self, column: usize) -> Result<Option<T>, String> {
        let Some(at) = self.header.table_columns.get(column).copied().flatten() else { return Ok(None) };
        match self.fields.get(at).unwrap_or_default() {
            "" => Ok(None),
            field => field.parse().map(Some).map_err(|_| self.no_such(at, field)),
        }
    }

    fn no_such(&self, at: usize, field: &str) -> String {
        format!("{field:?} is no {}", self.header.names.get(at).unwrap_or_default())
    }

    fn why(&self, error: &csv::Error) -> String {
        let at = match error.kind() {
            csv::ErrorKind::Deserialize { err, .. } => err.field().and_then(|at| usize::try_from(at).ok()),
            _ => None,
        };
        match at.and_then(|at| Some((at, self.header.names.get(at)?, self.fields.get(at)?))) {
            Some((_, name, "")) => format!("its {name} is empty"),
            Some((at, _, field)) => self.no_such(at, field),
            None => error.to_string(),
        }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(field: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(field)?.unwrap_or_default())
}

fn flag<'de, D: Deserializer<'de>>(field: D) -> Result<Option<bool>, D::Error> {
    Ok(Option::<u8>::deserialize(field)?.map(|flag| flag != 0))
}
