//! The data of a sweep: its axes and the figures of its runs.

use measure::figures::LatencyMs;
use measure::units::rounded;
use render::words;
use report::folder;
use report::run::{Extremes, Outcome, Run};
use report::threshold::frames_for;
use serde::{Deserialize, Serialize};

/// A matrix of settings, and the runs so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The plan's name.
    pub name: String,
    /// When the first run began: RFC 3339.
    pub started: String,
    /// Seed of the order of runs.
    pub seed: u64,
    /// What was varied.
    pub axes: Vec<Axis>,
    /// Settings that were not varied, by name.
    pub fixed: Vec<(String, String)>,
    /// The runs, in any order.
    pub rows: Vec<Row>,
    /// The machine: see [`report::host`].
    pub host: serde_json::Value,
    /// Every planned run was made.
    pub complete: bool,
}

/// A setting that was varied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Such as `publisher.bitrate`.
    pub name: String,
    /// As in the plan, in its order.
    pub values: Vec<String>,
}

/// A run of the sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which combination of values: the same number for the same values.
    pub cell: usize,
    /// Which repetition of the cell, from 0.
    pub repeat: u32,
    /// Which run of the sweep, from 0.
    pub order: usize,
    /// When it began: RFC 3339.
    pub started: String,
    /// For each axis the index of its value.
    pub values: Vec<usize>,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why it failed or is inconclusive.
    pub why: Option<String>,
    /// Its figures.
    pub figures: Figures,
    /// Figures of each join in a browser; comparisons treat each as a run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<Figures>,
    /// The browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    /// Its report folder, relative to the sweep's.
    pub report: Option<String>,
}

/// The figures of a run that a sweep compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Median latency.
    pub p50_ms: Option<f64>,
    /// 90 % of the latencies are not above it.
    pub p90_ms: Option<f64>,
    /// 95 % are not above it.
    pub p95_ms: Option<f64>,
    /// 99 % are not above it.
    pub p99_ms: Option<f64>,
    /// The largest latency.
    pub max_ms: Option<f64>,
    /// The mean latency.
    pub mean_ms: Option<f64>,
    /// 99 % of the time the picture on screen was not older.
    pub age_p99_ms: Option<f64>,
    /// Pictures shown per second.
    pub fps: Option<f64>,
    /// Compressed video.
    pub bitrate_kbps: Option<f64>,
    /// Frames sent that never arrived.
    pub lost_percent: Option<f64>,
    /// Frames sent that were not seen: lost, undecodable and unreadable ones. A decoder refuses what follows a lost frame up to the
    /// next IDR frame, so that these may be many more than were lost.
    pub missing_percent: Option<f64>,
    /// How many freezes.
    pub freezes: Option<f64>,
    /// All of them together.
    pub freeze_ms: Option<f64>,
    /// From connecting to the first picture.
    pub first_frame_ms: Option<f64>,
    /// PSNR of the luma against what was stamped.
    pub psnr_db: Option<f64>,
    /// SSIM of the luma against what was stamped.
    pub ssim: Option<f64>,
    /// Number of stalls after the first picture.
    pub stalls: Option<f64>,
    /// Total duration of the stalls.
    pub stall_ms: Option<f64>,
    /// Share of the playing time stalled, including warm-up.
    pub stalled_percent: Option<f64>,
    /// Median of the player's latency claim.
    pub claim_ms: Option<f64>,
    /// Median of claim − latency of the picture then on screen.
    pub claim_difference_ms: Option<f64>,
}

