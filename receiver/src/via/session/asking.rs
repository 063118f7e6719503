//! Requests to the stream's server, if it is framelag's.

use std::time::{Duration, Instant};

use common::host::clock;
use common::rtsp::phase::Phase;
use common::served::ServedFrames;

use super::Session;
use crate::via::join::Join;
use crate::via::served::{self, Served};

/// Interval between requests for frame marks.
const ASK_EVERY: Duration = Duration::from_millis(200);

impl Session<'_> {
    /// Checks whether the server is framelag's, and shifts the publisher's pictures for the next join, after `joined`
    /// others.
    pub(super) fn ask_origin(&mut self, join: &mut Join, joined: u32) {
        let Some(answer) = self.origin.marks(None) else { return };
        join.told(self.understand(answer), self.clocks);
        let phase = Phase::new(f64::from(joined) / f64::from(self.config.joins));
        let phase = phase.filter(|_| self.shifts != Some(false));
        // Even a request that times out may be carried out.
        self.was_shifted |= phase.is_some() && joined > 0;
        let phase_us = phase.and_then(|phase| self.origin.shift(phase));
        self.shifts = Some(phase_us.is_some());
        self.recorder.shifted(phase_us);
    }

    /// Use the newest answer about the stamping clock: a stream without viewers has no frames to report at first.
    fn understand(&mut self, answer: ServedFrames) -> Served {
        let here = clock::host();
        self.clocks = self.config.clocks().max(served::clocks(&answer, here));
        Served::new(self.config.loads(), answer, here)
    }

    /// Takes the server's answers and requests more.
    pub(super) fn follow_origin(&mut self, join: &mut Join) {
        if join.served.is_none() {
            return;
        }
        while let Some(answer) = self.origin.take() {
            join.told(self.understand(answer), self.clocks);
        }
        if self.asked.elapsed() >= ASK_EVERY
            && let Some(from) = join.ask_from()
        {
            self.asked = Instant::now();
            self.origin.ask(Some(from));
        }
    }

    /// Waits for all outstanding marks before a stopping page passes everything on.
    pub(super) fn ask_last(&mut self, join: &mut Join) {
        if join.served.is_some()
            && let Some(answer) = self.origin.marks(join.ask_from())
        {
            join.told(self.understand(answer), self.clocks);
        }
    }
}
