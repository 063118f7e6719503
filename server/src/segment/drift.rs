//! How far a publisher's clock drifts from this host's.
//!
//! DASH players compute by their clock which segment there is, so media time has to keep pace with it. The delay of a frame's
//! arrival against its media time varies, but the smallest of some seconds only changes if one clock is faster.

use std::time::Duration;

use common::time::{MEDIA_CLOCK_HZ, MonoTime};

/// Time over which the smallest delay is taken.
const WINDOW: Duration = Duration::from_secs(10);
/// Smaller changes of it, in ticks, may be due to the network: 5 ms.
const NOISE: i64 = MEDIA_CLOCK_HZ as i64 / 200;
/// Media time is moved by at most one tick in this many: 500 ppm. Crystals are within 100 ppm.
const SLOWLY: i64 = 2_000;

/// The drift of one publisher's clock.
#[derive(Debug, Default)]
pub(super) struct Drift {
    /// Smallest delay in the first window, in ticks.
    usual: Option<i64>,
    /// Smallest delay in the current window, and when that began.
    window: Option<(i64, MonoTime)>,
    /// How far media time is still to be moved, in ticks.
    owed: i64,
    /// Ticks that have passed since it was moved by a whole one.
    passed: i64,
}

impl Drift {
    /// Returns by how many ticks to move the media time of a frame that arrived `late` ticks after it, and of all later ones.
    pub(super) fn correction(&mut self, late: i64, arrived: MonoTime, interval: i64) -> i64 {
        let (least, began) = self.window.map_or((late, arrived), |(least, began)| (least.min(late), began));
        self.window = Some((least, began));
        if arrived - began >= WINDOW {
            self.window = None;
            let change = least - *self.usual.get_or_insert(least);
            self.owed = if change.abs() > NOISE { change } else { 0 };
        }
        self.passed += interval;
        let most = self.passed / SLOWLY;
        self.passed %= SLOWLY;
        let correction = self.owed.clamp(-most, most);
        self.owed -= correction;
        correction
    }
}
