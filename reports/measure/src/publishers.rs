//! Detects two publishers in one stream: each continues its own sequence numbers while the other sends in between. A publisher
//! that was restarted never returns to the numbers, or the run, from before the restart.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::MonoTime;

use crate::sample::{SEQUENCE_MODULUS, Sample};

/// Returns to another publisher, within [`WINDOW`], that make two. Packets of the old run that arrive late, around a real
/// restart, make a few.
pub(crate) const RETURNS: usize = 8;

/// How long a return counts.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Breaks in the numbers that are remembered.
const BREAKS: usize = 16;

/// Without a run in the stream, a number continues another one when it lies this close behind.
const NEAR: u32 = 64;

/// The places where the numbers were broken off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publishers {
    breaks: VecDeque<Break>,
    returns: VecDeque<MonoTime>,
    found: bool,
}

/// The last reading before a break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Break {
    pub(crate) stream_id: u8,
    pub(crate) run: Option<u32>,
    pub(crate) sequence: u32,
}

impl Publishers {
    /// The numbers broke off at `last`: some were missing, or the publisher seems to have started over.
    pub(crate) fn broke(&mut self, last: Break) {
        if self.breaks.len() == BREAKS {
            self.breaks.pop_front();
        }
        self.breaks.push_back(last);
    }

    /// The publisher seems to have started over with this reading; [`Publishers::broke`] was told before.
    pub(crate) fn restarted(&mut self, sample: &Sample) {
        // The newest break is the one that this reading made.
        let mut breaks = self.breaks.iter().rev();
        let same_run = breaks.next().and_then(|last| last.run).is_some_and(|run| sample.run == Some(run));
        if same_run || !breaks.any(|before| before.goes_on_with(sample)) {
            return;
        }
        self.returned(sample.presented);
    }

    /// At `at` came a reading of the other publisher: also where both count alike, and one number has two times.
    pub(crate) fn returned(&mut self, at: MonoTime) {
        let stale = |first: &MonoTime| at.saturating_since(*first) > WINDOW;
        while self.returns.len() >= RETURNS || self.returns.front().is_some_and(stale) {
            self.returns.pop_front();
        }
        self.returns.push_back(at);
        self.found |= self.returns.len() >= RETURNS;
    }

    /// Two publishers were seen.
    pub(crate) const fn are_two(&self) -> bool {
        self.found
    }
}

impl Break {
    fn goes_on_with(&self, sample: &Sample) -> bool {
        if let (Some(before), Some(now)) = (self.run, sample.run) {
            return before == now;
        }
        let ahead = (sample.sequence % SEQUENCE_MODULUS + SEQUENCE_MODULUS - self.sequence) % SEQUENCE_MODULUS;
        self.stream_id == sample.stream_id && (1..=NEAR).contains(&ahead)
    }
}
