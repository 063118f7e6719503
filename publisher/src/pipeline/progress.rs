//! How far a run has come.

use std::time::Duration;

use common::time::MonoTime;

use crate::capture::Captured;
use crate::pace::Plan;
use crate::rate::FrameRate;

/// From one statistics line to the next.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);

/// What was published so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Made for the first picture; `None` where the source sets the pace.
    plan: Option<Plan>,
    /// PUB of the first picture.
    first: Option<MonoTime>,
    /// PUB of the last picture.
    last: Option<MonoTime>,
    pub(super) frames: u64,
    pub(super) implausible_capture_times: u64,
    reported: Option<MonoTime>,
}

impl Progress {
    /// The plan of a source at `rate`, whose first picture is due `now`.
    pub(super) fn plan(&mut self, rate: FrameRate, now: MonoTime) -> &mut Plan {
        self.plan.get_or_insert_with(|| Plan::new(rate, now))
    }

    /// Delays pictures relative to the schedule; ignored without one.
    pub(super) fn shift(&mut self, phase: Duration) {
        self.plan.iter_mut().for_each(|plan| plan.shift(phase));
    }

    /// A picture that was stamped `at` went out.
    pub(super) fn count(&mut self, at: MonoTime, captured: Captured) {
        self.first.get_or_insert(at);
        self.last = Some(at);
        self.frames += 1;
        self.implausible_capture_times += u64::from(captured == Captured::Implausible);
    }

    /// Whether `duration` has passed since the first picture.
    pub(super) fn has_lasted(&self, duration: Option<Duration>, now: MonoTime) -> bool {
        let elapsed = self.first.map(|first| now.saturating_since(first));
        matches!((elapsed, duration), (Some(elapsed), Some(duration)) if elapsed >= duration)
    }

    /// From the first picture to the last.
    pub(super) fn span(&self) -> Duration {
        self.first.zip(self.last).map(|(first, last)| last - first).unwrap_or_default()
    }

    /// Picture times that passed without a picture.
    pub(super) fn missed(&self) -> u64 {
        self.plan.as_ref().map_or(0, Plan::missed)
    }

    /// Whether a statistics line is due.
    pub(super) fn take_report(&mut self, now: MonoTime) -> bool {
        let since = *self.reported.get_or_insert(now);
        let is_due = now - since >= STATISTICS_INTERVAL;
        if is_due {
            self.reported = Some(since + STATISTICS_INTERVAL);
        }
        is_due
    }
}
