//! The rows of `frames.csv` and `intervals.csv`, as [`csv`](super::csv) writes them: columns by their name in the first line, no
//! field quoted. Columns that an earlier version did not write yet are empty; columns of a later one are passed over.

use common::frame::Stage;
use csv::StringRecord;
use measure::sample::Bucket;
use serde::Deserialize;

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
        let row = header.read::<FrameLine<'_>>(&header.record(line)?)?.row()?;
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
        let row = header.read::<IntervalLine>(&header.record(line)?)?.row()?;
        if self.last.is_some_and(|last| row.second <= last) {
            return Err(format!("second {} does not come after the one before", row.second));
        }
        self.last = Some(row.second);
        (self.each)(row);
        Ok(())
    }
}

/// A line of `frames.csv`.
#[derive(Deserialize)]
struct FrameLine<'a> {
    seq: u64,
    outcome: &'a str,
    capture_us: Option<i64>,
    stamp_us: Option<i64>,
    encode_us: Option<i64>,
    send_us: Option<i64>,
    network_us: Option<i64>,
    reassembly_us: Option<i64>,
    decode_us: Option<i64>,
    read_us: Option<i64>,
    present_us: Option<i64>,
    latency_us: Option<i64>,
    segment: Option<u32>,
    presented_us: Option<i64>,
    bytes: Option<u64>,
    idr: Option<u8>,
    offset_us: Option<i64>,
}

impl FrameLine<'_> {
    fn row(self) -> Result<FrameRow, String> {
        let Self { outcome, .. } = self;
        let stage = |stage: Stage| match stage {
            Stage::Capture => self.capture_us,
            Stage::Stamp => self.stamp_us,
            Stage::Encode => self.encode_us,
            Stage::Send => self.send_us,
            Stage::Network => self.network_us,
            Stage::Reassembly => self.reassembly_us,
            Stage::Decode => self.decode_us,
            Stage::Read => self.read_us,
            Stage::Present => self.present_us,
        };
        Ok(FrameRow {
            seq: self.seq,
            outcome: Bucket::named(outcome).ok_or_else(|| format!("{outcome:?} is no outcome of a frame"))?,
            stages_us: Stage::ALL.map(stage),
            latency_us: self.latency_us,
            segment: self.segment.unwrap_or(0),
            presented_us: self.presented_us,
            bytes: self.bytes,
            idr: self.idr.map(|idr| idr != 0),
            offset_us: self.offset_us,
        })
    }
}

/// A line of `intervals.csv`.
#[derive(Deserialize)]
struct IntervalLine {
    second: u64,
    length_s: f64,
    expected: Option<u64>,
    measured: Option<u64>,
    lost: Option<u64>,
    duplicate: Option<u64>,
    late: Option<u64>,
    unreadable: Option<u64>,
    undecodable: Option<u64>,
    count: Option<u64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    fps: Option<f64>,
    kbps: Option<f64>,
    age_mean_ms: Option<f64>,
    age_max_ms: Option<f64>,
}

impl IntervalLine {
    fn row(self) -> Result<IntervalRow, String> {
        let numbers = [
            ("length_s", Some(self.length_s)),
            ("p50_ms", self.p50_ms),
            ("p99_ms", self.p99_ms),
            ("max_ms", self.max_ms),
            ("fps", self.fps),
            ("kbps", self.kbps),
            ("age_mean_ms", self.age_mean_ms),
            ("age_max_ms", self.age_max_ms),
        ];
        let infinite = |(_, number): &(&str, Option<f64>)| number.is_some_and(|number| !number.is_finite());
        if let Some((name, _)) = numbers.into_iter().find(infinite) {
            return Err(format!("its {name} is no finite number"));
        }
        let bucket = |bucket: Bucket| match bucket {
            Bucket::Measured => self.measured,
            Bucket::Lost => self.lost,
            Bucket::Duplicate => self.duplicate,
            Bucket::Late => self.late,
            Bucket::Unreadable => self.unreadable,
            Bucket::Undecodable => self.undecodable,
        };
        Ok(IntervalRow {
            second: self.second,
            length_s: self.length_s,
            expected: self.expected.unwrap_or(0),
            buckets: Bucket::ALL.map(|name| bucket(name).unwrap_or(0)),
            count: self.count.unwrap_or(0),
            p50_ms: self.p50_ms,
            p99_ms: self.p99_ms,
            max_ms: self.max_ms,
            fps: self.fps,
            kbps: self.kbps,
            age_mean_ms: self.age_mean_ms,
            age_max_ms: self.age_max_ms,
        })
    }
}

/// The first line.
struct Header(StringRecord);

impl Header {
    fn new(line: &str, required: &[&str]) -> Result<Self, String> {
        let columns: StringRecord = line.split(',').collect();
        match required.iter().find(|name| !columns.iter().any(|column| column == **name)) {
            Some(missing) => Err(format!("it has no column {missing}")),
            None => Ok(Self(columns)),
        }
    }

    fn record(&self, line: &str) -> Result<StringRecord, String> {
        let record: StringRecord = line.split(',').collect();
        if record.len() != self.0.len() {
            return Err(format!("it has {} fields, not {}", record.len(), self.0.len()));
        }
        Ok(record)
    }

    fn read<'a, T: Deserialize<'a>>(&'a self, record: &'a StringRecord) -> Result<T, String> {
        record.deserialize(Some(&self.0)).map_err(|error| self.why(record, &error))
    }

    fn why(&self, record: &StringRecord, error: &csv::Error) -> String {
        let at = match error.kind() {
            csv::ErrorKind::Deserialize { err, .. } => err.field().and_then(|at| usize::try_from(at).ok()),
            _ => None,
        };
        match at.and_then(|at| Some((self.0.get(at)?, record.get(at)?))) {
            Some((name, "")) => format!("its {name} is empty"),
            Some((name, field)) => format!("{field:?} is no {name}"),
            None => error.to_string(),
        }
    }
}
