//! What the page shows of single frames, gathered in one pass over `frames.csv`.

use std::time::Duration;

use chrono::DateTime;
use common::time::MonoTime;
use measure::age::Screen;
use measure::latency::Distribution;
use measure::sample::Bucket;
use measure::stages::PerStage;
use measure::units::ms;
use report::run::Run;
use report::saved::{Error, FrameRow, MAX_ROWS, Saved};

/// Frames of one type.
#[derive(Debug, Default)]
pub struct Kind {
    pub latency: Distribution,
    pub stages: PerStage<Distribution>,
    pub bytes: u64,
    /// Frames whose size is known.
    pub sized: u64,
}

/// The frames of a run, in seconds since the warm-up's end.
#[derive(Debug, Default)]
pub struct Frames {
    /// When a frame was presented, and its latency in ms; NaN breaks the line.
    pub latency: Vec<(f64, f64)>,
    /// When a frame should have come that was not seen.
    pub missing: Vec<f64>,
    /// Stretches without a new picture.
    pub freezes: Vec<(f64, f64)>,
    pub idr: Kind,
    pub other: Kind,
    /// Why these are not all.
    pub note: Option<String>,
    shown: Vec<f64>,
    /// Frames not seen since the last one that was.
    pending: usize,
    last: Option<(u32, f64)>,
    /// Start of each segment but the first.
    segments: Vec<f64>,
    start_us: Option<i64>,
}

impl Frames {
    /// Reads the frames of a report. At most [`MAX_ROWS`] of them are kept.
    pub fn of(saved: &Saved) -> Result<Self, Error> {
        let mut frames = Self { start_us: start_us(&saved.run), ..Self::default() };
        let mut left_out = 0_u64;
        let note = saved.each_frame(|row| {
            if frames.latency.len() + frames.missing.len() < MAX_ROWS {
                frames.add(&row);
            } else {
                left_out += 1;
            }
        })?;
        let too_many = (left_out > 0).then(|| format!("the last {left_out} rows of frames.csv are not in the plots"));
        frames.note = note.or(too_many);
        if saved.run.merged.is_some() {
            // Of many receivers, one after the other: over time they would be one stream that never was.
            (frames.latency, frames.missing) = (Vec::new(), Vec::new());
        } else {
            frames.finish(saved.run.duration_s);
        }
        if saved.run.browser.is_some() {
            // Loading the page for the next join is not a freeze.
            let Self { freezes, segments, .. } = &mut frames;
            freezes.retain(|(_, to)| !segments.contains(to));
        }
        Ok(frames)
    }

    fn add(&mut self, row: &FrameRow) {
        let (Some(presented_us), Some(latency_us)) = (row.presented_us, row.latency_us) else {
            // Duplicate and late frames were seen, and have a latency.
            if matches!(row.outcome, Bucket::Lost | Bucket::Undecodable | Bucket::Unreadable) {
                self.pending += 1;
            }
            return;
        };
        // By the receiver's clock, as the start is.
        let presented_us = presented_us.saturating_add(row.offset_us.unwrap_or(0));
        let start_us = *self.start_us.get_or_insert(presented_us);
        let second = presented_us.saturating_sub(start_us) as f64 / 1e6;
        if let Some((segment, before)) = self.last {
            let gap = second - before;
            let parts = self.pending as f64 + 1.0;
            self.missing.extend((1..=self.pending).map(|n| before + gap * n as f64 / parts));
            if segment != row.segment {
                self.latency.push((second, f64::NAN));
                self.segments.push(second);
            }
        }
        self.pending = 0;
        self.last = Some((row.segment, second));
        self.shown.push(second);
        self.latency.push((second, ms(latency_us)));
        self.kind(row, latency_us);
    }

    fn kind(&mut self, row: &FrameRow, latency_us: i64) {
        let kind = match row.idr {
            Some(true) => &mut self.idr,
            Some(false) => &mut self.other,
            None => return,
        };
        kind.latency.record(latency_us);
        for (stage, micros) in row.stages_us.iter() {
            micros.iter().for_each(|micros| kind.stages[stage].record(*micros));
        }
        if let Some(bytes) = row.bytes {
            kind.bytes = kind.bytes.saturating_add(bytes);
            kind.sized += 1;
        }
    }

    /// Finds the freezes, as [`measure::age`] defines them, among the pictures that were read.
    fn finish(&mut self, duration_s: Option<f64>) {
        let mut screen = Screen::default();
        screen.open(MonoTime::from_origin(Duration::ZERO));
        let mut shown = std::mem::take(&mut self.shown);
        shown.sort_by(f64::total_cmp);
        let mut found = 0;
        let mut last = None;
        for second in shown {
            let at = mono(second);
            screen.show(at, None);
            let count = screen.freezes(at).count;
            if let Some(last) = last.replace(second).filter(|_| count > found) {
                self.freezes.push((last, second));
            }
            found = count;
        }
        if let (Some(last), Some(end)) = (last, duration_s)
            && screen.freezes(mono(end)).count > found
        {
            self.freezes.push((last, end));
        }
        let breaks = self.freezes.iter().map(|(from, to)| ((from + to) / 2.0, f64::NAN));
        self.latency.extend(breaks);
        self.latency.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
}

/// When the warm-up ended, by the receiver's clock, µs since the Unix epoch.
fn start_us(run: &Run) -> Option<i64> {
    let started = DateTime::parse_from_rfc3339(&run.started).ok()?.timestamp_micros();
    let first_us = run.startup.first_frame_ms? * 1e3;
    Some(started.saturating_add((first_us + run.warmup_s * 1e6) as i64))
}

fn mono(second: f64) -> MonoTime {
    // No run lasts this long, whatever a report says.
    const MAX_S: f64 = 1e9;
    MonoTime::from_origin(Duration::from_micros((second.clamp(0.0, MAX_S) * 1e6) as u64))
}
