//! A run to be joined with others: the parts of its folder that are needed at once.

use std::path::Path;

use chrono::DateTime;
use common::marks::Stage;
use measure::interval::Histograms;
use report::pool::{self, is_comparable};
use report::run::{Receiver, Run};
use report::saved::{self, FrameRow, IntervalRow, Saved};

use super::index::ReceiverIndex;
use crate::identity;

/// µs in a second.
const SECOND_US: f64 = 1e6;

/// A run to be joined.
pub(super) struct Part {
    /// The folder, as it was named.
    pub name: String,
    pub saved: Saved,
    pub intervals: Vec<IntervalRow>,
    /// Latency and stages, each from the file that has all of its values.
    pub histograms: Histograms,
    /// `latency` and stages with fewer values in the folder than `run.json` counts.
    pub short: Vec<&'static str>,
    /// What is wrong with its files, for people.
    pub notes: Vec<String>,
    /// The receivers in it: one, unless the run was joined before.
    pub receivers: Vec<Receiver>,
    /// The segments of its rows, in order.
    pub segments: Vec<u32>,
}

impl Part {
    /// Reads a report folder.
    pub fn read(folder: &Path) -> Result<Self, saved::Error> {
        let saved = Saved::open(folder)?;
        let name = folder.display().to_string();
        let receivers = receivers(&saved.run, &name);
        let intervals = saved.intervals()?;
        let (log, log_note) = saved.histograms()?;
        let mut frames = Histograms::default();
        let mut segments = Vec::new();
        let frames_note = saved.each_frame(|row| {
            if segments.last() != Some(&row.segment) {
                segments.push(row.segment);
            }
            // The rows of a killed run may be newer than its `run.json`, which is written after them.
            let is_counted = !saved.run.partial || frames.total.count() < saved.run.latency_ms.count;
            if is_counted && receiver_of(&receivers, row.segment).is_some_and(|receiver| receivers[receiver].pooled) {
                record(&mut frames, &row);
            }
        })?;
        let notes = [intervals.note, log_note, frames_note].into_iter().flatten().collect();
        let (histograms, short) = whole_ones(&saved.run, log, &frames);
        Ok(Self { name, saved, intervals: intervals.rows, histograms, short, notes, receivers, segments })
    }

    pub fn run(&self) -> &Run {
        &self.saved.run
    }

    /// A receiver of this part whose run is in the other one too.
    pub fn shared_with(&self, other: &Self) -> Option<&Receiver> {
        let mut seen = ReceiverIndex::default();
        seen.add(&other.receivers, 0);
        self.receivers.iter().find(|one| seen.has(one).is_some())
    }

    /// Its latencies can be compared with those of other runs.
    pub fn is_pooled(&self) -> bool {
        is_comparable(self.run())
    }

    /// Returns the run as a part of the run whose second 0 is at `zero_us`.
    pub fn pooled(&self, zero_us: Option<i64>) -> pool::Part<'_> {
        let shift_s = zero_us.map_or(0, |zero| self.shift(zero)) as f64;
        pool::Part { run: self.run(), histograms: &self.histograms, shift_s }
    }

    /// When it began, in µs since the Unix epoch.
    pub fn started_us(&self) -> Option<i64> {
        micros(&self.run().started)
    }

    /// When its second 0 began, in µs since the Unix epoch: the warm-up is counted from the first picture.
    pub fn zero_us(&self) -> Option<i64> {
        let run = self.run();
        if let Some(merged) = &run.merged {
            return micros(merged.second_zero.as_ref()?);
        }
        let first_frame_us = run.startup.first_frame_ms? * 1e3;
        Some(self.started_us()?.saturating_add((first_frame_us + run.warmup_s * SECOND_US).round() as i64))
    }

    /// How many seconds its second 0 lies after that of the joined run, rounded.
    pub fn shift(&self, zero_us: i64) -> u64 {
        let after = self.zero_us().map_or(0, |own| own.saturating_sub(zero_us)).max(0);
        (after as f64 / SECOND_US).round() as u64
    }

    /// Its own second of a log line that begins `start_s` after the base time.
    pub fn second_of(&self, start_s: f64) -> u64 {
        let before = match (self.started_us(), self.zero_us()) {
            (Some(started), Some(zero)) => zero.saturating_sub(started) as f64 / SECOND_US,
            _ => 0.0,
        };
        (start_s - before).round().max(0.0) as u64
    }

    /// The number of a segment, counted from 0.
    pub fn segment(&self, of: u32) -> u32 {
        u32::try_from(self.segments.partition_point(|segment| *segment < of)).unwrap_or(u32::MAX)
    }
}

/// The receivers of a run: one, named `folder`, unless the run was joined before.
pub(crate) fn receivers(run: &Run, folder: &str) -> Vec<Receiver> {
    run.merged.as_ref().map_or_else(|| vec![alone(run, folder)], |merged| merged.receivers.clone())
}

/// The receiver of rows with this segment.
pub(super) fn receiver_of(receivers: &[Receiver], segment: u32) -> Option<usize> {
    receivers.partition_point(|receiver| receiver.first_segment <= segment).checked_sub(1)
}

/// µs since the Unix epoch.
pub(super) fn micros(rfc3339: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(rfc3339).ok().map(|time| time.timestamp_micros())
}

fn alone(run: &Run, folder: &str) -> Receiver {
    Receiver {
        folder: folder.to_owned(),
        identity: Some(identity::run(run)),
        url: run.url.clone(),
        started: run.started.clone(),
        duration_s: run.duration_s,
        first_segment: 0,
        outcome: run.outcome,
        frames: run.frames,
        latency_ms: run.latency_ms,
        pooled: is_comparable(run),
    }
}

fn record(into: &mut Histograms, row: &FrameRow) {
    if let Some(latency) = row.latency_us {
        into.total.record(latency);
    }
    for (stage, micros) in row.stages_us.iter() {
        micros.iter().for_each(|micros| into.stages[stage].record(*micros));
    }
}

/// For the total and each stage, the histogram with as many values as `run.json` counts: the log's, or else that of
/// the rows, which has the values outside the log's range. If neither has all, the log's, and the name is listed.
fn whole_ones(run: &Run, mut log: Histograms, frames: &Histograms) -> (Histograms, Vec<&'static str>) {
    let mut short = Vec::new();
    for stage in [None].into_iter().chain(Stage::ALL.iter().copied().map(Some)) {
        let count = stage.map_or(run.latency_ms.count, |stage| run.stages_ms[stage].count);
        if log.of(stage).count() == count {
            continue;
        }
        if frames.of(stage).count() == count {
            *log.of_mut(stage) = frames.of(stage).clone();
        } else {
            short.push(stage.map_or("latency", Stage::name));
        }
    }
    (log, short)
}
