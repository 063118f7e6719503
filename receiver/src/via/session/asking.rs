//! What the run asks of the server that the stream comes from, where that is one of ours.

use std::time::{Duration, Instant};

use common::host::clock;
use common::rtsp::phase::Phase;

use super::Session;
use crate::via::join::Join;
use crate::via::origin::Answer;
use crate::via::served::{self, Served};

/// How often it is asked when frames were where.
const ASK_EVERY: Duration = Duration::from_millis(200);

impl Session<'_> {
    /// Asks whether the server is one of ours, and has it shift the publisher's pictures for the join after `joined` others.
    pub(super) fn ask_origin(&mut self, joined: u32) -> Option<Served> {
        let answer = self.origin.marks(None)?;
        let served = self.understand(answer);
        let phase = Phase::new(f64::from(joined) / f64::from(self.config.joins));
        let phase_us = phase.filter(|_| joined == 0 || self.shifts).and_then(|phase| self.origin.shift(phase));
        self.shifts = phase_us.is_some();
        self.recorder.shifted(phase_us);
        Some(served)
    }

    /// Of whose clock stamps, the newest word counts: a stream that nobody watched has no frames to tell of at first.
    fn understand(&mut self, answer: Answer) -> Served {
        let here = clock::host();
        self.clocks = self.config.clocks().max(served::clocks(&answer, here));
        Served::new(self.config.via, answer, here)
    }

    /// Takes what the server says of frames, and asks on.
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

    /// All that it says, before a page that stops hands everything on.
    pub(super) fn ask_last(&mut self, join: &mut Join) {
        if join.served.is_some()
            && let Some(answer) = self.origin.marks(join.ask_from())
        {
            join.told(self.understand(answer), self.clocks);
        }
    }
}
