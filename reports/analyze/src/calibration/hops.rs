//! The hops of a frame: each from one time of its way to the next, of the rig or of the instrument, on one clock.
//!
//! ```text
//! handed over ≤ PUB ≤ sent ≤ proxy in        proxy out ≤ received
//! ```
//!
//! A correct instrument is never early, and late by no more than it takes to wake the threads in between and to copy their data: the
//! hop's slack. Only the fastest tenth of the frames is judged, since the others are as late as the machine makes them; and how that
//! tenth changes over the session, since two clocks at different rates drift apart.

use measure::units::rounded;
use serde::Serialize;

use super::frames::{Frame, MIN_FRAMES};
use super::spread::Sorted;
use crate::statistics::median;

/// Time for reading, copying and writing on a hop, ms, besides waking threads.
const WORK_MS: f64 = 0.3;

/// How far a time may lie before its predecessor, ms: each is a whole µs, read from two clocks within 10 µs of each other.
const CLOCK_MS: f64 = 0.05;

/// The share of frames that is judged: the fastest.
const FASTEST: f64 = 0.1;

/// The share of frames that may be early: a thread may be interrupted between two clocks.
const MAX_EARLY: f64 = 0.01;

/// The fewest blocks with a drift.
const MIN_BLOCKS: usize = 4;

/// From one time of a frame's way to the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// The earlier one.
    pub from: &'static str,
    /// The later one.
    pub to: &'static str,
    /// How much later it is.
    pub ms: Option<HopMs>,
    /// The largest explicable p10; `None` where only the order is known.
    pub slack_ms: Option<f64>,
    /// Share of frames that are early by more than 0.05 ms, 0 to 1.
    pub early: f64,
    /// The rise of the blocks' p10 over the session, by the median of the slopes between any two.
    pub drift_ms: Option<f64>,
    /// The same per second, µs.
    pub drift_ppm: Option<f64>,
    /// No time is impossible or inexplicably late; none where there are too few frames.
    pub holds: Option<bool>,
}

/// How much later a time is than its predecessor, ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HopMs {
    /// Frames.
    pub count: u64,
    /// 10 % are not above it.
    pub p10: f64,
    /// The median.
    pub p50: f64,
    /// 99 % are not above it.
    pub p99: f64,
}

/// A fault, or a reason why none can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// For programs: a hop's name with `-late`, `-early` or `-drift`; `goal`, `busy`, `few-frames`, `few-readings` or
    /// `clock-moved`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Finding {
    pub(super) fn new(code: impl Into<String>, message: String) -> Self {
        Self { code: code.into(), message }
    }
}

/// How a hop is measured and judged.
struct Step {
    code: &'static str,
    from: &'static str,
    to: &'static str,
    late_us: fn(&Frame) -> i64,
    /// Threads woken in between; `None` where the work takes an unknown time.
    wakeups: Option<u32>,
}

const STEPS: [Step; 4] = [
    Step {
        code: "stamp",
        from: "handed over",
        to: "PUB",
        late_us: |frame| frame.stamp_us - frame.handed_us,
        wakeups: Some(2),
    },
    Step { code: "sent", from: "PUB", to: "sent", late_us: |frame| frame.sent_us - frame.stamp_us, wakeups: None },
    Step {
        code: "relay",
        from: "sent",
        to: "proxy in",
        late_us: |frame| frame.in_us - frame.sent_us,
        wakeups: Some(2),
    },
    Step {
        code: "received",
        from: "proxy out",
        to: "received",
        late_us: |frame| frame.received_us - frame.first_out_us,
        wakeups: Some(1),
    },
];

/// The hops of `frames`, which come in the order of their sequence, where waking a thread takes `wake_ms`; and what is wrong
/// with them.
pub(super) fn judge(frames: &[Frame], wake_ms: f64) -> (Vec<Hop>, Vec<Finding>) {
    let judged: Vec<(Hop, Option<Finding>)> = STEPS.iter().map(|step| step.judge(frames, wake_ms)).collect();
    let (hops, findings): (Vec<Hop>, Vec<Option<Finding>>) = judged.into_iter().unzip();
    (hops, findings.into_iter().flatten().collect())
}

