//! The figures as programs scrape them: see [`measure::live`].

use common::time::{Now, WallTime};
use measure::figures::ClockFigures;
use measure::live::{Gauges, Metrics, Totals};
use measure::sample::StartupStep;

use super::Tally;

impl Tally {
    /// The figures at `now`. Copies counters, and no histogram but the small ones.
    pub fn metrics(&self, now: Now) -> Metrics {
        let about = &self.about;
        let first = self.startup[StartupStep::FirstPicture as usize];
        Metrics {
            url: about.url.clone(),
            started: about.started.wall,
            at: now.wall,
            first_picture: first.map(|first| first.saturating_since(about.started.mono)),
            disconnects: self.connection.count,
            totals: self.measured_from.map(|from| self.totals(about.started.wall_at(from))),
            gauges: (self.is_measuring() && !self.over).then(|| self.gauges(now)),
        }
    }

    fn totals(&self, since: WallTime) -> Totals {
        let freezes = if self.over { self.screen.freezes(self.last) } else { self.screen.past_freezes() };
        let segments = u64::from(self.ledger.segments());
        Totals {
            since,
            frames: (segments > 0).then(|| self.ledger.finalized()),
            restarts: segments.checked_sub(1),
            pictures: self.pictures.shown,
            bytes: Some(self.bytes).filter(|bytes| *bytes > 0),
            freezes: freezes.count,
            frozen: freezes.total,
            latencies: self.scraped.clone(),
        }
    }

    fn gauges(&self, now: Now) -> Gauges {
        let clock = self.compared.figures(self.about.clocks, ClockFigures::default());
        Gauges {
            age_us: self.screen.age_us(now.mono),
            fps: self.recent_fps(),
            bytes_per_second: self
                .intervals
                .as_ref()
                .and_then(|intervals| intervals.newest_kbps())
                .map(|kbps| kbps * 1e3 / 8.0),
            offset_us: clock.offset_us,
            bound_us: clock.uncertainty_us,
        }
    }
}