/// Why a sweep's files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A run that is not of this matrix.
    #[error("run {order} of the sweep does not fit its axes: {why}")]
    Misfit {
        /// The run's [`Row::order`].
        order: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A file that cannot be written.
    #[error("cannot write the sweep's file {}: {}", .0.path.display(), .0.source)]
    Write(#[from] folder::Error),
}

impl Figures {
    /// The figures of a run; PSNR and SSIM are not among them, and stay `None`. Of several joins, quantiles are the median of
    /// the joins'.
    pub fn of(run: &Run) -> Self {
        let latency = &run.latency_ms;
        let joins = run.browser.as_ref().map_or(&[][..], |browser| &browser.joins);
        let quantile = |name: &str, of: fn(&LatencyMs) -> Option<f64>| {
            // With too few frames it would be the maximum by another name.
            let enough = |latency: &LatencyMs| of(latency).filter(|_| latency.count >= frames_for(name));
            match joins {
                [] | [_] => enough(latency),
                joins => Extremes::of(joins.iter().filter_map(|join| enough(&join.latency_ms))).median,
            }
        };
        let percent = |frames: Option<u64>| {
            let expected = run.frames.expected.filter(|expected| *expected > 0)?;
            Some(rounded(frames? as f64 * 100.0 / expected as f64))
        };
        let viewing = run.browser.as_ref().map(|browser| &browser.viewing);
        let claim = viewing.and_then(|viewing| viewing.claims.values().next());
        Self {
            p50_ms: quantile("p50", |latency| latency.p50),
            p90_ms: quantile("p90", |latency| latency.p90),
            p95_ms: quantile("p95", |latency| latency.p95),
            p99_ms: quantile("p99", |latency| latency.p99),
            max_ms: latency.max,
            mean_ms: latency.mean,
            age_p99_ms: run.picture_age_ms.p99,
            fps: run.fps,
            bitrate_kbps: run.bitrate_kbps,
            lost_percent: percent(run.frames.lost),
            missing_percent: percent(missing(run)),
            freezes: run.freezes.count.map(|count| count as f64),
            freeze_ms: run.freezes.total_ms,
            first_frame_ms: run.startup.first_frame_ms,
            stalls: viewing.map(|viewing| viewing.stalls.count as f64),
            stall_ms: viewing.map(|viewing| viewing.stalls.total_ms),
            stalled_percent: viewing.and_then(|viewing| stalled_percent(run, viewing.stalls.total_ms)),
            claim_ms: claim.and_then(|claim| claim.p50),
            claim_difference_ms: claim.and_then(|claim| claim.difference_p50),
            ..Self::default()
        }
    }

    /// Each with its name in `tune.csv` and `tune.json`.
    pub fn named(&self) -> [(&'static str, Option<f64>); 21] {
        macro_rules! named {
            ($($figure:ident)+) => { [$((stringify!($figure), self.$figure)),+] };
        }
        named!(
            p50_ms p90_ms p95_ms p99_ms max_ms mean_ms age_p99_ms fps bitrate_kbps lost_percent missing_percent freezes
            freeze_ms first_frame_ms psnr_db ssim stalls stall_ms stalled_percent claim_ms claim_difference_ms
        )
    }
}

/// Returns the number of frames not seen, excluding frames shown without a callback: the page was too busy to read them.
fn missing(run: &Run) -> Option<u64> {
    let uncalled = run.browser.as_ref().map_or(0, |browser| browser.viewing.presented.missed);
    let others = words::missing(run)? - run.frames.unreadable?;
    Some(others + run.frames.unreadable?.saturating_sub(uncalled))
}

/// Returns the share of `stalled_ms` in the browser's playing time.
fn stalled_percent(run: &Run, stalled_ms: f64) -> Option<f64> {
    let joins = run.browser.as_ref().map_or(1, |browser| browser.joins.len().max(1));
    let played_s = run.duration_s? + run.warmup_s * joins as f64;
    (played_s > 0.0).then(|| rounded(stalled_ms / (played_s * 10.0)))
}

impl Row {
    /// Returns the figures that count as runs: those of each join, or of the run itself.
    pub(super) fn each(&self) -> &[Figures] {
        if self.joins.is_empty() { std::slice::from_ref(&self.figures) } else { &self.joins }
    }

    /// Returns one figure of each; of the run itself if a join lacks it.
    pub(super) fn values(&self, of: impl Fn(&Figures) -> Option<f64>) -> Vec<f64> {
        let each: Vec<f64> = self.each().iter().filter_map(&of).collect();
        if each.is_empty() { of(&self.figures).into_iter().collect() } else { each }
    }
}

impl Sweep {
    /// The runs in the order in which they were made.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.order);
        rows.into_iter()
    }

    /// Every row has one value of each axis, and a cell has the same values in all of its rows.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut cells = std::collections::HashMap::new();
        for row in &self.rows {
            let misfit = |why: String| Err(Error::Misfit { order: row.order, why });
            if row.values.len() != self.axes.len() {
                return misfit(format!("it has {} values for {} axes", row.values.len(), self.axes.len()));
            }
            for (axis, index) in self.axes.iter().zip(&row.values) {
                if *index >= axis.values.len() {
                    return misfit(format!("{} has no value number {index}", axis.name));
                }
            }
            if *cells.entry(row.cell).or_insert(&row.values) != &row.values {
                return misfit(format!("cell {} has other values in an earlier run", row.cell));
            }
        }
        Ok(())
    }
}