impl Step {
    fn judge(&self, frames: &[Frame], wake_ms: f64) -> (Hop, Option<Finding>) {
        let values = Sorted::of(frames.iter().map(self.late_us));
        let quantiles = [FASTEST, 0.5, 0.99].map(|quantile| values.quantile(quantile));
        let ms = match quantiles {
            [Some(p10), Some(p50), Some(p99)] => Some(HopMs { count: frames.len() as u64, p10, p50, p99 }),
            _ => None,
        };
        let slack_ms = self.wakeups.map(|wakeups| rounded(WORK_MS + f64::from(wakeups) * wake_ms));
        let drift = slack_ms.and_then(|_| self.drift(frames));
        let mut hop = Hop {
            from: self.from,
            to: self.to,
            ms,
            slack_ms,
            early: rounded(values.share_below(-CLOCK_MS)),
            drift_ms: drift.map(|(drift_ms, _)| rounded(drift_ms)),
            drift_ppm: drift.map(|(_, ppm)| rounded(ppm)),
            holds: None,
        };
        let Some(ms) = ms.filter(|ms| ms.count >= MIN_FRAMES) else { return (hop, None) };
        let finding = self.finding(&hop, ms);
        hop.holds = Some(finding.is_none());
        (hop, finding)
    }

    fn finding(&self, hop: &Hop, ms: HopMs) -> Option<Finding> {
        let Self { code, from, to, .. } = self;
        let slack_ms = hop.slack_ms.unwrap_or(f64::INFINITY);
        let drift = hop.drift_ms.zip(hop.drift_ppm).filter(|(drift_ms, _)| drift_ms.abs() > slack_ms);
        let (kind, message) = if let Some((drift_ms, ppm)) = drift {
            let drift = format!("{ppm:+.0} ppm ({drift_ms:+.3} ms over the session)");
            ("drift", format!("{to} drifts against {from}, by {drift}: their clocks differ"))
        } else if hop.early > MAX_EARLY {
            let percent = hop.early * 1e2;
            let before = format!("{to} is before {from} in {percent:.1}% of the frames");
            ("early", format!("{before}, and cannot be (p10 {:+.3} ms)", ms.p10))
        } else if ms.p10 > slack_ms {
            let behind = format!("{to} is {:.3} ms behind {from} in the fastest frames (p10)", ms.p10);
            ("late", format!("{behind}: {slack_ms:.3} ms is explained by copying and waking"))
        } else {
            return None;
        };
        Some(Finding::new(format!("{code}-{kind}"), message))
    }

    /// The rise of the blocks' p10 from the first frame to the last, ms, and per second, µs.
    fn drift(&self, frames: &[Frame]) -> Option<(f64, f64)> {
        let begun = frames.first()?.handed_us;
        let seconds = |frame: &Frame| (frame.handed_us - begun) as f64 / 1e6;
        let point = |block: &[Frame]| {
            let middle = block.iter().map(seconds).sum::<f64>() / block.len() as f64;
            Some((middle, Sorted::of(block.iter().map(self.late_us)).quantile(FASTEST)?))
        };
        let points: Option<Vec<(f64, f64)>> = frames.chunk_by(|a, b| a.block == b.block).map(point).collect();
        let points = points.filter(|points| points.len() >= MIN_BLOCKS)?;
        let ms_a_second = slope(&points)?;
        Some((ms_a_second * seconds(frames.last()?), ms_a_second * 1e3))
    }
}

/// The median of the slopes between any two points (Theil–Sen): a block or two on a busy machine do not move it.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let between = |(index, a): (usize, &(f64, f64))| {
        let a = *a;
        points[index + 1..].iter().filter(move |b| b.0 > a.0).map(move |b| (b.1 - a.1) / (b.0 - a.0))
    };
    median(points.iter().enumerate().flat_map(between).collect(), f64::total_cmp)
}
